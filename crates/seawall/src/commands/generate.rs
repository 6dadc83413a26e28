//! `seawall generate`: completions and manual pages, made from the definition of the command line, and files for other
//! programs, which lie under `deploy/` as well.

use std::fs;
use std::io;
use std::path::Path;

use clap::CommandFactory;
use clap_mangen::Man;

use crate::cli::{self, Cli, Generated, Shell};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::show;

/// The files under `deploy/`, which are tested there.
const ALERTS: &str = include_str!("../../../../deploy/prometheus/seawall.rules.yaml");
const DASHBOARD: &str = include_str!("../../../../deploy/grafana/seawall.json");
const UNIT: &str = include_str!("../../../../deploy/systemd/seawall.service");

/// Writes what was asked for.
pub(crate) fn run(what: &Generated) -> Result<Exit, Failure> {
    match what {
        Generated::Completions { shell } => show::print(&completions(*shell))?,
        Generated::Alerts => show::print(ALERTS)?,
        Generated::Grafana => show::print(DASHBOARD)?,
        Generated::Systemd => show::print(UNIT)?,
        Generated::Man { dir: None } => show::print(&page(cli::command()).map_err(Failure::Output)?)?,
        Generated::Man { dir: Some(dir) } => pages(dir)?,
    }
    Ok(Exit::Fine)
}

fn completions(shell: Shell) -> String {
    let shell = match shell {
        Shell::Bash => clap_complete::Shell::Bash,
        Shell::Zsh => clap_complete::Shell::Zsh,
        Shell::Fish => clap_complete::Shell::Fish,
    };
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "seawall", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

fn page(command: clap::Command) -> io::Result<String> {
    let mut roff = Vec::new();
    Man::new(command).render(&mut roff)?;
    Ok(String::from_utf8_lossy(&roff).into_owned())
}

/// `seawall.1` and one page for each command, `seawall-check.1`.
fn pages(dir: &Path) -> Result<(), Failure> {
    fs::create_dir_all(dir).map_err(|source| Failure::Write { path: dir.to_owned(), source })?;
    clap_mangen::generate_to(cli::command(), dir)
        .map_err(|source| Failure::Write { path: dir.to_owned(), source })
}
