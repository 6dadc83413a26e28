//! What systemd is told: that the daemon is ready, alive, reading its configuration again, or ending.

use std::env;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

/// The socket that the service manager listens on, if there is one.
pub(super) struct Manager {
    socket: Option<(UnixDatagram, SocketAddr)>,
    watchdog: Option<Duration>,
}

impl Manager {
    /// As the environment says.
    pub(super) fn of_the_process() -> Self {
        let number = |name| env::var(name).ok()?.parse::<u64>().ok();
        // Another process may be meant.
        let is_ours = number("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(std::process::id()));
        let watchdog =
            number("WATCHDOG_USEC").filter(|micros| is_ours && *micros > 0).map(Duration::from_micros);
        Self { socket: socket(), watchdog }
    }

    /// How often it wants to hear that the daemon is alive: twice within its limit.
    pub(super) fn interval(&self) -> Option<Duration> {
        self.watchdog.map(|limit| limit / 2)
    }

    /// Says something, in vain if nobody listens.
    pub(super) fn tell(&self, what: &str) {
        if let Some((socket, address)) = &self.socket {
            socket.send_to_addr(what.as_bytes(), address).ok();
        }
    }
}

fn socket() -> Option<(UnixDatagram, SocketAddr)> {
    let name = env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty())?;
    let address = match name.as_bytes().split_first()? {
        (b'@', rest) => SocketAddr::from_abstract_name(rest).ok()?,
        _ => SocketAddr::from_pathname(&name).ok()?,
    };
    let socket = UnixDatagram::unbound().ok()?;
    // A manager that does not read must not hold the daemon up.
    socket.set_nonblocking(true).ok()?;
    Some((socket, address))
}
