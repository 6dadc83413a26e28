//! What a server's bytes mean: the head of an answer, and where its body ends (RFC 9112, 6). Pure, and bounded: whatever the
//! bytes are, they are an answer, the beginning of one, or [`Garbage`].

use std::mem::{self, MaybeUninit};

use bytes::{Buf, Bytes, BytesMut};
use http::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version};
use httparse::ParserConfig;

/// Bytes of an answer's head. More than servers send, and a bound on what a broken one costs.
pub(super) const MOST_HEAD: usize = 64 << 10;
/// Headers of an answer: some dozen are usual.
const MOST_HEADERS: usize = 128;
/// Bytes of the line before a chunk, and of what follows the last one. Nobody reads what else may stand there.
const MOST_LINE: usize = 4 << 10;
/// A head or a piece of a body that is no longer than this is copied, so that the buffer that it came in is used again.
const SMALL: usize = 4 << 10;

/// Bytes that are no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("its answer is no HTTP: {0}")]
pub struct Garbage(&'static str);

/// The head of an answer.
#[derive(Debug)]
pub(super) struct Top {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) framing: Framing,
    pub(super) after: After,
}

/// What becomes of the connection after the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After {
    Kept,
    Closed,
}

/// What is still to come of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    Length(u64),
    Chunked(Chunk),
    UntilClosed,
}

/// Where a body in chunks is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chunk {
    /// Before a line with a size.
    Size,
    Data(u64),
    /// Before the end of the line behind the data.
    Behind,
    /// Behind the last chunk, with so many bytes of trailers so far.
    Trailers(usize),
    Over,
}

/// What there is of a body.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Data(Bytes),
    /// More has to be read.
    Wanting,
    Over,
}

/// Takes the head of an answer, once all of it is there. `searched` is where the last look ended.
pub(super) fn top(
    inbox: &mut BytesMut,
    searched: &mut usize,
    method: &Method,
) -> Result<Option<Top>, Garbage> {
    let begin = b"HTTP/1.";
    if !inbox.iter().zip(begin).all(|(have, want)| have == want) {
        return Err(Garbage("it does not begin like an answer"));
    }
    let Some(end) = end_of_head(inbox, *searched) else {
        *searched = inbox.len().saturating_sub(2);
        let is_too_long = inbox.len() >= MOST_HEAD;
        return if is_too_long { Err(Garbage("its head has no end")) } else { Ok(None) };
    };
    *searched = 0;
    let head = take(inbox, end);
    // Most of them stay unused, and filling all of them beforehand would cost more than reading the head.
    let mut lines = [const { MaybeUninit::uninit() }; MOST_HEADERS];
    let mut parsed = httparse::Response::new(&mut []);
    match ParserConfig::default().parse_response_with_uninit_headers(&mut parsed, &head, &mut lines) {
        Ok(httparse::Status::Complete(length)) if length == end => {}
        Ok(_) => return Err(Garbage("its head ends where it should not")),
        Err(httparse::Error::TooManyHeaders) => return Err(Garbage("it has too many headers")),
        Err(_) => return Err(Garbage("its head cannot be read")),
    }
    let status = parsed.code.and_then(|code| StatusCode::from_u16(code).ok());
    let status = status.ok_or(Garbage("it has no status"))?;
    let mut headers = HeaderMap::with_capacity(parsed.headers.len());
    for line in parsed.headers.iter() {
        let name =
            HeaderName::from_bytes(line.name.as_bytes()).map_err(|_| Garbage("a header has no name"))?;
        let value = HeaderValue::from_maybe_shared(head.slice_ref(line.value));
        headers.append(name, value.map_err(|_| Garbage("a header has no value"))?);
    }
    let version = if parsed.version == Some(1) { Version::HTTP_11 } else { Version::HTTP_10 };
    let (framing, after) = delimit(&headers, version, (status, method))?;
    Ok(Some(Top { status, headers, framing, after }))
}

/// Where the empty line behind a head ends.
fn end_of_head(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        let rest = bytes.get(at..)?;
        let line = rest.iter().position(|byte| *byte == b'\n')? + 1;
        match rest.get(line..)? {
            [b'\n', ..] => return Some(at + line + 1),
            [b'\r', b'\n', ..] => return Some(at + line + 2),
            _ => at += line,
        }
    }
}

/// How the body is delimited. What servers and we might understand differently ends the connection or is refused.
fn delimit(
    headers: &HeaderMap,
    version: Version,
    (status, method): (StatusCode, &Method),
) -> Result<(Framing, After), Garbage> {
    let (mut length, mut coding) = (None, None);
    let (mut is_to_close, mut is_to_keep) = (false, false);
    // One look through all of them costs less than looking three of them up.
    for (name, value) in headers {
        if *name == CONTENT_LENGTH {
            let number = number(value).ok_or(Garbage("its length is no number"))?;
            if length.replace(number).is_some_and(|other| other != number) {
                return Err(Garbage("it has two lengths"));
            }
        } else if *name == TRANSFER_ENCODING {
            coding = Some(value);
        } else if *name == CONNECTION {
            is_to_close |= says(value, "close");
            is_to_keep |= says(value, "keep-alive");
        }
    }
    let is_kept = if version == Version::HTTP_11 { !is_to_close } else { is_to_keep };
    let after = if is_kept { After::Kept } else { After::Closed };
    if *method == Method::HEAD
        || status.is_informational()
        || [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED].contains(&status)
    {
        return Ok((Framing::Length(0), after));
    }
    let Some(coding) = coding else {
        return Ok(
            length.map_or((Framing::UntilClosed, After::Closed), |length| (Framing::Length(length), after))
        );
    };
    let last = coding.as_bytes().rsplit(|byte| *byte == b',').next().unwrap_or_default();
    if version != Version::HTTP_11 {
        return Err(Garbage("HTTP/1.0 has no transfer encodings"));
    }
    if !last.trim_ascii().eq_ignore_ascii_case(b"chunked") {
        return Ok((Framing::UntilClosed, After::Closed));
    }
    // A length beside it is wrong, and whoever set it may go on wrongly.
    Ok((Framing::Chunked(Chunk::Size), if length.is_some() { After::Closed } else { after }))
}

/// Whether a list has this word.
fn says(value: &HeaderValue, word: &str) -> bool {
    let mut words = value.to_str().unwrap_or_default().split(',');
    words.any(|value| value.trim().eq_ignore_ascii_case(word))
}

fn number(value: &HeaderValue) -> Option<u64> {
    let digits = value.to_str().ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    digits.and_then(|digits| digits.parse().ok())
}

impl Framing {
    pub(super) fn is_over(self) -> bool {
        matches!(self, Self::Length(0) | Self::Chunked(Chunk::Over))
    }

    /// Takes what there is of the body.
    pub(super) fn take(&mut self, inbox: &mut BytesMut) -> Result<Piece, Garbage> {
        match self {
            Self::Length(left) => Ok(data(left, inbox)),
            Self::UntilClosed if inbox.is_empty() => Ok(Piece::Wanting),
            Self::UntilClosed => Ok(Piece::Data(take(inbox, usize::MAX))),
            Self::Chunked(chunk) => loop {
                match chunk {
                    Chunk::Data(left) => {
                        let piece = data(left, inbox);
                        if *left == 0 {
                            *chunk = Chunk::Behind;
                        }
                        return Ok(piece);
                    }
                    Chunk::Over => return Ok(Piece::Over),
                    _ => match chunk.step(inbox)? {
                        Some(next) => *chunk = next,
                        None => return Ok(Piece::Wanting),
                    },
                }
            },
        }
    }
}

impl Chunk {
    /// Reads a line between the data of two chunks, if it is there.
    fn step(self, inbox: &mut BytesMut) -> Result<Option<Self>, Garbage> {
        let Some(line) = inbox.iter().position(|byte| *byte == b'\n').map(|end| end + 1) else {
            let is_too_long = inbox.len() >= MOST_LINE;
            return if is_too_long { Err(Garbage("a line between chunks has no end")) } else { Ok(None) };
        };
        let text = inbox.get(..line).unwrap_or_default();
        let next = match self {
            // The parser takes nothing at all for zero.
            Self::Size if !text.first().is_some_and(u8::is_ascii_hexdigit) => {
                return Err(Garbage("a chunk has no size"));
            }
            Self::Size => match httparse::parse_chunk_size(text) {
                Ok(httparse::Status::Complete((_, 0))) => Self::Trailers(0),
                Ok(httparse::Status::Complete((_, size))) => Self::Data(size),
                _ => return Err(Garbage("a chunk has no size")),
            },
            Self::Behind if text == b"\r\n" => Self::Size,
            Self::Behind => return Err(Garbage("a chunk is longer than its size")),
            Self::Trailers(_) if text == b"\r\n" => Self::Over,
            Self::Trailers(before) if before + line <= MOST_LINE => Self::Trailers(before + line),
            Self::Trailers(_) => return Err(Garbage("its trailers have no end")),
            Self::Data(_) | Self::Over => self,
        };
        skip(inbox, line);
        Ok(Some(next))
    }
}

fn data(left: &mut u64, inbox: &mut BytesMut) -> Piece {
    if *left == 0 {
        return Piece::Over;
    }
    if inbox.is_empty() {
        return Piece::Wanting;
    }
    let piece = take(inbox, usize::try_from(*left).unwrap_or(usize::MAX));
    *left -= piece.len() as u64;
    Piece::Data(piece)
}

/// Takes so many bytes from the beginning, or what there is.
fn take(inbox: &mut BytesMut, count: usize) -> Bytes {
    let count = count.min(inbox.len());
    if count <= SMALL {
        let piece = Bytes::copy_from_slice(inbox.get(..count).unwrap_or_default());
        skip(inbox, count);
        return piece;
    }
    let piece = if count < inbox.len() { inbox.split_to(count) } else { mem::take(inbox) };
    piece.freeze()
}

/// Drops so many bytes from the beginning. One that is empty would still keep others from reading where it was read.
fn skip(inbox: &mut BytesMut, count: usize) {
    if count < inbox.len() {
        inbox.advance(count);
    } else {
        *inbox = BytesMut::new();
    }
}

#[cfg(test)]
#[path = "framing_test.rs"]
mod tests;
