//! Clients that ask one request after the other, each over a connection of its own.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use tokio::runtime::Builder;
use tokio::task::{LocalSet, spawn_local};

use crate::figures::Round;
use crate::now;
use crate::wire::{Message, Wire};

/// What clients ask for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) method: &'static str,
    pub(crate) paths: Paths,
    /// Bytes of a request's body.
    pub(crate) sent: u64,
    /// Bytes of an answer's body.
    pub(crate) got: u64,
    pub(crate) connections: usize,
}

/// Which paths they name. A path is a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Paths {
    /// All the same one.
    One,
    /// Each its own.
    Own,
}

/// How long they ask.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Span {
    /// For some time, after some that does not count.
    Time { before: Duration, counted: Duration },
    /// So many requests each.
    Requests(usize),
}

impl Load {
    fn request(&self, client: usize) -> Message {
        let lane = match self.paths {
            Paths::One => 0,
            Paths::Own => client,
        };
        let Self { method, sent, got, .. } = self;
        Message::new(&format!("{method} /lane-{lane}/{got} HTTP/1.1\r\nhost: service\r\n"), *sent)
    }

    /// Lets them ask.
    pub(crate) fn run(&self, address: SocketAddr, span: Span) -> Round {
        let runtime = Builder::new_current_thread().enable_io().build().unwrap();
        let begun = now();
        let tallies = LocalSet::new().block_on(&runtime, async {
            let clients: Vec<_> = (0..self.connections)
                .map(|client| spawn_local(ask(address, self.request(client), span, begun)))
                .collect();
            let mut tallies = Vec::new();
            for client in clients {
                tallies.push(client.await.unwrap());
            }
            tallies
        });
        let time = match span {
            Span::Time { counted, .. } => counted,
            Span::Requests(_) => begun.elapsed(),
        };
        let answers = tallies.iter().map(|tally| tally.answers).sum();
        let refused = tallies.iter().map(|tally| tally.refused).sum();
        let delays = tallies.into_iter().flat_map(|tally| tally.delays).collect();
        Round::of(delays, (answers, refused), time)
    }
}

/// What a client saw.
struct Tally {
    /// Of those that count.
    delays: Vec<Duration>,
    answers: usize,
    /// Answers other than 200.
    refused: usize,
}

async fn ask(address: SocketAddr, request: Message, span: Span, begun: Instant) -> Tally {
    let mut wire = Wire::new(TcpStream::connect(address).await.unwrap());
    let mut tally = Tally { delays: Vec::new(), answers: 0, refused: 0 };
    let mut start = now();
    for number in 0.. {
        let counts = match span {
            Span::Requests(count) if number >= count => break,
            Span::Requests(_) => true,
            Span::Time { before, counted } if start - begun > before + counted => break,
            Span::Time { before, .. } => start - begun >= before,
        };
        let answered = answered(&mut wire, &request).await;
        let end = now();
        match answered {
            Some(200) => {
                tally.answers += 1;
                if counts {
                    tally.delays.push(end - start);
                }
            }
            refused => {
                tally.refused += 1;
                // Who refuses a body may close before it has come.
                if refused.is_none() {
                    wire = Wire::new(TcpStream::connect(address).await.unwrap());
                }
            }
        }
        start = end;
    }
    tally
}

/// The status of the answer; nothing, if the connection is of no use any more.
async fn answered(wire: &mut Wire, request: &Message) -> Option<u64> {
    let sent = wire.send(request).await;
    let head = wire.head().await.ok()??;
    wire.skip(head.length).await.ok()?;
    sent.ok().map(|()| head.number)
}
