//! What counts as an answer, and what does not.

use proptest::prelude::*;

use super::*;

fn parse(bytes: &[u8], method: &Method) -> Result<Option<(Top, BytesMut)>, Garbage> {
    let mut inbox = BytesMut::from(bytes);
    Ok(top(&mut inbox, &mut 0, method)?.map(|top| (top, inbox)))
}

fn framing(head: &str) -> Result<(Framing, After), Garbage> {
    let (top, rest) = parse(format!("{head}\r\n\r\n").as_bytes(), &Method::GET)?.unwrap();
    assert!(rest.is_empty());
    Ok((top.framing, top.after))
}

/// All of a body, or why it is none; what is wanting counts as [`None`].
fn body(mut framing: Framing, bytes: &[u8]) -> Result<Option<Vec<u8>>, Garbage> {
    let (mut inbox, mut whole) = (BytesMut::from(bytes), Vec::new());
    loop {
        match framing.take(&mut inbox)? {
            Piece::Data(data) => whole.extend_from_slice(&data),
            Piece::Wanting => return Ok(None),
            Piece::Over => return Ok(Some(whole)),
        }
    }
}

const CHUNKED: Framing = Framing::Chunked(Chunk::Size);

#[test]
fn an_answer_is_read_wherever_the_bytes_are_cut() {
    let whole = b"HTTP/1.1 201 Created\r\nA: 1\r\nCONTENT-LENGTH:  3 \r\na: 2\r\n\r\nabc";
    for cut in 0..whole.len() {
        let (mut inbox, mut searched) = (BytesMut::from(&whole[..cut]), 0);
        let early = top(&mut inbox, &mut searched, &Method::GET).unwrap();
        let top = early.unwrap_or_else(|| {
            inbox.extend_from_slice(&whole[cut..]);
            top(&mut inbox, &mut searched, &Method::GET).unwrap().unwrap()
        });
        assert_eq!((top.status, top.framing), (StatusCode::CREATED, Framing::Length(3)), "cut at {cut}");
        assert_eq!(top.headers.get_all("a").iter().collect::<Vec<_>>(), ["1", "2"]);
    }
}

#[test]
fn a_body_ends_where_its_head_says() {
    let is = |head: &str| framing(&format!("HTTP/1.1 {head}")).unwrap();
    assert_eq!(is("200 OK\r\ncontent-length: 5"), (Framing::Length(5), After::Kept));
    assert_eq!(is("200 OK\r\ncontent-length: 5\r\ncontent-length: 5").0, Framing::Length(5));
    assert_eq!(is("200 OK\r\ncontent-length: 5\r\nconnection: x, Close").1, After::Closed);
    assert_eq!(is("200 OK\r\ntransfer-encoding: chunked"), (CHUNKED, After::Kept));
    assert_eq!(is("200 OK\r\ntransfer-encoding: gzip, chunked"), (CHUNKED, After::Kept));
    assert_eq!(is("200 OK\r\ntransfer-encoding: gzip").0, Framing::UntilClosed);
    assert_eq!(is("200 OK"), (Framing::UntilClosed, After::Closed));
    assert_eq!(is("204 No Content\r\ncontent-length: 5").0, Framing::Length(0));
    assert_eq!(is("304 Not Modified\r\ntransfer-encoding: chunked").0, Framing::Length(0));
    let old = framing("HTTP/1.0 200 OK\r\ncontent-length: 5").unwrap();
    assert_eq!(old, (Framing::Length(5), After::Closed));
    let head = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n";
    let (top, _) = parse(head, &Method::HEAD).unwrap().unwrap();
    assert_eq!(top.framing, Framing::Length(0));
}

#[test]
fn a_connection_is_not_used_again_where_lengths_and_chunks_disagree() {
    let both = framing("HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked").unwrap();
    assert_eq!(both, (CHUNKED, After::Closed));
}

#[test]
fn what_could_be_understood_in_two_ways_is_garbage() {
    for head in [
        "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6",
        "HTTP/1.1 200 OK\r\ncontent-length: 5, 5",
        "HTTP/1.1 200 OK\r\ncontent-length: +5",
        "HTTP/1.1 200 OK\r\ncontent-length:",
        "HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999",
        "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked",
        "HTTP/1.1 200 OK\r\nfolded: a\r\n b: c",
        "HTTP/1.1 200 OK\r\nname : value",
        "HTTP/1.1 20 OK",
        "HTTP/2.0 200 OK",
        "SSH-2.0-OpenSSH",
    ] {
        assert!(framing(head).is_err(), "{head}");
    }
}

#[test]
fn a_head_without_an_end_is_garbage_once_it_is_too_long() {
    let endless = [b"HTTP/1.1 200 OK\r\na: ".to_vec(), vec![b'x'; MOST_HEAD]].concat();
    assert!(parse(&endless, &Method::GET).is_err());
    let crowded = "a: 1\r\n".repeat(MOST_HEADERS + 1);
    assert!(parse(format!("HTTP/1.1 200 OK\r\n{crowded}\r\n").as_bytes(), &Method::GET).is_err());
}

#[test]
fn chunks_are_joined_and_what_stands_beside_them_is_dropped() {
    let bytes = b"3;x=y\r\nabc\r\n0A\r\n0123456789\r\n0\r\nTrailer: 1\r\n\r\n";
    assert_eq!(body(CHUNKED, bytes).unwrap().unwrap(), b"abc0123456789");
    for cut in 0..bytes.len() {
        assert_eq!(body(CHUNKED, &bytes[..cut]).unwrap(), None, "cut at {cut}");
    }
}

#[test]
fn chunks_that_lie_are_garbage() {
    let long = [b"5;".to_vec(), vec![b'x'; MOST_LINE]].concat();
    let endless = format!("0\r\n{}", "a: b\r\n".repeat(MOST_LINE / 6 + 1));
    let cases: [&[u8]; 7] =
        [b"x\r\n", b"-1\r\n", b"\r\n", b"3\r\nabcd\r\n", b"11111111111111111\r\n", &long, endless.as_bytes()];
    for bytes in cases {
        assert!(body(CHUNKED, bytes).is_err(), "{:?}", String::from_utf8_lossy(bytes));
    }
}

proptest! {
    #[test]
    fn any_bytes_are_an_answer_or_the_beginning_of_one_or_garbage(
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        at in 0usize..60,
    ) {
        drop(parse(&bytes, &Method::GET));
        drop(body(CHUNKED, &bytes));
        let mut bent = b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
        bent.splice(at.min(bent.len()).., bytes);
        drop(parse(&bent, &Method::GET));
    }
}
