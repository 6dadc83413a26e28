//! The service behind all of them: it answers every request with as many bytes as the last segment of the path says.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::Rc;

use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio::task::{LocalSet, spawn_local};

use crate::wire::{Message, Wire};

pub(crate) struct Service {
    pub(crate) address: SocketAddr,
}

impl Service {
    /// Serves on a thread of its own until the process ends.
    pub(crate) fn start() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let runtime = Builder::new_current_thread().enable_io().build().unwrap();
        std::thread::spawn(move || {
            LocalSet::new().block_on(&runtime, async move {
                let listener = TcpListener::from_std(listener).unwrap();
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    spawn_local(serve(stream));
                }
            });
        });
        Self { address }
    }
}

/// A proxy that leaves ends this; whoever was to get the answer says so.
async fn serve(stream: TcpStream) {
    let mut wire = Wire::new(stream);
    let mut answers = BTreeMap::<u64, Rc<Message>>::new();
    while let Ok(Some(head)) = wire.head().await {
        let answer = answers.entry(head.number).or_insert_with(|| {
            Rc::new(Message::new("HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n", head.number))
        });
        if wire.skip(head.length).await.is_err() || wire.send(answer).await.is_err() {
            return;
        }
    }
}
