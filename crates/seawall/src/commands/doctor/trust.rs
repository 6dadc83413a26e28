//! What the facts mean: reasons not to trust syncs, and what else wants attention. A pure function.
//!
//! Nothing here ever says that a disk is honest. A sync that does not reach the medium looks like one that does until the
//! power fails; only its speed, and what the kernel knows about the path, can speak against it.

use std::time::Duration;

use super::{Facts, Latency, Method};
use crate::limits::Severity;
use crate::show::units;

/// Half of the syncs faster than this: less than a command to any disk and its answer take.
const IMPOSSIBLE: Duration = Duration::from_micros(8);

/// The same for a disk that turns: a quarter of a turn of the fastest.
const IMPOSSIBLE_TURNING: Duration = Duration::from_millis(1);

/// How much longer a write takes that is synced, at least, if syncing does anything.
const COSTS: u32 = 2;

/// A synced append that is slower is felt: what the alert on `wal_append_duration_seconds` says.
const SLOW: Duration = Duration::from_millis(10);

/// Shares of free space and inodes below which there is too little.
const SCARCE: u64 = 10;

/// File systems that are in memory alone, and those whose server or host decides what a sync does.
const IN_MEMORY: [&str; 3] = ["tmpfs", "ramfs", "devtmpfs"];
const REMOTE: [&str; 9] = ["nfs", "nfs4", "cifs", "smb3", "9p", "virtiofs", "ceph", "glusterfs", "fuse"];

/// Whether what is synced may be taken to be on the medium.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trust {
    /// It is not: there is no medium, or syncs are turned off.
    Lost,
    /// Something speaks against it.
    Doubtful,
    /// Nothing that can be seen speaks against it.
    NoObjection,
}

/// Something that wants attention.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Remark {
    pub(crate) code: &'static str,
    pub(crate) severity: Severity,
    pub(crate) message: String,
    pub(crate) advice: &'static str,
    /// Whether it is about what syncs do.
    about: About,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum About {
    Sync,
    Rest,
}

impl Trust {
    /// What it is called.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Trust::Lost => "lost",
            Trust::Doubtful => "doubtful",
            Trust::NoObjection => "no-objection",
        }
    }

    /// It, in a sentence.
    pub(crate) fn told(self) -> &'static str {
        match self {
            Trust::Lost => "what is synced here is lost when the machine loses power",
            Trust::Doubtful => "syncs here cannot be relied on as they are",
            Trust::NoObjection => "nothing that can be seen speaks against the syncs of this disk",
        }
    }

    /// What nobody can see from here.
    pub(crate) fn unknown() -> &'static str {
        "whether the device, its controller or its host keeps what it says it has flushed; cutting its power while \
         something writes is the only proof"
    }
}

/// All that wants attention, the worst first, and whether syncs may be trusted.
pub(super) fn judged(facts: &Facts) -> (Trust, Vec<Remark>) {
    let checks = [numbed, memory, barriers, remote, speed, host, slow, space, inodes];
    let mut remarks: Vec<Remark> = checks.iter().filter_map(|check| check(facts)).collect();
    remarks.sort_by_key(|remark| std::cmp::Reverse(remark.severity));
    let of_sync = remarks.iter().filter(|remark| remark.about == About::Sync);
    let trust = match of_sync.map(|remark| remark.severity).max() {
        None => Trust::NoObjection,
        Some(Severity::Warning) => Trust::Doubtful,
        Some(Severity::Critical) => Trust::Lost,
    };
    (trust, remarks)
}

fn remark(
    (code, about, severity): (&'static str, About, Severity),
    message: impl Into<String>,
    advice: &'static str,
) -> Remark {
    Remark { code, severity, message: message.into(), advice, about }
}

fn numbed(facts: &Facts) -> Option<Remark> {
    let what = "libeatmydata is preloaded, which turns every sync into nothing";
    let advice = "start programs without LD_PRELOAD=libeatmydata.so";
    facts.is_numbed.then(|| remark(("no-sync", About::Sync, Severity::Critical), what, advice))
}

fn kind(facts: &Facts) -> &str {
    facts.mount.as_ref().map_or("", |mount| mount.kind.as_str())
}

fn memory(facts: &Facts) -> Option<Remark> {
    let what = format!("{} lies in memory, and is empty after a restart", kind(facts));
    let advice = "put the log on a disk";
    let is_so = IN_MEMORY.contains(&kind(facts));
    is_so.then(|| remark(("in-memory", About::Sync, Severity::Critical), what, advice))
}

/// Without barriers a sync is not told to the device; that matters where it says that it keeps writes back.
fn barriers(facts: &Facts) -> Option<Remark> {
    let off = ["nobarrier", "barrier=0", "barrier=off"];
    let options = facts.mount.iter().flat_map(|mount| &mount.options);
    let option = options.into_iter().find(|option| off.contains(&option.as_str()))?;
    let is_through = !facts.devices.is_empty()
        && facts.devices.iter().all(|device| device.write_cache.as_deref() == Some("write through"));
    if is_through {
        return None;
    }
    let what =
        format!("the file system is mounted with {option}, so a sync leaves writes in the disk's cache");
    Some(remark(("no-barriers", About::Sync, Severity::Critical), what, "mount it without that option"))
}

fn remote(facts: &Facts) -> Option<Remark> {
    let kind = kind(facts);
    let is_remote = REMOTE.contains(&kind) || kind.starts_with("fuse.");
    let what = format!("{kind} hands syncs on to a server or a host, which decides what they do");
    let advice = "ask what that does with a sync (an NFS export has to be sync, not async), or use a disk of this machine";
    is_remote.then(|| remark(("not-local", About::Sync, Severity::Warning), what, advice))
}

/// The way in which the journal appends.
fn journals(facts: &Facts) -> Option<&Latency> {
    facts.latencies.iter().find(|one| one.method == Method::Fdatasync && one.is_preallocated())
}

fn speed(facts: &Facts) -> Option<Remark> {
    let synced = journals(facts)?.p50;
    let unsynced = facts.latencies.iter().find(|one| one.method == Method::Unsynced)?.p50;
    let turns = facts.devices.iter().any(|device| device.is_rotational == Some(true) && !device.is_virtual());
    // What lies in memory is told already.
    if IN_MEMORY.contains(&kind(facts)) {
        return None;
    }
    let shown = units::short(synced);
    let what = if turns && synced < IMPOSSIBLE_TURNING {
        format!("half of the synced writes take less than {shown}, which no disk that turns can do")
    } else if synced < IMPOSSIBLE {
        format!("half of the synced writes take less than {shown}, which no disk can do")
    } else if synced < unsynced * COSTS {
        format!("a synced write takes {shown}, hardly longer than one without a sync")
    } else {
        return None;
    };
    let advice = "a controller with a battery may answer so; without one, syncs end in a cache: turn that off, or ask the host \
                  what its disks do with flushes";
    Some(remark(("too-fast", About::Sync, Severity::Warning), what, advice))
}

fn host(facts: &Facts) -> Option<Remark> {
    let device = facts.devices.iter().find(|device| device.is_virtual() && !device.is_write_back())?;
    let what =
        format!("{} is a virtual disk that takes no flushes: its host decides what is kept", device.name);
    let advice = "have the host use cache=none, writethrough or writeback for it, and not unsafe";
    Some(remark(("virtual-disk", About::Sync, Severity::Warning), what, advice))
}

fn slow(facts: &Facts) -> Option<Remark> {
    let p99 = journals(facts)?.p99;
    let what = format!("one of a hundred synced appends takes longer than {}", units::short(p99));
    let advice = "use a faster disk, or one with less to do; appends that wait for the same sync share it";
    (p99 > SLOW).then(|| remark(("slow-sync", About::Rest, Severity::Warning), what, advice))
}

fn space(facts: &Facts) -> Option<Remark> {
    let (free, total) = (facts.room.free, facts.room.total);
    let what = format!("{} of {} are free", units::size(free), units::size(total));
    let advice = "make room, or move the log to a larger disk";
    is_scarce(free, total).then(|| remark(("little-space", About::Rest, Severity::Warning), what, advice))
}

fn inodes(facts: &Facts) -> Option<Remark> {
    let (free, total) = facts.room.inodes?;
    let what = format!("{} of {} inodes are free", units::count(free), units::count(total));
    let advice = "remove small files that nobody needs; a file system cannot be given more of them later";
    is_scarce(free, total).then(|| remark(("few-inodes", About::Rest, Severity::Warning), what, advice))
}

fn is_scarce(free: u64, total: u64) -> bool {
    u128::from(free) * 100 < u128::from(total) * u128::from(SCARCE)
}

#[cfg(test)]
mod tests {
    use super::super::latency::Ground;
    use super::super::{Device, Mount, Room};
    use super::*;

    fn latency(method: Method, micros: u64) -> Latency {
        let (p50, p99) = (Duration::from_micros(micros), Duration::from_micros(micros * 2));
        Latency { method, ground: Ground::Preallocated, writes: 100, p50, p99, max: p99 }
    }

    fn facts(kind: &str, options: &[&str], device: Device, micros: u64) -> Facts {
        Facts {
            path: "/x".into(),
            mount: Some(Mount {
                kind: kind.to_owned(),
                source: "/dev/x".to_owned(),
                point: "/".into(),
                options: options.iter().map(|option| (*option).to_owned()).collect(),
            }),
            room: Room { free: 50, total: 100, inodes: Some((50, 100)) },
            devices: vec![device],
            is_numbed: false,
            latencies: vec![latency(Method::Unsynced, 2), latency(Method::Fdatasync, micros)],
        }
    }

    fn solid(name: &str, cache: &str) -> Device {
        let write_cache = Some(cache.to_owned());
        Device { name: name.to_owned(), model: None, is_rotational: Some(false), write_cache }
    }

    fn turning(name: &str, cache: &str) -> Device {
        Device { is_rotational: Some(true), ..solid(name, cache) }
    }

    fn codes(facts: &Facts) -> (Trust, Vec<&'static str>) {
        let (trust, remarks) = judged(facts);
        (trust, remarks.iter().map(|remark| remark.code).collect())
    }

    #[test]
    fn a_disk_is_doubted_for_what_can_be_seen_and_never_called_honest() {
        let nvme = || solid("nvme0n1", "write back");
        let told = [
            (facts("ext4", &["rw"], nvme(), 900), Trust::NoObjection, vec![]),
            (facts("tmpfs", &["rw"], nvme(), 3), Trust::Lost, vec!["in-memory"]),
            (facts("xfs", &["nobarrier"], nvme(), 900), Trust::Lost, vec!["no-barriers"]),
            (facts("xfs", &["nobarrier"], solid("sda", "write through"), 900), Trust::NoObjection, vec![]),
            (facts("nfs4", &["rw"], nvme(), 900), Trust::Doubtful, vec!["not-local"]),
            (facts("fuse.sshfs", &["rw"], nvme(), 900), Trust::Doubtful, vec!["not-local"]),
            (facts("ext4", &["rw"], nvme(), 5), Trust::Doubtful, vec!["too-fast"]),
            (facts("ext4", &["rw"], turning("sda", "write back"), 300), Trust::Doubtful, vec!["too-fast"]),
            (facts("ext4", &["rw"], turning("vda", "write back"), 300), Trust::NoObjection, vec![]),
            (
                facts("ext4", &["rw"], turning("vda", "write through"), 300),
                Trust::Doubtful,
                vec!["virtual-disk"],
            ),
            (facts("ext4", &["rw"], nvme(), 6000), Trust::NoObjection, vec!["slow-sync"]),
        ];
        for (facts, trust, expected) in told {
            assert_eq!(codes(&facts), (trust, expected), "{:?} {:?}", facts.mount, facts.devices);
        }
        let numbed = Facts { is_numbed: true, ..facts("ext4", &[], nvme(), 900) };
        assert_eq!(codes(&numbed), (Trust::Lost, vec!["no-sync"]));
        let full = Facts {
            room: Room { free: 9, total: 100, inodes: Some((9, 100)) },
            ..facts("ext4", &[], nvme(), 900)
        };
        assert_eq!(codes(&full), (Trust::NoObjection, vec!["little-space", "few-inodes"]));
    }
}
