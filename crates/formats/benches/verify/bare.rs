//! The raw limit: what reading, checksumming and decompressing the same bytes costs at least.

#![expect(
    clippy::indexing_slicing,
    clippy::big_endian_bytes,
    clippy::cast_possible_truncation,
    reason = "bare on purpose"
)]

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crc_fast::{CrcAlgorithm, checksum};

const PAGE: usize = 32 * 1024;
const BLOCK: usize = 8 * PAGE;

/// Reads every segment in `wal` and returns how many bytes came out of decompression.
pub(crate) fn run(wal: &Path) -> u64 {
    let mut files: Vec<_> =
        std::fs::read_dir(wal).expect("a directory").filter_map(|file| Some(file.ok()?.path())).collect();
    files.sort();
    let mut loop_ = Loop::default();
    for file in files {
        let mut file = File::open(file).expect("a file");
        let mut block = vec![0; BLOCK];
        loop {
            let mut len = 0;
            while len < BLOCK {
                match file.read(&mut block[len..]).expect("readable") {
                    0 => break,
                    read => len += read,
                }
            }
            block[..len].chunks(PAGE).for_each(|page| loop_.page(page));
            if len < BLOCK {
                break;
            }
        }
    }
    loop_.unpacked
}

#[derive(Default)]
struct Loop {
    joined: Vec<u8>,
    out: Vec<u8>,
    unpacked: u64,
}

impl Loop {
    fn page(&mut self, page: &[u8]) {
        let mut at = 0;
        while at + 7 <= page.len() && page[at] & 7 != 0 {
            let len = usize::from(page[at + 1]) << 8 | usize::from(page[at + 2]);
            let wanted = u32::from_be_bytes(page[at + 3..at + 7].try_into().expect("four bytes"));
            let data = &page[at + 7..at + 7 + len];
            assert_eq!(checksum(CrcAlgorithm::Crc32Iscsi, data) as u32, wanted);
            match page[at] & 7 {
                1 => self.unpack(page[at], None, data),
                2 => {
                    self.joined.clear();
                    self.joined.extend_from_slice(data);
                }
                kind => {
                    self.joined.extend_from_slice(data);
                    if kind == 4 {
                        self.unpack(page[at], Some(()), &[]);
                    }
                }
            }
            at += 7 + len;
        }
    }

    fn unpack(&mut self, kind: u8, joined: Option<()>, data: &[u8]) {
        let data = if joined.is_some() { &self.joined } else { data };
        self.unpacked += match kind & 0x18 {
            0x08 => {
                let len = snap::raw::decompress_len(data).expect("snappy");
                if self.out.len() < len {
                    self.out.resize(len, 0);
                }
                snap::raw::Decoder::new().decompress(data, &mut self.out[..len]).expect("snappy") as u64
            }
            0x10 => ZSTD.with(|zstd| {
                let len = zstd::zstd_safe::get_frame_content_size(data).expect("zstd").expect("a size");
                let len = usize::try_from(len).expect("small");
                if self.out.len() < len {
                    self.out.resize(len, 0);
                }
                zstd.borrow_mut().decompress_to_buffer(data, &mut self.out[..len]).expect("zstd") as u64
            }),
            _ => data.len() as u64,
        };
    }
}

thread_local! {
    static ZSTD: std::cell::RefCell<zstd::bulk::Decompressor<'static>> =
        std::cell::RefCell::new(zstd::bulk::Decompressor::new().expect("zstd"));
}
