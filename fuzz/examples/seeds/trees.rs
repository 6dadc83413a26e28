//! Directories as the servers leave them.

use formats::prometheus::record::{Labels, Record, Series, SeriesRef};
use formats::prometheus::{Compression, Pages};
use fuzz::repair;
use fuzz::tree::pack;

use crate::{
    LOKI_SERIES, collect, corpus, etcd_file, head_chunks_file, kept, loki_entries, postgres, put, samples,
    whole,
};

const BLOCK: &[u8] = br#"{"ulid":"01J8Z0Q0000000000000000000","minTime":1,"maxTime":2,"version":1,"stats":{"numSamples":3,"numSeries":1,"numChunks":1},"compaction":{"level":1,"sources":["01J8Z0Q0000000000000000000"]}}"#;

pub fn write() {
    prometheus();
    let entries = loki_entries(5);
    let loki = framed(&[LOKI_SERIES, &entries, &entries]);
    tree("loki", &[("wal/00000000", &loki), ("wal/00000001", &loki)]);
    let etcd = repair::etcd(whole(), &etcd_file());
    tree(
        "etcd",
        &[("member/wal/0000000000000000-0000000000000000.wal", &etcd), ("member/wal/0.tmp", &[0; 64])],
    );
    tree("etcd-file", &[("a.wal", &etcd)]);
    let (db, wal, shm) =
        (kept("golden/sqlite.db"), kept("golden/sqlite.db-wal"), kept("golden/sqlite.db-shm"));
    tree("sqlite-file", &[("a.db", &db), ("a.db-wal", &wal), ("a.db-shm", &shm)]);
    let log = crate::arwal_log(0);
    let archive = zstd::bulk::compress(&log, 3).expect("memory can be compressed");
    tree("arwal", &[("jobs.wal", &log), ("jobs.0.wal.zst", &archive)]);
    let (control, slot) = (kept("golden/postgres-pg_control"), kept("golden/postgres-slot-state"));
    let segment = postgres::laid(&[], &[100, 1400, 24]);
    let mut later = postgres::laid(&[700], &[100, 24]);
    later[10] = 0x70;
    let later = postgres::right(later);
    tree(
        "postgres",
        &[
            ("PG_VERSION", b"15\n"),
            ("pg_wal/000000010000000000000006", &segment),
            ("pg_wal/000000010000000000000007", &later),
            ("pg_wal/archive_status/000000010000000000000006.ready", b""),
            ("global/pg_control", &control[..400]),
            ("pg_replslot/one/state", &slot),
        ],
    );
    tree("postgres-file", &[("000000010000000000000006", &segment)]);
    influxdb3();
}

fn prometheus() {
    let pairs = Labels::write_pairs([(&b"__name__"[..], &b"up"[..]), (b"job", b"x")]);
    let labels = Labels::of_pairs(&pairs).expect("whole pairs");
    let encoded = |record: Record<'_>| {
        let mut out = Vec::new();
        record.encode(&mut out);
        out
    };
    let series = encoded(Record::Series(vec![Series { series: SeriesRef(9), labels }]));
    let values = encoded(samples(10, 1000));
    let (first, second) = (framed(&[&series, &values]), framed(&[&values]));
    let mut head = head_chunks_file();
    repair::head_chunks(whole(), &mut head);
    let closed = [&[1][..], &9u64.to_be_bytes(), &[2], &pairs, &[0; 9]].concat();
    tree(
        "prometheus",
        &[
            ("wal/00000001", &first),
            ("wal/00000002", &second),
            ("wal/checkpoint.00000000/00000000", &first),
            ("wbl/00000000", &second),
            ("chunks_head/000001", &head),
            ("01J8Z0Q0000000000000000000/meta.json", BLOCK),
            ("chunk_snapshot.000002.0000000100/00000000", &framed(&[&closed])),
        ],
    );
    tree("prometheus-plain", &[("00000000", &first), ("00000001", &second), ("00000003", b"")]);
}

fn influxdb3() {
    let folder = corpus().join("influxdb3/v3.10.1/base");
    let mut files = Vec::new();
    collect(&folder, &mut files);
    let mut files: Vec<(String, Vec<u8>)> =
        files.into_iter().filter(|(_, bytes)| bytes.len() < 1500).collect();
    files.sort();
    let prefix = folder.to_string_lossy().len() + 1;
    let files: Vec<(&str, &[u8])> =
        files.iter().take(8).map(|(path, bytes)| (&path[prefix..], bytes.as_slice())).collect();
    tree("influxdb3", &files);
}

fn framed(records: &[&[u8]]) -> Vec<u8> {
    let mut pages = Pages::default();
    records.iter().for_each(|record| pages.log(record, Compression::None));
    pages.bytes().to_vec()
}

fn tree(name: &str, files: &[(&str, &[u8])]) {
    let how = if name.ends_with("-file") { 8 } else { 32 };
    put("detect", name, &[&[how][..], &pack(files.iter().copied())].concat());
}
