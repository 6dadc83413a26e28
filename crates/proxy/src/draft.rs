//! A write that was taken in: its body, and before it in the same memory the room for what else goes into the journal.
//! Large bodies would otherwise lie in memory several times at once.

use bytes::Bytes;

use crate::call::{Call, Head};
use crate::dialect::LaneKey;
use crate::entry::Entry;

/// The name of a lane is part of what the room is for, and known once the body is there. A longer one costs a copy.
const LANE: usize = 512;

/// A body behind the room for its head.
pub(crate) struct Draft {
    memory: Bytes,
    room: usize,
}

impl Draft {
    /// How much room a head needs before its body.
    pub(crate) fn room_for(head: &Head) -> usize {
        Entry::front_bytes("", head) + LANE
    }

    /// What was read behind so much room.
    pub(crate) fn new(memory: Vec<u8>, room: usize) -> Self {
        Self { memory: memory.into(), room }
    }

    /// The body.
    pub(crate) fn body(&self) -> Bytes {
        self.memory.slice(self.room.min(self.memory.len())..)
    }

    /// The write, and its bytes in the journal. Its body is part of them.
    pub(crate) fn finish(self, lane: LaneKey, head: Head) -> (Entry, Bytes) {
        let front = Entry::front(&lane, &head);
        let entry = |body| Entry { lane, call: Call { head, body } };
        let begin = self.room.checked_sub(front.len());
        match (begin, self.memory.try_into_mut()) {
            (Some(begin), Ok(mut memory)) => {
                if let Some(room) = memory.get_mut(begin..self.room) {
                    room.copy_from_slice(&front);
                }
                let bytes = memory.freeze().slice(begin..);
                (entry(bytes.slice(front.len()..)), bytes)
            }
            (_, memory) => {
                let memory = memory.map_or_else(|shared| shared, Into::into);
                let body = memory.slice(self.room.min(memory.len())..);
                let bytes = Bytes::from([&front[..], &body].concat());
                (entry(bytes.slice(front.len()..)), bytes)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, Method};

    use super::*;

    fn head() -> Head {
        let headers = HeaderMap::from_iter([(http::header::ACCEPT, "a".parse().unwrap())]);
        Head { method: Method::POST, target: "/x".parse().unwrap(), headers }
    }

    fn draft(body: &[u8]) -> Draft {
        let room = Draft::room_for(&head());
        Draft::new([&vec![0; room][..], body].concat(), room)
    }

    #[test]
    fn a_write_lies_in_the_memory_that_its_body_came_into() {
        let draft = draft(b"body");
        let place = draft.body().as_ptr();
        let (entry, bytes) = draft.finish(LaneKey::new("/x"), head());
        assert_eq!((entry.call.body.as_ptr(), &entry.call.body[..]), (place, &b"body"[..]));
        assert_eq!(bytes, entry.encode());
    }

    #[test]
    fn a_lane_with_a_longer_name_than_there_is_room_for_costs_a_copy_alone() {
        for (lane, held) in [("/x".repeat(LANE), None), ("/x".to_owned(), Some(()))] {
            let draft = draft(b"body");
            let _held = held.map(|()| draft.body());
            let (entry, bytes) = draft.finish(LaneKey::new(lane), head());
            assert_eq!((&entry.call.body[..], bytes), (&b"body"[..], Bytes::from(entry.encode())));
        }
    }
}
