//! What is known of a target, as it is kept over a restart.

use formats::UnixTime;

use super::State;
use crate::kept::{Page, lines};
use crate::{Kind, Target};

/// What was asked for at that place. What is known about another one says nothing.
fn kind(target: &Target) -> &'static str {
    match target.kind {
        Kind::Detected => "auto",
        Kind::Directory => "directory",
        Kind::Log(format) => format.name(),
    }
}

/// The file of a target.
pub(super) fn file(target: &Target, state: &State) -> String {
    let mut page = Page::new();
    drop(page.line("of").word(kind(target)).text(&target.path.to_string_lossy()));
    state.course.keep(&mut page);
    state.scrub.keep(&mut page);
    page.close()
}

/// Takes up what a file says; nothing if it is not whole. What is told about another place is passed over.
pub(super) fn recall(target: &Target, mut state: State, (file, now): (&str, UnixTime)) -> Option<Recalled> {
    let mut is_here = false;
    for (name, mut fields) in lines(file)? {
        if name == "of" {
            is_here = fields.word()? == kind(target) && fields.text()? == target.path.to_string_lossy();
        }
        state.course.recall(name, &mut fields.clone(), now)?;
        state.scrub.recall(name, &mut fields, now)?;
    }
    state.course.resume(now);
    Some(if is_here { Recalled::Here(Box::new(state)) } else { Recalled::Elsewhere })
}

/// What a file was about.
pub(super) enum Recalled {
    /// This target, and this is known.
    Here(Box<State>),
    /// Another place.
    Elsewhere,
}
