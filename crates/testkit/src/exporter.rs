//! Something for a server to scrape: whatever a test wants it to see.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// A request that is not whole by then is not coming.
const PATIENCE: Duration = Duration::from_secs(10);
/// Far above any request that a server sends.
const MAX_REQUEST: usize = 64 * 1024;

/// What one scrape sees.
#[derive(Clone, Debug)]
pub struct Page {
    /// The format, as `Content-Type` names it.
    pub content_type: &'static str,
    /// The metrics.
    pub body: Vec<u8>,
}

impl Page {
    /// Metrics in the text format of OpenMetrics, which can carry times and exemplars.
    pub fn openmetrics(text: impl Into<String>) -> Self {
        let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
        Self { content_type, body: text.into().into_bytes() }
    }

    /// Metric families as delimited protobuf messages, which alone carry native histograms.
    pub fn protobuf(body: Vec<u8>) -> Self {
        let content_type =
            "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";
        Self { content_type, body }
    }
}

/// A scrape target on this machine. It is gone with this value.
#[derive(Debug)]
pub struct Exporter {
    port: u16,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Exporter {
    /// Answers every request with the page that `page` makes for it; requests are counted from 0.
    pub fn serve(mut page: impl FnMut(u64) -> Page + Send + 'static) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        let ended = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&ended);
        let thread = thread::spawn(move || {
            let mut count = 0;
            for connection in listener.incoming() {
                if told.load(Ordering::Relaxed) {
                    return;
                }
                // A server that hangs up is no concern of the test.
                let answered = connection.and_then(|mut stream| answer(&mut stream, || page(count)));
                count += u64::from(answered.is_ok());
            }
        });
        Ok(Self { port, ended, thread: Some(thread) })
    }

    /// Its address as a target in a configuration.
    pub fn target(&self) -> String {
        format!("{}:{}", Ipv4Addr::LOCALHOST, self.port)
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        // A last connection, so that the thread looks up.
        drop(TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)));
        drop(self.thread.take().map(JoinHandle::join));
    }
}

fn answer(stream: &mut TcpStream, page: impl FnOnce() -> Page) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    read_request(stream)?;
    let Page { content_type, body } = page();
    let length = body.len();
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(&body)
}

/// Reads up to the empty line that ends a request without a body.
fn read_request(stream: &mut TcpStream) -> io::Result<()> {
    let (mut request, mut some) = (Vec::new(), [0; 4096]);
    while !request.ends_with(b"\r\n\r\n") {
        let count = stream.read(&mut some)?;
        if count == 0 || request.len() > MAX_REQUEST {
            return Err(io::ErrorKind::InvalidData.into());
        }
        request.extend(some.iter().take(count));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http;

    #[test]
    fn each_request_gets_its_own_page_until_the_exporter_is_gone() {
        let exporter =
            Exporter::serve(|count| Page::openmetrics(format!("scrapes {count}\n# EOF\n"))).unwrap();
        let port = exporter.port;
        assert_eq!(exporter.target(), format!("127.0.0.1:{port}"));
        for count in 0..3 {
            let answer = http::get(port, "/metrics").unwrap();
            assert_eq!((answer.status, answer.body), (200, format!("scrapes {count}\n# EOF\n")));
        }
        drop(exporter);
        assert!(http::get(port, "/metrics").is_err());
    }
}
