//! What stands between the clients and the service: started with a configuration that is fair to it, watched, ended.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use testkit::{Peer, wait_for};

use crate::Surroundings;

/// Who takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    Nginx,
    Haproxy,
    Seawall,
}

/// One that runs.
pub(crate) struct Running {
    pub(crate) who: Who,
    pub(crate) address: SocketAddr,
    child: Child,
    stop: Option<Command>,
    /// Its files.
    _directory: TempDir,
}

impl Who {
    pub(crate) const ALL: [Self; 3] = [Self::Nginx, Self::Haproxy, Self::Seawall];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Haproxy => "HAProxy",
            Self::Seawall => "Seawall",
        }
    }

    /// Starts it in front of the service, if it is here.
    pub(crate) fn start(self, surroundings: &Surroundings) -> Option<Running> {
        let directory = tempfile::tempdir_in(&surroundings.place).unwrap();
        let (address, service) = (free_address(), surroundings.service.address);
        let file = directory.path().join("config");
        let (config, mut command, stop) = match self {
            Self::Nginx => {
                let peer = peer("nginx")?;
                let mut command = peer.command("usr/sbin/nginx");
                command.arg("-p").arg(directory.path()).arg("-c").arg(&file).args(["-e", "stderr"]);
                let mut stop = peer.command("usr/sbin/nginx");
                stop.arg("-p")
                    .arg(directory.path())
                    .arg("-c")
                    .arg(&file)
                    .args(["-e", "stderr", "-s", "stop"]);
                (nginx(address, service), command, Some(stop))
            }
            Self::Haproxy => {
                let mut command = peer("haproxy")?.command("usr/sbin/haproxy");
                command.arg("-db").arg("-f").arg(&file);
                (haproxy(address, service), command, None)
            }
            Self::Seawall => {
                let program = std::env::var_os("SEAWALL_BENCH_PROGRAM")?;
                let mut command = Command::new(program);
                command.arg("run").arg("-c").arg(&file);
                (seawall((address, free_address()), service, directory.path()), command, None)
            }
        };
        fs::write(&file, config).unwrap();
        let log = fs::File::create(directory.path().join("log")).unwrap();
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let child = command.spawn().unwrap();
        let there = wait_for(Duration::from_secs(10), || serves(address));
        assert!(
            there.is_some(),
            "{}: {}",
            self.name(),
            fs::read_to_string(directory.path().join("log")).unwrap()
        );
        Some(Running { who: self, address, child, stop, _directory: directory })
    }
}

/// Whether it passes requests on: a port may be taken before that.
fn serves(address: SocketAddr) -> Option<()> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.write_all(b"GET / HTTP/1.1\r\nhost: service\r\nconnection: close\r\n\r\n").ok()?;
    let mut head = [0; 12];
    stream.read_exact(&mut head).ok()?;
    (head == *b"HTTP/1.1 200").then_some(())
}

fn peer(name: &str) -> Option<Peer> {
    let found = Peer::all().into_iter().find(|peer| peer.name().starts_with(name));
    if found.is_none() {
        println!("{name} is not here and takes no part");
    }
    found
}

/// An address that nobody listens on just now.
fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// A worker for each core, connections of both sides kept, nothing logged, bodies streamed and not written to files.
fn nginx(listen: SocketAddr, service: SocketAddr) -> String {
    format!(
        "daemon off; pid nginx.pid; worker_processes 2; error_log stderr error;\n\
         events {{ worker_connections 4096; accept_mutex off; multi_accept off; }}\n\
         http {{\n\
           access_log off; keepalive_requests 1000000000; keepalive_timeout 300; tcp_nodelay on;\n\
           client_max_body_size 0; client_body_buffer_size 64k;\n\
           client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path f; uwsgi_temp_path u; scgi_temp_path s;\n\
           upstream service {{ server {service}; keepalive 128; keepalive_requests 1000000000; }}\n\
           server {{\n\
             listen {listen} reuseport backlog=1024;\n\
             location / {{\n\
               proxy_pass http://service; proxy_http_version 1.1; proxy_set_header Connection \"\";\n\
               proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;\n\
               proxy_set_header X-Forwarded-Host $host; proxy_set_header X-Forwarded-Proto $scheme;\n\
               proxy_request_buffering off; proxy_buffers 16 16k; proxy_buffer_size 16k; proxy_max_temp_file_size 0;\n\
             }}\n\
           }}\n\
         }}\n"
    )
}

/// A thread for each core, connections of both sides kept and shared, nothing logged.
fn haproxy(listen: SocketAddr, service: SocketAddr) -> String {
    format!(
        "global\n nbthread 2\n maxconn 4096\n\
         defaults\n mode http\n timeout connect 3s\n timeout client 60s\n timeout server 60s\n\
         \x20option http-keep-alive\n http-reuse always\n\
         frontend clients\n bind {listen}\n option forwardfor\n\
         \x20http-request set-header X-Forwarded-Host %[req.hdr(host)]\n\
         \x20http-request set-header X-Forwarded-Proto http\n default_backend service\n\
         backend service\n server one {service} pool-max-conn 128\n"
    )
}

/// As it comes, but for what has to be said.
fn seawall((listen, api): (SocketAddr, SocketAddr), service: SocketAddr, directory: &Path) -> String {
    let journal = directory.join("journal");
    format!(
        "[server]\nlisten = \"{api}\"\n[journal]\ndir = \"{}\"\n\
         [[proxy]]\nlisten = \"{listen}\"\nprimary = \"http://{service}\"\n",
        journal.display()
    )
}

impl Running {
    /// It and its workers.
    fn processes(&self) -> Vec<u32> {
        let own = self.child.id();
        let children = fs::read_to_string(format!("/proc/{own}/task/{own}/children")).unwrap_or_default();
        std::iter::once(own).chain(children.split_whitespace().filter_map(|word| word.parse().ok())).collect()
    }

    /// The most memory that it had, that of its workers added up.
    pub(crate) fn peak(&self) -> u64 {
        let peak = |process| {
            let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
            let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
            line.trim().trim_end_matches(" kB").parse::<u64>().ok()
        };
        self.processes().into_iter().filter_map(peak).sum::<u64>() * 1024
    }

    /// Processor time of it and its workers, to a hundredth of a second.
    pub(crate) fn processor_time(&self) -> Duration {
        let ticks = |process| {
            let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
            // The name stands in brackets and may hold anything; user and system time are the 12th and 13th behind it.
            let words = stat.rsplit_once(')')?.1.split_whitespace().skip(11).take(2);
            Some(words.filter_map(|word| word.parse::<u64>().ok()).sum::<u64>())
        };
        Duration::from_millis(self.processes().into_iter().filter_map(ticks).sum::<u64>() * 10)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // nginx ends its workers only if it is told.
        match self.stop.take() {
            Some(mut stop) => drop(stop.stderr(Stdio::null()).status()),
            None => self.child.kill().unwrap(),
        }
        self.child.wait().unwrap();
    }
}
