//! Shares connections out among the threads of a proxy.
//!
//! The kernel gives each new connection to a thread by a hash of its addresses. Of some dozens that stay, one thread often has
//! half as many again as another, and their clients wait while a core is idle. So a connection goes to the thread that has the
//! fewest.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::net::TcpStream;
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// Connections that wait for a thread to take them up. A thread that has so many is behind, and whoever accepts the next one
/// keeps it.
const MOST_WAITING: usize = 256;

/// The threads, and how many connections each has.
#[derive(Clone)]
pub(super) struct Seats(Arc<[Seat]>);

struct Seat {
    taken: AtomicU64,
    guests: Sender<Guest>,
}

/// A connection that another thread has accepted.
pub(super) struct Guest {
    stream: std::net::TcpStream,
    address: SocketAddr,
    seated: Seated,
}

/// A connection counts on its thread as long as this lives.
pub(super) struct Seated {
    seats: Seats,
    number: usize,
}

impl Seats {
    /// As many as there are threads, and what each of them is handed.
    pub(super) fn new(threads: usize) -> (Self, Vec<Receiver<Guest>>) {
        let channels = (0..threads).map(|_| channel(MOST_WAITING));
        let (seats, guests): (Vec<Seat>, _) =
            channels.map(|(guests, handed)| (Seat { taken: AtomicU64::new(0), guests }, handed)).unzip();
        (Self(seats.into()), guests)
    }

    /// Finds a thread for a connection that the thread `here` has accepted, and gives it back if that is the one.
    pub(super) fn seat(
        &self,
        here: usize,
        (stream, address): (TcpStream, SocketAddr),
    ) -> io::Result<Option<(TcpStream, SocketAddr, Seated)>> {
        let seated = self.take(self.emptiest(here));
        if seated.number == here {
            return Ok(Some((stream, address, seated)));
        }
        let guest = Guest { stream: stream.into_std()?, address, seated };
        let sent = self.0.get(guest.seated.number).map_or(Ok(()), |seat| seat.guests.try_send(guest));
        match sent {
            Ok(()) => Ok(None),
            Err(refused) => {
                let mut guest = refused.into_inner();
                guest.seated = self.take(here);
                guest.sit().map(Some)
            }
        }
    }

    fn emptiest(&self, here: usize) -> usize {
        let taken = |seat: &Seat| seat.taken.load(Ordering::Relaxed);
        let fewest = self.0.iter().enumerate().min_by_key(|(number, seat)| (taken(seat), *number != here));
        fewest.map_or(here, |(number, _)| number)
    }

    fn take(&self, number: usize) -> Seated {
        if let Some(seat) = self.0.get(number) {
            seat.taken.fetch_add(1, Ordering::Relaxed);
        }
        Seated { seats: self.clone(), number }
    }
}

impl Guest {
    /// The connection, on the thread that this is called on.
    pub(super) fn sit(self) -> io::Result<(TcpStream, SocketAddr, Seated)> {
        Ok((TcpStream::from_std(self.stream)?, self.address, self.seated))
    }
}

impl Drop for Seated {
    fn drop(&mut self) {
        if let Some(seat) = self.seats.0.get(self.number) {
            seat.taken.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Seats;

    #[test]
    fn a_connection_goes_to_the_thread_that_has_the_fewest_and_stays_where_there_are_as_few() {
        let (seats, _guests) = Seats::new(3);
        assert_eq!(seats.emptiest(2), 2);
        let first = seats.take(2);
        let _second = seats.take(0);
        assert_eq!((seats.emptiest(0), seats.emptiest(2)), (1, 1));
        let _third = seats.take(1);
        drop(first);
        assert_eq!(seats.emptiest(0), 2);
    }
}
