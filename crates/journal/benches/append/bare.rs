//! A bare loop of group commit, as the limit: no format, no index, no recovery. Bytes go into a file that was written
//! before, one write and one sync for all that came meanwhile.

use std::fs::{File, OpenOptions};
use std::future::Future;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex};
use std::task::{Context, Poll, Waker};
use std::thread::{self, JoinHandle};

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

/// The loop.
pub(crate) struct Bare {
    queue: Arc<(Mutex<Queue>, Condvar)>,
    thread: Option<JoinHandle<()>>,
}

impl Bare {
    pub(crate) fn new(directory: &Path) -> Self {
        let path = directory.join("bare");
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(path).unwrap();
        let zeros = vec![0; 1 << 20];
        for at in 0..FILE >> 20 {
            file.write_all_at(&zeros, (at << 20) as u64).unwrap();
        }
        file.sync_all().unwrap();
        let queue = Arc::new((Mutex::new(Queue::default()), Condvar::new()));
        let shared = Arc::clone(&queue);
        let thread = thread::spawn(move || run(&file, &shared));
        Self { queue, thread: Some(thread) }
    }

    pub(crate) fn append(&self, payload: &[u8]) -> Appended {
        let mut queue = self.queue.0.lock().unwrap();
        queue.bytes.extend_from_slice(payload);
        let group = Arc::clone(&queue.group);
        drop(queue);
        self.queue.1.notify_one();
        Appended(group)
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        self.queue.0.lock().unwrap().ends = true;
        self.queue.1.notify_one();
        self.thread.take().unwrap().join().unwrap();
    }
}

fn run(file: &File, queue: &(Mutex<Queue>, Condvar)) {
    let mut at = 0;
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
        if at + bytes.len() > FILE {
            at = 0;
        }
        file.write_all_at(&bytes, at as u64).unwrap();
        file.sync_data().unwrap();
        at += bytes.len();
        let mut state = group.state.lock().unwrap();
        state.0 = true;
        let wakers = std::mem::take(&mut state.1);
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }
}

/// An append on its way.
pub(crate) struct Appended(Arc<Group>);

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
