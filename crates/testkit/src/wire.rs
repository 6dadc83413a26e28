//! A wire between a client and a server that can be made to fail: what a proxy has to survive, in one process.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use rustix::net::sockopt::set_socket_linger;

/// What happens to what goes over a wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// It is passed on.
    Pass,
    /// Connections are accepted and reset, and nothing is read.
    Reset,
    /// Everything is taken, nothing is passed on, and nothing is answered: a black hole.
    Swallow,
    /// Requests are passed on, answers are not: a connection that is half open.
    Deafen,
    /// Requests are passed on, and the connection is reset in place of the answer.
    Cut,
    /// Requests are passed on, and what comes back is noise instead of an answer.
    Garble,
    /// Requests are passed on, and the answer is a head that never ends.
    Flood,
    /// Requests are passed on, and answers come byte by byte.
    Drip,
}

/// A port that leads to another.
pub struct Wire {
    address: SocketAddr,
    manner: Arc<Mutex<Manner>>,
}

/// Between bytes that drip.
const DRIP: Duration = Duration::from_millis(1);

impl Wire {
    /// A wire to a server. It lasts as long as the process.
    pub fn to(server: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let manner = Arc::new(Mutex::new(Manner::Pass));
        let shared = Arc::clone(&manner);
        thread::spawn(move || {
            for stream in listener.incoming().filter_map(Result::ok) {
                let manner = Arc::clone(&shared);
                thread::spawn(move || {
                    // An end that is gone is what this is for.
                    carry(stream, server, &manner).ok();
                });
            }
        });
        Ok(Self { address, manner })
    }

    /// The port that leads to the server.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What happens from now on, also to connections that are open.
    pub fn set(&self, manner: Manner) {
        *self.manner.lock().unwrap_or_else(PoisonError::into_inner) = manner;
    }
}

fn now(manner: &Mutex<Manner>) -> Manner {
    *manner.lock().unwrap_or_else(PoisonError::into_inner)
}

fn carry(client: TcpStream, server: SocketAddr, manner: &Arc<Mutex<Manner>>) -> io::Result<()> {
    match now(manner) {
        Manner::Reset => return reset(&client),
        Manner::Swallow => return swallow(client),
        _ => {}
    }
    let server = TcpStream::connect(server)?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (there, back) = (client.try_clone()?, server.try_clone()?);
    let shared = Arc::clone(manner);
    thread::spawn(move || {
        requests(there, back, &shared).ok();
    });
    answers(server, client, manner)
}

fn requests(mut client: TcpStream, mut server: TcpStream, manner: &Mutex<Manner>) -> io::Result<()> {
    let mut buffer = vec![0; 64 << 10];
    loop {
        let count = client.read(&mut buffer)?;
        if count == 0 {
            return server.shutdown(Shutdown::Write);
        }
        match now(manner) {
            Manner::Reset => return reset(&client),
            Manner::Swallow => {}
            _ => server.write_all(buffer.get(..count).unwrap_or_default())?,
        }
    }
}

fn answers(mut server: TcpStream, mut client: TcpStream, manner: &Mutex<Manner>) -> io::Result<()> {
    let mut buffer = vec![0; 64 << 10];
    loop {
        let count = server.read(&mut buffer)?;
        if count == 0 {
            return client.shutdown(Shutdown::Write);
        }
        let bytes = buffer.get(..count).unwrap_or_default();
        match now(manner) {
            Manner::Pass => client.write_all(bytes)?,
            Manner::Reset | Manner::Cut => return reset(&client),
            Manner::Swallow | Manner::Deafen => {}
            Manner::Garble => client.write_all(b"\x00\xff no HTTP \r\n\r\n at all \x1b[2J")?,
            Manner::Flood => loop {
                client.write_all(&b"HTTP/1.1 200 OK\r\nx: ".repeat(64))?;
                client.write_all(&b"y".repeat(64 << 10))?;
            },
            Manner::Drip => {
                for byte in bytes {
                    client.write_all(&[*byte])?;
                    thread::sleep(DRIP);
                }
            }
        }
    }
}

/// Closes a connection so that the other side gets a reset.
fn reset(stream: &TcpStream) -> io::Result<()> {
    set_socket_linger(stream, Some(Duration::ZERO))?;
    // Whoever reads from a copy of the socket ends with this, and the last copy that is closed resets. Closing the side
    // that writes would say goodbye first.
    stream.shutdown(Shutdown::Read)
}

fn swallow(mut client: TcpStream) -> io::Result<()> {
    let mut buffer = vec![0; 64 << 10];
    while client.read(&mut buffer)? > 0 {}
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that answers each line with its letters in capitals.
    fn server() -> SocketAddr {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for mut stream in listener.incoming().map(Result::unwrap) {
                thread::spawn(move || {
                    let mut buffer = [0; 100];
                    while let Ok(count @ 1..) = stream.read(&mut buffer) {
                        stream.write_all(&buffer[..count].to_ascii_uppercase()).ok();
                    }
                });
            }
        });
        address
    }

    fn ask(wire: &Wire) -> io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect(wire.address())?;
        stream.set_read_timeout(Some(Duration::from_millis(200)))?;
        stream.write_all(b"hello")?;
        let mut buffer = [0; 5];
        stream.read_exact(&mut buffer).map(|()| buffer.to_vec())
    }

    #[test]
    fn a_wire_fails_in_the_manner_that_was_asked_for() {
        let wire = Wire::to(server()).unwrap();
        assert_eq!(ask(&wire).unwrap(), b"HELLO");
        for manner in [Manner::Reset, Manner::Cut] {
            wire.set(manner);
            let kind = ask(&wire).unwrap_err().kind();
            assert!(
                [io::ErrorKind::ConnectionReset, io::ErrorKind::BrokenPipe].contains(&kind),
                "{manner:?} {kind:?}"
            );
        }
        for manner in [Manner::Swallow, Manner::Deafen] {
            wire.set(manner);
            let kind = ask(&wire).unwrap_err().kind();
            assert!(
                [io::ErrorKind::WouldBlock, io::ErrorKind::TimedOut].contains(&kind),
                "{manner:?} {kind:?}"
            );
        }
        wire.set(Manner::Garble);
        assert_ne!(ask(&wire).unwrap(), b"HELLO");
        wire.set(Manner::Drip);
        assert_eq!(ask(&wire).unwrap(), b"HELLO");
    }
}
