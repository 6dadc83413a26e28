//! `seawall doctor disk`: what an append costs on a disk, and whether its syncs may be trusted.
//!
//! | file | does |
//! |---|---|
//! | `mount.rs` | the file system of a directory, as the kernel lists it |
//! | `device.rs` | the disks below it, as sysfs describes them |
//! | `latency.rs` | measures appends, in a file that leaves nothing behind |
//! | `trust.rs` | what all that means: a pure function |

mod device;
mod latency;
mod mount;
mod trust;

use std::env;
use std::path::{Path, PathBuf};

use rustix::fs::{stat, statvfs};
use serde_json::{Value, json};

use crate::cli::{DiskArgs, Doctor, Form};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::limits::Severity;
use crate::show::{self, Screen};
pub(crate) use device::Device;
pub(crate) use latency::{Latency, Method};
pub(crate) use mount::Mount;
pub(crate) use trust::{Remark, Trust};

/// What was found out about a disk.
pub(crate) struct Facts {
    pub(crate) path: PathBuf,
    pub(crate) mount: Option<Mount>,
    pub(crate) room: Room,
    pub(crate) devices: Vec<Device>,
    /// Whether a library is loaded that turns syncs into nothing.
    pub(crate) is_numbed: bool,
    pub(crate) latencies: Vec<Latency>,
}

/// What is free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Room {
    pub(crate) free: u64,
    pub(crate) total: u64,
    /// Files that may still be made, and of how many; nothing where the file system does not count them.
    pub(crate) inodes: Option<(u64, u64)>,
}

/// Looks at what was asked for.
pub(crate) fn run(what: &Doctor, form: Form, screen: &Screen) -> Result<Exit, Failure> {
    let Doctor::Disk(args) = what;
    let facts = facts(args)?;
    let (trust, remarks) = trust::judged(&facts);
    match form {
        Form::Json => show::print_json(&document(&facts, trust, &remarks))?,
        Form::Text => show::print(&show::disk(&facts, trust, &remarks, screen))?,
    }
    let worst = remarks.iter().map(|remark| remark.severity).max();
    Ok(match worst {
        None => Exit::Fine,
        Some(Severity::Warning) => Exit::Attention,
        Some(Severity::Critical) => Exit::Damage,
    })
}

fn facts(args: &DiskArgs) -> Result<Facts, Failure> {
    let refuse = |source| Failure::Room { path: args.dir.clone(), source };
    let path = args.dir.canonicalize().map_err(refuse)?;
    let device = stat(&path).map_err(|error| refuse(error.into()))?.st_dev;
    let mount = mount::of(&path, device);
    let room = room(&path).map_err(refuse)?;
    let preloaded = env::var_os("LD_PRELOAD").unwrap_or_default();
    Ok(Facts {
        devices: device::below(device),
        is_numbed: preloaded.to_string_lossy().contains("eatmydata"),
        latencies: latency::measured(&path, args.time.duration(), room.free)?,
        path,
        mount,
        room,
    })
}

fn room(path: &Path) -> std::io::Result<Room> {
    let stat = statvfs(path)?;
    Ok(Room {
        free: stat.f_bavail.saturating_mul(stat.f_frsize),
        total: stat.f_blocks.saturating_mul(stat.f_frsize),
        inodes: (stat.f_files > 0).then_some((stat.f_favail, stat.f_files)),
    })
}

fn document(facts: &Facts, trust: Trust, remarks: &[Remark]) -> Value {
    let mount = facts.mount.as_ref().map(|mount| {
        json!({"type": mount.kind, "source": mount.source, "mount_point": mount.point, "options": mount.options})
    });
    let device = |device: &Device| {
        json!({
            "name": device.name, "model": device.model, "rotational": device.is_rotational,
            "write_cache": device.write_cache, "virtual": device.is_virtual(),
        })
    };
    let latency = |one: &Latency| {
        json!({
            "method": one.method.name(), "preallocated": one.is_preallocated(), "writes": one.writes,
            "p50_seconds": one.p50.as_secs_f64(), "p99_seconds": one.p99.as_secs_f64(),
            "max_seconds": one.max.as_secs_f64(),
        })
    };
    let remark = |remark: &Remark| {
        json!({
            "code": remark.code, "severity": remark.severity.name(), "message": remark.message,
            "advice": remark.advice,
        })
    };
    json!({
        "path": facts.path.to_string_lossy(),
        "filesystem": mount,
        "free_bytes": facts.room.free,
        "total_bytes": facts.room.total,
        "free_inodes": facts.room.inodes.map(|(free, _)| free),
        "total_inodes": facts.room.inodes.map(|(_, total)| total),
        "devices": facts.devices.iter().map(device).collect::<Vec<_>>(),
        "write_bytes": latency::WRITE,
        "latency": facts.latencies.iter().map(latency).collect::<Vec<_>>(),
        "sync": trust.name(),
        "unknown": Trust::unknown(),
        "findings": remarks.iter().map(remark).collect::<Vec<_>>(),
    })
}
