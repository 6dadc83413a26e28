//! One server that is a Python package: its wheels, at the versions that a file pins.
//!
//! They are unpacked into a directory by pip and found there by its path, so the machine's own Python packages neither
//! change nor count. Wheels hold compiled code for one version of Python, so that is what marks a whole peer.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::apt::Apt;
use super::directory;
use super::mirror::Mirror;
use super::peer::{ORIGIN, move_directory, shown};
use crate::workspace::output;

/// Debian ships pip as a wheel too, which runs as it is. Its package of pip itself needs to be installed.
const PIP_PACKAGE: &str = "python3-pip-whl";
const PIP_INSIDE: &str = "usr/share/python-wheels";

/// A server to fetch.
pub(crate) struct Wheels {
    /// The package that its directory is called after.
    pub(crate) name: &'static str,
    /// Every package, one on a line as `name==version`.
    pub(crate) pins: &'static str,
    /// What Python must be able to import from them.
    pub(crate) modules: &'static str,
}

impl Wheels {
    /// Takes the server that is there, or fetches it; answers with the line to show.
    pub(crate) fn find_or_fetch(&self, mirror: Result<&Mirror, &String>) -> Result<String, String> {
        let python = output(Command::new("python3").arg("--version"))?.trim().to_lowercase();
        let place = directory().join(format!("{}-{}", self.name, self.version()?));
        if fs::read_to_string(place.join(ORIGIN)).is_ok_and(|origin| origin == python) {
            return Ok(format!("{} is there ({python})", shown(&place)));
        }
        self.fetch(&place, &python, mirror)?;
        Ok(format!("{} was fetched ({python})", shown(&place)))
    }

    /// The version that is pinned for the server's own package.
    fn version(&self) -> Result<&'static str, String> {
        let own = self.pins.lines().find_map(|line| line.strip_prefix(self.name)?.strip_prefix("=="));
        own.ok_or_else(|| format!("no line pins {}", self.name))
    }

    /// Downloads, unpacks, proves that Python can use it, and only then gives the directory its name.
    fn fetch(&self, place: &Path, python: &str, mirror: Result<&Mirror, &String>) -> Result<(), String> {
        let home = directory().join(format!(".fetch-{}", self.name));
        let (root, pins) = (home.join("root"), home.join("pins.txt"));
        drop(fs::remove_dir_all(&root));
        fs::create_dir_all(&home).map_err(|cause| format!("could not create {}: {cause}", home.display()))?;
        fs::write(&pins, self.pins).map_err(|cause| format!("could not write the pins: {cause}"))?;
        let mut pip = pip(&home, mirror)?;
        pip.args(["install", "--quiet", "--no-deps", "--no-compile", "--only-binary=:all:", "--target"]);
        output(pip.arg(&root).arg("-r").arg(&pins))?;
        output(
            Command::new("python3")
                .env("PYTHONPATH", &root)
                .args(["-c", &format!("import {}", self.modules)]),
        )?;
        fs::write(root.join(ORIGIN), python).map_err(|cause| format!("could not write {ORIGIN}: {cause}"))?;
        drop(fs::remove_dir_all(place));
        move_directory(&root, place)?;
        drop(fs::remove_dir_all(&home));
        Ok(())
    }
}

/// The machine's pip, or Debian's, unpacked for this once.
fn pip(home: &Path, mirror: Result<&Mirror, &String>) -> Result<Command, String> {
    let mut pip = Command::new("python3");
    // pip does not look for newer versions of itself: that would be another download that may fail.
    pip.args(["-m", "pip", "--disable-pip-version-check"]);
    let own = Command::new("python3").args(["-m", "pip", "--version"]).output();
    if !own.is_ok_and(|said| said.status.success()) {
        pip.env("PYTHONPATH", debian_pip(home, mirror.map_err(String::clone)?)?);
    }
    Ok(pip)
}

fn debian_pip(home: &Path, mirror: &Mirror) -> Result<PathBuf, String> {
    let root = home.join("pip");
    let apt = Apt::of(&mirror.suite, mirror, &home.join("apt"))?;
    apt.unpack(&[PIP_PACKAGE.to_owned()], &root)?;
    let wheels = fs::read_dir(root.join(PIP_INSIDE)).into_iter().flatten().filter_map(Result::ok);
    let wheel = wheels.map(|entry| entry.path()).find(|path| shown(path).starts_with("pip-"));
    wheel.ok_or_else(|| format!("{PIP_PACKAGE} holds no wheel of pip"))
}
