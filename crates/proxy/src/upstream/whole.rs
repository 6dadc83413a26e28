//! An answer of which all bytes are there, read as the proxy reads it from a connection: piece by piece. For who tries what
//! bytes may do.

use bytes::BytesMut;
use http::{Method, StatusCode};

use super::framing::{Framing, Garbage, Piece, top};

/// An answer as the proxy understands it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whole {
    /// Its status.
    pub status: StatusCode,
    /// Its body.
    pub body: Vec<u8>,
    /// Bytes behind it, which are not its own.
    pub behind: usize,
}

impl Whole {
    /// Reads the answer to a request of this method from `bytes`, of which no more than `piece` come at once, before their
    /// connection ends. Nothing if it ends too early; an error if this is no answer.
    pub fn read(method: &Method, bytes: &[u8], piece: usize) -> Result<Option<Self>, Garbage> {
        let (mut inbox, mut searched, mut coming) = (BytesMut::new(), 0, bytes.chunks(piece.max(1)));
        let mut answer = loop {
            if let Some(answer) = top(&mut inbox, &mut searched, method)? {
                break answer;
            }
            let Some(next) = coming.next() else { return Ok(None) };
            inbox.extend_from_slice(next);
        };
        let mut body = Vec::new();
        while !answer.framing.is_over() {
            match answer.framing.take(&mut inbox)? {
                Piece::Data(data) => body.extend_from_slice(&data),
                Piece::Over => break,
                Piece::Wanting => match coming.next() {
                    Some(next) => inbox.extend_from_slice(next),
                    None if answer.framing == Framing::UntilClosed => break,
                    None => return Ok(None),
                },
            }
        }
        let behind = inbox.len() + coming.map(<[u8]>::len).sum::<usize>();
        Ok(Some(Self { status: answer.status, body, behind }))
    }
}
