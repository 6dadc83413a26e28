//! Keeps write-ahead logs from taking systems down.

fn main() {}
