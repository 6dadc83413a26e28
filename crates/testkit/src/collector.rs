//! A server over HTTP/1.1 that something delivers to: it answers each request as a test says, and can go and come back.
//!
//! Written on sockets alone, so that it shares no mistake with what is tested.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The path and the query.
    pub target: String,
    /// Headers in their order, names in small letters.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// What is answered.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// Headers beside those that frame it.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Vec<u8>,
}

type Service = dyn Fn(&Delivery) -> Option<Reply> + Send + Sync;

/// The server. It lasts as long as the process, unless it [goes](Collector::go).
pub struct Collector {
    address: SocketAddr,
    service: Arc<Service>,
    open: Option<Open>,
}

/// One time that it is there.
struct Open {
    gone: Arc<AtomicBool>,
    streams: Arc<Mutex<Vec<TcpStream>>>,
}

/// A body that no test needs is larger than this.
const LARGEST: usize = 64 << 20;

impl Delivery {
    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

impl Reply {
    /// A status alone.
    pub fn status(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new() }
    }
}

impl Collector {
    /// A server on any port that answers so; nothing: it closes the connection instead.
    pub fn start(service: impl Fn(&Delivery) -> Option<Reply> + Send + Sync + 'static) -> io::Result<Self> {
        Self::start_at((Ipv4Addr::LOCALHOST, 0).into(), service)
    }

    /// The same, at this address.
    pub fn start_at(
        address: SocketAddr,
        service: impl Fn(&Delivery) -> Option<Reply> + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let mut collector = Self { address, service: Arc::new(service), open: None };
        collector.come()?;
        Ok(collector)
    }

    /// Where it is, also when it has gone.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Listens, at the same address as before.
    pub fn come(&mut self) -> io::Result<()> {
        let listener = TcpListener::bind(self.address)?;
        self.address = listener.local_addr()?;
        let open = Open { gone: Arc::default(), streams: Arc::default() };
        let (gone, streams, service) =
            (Arc::clone(&open.gone), Arc::clone(&open.streams), Arc::clone(&self.service));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if gone.load(Ordering::Acquire) {
                    return;
                }
                if let Ok(copy) = stream.try_clone() {
                    streams.lock().unwrap_or_else(PoisonError::into_inner).push(copy);
                }
                let service = Arc::clone(&service);
                // An end that is gone is what this is for.
                thread::spawn(move || serve(&stream, &*service).ok());
            }
        });
        self.open = Some(open);
        Ok(())
    }

    /// Closes its port and every connection.
    pub fn go(&mut self) {
        let Some(open) = self.open.take() else { return };
        open.gone.store(true, Ordering::Release);
        // Whoever accepts looks up once more.
        TcpStream::connect(self.address).ok();
        for stream in open.streams.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            stream.shutdown(std::net::Shutdown::Both).ok();
        }
        let is_closed = || TcpStream::connect(self.address).is_err().then_some(());
        crate::wait_for(std::time::Duration::from_mins(1), is_closed);
    }
}

fn serve(stream: &TcpStream, service: &Service) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    while let Some(delivery) = read(&mut reader)? {
        let Some(reply) = service(&delivery) else {
            return stream.shutdown(std::net::Shutdown::Both);
        };
        let mut bytes = Vec::new();
        write!(bytes, "HTTP/1.1 {} -\r\nContent-Length: {}\r\n", reply.status, reply.body.len())?;
        for (name, value) in &reply.headers {
            write!(bytes, "{name}: {value}\r\n")?;
        }
        bytes.extend(b"\r\n");
        bytes.extend(reply.body);
        (&*stream).write_all(&bytes)?;
    }
    Ok(())
}

/// The next request; nothing if there is none.
fn read(reader: &mut BufReader<&TcpStream>) -> io::Result<Option<Delivery>> {
    let bad = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let target = line.split(' ').nth(1).ok_or_else(|| bad("no target"))?.to_owned();
    let mut headers = Vec::new();
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let mut delivery = Delivery { target, headers, body: Vec::new() };
    let length = delivery.header("content-length").and_then(|length| length.parse::<usize>().ok());
    let length = length.filter(|length| *length <= LARGEST).ok_or_else(|| bad("no length"))?;
    delivery.body = vec![0; length];
    reader.read_exact(&mut delivery.body)?;
    Ok(Some(delivery))
}
