//! One Debian release's packages, through the machine's apt but with a state of our own.
//!
//! Everything that apt reads or writes about packages lies in a directory of ours, so no root is needed and the
//! machine's own package lists stay as they are. The machine's proxies, credentials and certificates still count.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::mirror::Mirror;
use crate::workspace::output;

/// Keys of releases that are newer than the machine's keyring, as Debian ships them to older releases.
const KEYRING_PACKAGE: &str = "debian-archive-keyring";
const KEYRING_INSIDE: &str = "usr/share/keyrings/debian-archive-keyring.gpg";

/// A release's package lists, fetched and verified.
pub(crate) struct Apt {
    home: PathBuf,
}

impl Apt {
    /// Fetches the package lists of `suite` into `home`.
    ///
    /// A release can be newer than this machine's keyring. Checking its signature is not given up for that: the machine's
    /// own release, which its keyring does verify, carries the keys of newer releases in a package.
    pub(crate) fn of(suite: &str, mirror: &Mirror, home: &Path) -> Result<Self, String> {
        let first = Self::updated(suite, mirror, home);
        let Err(why) = first else { return first };
        if suite == mirror.suite || !why.contains("not signed") {
            return Err(why);
        }
        let keys_home = home.join("keys");
        let own = Self::updated(&mirror.suite, mirror, &keys_home)?;
        own.unpack(&[KEYRING_PACKAGE.to_owned()], &keys_home.join("root"))?;
        let keyring = keys_home.join("root").join(KEYRING_INSIDE);
        let newer = Mirror { signed_by: keyring.display().to_string(), ..mirror.clone() };
        Self::updated(suite, &newer, home)
    }

    /// Writes the private state and fetches the lists with exactly the keys given.
    fn updated(suite: &str, mirror: &Mirror, home: &Path) -> Result<Self, String> {
        let apt = Self { home: home.to_owned() };
        let write = |name: &str, text: &str| {
            fs::write(home.join(name), text).map_err(|cause| format!("could not write {name}: {cause}"))
        };
        for folder in ["lists/partial", "archives/partial"] {
            fs::create_dir_all(home.join(folder))
                .map_err(|cause| format!("could not create {folder}: {cause}"))?;
        }
        let Mirror { uri, signed_by, .. } = mirror;
        let source =
            format!("Types: deb\nURIs: {uri}\nSuites: {suite}\nComponents: main\nSigned-By: {signed_by}\n");
        write("peers.sources", &source)?;
        write("status", "")?;
        write("apt.conf", &configuration(home))?;
        output(&mut apt.command("apt-get", ["update", "-qq"]))?;
        Ok(apt)
    }

    /// Downloads packages and unpacks them into `root`; what they ship to be run at installation is not run.
    pub(crate) fn unpack(&self, packages: &[String], root: &Path) -> Result<(), String> {
        let downloads = self.home.join("downloads");
        // What a broken run left behind would be unpacked too.
        drop(fs::remove_dir_all(&downloads));
        fs::create_dir_all(&downloads).map_err(|cause| format!("could not create downloads: {cause}"))?;
        output(self.command("apt-get", ["download", "-qq"]).args(packages).current_dir(&downloads))?;
        let entries =
            fs::read_dir(&downloads).map_err(|cause| format!("could not list downloads: {cause}"))?;
        for package in entries.filter_map(Result::ok) {
            output(Command::new("dpkg-deb").arg("-x").arg(package.path()).arg(root))?;
        }
        Ok(())
    }

    /// Every package that `packages` need, themselves included, by name.
    pub(crate) fn closure(&self, packages: &[&str]) -> Result<Vec<String>, String> {
        let words = ["depends", "--recurse", "--no-recommends", "--no-suggests", "--no-enhances"];
        let mut command = self.command("apt-cache", words);
        command.args(["--no-conflicts", "--no-breaks", "--no-replaces"]).args(packages);
        let text = output(&mut command)?;
        // A name at the line's start is a package; what it needs follows indented and comes up again on its own.
        let names = text.lines().filter(|line| !line.starts_with([' ', '<', '|'])).map(str::to_owned);
        Ok(names.collect())
    }

    /// One of apt's programs, bound to the private state.
    fn command<const N: usize>(&self, program: &str, words: [&str; N]) -> Command {
        let mut command = Command::new(program);
        command.arg("-c").arg(self.home.join("apt.conf")).args(words);
        command
    }
}

/// The private state's configuration. It is read after the machine's own, so what stands here wins.
fn configuration(home: &Path) -> String {
    let home = home.display();
    format!(
        "// Hooks of the machine's own package management would clean its caches.\n\
         #clear APT::Update::Post-Invoke;\n\
         #clear APT::Update::Post-Invoke-Success;\n\
         Dir::State \"{home}\";\n\
         Dir::State::lists \"{home}/lists\";\n\
         Dir::State::status \"{home}/status\";\n\
         Dir::Cache \"{home}\";\n\
         Dir::Cache::archives \"{home}/archives\";\n\
         Dir::Etc::sourcelist \"{home}/peers.sources\";\n\
         Dir::Etc::sourceparts \"-\";\n\
         // As root, apt downloads as a user who may not enter this directory.\n\
         APT::Sandbox::User \"root\";\n\
         // Otherwise a list that can't be fetched is a warning, and the old list would be used.\n\
         APT::Update::Error-Mode \"any\";\n\
         Acquire::Languages \"none\";\n\
         Acquire::Retries \"2\";\n\
         Acquire::http::Timeout \"10\";\n\
         Acquire::https::Timeout \"10\";\n\
         Acquire::IndexTargets::deb::DEP-11::DefaultEnabled \"false\";\n"
    )
}
