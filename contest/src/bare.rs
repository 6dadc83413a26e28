//! A bare loop of group commit, as the limit: no format, no index, no recovery. Bytes go into a file that was written
//! before, one write and one sync for all that came meanwhile; a writer that is alone writes by itself.

use std::fs::{File, OpenOptions};
use std::future::Future;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex};
use std::task::{Context, Poll, Waker};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::round::{Contestant, Order, Round, alone, quantile};
use crate::tasks::drive;

const FILE: usize = 256 << 20;

#[derive(Default)]
struct Group {
    state: Mutex<(bool, Vec<Waker>)>,
}

#[derive(Default)]
struct Queue {
    bytes: Vec<u8>,
    group: Arc<Group>,
    ends: bool,
}

/// The file, and how long each sync took.
struct Disk {
    file: File,
    at: usize,
    syncs: Vec<Duration>,
}

impl Disk {
    fn write(&mut self, bytes: &[u8]) {
        if self.at + bytes.len() > FILE {
            self.at = 0;
        }
        self.file.write_all_at(bytes, self.at as u64).unwrap();
        self.at += bytes.len();
        let begun = Instant::now();
        self.file.sync_data().unwrap();
        self.syncs.push(begun.elapsed());
    }
}

/// The loop.
pub(crate) struct Bare {
    queue: Arc<(Mutex<Queue>, Condvar)>,
    disk: Arc<Mutex<Disk>>,
    thread: Option<JoinHandle<()>>,
}

impl Bare {
    pub(crate) fn new(directory: &Path) -> Self {
        let path = directory.join("bare");
        let file = OpenOptions::new().create_new(true).write(true).open(path).unwrap();
        let zeros = vec![0; 1 << 20];
        for at in 0..FILE >> 20 {
            file.write_all_at(&zeros, (at << 20) as u64).unwrap();
        }
        file.sync_all().unwrap();
        let disk = Arc::new(Mutex::new(Disk { file, at: 0, syncs: Vec::new() }));
        let queue = Arc::new((Mutex::new(Queue::default()), Condvar::new()));
        let (thread_disk, shared) = (Arc::clone(&disk), Arc::clone(&queue));
        let thread = thread::Builder::new().name("bare loop".to_owned());
        let thread = thread.spawn(move || run(&thread_disk, &shared)).unwrap();
        Self { queue, disk, thread: Some(thread) }
    }

    fn append(&self, payload: &[u8]) -> Appended {
        let mut queue = self.queue.0.lock().unwrap();
        queue.bytes.extend_from_slice(payload);
        let group = Arc::clone(&queue.group);
        drop(queue);
        self.queue.1.notify_one();
        Appended(group)
    }
}

impl Contestant for Bare {
    fn round(&mut self, order: &Order) -> Round {
        self.disk.lock().unwrap().syncs.clear();
        let mut round = match order.writers {
            1 => alone(order, || self.disk.lock().unwrap().write(&order.payload)),
            _ => drive(order, || self.append(&order.payload)),
        };
        let mut disk = self.disk.lock().unwrap();
        disk.syncs.sort_unstable();
        round.sync_p99 = Some(quantile(&disk.syncs, 990));
        round
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        self.queue.0.lock().unwrap().ends = true;
        self.queue.1.notify_one();
        self.thread.take().unwrap().join().unwrap();
    }
}

fn run(disk: &Mutex<Disk>, queue: &(Mutex<Queue>, Condvar)) {
    let mut bytes = Vec::new();
    loop {
        let mut waiting = queue
            .1
            .wait_while(queue.0.lock().unwrap(), |queue| queue.bytes.is_empty() && !queue.ends)
            .unwrap();
        if waiting.bytes.is_empty() {
            return;
        }
        bytes.clear();
        std::mem::swap(&mut bytes, &mut waiting.bytes);
        let group = std::mem::take(&mut waiting.group);
        drop(waiting);
        disk.lock().unwrap().write(&bytes);
        let mut state = group.state.lock().unwrap();
        state.0 = true;
        let wakers = std::mem::take(&mut state.1);
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }
}

/// An append on its way.
struct Appended(Arc<Group>);

impl Future for Appended {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.0.state.lock().unwrap();
        if state.0 {
            return Poll::Ready(());
        }
        state.1.push(context.waker().clone());
        Poll::Pending
    }
}
