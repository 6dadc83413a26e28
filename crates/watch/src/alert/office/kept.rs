//! What all senders know, as it is kept over a restart.

use std::collections::BTreeMap;
use std::sync::Arc;

use formats::UnixTime;

use super::{MOST, Sender, Tools, hold};
use crate::alert::desk::{keep_news, recall_news};
use crate::alert::{Desk, Key, News, Topic};
use crate::kept::{Page, lines};

/// What is so, and what each sender knows, by its name.
pub(super) type Known = (BTreeMap<Key, News>, BTreeMap<String, Desk>);

/// What a new start hears the end of.
pub(in crate::alert) fn is_kept(key: &Key) -> bool {
    key.topic != Topic::Upstream
}

impl Tools {
    /// Keeps what is known, if that has changed.
    pub(super) fn keep(&self) {
        let mut page = Page::new();
        let board = hold(&self.board);
        board.values().filter(|news| is_kept(&news.key)).for_each(|news| keep_news(news, &mut page));
        for post in hold(&self.posts).iter() {
            drop(page.line("sender").text(&post.name).word(post.kind));
            hold(&post.counter.desk).keep(&mut page);
        }
        let file = page.close();
        // Under the lock of the board, so that the newest comes last.
        let mut kept = hold(&self.kept);
        if kept.0 != file {
            kept.0.clone_from(&file);
            self.shelf.keep_alerts(|| file);
        }
    }
}

/// Takes up what a file says; nothing if it is not whole. What nobody is told any more is passed over.
pub(super) fn recall(senders: &[Arc<Sender>], (file, now): (&str, UnixTime)) -> Option<Known> {
    let (mut board, mut desks): Known = Default::default();
    let mut desk: Option<(String, Desk)> = None;
    for (name, mut fields) in lines(file)? {
        match name {
            "news" => {
                let news = recall_news(&mut fields)?;
                if board.len() < MOST {
                    board.insert(news.key.clone(), news);
                }
            }
            "sender" => {
                let (name, kind) = (fields.text()?, fields.word()?);
                desks.extend(desk.take());
                let sender =
                    senders.iter().find(|sender| sender.name == name && sender.channel.kind() == kind);
                desk = sender.map(|sender| (name, Desk::new(sender.rules.clone())));
            }
            "trouble" => {
                if let Some((_, desk)) = &mut desk {
                    desk.recall(&mut fields, now)?;
                }
            }
            _ => {}
        }
    }
    desks.extend(desk);
    Some((board, desks))
}
