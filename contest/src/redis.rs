//! Redis with `appendfsync always`: a server of its own, a connection for each writer, and one thread that serves all of
//! them, as the server's own benchmark does.

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::epoll;

use crate::round::{Contestant, Order, Round};

/// Keys that are written in turn, so that the data set stays small.
const KEYS: u64 = 10_000;

const REPLY: &[u8] = b"+OK\r\n";

/// Redis.
pub(crate) struct Redis {
    server: Child,
    socket: PathBuf,
}

impl Redis {
    /// Starts a server, and waits until it takes connections.
    pub(crate) fn new(program: &OsStr, directory: &Path) -> Self {
        let socket = directory.join("redis.sock");
        let mut server = Command::new(program);
        server.args(["--port", "0", "--appendonly", "yes", "--appendfsync", "always", "--save", ""]);
        server.args(["--auto-aof-rewrite-percentage", "0", "--dir"]).arg(directory);
        server.arg("--unixsocket").arg(&socket).stdout(Stdio::null());
        let server = server.spawn().expect("the server of Redis starts");
        let begun = Instant::now();
        while UnixStream::connect(&socket).is_err() {
            assert!(begun.elapsed() < Duration::from_secs(30), "the server of Redis takes no connections");
            std::thread::sleep(Duration::from_millis(10));
        }
        Self { server, socket }
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.server.kill().ok();
        self.server.wait().ok();
    }
}

/// A connection with a request on its way.
struct Writer {
    stream: UnixStream,
    begun: Instant,
    got: usize,
}

impl Writer {
    fn send(&mut self, number: u64, payload: &[u8]) {
        let key = format!("{:08}", number % KEYS);
        let mut request = format!("*3\r\n$3\r\nSET\r\n$8\r\n{key}\r\n${}\r\n", payload.len()).into_bytes();
        request.extend_from_slice(payload);
        request.extend_from_slice(b"\r\n");
        (self.begun, self.got) = (Instant::now(), 0);
        self.stream.write_all(&request).unwrap();
    }

    /// Takes what has come, and says how long the request took once the answer is whole.
    fn receive(&mut self) -> Option<Duration> {
        let mut reply = [0; 64];
        let len = self.stream.read(&mut reply).unwrap();
        assert!(len > 0 && REPLY[self.got..].starts_with(&reply[..len]), "the server of Redis refused");
        self.got += len;
        (self.got == REPLY.len()).then(|| self.begun.elapsed())
    }
}

impl Contestant for Redis {
    fn round(&mut self, order: &Order) -> Round {
        let poll = epoll::create(epoll::CreateFlags::CLOEXEC).unwrap();
        let connect = |number| {
            let stream = UnixStream::connect(&self.socket).unwrap();
            epoll::add(&poll, &stream, epoll::EventData::new_u64(number), epoll::EventFlags::IN).unwrap();
            Writer { stream, begun: Instant::now(), got: 0 }
        };
        let mut writers: Vec<Writer> = (0..order.writers as u64).map(connect).collect();
        let (begun, mut delays, mut count) = (Instant::now(), Vec::new(), 0);
        for writer in &mut writers {
            count += 1;
            writer.send(count, &order.payload);
        }
        let mut events = Vec::with_capacity(order.writers);
        while order.goes_on(begun, delays.len()) {
            events.clear();
            epoll::wait(&poll, rustix::buffer::spare_capacity(&mut events), None).unwrap();
            for event in &events {
                let writer = &mut writers[event.data.u64() as usize];
                if let Some(delay) = writer.receive() {
                    delays.push(delay);
                    count += 1;
                    writer.send(count, &order.payload);
                }
            }
        }
        Round::of(delays, begun.elapsed())
    }
}
