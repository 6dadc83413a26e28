//! InfluxDB 3: what keeps a node from starting, or from running, is moved out of its way, all of it at once.
//!
//! A WAL file is one flush behind one checksum: there is no half of it to save. So nothing is ever written anew; files
//! go to the quarantine beside `wal/`, never to another name inside, since the server reads everything that lies there.
//!
//! | file | what the server does | what happens to it |
//! |---|---|---|
//! | damaged, nothing sound behind it | ends at its first write, at every start | moved |
//! | damaged, sound files behind it | skips it each time (before 3.2, and when strict: does not start) and deletes it some day | moved, where it survives |
//! | sound, with a number that is not that of its name | ends at its first write, or panics | moved; its bytes are put under the name of its number, if no other file has them |
//! | a copy or foreign file that a start replays | panics, replays rows twice, or skips it | likewise |
//! | a foreign file among the snapshots that does not parse | does not start | moved |
//! | the newest snapshot, which does not parse | does not start | moved if every WAL file that it persisted is still there; else refused |
//! | an older snapshot that does not parse | does not start | refused: only it knows its Parquet files |
//! | up to the watermark, or left over from an interrupted write | nothing | left alone |
//!
//! Rows are lost only with files that do not verify, and those are lost already: how many is not known.

mod choice;
mod snapshots;

use std::path::Path;

use formats::influxdb3::{Node, NodeFile, Obstacle, SNAPSHOTS, WAL};
use formats::{Log, Order, Progress, Role};

use crate::{Action, MendError, Mending, Plan, Site, Source, Stage, Step, StepKind};
use choice::Choice;

/// What ends a start or a server is moved away.
#[derive(Debug)]
pub struct Repair {
    plan: Plan,
    choice: Choice,
}

impl Repair {
    /// Reads the node and plans what has to go.
    pub fn plan(log: &dyn Log, order: &Order) -> Result<Self, MendError> {
        let node = understood(log.root())?;
        let files = node.files(order)?;
        let snapshots = snapshots::choose(&node, &files)?;
        let mut choice = Choice::of(&files, snapshots.watermark);
        choice.add_snapshots(snapshots.leaving);
        let plan = planned(Action::Repair, &Site::of(log), &choice)?;
        Ok(Self { plan, choice })
    }
}

impl Mending for Repair {
    fn plan(&self) -> &Plan {
        &self.plan
    }

    fn write(&self, stage: &mut Stage, progress: &Progress) -> Result<(), MendError> {
        self.choice.write(stage, progress)
    }
}

/// All that a start would replay, to be taken away.
pub(crate) struct Takeaway {
    node: Node,
}

impl Takeaway {
    /// Of a node that is understood.
    pub(crate) fn of(log: &dyn Log) -> Result<Self, MendError> {
        Ok(Self { node: understood(log.root())? })
    }

    /// The plan to take it away.
    pub(crate) fn plan(&self, site: &Site, order: &Order) -> Result<Plan, MendError> {
        let files = self.node.files(order)?;
        let snapshots = snapshots::choose(&self.node, &files)?;
        if let Some(broken) = snapshots.leaving.first() {
            // Without it the numbers of its WAL files would be given out again, and with them the names of the Parquet
            // files that only it knows.
            return Err(MendError::Impossible {
                reason: format!("{} keeps every server from starting, with a log or without", broken.path),
                advice: "`seawall repair` moves it out of the way".to_owned(),
            });
        }
        let mut choice = Choice::nothing_of(&files, snapshots.watermark);
        if !files.iter().any(|file| file.part.role == Role::Retained) {
            choice.note(
                "numbers-from-one",
                "no WAL file is left, so at its first snapshots the server tries to delete every number from 1 on and \
                 logs an error for each; that is harmless",
            );
        }
        planned(Action::Reset, site, &choice)
    }
}

/// The node of which `root` is the directory, if enough is known about it to change it.
fn understood(root: &Path) -> Result<Node, MendError> {
    let impossible =
        |reason: String, advice: &str| MendError::Impossible { reason, advice: advice.to_owned() };
    let node = Node::list(root).map_err(formats::DetectError::from)?.ok_or_else(|| {
        impossible(format!("{} is no longer a node of InfluxDB 3", root.display()), "look what became of it")
    })?;
    match node.obstacle() {
        None => Ok(node),
        Some(Obstacle::NoNode) => Err(impossible(
            format!("{} holds WAL files, and no snapshots that say which of them count", root.display()),
            "name the directory of the node, which holds `wal` and `snapshots`",
        )),
        Some(Obstacle::OtherEngine(magic)) => Err(impossible(
            format!("all WAL files begin with {magic}, which an engine wrote whose format is not known"),
            "leave it to the server that wrote them",
        )),
        Some(Obstacle::Watermark { file, cause }) => Err(impossible(
            format!("{file} could not be read ({cause}), so which files count is not known"),
            "make it readable first",
        )),
    }
}

/// The plan that a choice comes to.
fn planned(action: Action, site: &Site, choice: &Choice) -> Result<Plan, MendError> {
    let mut sources = Vec::new();
    for name in [WAL, SNAPSHOTS] {
        // A file that comes or goes changes its directory.
        let dir = site.root.join(name);
        if dir.is_dir() {
            sources.push(Source::of(&dir).map_err(MendError::io("look at", &dir))?);
        }
    }
    for step in choice.steps().filter(|step| step.kind == StepKind::Remove) {
        let path = site.root.join(&step.path);
        // A name that is not UTF-8 cannot be said in a receipt.
        let source = Source::of(&path).map_err(|_| MendError::Impossible {
            reason: format!(
                "the file listed as {} has no name that can be written down",
                step.path.escape_debug()
            ),
            advice: format!("move it out of {} by hand", site.root.display()),
        })?;
        sources.push(source);
    }
    Ok(Plan {
        action,
        site: site.clone(),
        sources,
        steps: choice.steps().cloned().collect(),
        loss: choice.loss(),
        kept: choice.kept(),
        servers_own: None,
        needs: choice.written(),
        work: choice.written(),
        notes: choice.notes().to_vec(),
    })
}

fn removal(file: &NodeFile<'_>, why: impl Into<String>) -> Step {
    Step {
        kind: StepKind::Remove,
        path: file.part.name.clone(),
        bytes_before: Some(file.part.bytes),
        bytes_after: None,
        why: why.into(),
    }
}
