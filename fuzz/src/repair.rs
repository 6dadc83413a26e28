//! Makes the checksums of a file right, except where its control bytes say otherwise.
//!
//! Written anew and not taken from the decoders, so that a mistake there is not repeated here.

use crc_fast::{CrcAlgorithm, Digest, checksum};

use crate::control::Control;

pub const PAGE: usize = 32 * 1024;

pub fn crc32c(bytes: &[u8]) -> u32 {
    checksum(CrcAlgorithm::Crc32Iscsi, bytes) as u32
}

pub fn crc32_ieee(bytes: &[u8]) -> u32 {
    checksum(CrcAlgorithm::Crc32IsoHdlc, bytes) as u32
}

/// A Prometheus segment: the fragments as their lengths chain them, a length cut to its page.
pub fn segment(control: Control, file: &mut [u8]) {
    let (mut at, mut frame) = (0, 0);
    while at < file.len() {
        let room = PAGE - at % PAGE;
        if room < 7 || file[at] == 0 || file.len() - at < 7 {
            at += room;
            continue;
        }
        let mut len = usize::from(u16::from_be_bytes([file[at + 1], file[at + 2]]));
        if control.repairs(frame) {
            len = len.min(room - 7).min(file.len() - at - 7);
            file[at + 1..at + 3].copy_from_slice(&(len as u16).to_be_bytes());
            let sum = crc32c(&file[at + 7..at + 7 + len]);
            file[at + 3..at + 7].copy_from_slice(&sum.to_be_bytes());
        }
        at += 7 + len;
        frame += 1;
    }
}

/// A file of `chunks_head`.
pub fn head_chunks(control: Control, file: &mut [u8]) {
    let (mut at, mut frame) = (8, 0);
    while at + 30 <= file.len() {
        if file[at..at + 8] == [0; 8] {
            at += 1;
            continue;
        }
        let Some((len, width)) = uvarint(&file[at + 25..]) else { return };
        let end = (at + 25 + width).saturating_add(len as usize);
        if end.saturating_add(4) > file.len() {
            return;
        }
        if control.repairs(frame) {
            let sum = crc32c(&file[at..end]);
            file[end..end + 4].copy_from_slice(&sum.to_be_bytes());
        }
        at = end + 4;
        frame += 1;
    }
}

/// A job log of either rule of lengths, which the stretch chooses.
pub fn arwal(control: Control, file: &mut [u8]) {
    let (mut at, mut frame) = (16, 0);
    while at + 4 <= file.len() {
        let length = u32::from_le_bytes(file[at..at + 4].try_into().expect("four bytes")) as usize;
        let end = at.saturating_add(length).saturating_add(if control.stretch & 1 == 0 { 0 } else { 4 });
        if end < at + 32 || end > file.len() {
            return;
        }
        if control.repairs(frame) {
            let sum = checksum(CrcAlgorithm::Crc64Nvme, &file[at + 4..end - 8]);
            file[end - 8..end].copy_from_slice(&sum.to_le_bytes());
        }
        at = end;
        frame += 1;
    }
}

/// A `-wal` file of SQLite: salts and checksums, each going on from what is stored before.
pub fn sqlite_wal(control: Control, file: &mut [u8]) {
    if file.len() < 32 {
        return;
    }
    let is_big = file[3] & 1 == 1;
    if control.repairs(0) {
        let sum = sqlite_sum(is_big, (0, 0), &file[..24]);
        put_sum(&mut file[24..32], sum, true);
    }
    let page = u32::from_be_bytes(file[8..12].try_into().expect("four bytes")) as usize;
    if !(512..=65536).contains(&page) {
        return;
    }
    let salts: [u8; 8] = file[16..24].try_into().expect("eight bytes");
    let mut sum = stored_sum(&file[24..32]);
    for (number, frame) in file[32..].chunks_exact_mut(24 + page).enumerate() {
        if control.repairs(number + 1) {
            frame[8..16].copy_from_slice(&salts);
            let next = sqlite_sum(is_big, sqlite_sum(is_big, sum, &frame[..8]), &frame[24..]);
            put_sum(&mut frame[16..24], next, true);
        }
        sum = stored_sum(&frame[16..24]);
    }
}

/// The first bytes of a `-shm` file.
pub fn sqlite_shm(control: Control, file: &mut [u8]) {
    if file.len() < 96 {
        return;
    }
    let is_big = file[0] == 0;
    if control.repairs(62) {
        let sum = sqlite_sum(is_big, (0, 0), &file[..40]);
        put_sum(&mut file[40..48], sum, is_big);
    }
    if control.repairs(63) {
        file.copy_within(..48, 48);
    }
}

fn sqlite_sum(is_big: bool, sum: (u32, u32), bytes: &[u8]) -> (u32, u32) {
    let word = |bytes: &[u8]| {
        let bytes = bytes.try_into().expect("four bytes");
        if is_big { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
    };
    bytes.chunks_exact(8).fold(sum, |(first, second), pair| {
        let first = first.wrapping_add(word(&pair[..4])).wrapping_add(second);
        (first, second.wrapping_add(word(&pair[4..])).wrapping_add(first))
    })
}

fn stored_sum(bytes: &[u8]) -> (u32, u32) {
    let word = |bytes: &[u8]| u32::from_be_bytes(bytes.try_into().expect("four bytes"));
    (word(&bytes[..4]), word(&bytes[4..]))
}

fn put_sum(place: &mut [u8], (first, second): (u32, u32), is_big: bool) {
    let bytes = |word: u32| if is_big { word.to_be_bytes() } else { word.to_le_bytes() };
    place[..4].copy_from_slice(&bytes(first));
    place[4..].copy_from_slice(&bytes(second));
}

/// A file of etcd, whose records have to be written anew: the size of a checksum depends on its value.
pub fn etcd(control: Control, file: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let (mut at, mut frame, mut sum) = (0, 0, 0);
    while let Some((field, rest)) = file[at..].split_first_chunk::<8>() {
        let field = u64::from_le_bytes(*field);
        let record = (field & !(0xff << 56)) as usize;
        let padding = if field >> 63 == 0 { 0 } else { (field >> 56 & 7) as usize };
        let parsed = rest.get(..record).and_then(etcd_record);
        let whole = 8 + record.saturating_add(padding);
        match parsed.filter(|_| control.repairs(frame) && whole <= file.len() - at) {
            Some((kind, data)) => {
                let mut digest = Digest::new_with_init_state(CrcAlgorithm::Crc32Iscsi, u64::from(!sum));
                digest.update(data);
                sum = if kind == 4 { sum } else { digest.finalize() as u32 };
                put_etcd(kind, sum, data, &mut out);
                at += whole;
            }
            None => {
                let taken = if whole <= file.len() - at && record > 0 { whole } else { 8 };
                out.extend_from_slice(&file[at..at + taken]);
                at += taken;
            }
        }
        frame += 1;
    }
    out.extend_from_slice(&file[at..]);
    out
}

/// Type and data of a record.
fn etcd_record(record: &[u8]) -> Option<(u64, &[u8])> {
    let (mut at, mut kind, mut data) = (0, None, &[][..]);
    while at < record.len() {
        let (tag, width) = uvarint(&record[at..])?;
        at += width;
        let (value, width) = uvarint(&record[at..])?;
        at += width;
        match tag {
            0x08 => kind = Some(value),
            0x10 => {}
            0x1a => {
                data = record.get(at..at.checked_add(value as usize)?)?;
                at += value as usize;
            }
            _ => return None,
        }
    }
    Some((kind?, data))
}

/// Writes a frame as etcd does.
pub fn put_etcd(kind: u64, sum: u32, data: &[u8], out: &mut Vec<u8>) {
    let mut record = vec![0x08];
    put_uvarint(kind, &mut record);
    record.push(0x10);
    put_uvarint(sum.into(), &mut record);
    if kind != 4 || !data.is_empty() {
        record.push(0x1a);
        put_uvarint(data.len() as u64, &mut record);
        record.extend_from_slice(data);
    }
    let padding = (8 - record.len() % 8) % 8;
    let top = if padding == 0 { 0 } else { 0x80 | padding as u64 };
    out.extend_from_slice(&(record.len() as u64 | top << 56).to_le_bytes());
    out.extend_from_slice(&record);
    out.resize(out.len() + padding, 0);
}

fn put_uvarint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn uvarint(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut value = 0u64;
    for (index, &byte) in bytes.iter().take(10).enumerate() {
        value |= u64::from(byte & 0x7f).checked_shl(7 * index as u32)?;
        if byte < 0x80 {
            return Some((value, index + 1));
        }
    }
    None
}

/// Offset of the first frame of a journal's segment.
const JOURNAL_HEADER: usize = 4096;

/// The frames of a segment of a journal, each at a multiple of eight: mark, length and sum.
pub fn journal(control: Control, (id, number): (u128, u64), file: &mut [u8]) {
    let mut begun = Digest::new(CrcAlgorithm::Crc64Nvme);
    begun.update(&id.to_le_bytes());
    begun.update(&number.to_le_bytes());
    let mark = (begun.finalize() as u32) | 1;
    let (mut at, mut frame) = (JOURNAL_HEADER, 0);
    while at + 56 <= file.len() {
        let stated = u32::from_le_bytes(file[at + 4..at + 8].try_into().expect("four bytes")) as usize;
        let length = stated.clamp(48, 4096).min(file.len() - at - 8);
        let padded = length.next_multiple_of(8);
        if at + padded + 8 > file.len() {
            return;
        }
        if control.repairs(frame) {
            file[at..at + 4].copy_from_slice(&mark.to_le_bytes());
            file[at + 4..at + 8].copy_from_slice(&(length as u32).to_le_bytes());
            let mut sum = begun;
            sum.update(&(at as u64).to_le_bytes());
            sum.update(&file[at..at + padded]);
            file[at + padded..at + padded + 8].copy_from_slice(&sum.finalize().to_le_bytes());
        }
        at += padded + 8;
        frame += 1;
    }
}
