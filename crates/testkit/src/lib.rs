//! Test-only: corpus makers, real peers, the command driver.
//!
//! * [`need_peer`] finds a real server that `cargo xtask peers` fetched, or notes by name that the test lacked it.
//! * [`need_program`] does the same for one program, and also takes what the machine has installed.
//! * [`prometheus`] drives real Prometheus servers and their `promtool`.
//! * [`JobService`] is airunner's service, on a real implementation of its protocol.
//! * [`chroma`] drives real Chroma servers, and their own Python client.
//! * [`MailServer`] is a real mail server, of another hand.
//! * [`Faults`] kills a program, or fails it, at every one of its system calls on files.
//! * [`Dock`] speaks the part of Docker's API that restarts a container.
//! * [`Wire`] stands between a client and a server, and resets, swallows, cuts and garbles what goes over it.
//! * [`PowerDisk`] is a file system that loses power, [`quick_directory`] one that is in memory.
//! * [`Collector`] is a server that something delivers to, and that answers as a test says.
//! * [`Exporter`] is something for them to scrape.
//! * [`Cage`] limits the memory of what runs in it, as a container does.
//! * [`wait_for`] waits for a condition; nothing here sleeps for a fixed time and hopes.
//!
//! A test that starts a real server carries `#[ignore = "starts a real server"]`: `cargo xtask check` leaves it out and
//! stays quick, `cargo xtask test` runs it.
//!
//! ```no_run
//! use testkit::prometheus::Prometheus;
//!
//! # fn main() -> Result<(), testkit::prometheus::DriveError> {
//! let Some(prometheus) = Prometheus::need("3.5") else { return Ok(()) };
//! let server = prometheus.on("/tmp/data").start()?;
//! assert!(server.metric("prometheus_tsdb_head_series").is_some());
//! server.stop()?;
//! # Ok(())
//! # }
//! ```

mod cage;
mod collector;
mod connect;
mod dock;
mod exporter;
mod faults;
mod http;
mod mail;
mod peers;
mod power;
mod wait;
mod wire;

pub mod chroma;
pub mod prometheus;

pub use cage::Cage;
pub use collector::{Collector, Delivery, Reply};
pub use connect::JobService;
pub use dock::{Comes, Dock};
pub use exporter::{Exporter, Page};
pub use faults::{FILE_CALLS, Fault, Faults, Struck};
pub use mail::{MailServer, Manners};
pub use peers::{Peer, need_peer, need_program, note_lack};
pub use power::{Cut, Data, PowerDisk, quick_directory};
pub use wait::wait_for;
pub use wire::{Manner, Wire};
