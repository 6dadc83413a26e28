//! Checksums, named by what they are.

#![expect(clippy::little_endian_bytes, reason = "a reflected CRC takes the lowest byte first")]
#![expect(clippy::indexing_slicing, reason = "a table that is built at compile time")]

use crc_fast::{CrcAlgorithm, Digest, checksum};

#[expect(clippy::cast_possible_truncation, reason = "a 32-bit algorithm leaves the upper half zero")]
fn sum32(algorithm: CrcAlgorithm, bytes: &[u8]) -> u32 {
    checksum(algorithm, bytes) as u32
}

/// CRC-32C (Castagnoli): Prometheus, PostgreSQL, etcd.
pub(crate) fn crc32c(bytes: &[u8]) -> u32 {
    sum32(CrcAlgorithm::Crc32Iscsi, bytes)
}

/// The length of the shortest prefix of `bytes`, not empty, whose CRC-32C is `wanted`.
///
/// Byte by byte, since every prefix counts: for damaged bytes only.
pub(crate) fn crc32c_prefix(bytes: &[u8], wanted: u32) -> Option<usize> {
    let mut state = u32::MAX;
    for (at, &byte) in bytes.iter().enumerate() {
        let low = usize::from(state.to_le_bytes()[0] ^ byte);
        state = (state >> 8) ^ CRC32C_TABLE.get(low)?;
        if !state == wanted {
            return Some(at + 1);
        }
    }
    None
}

const CRC32C_TABLE: [u32; 256] = crc32c_table();

const fn crc32c_table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256u32 {
        let mut value = byte;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 == 1 { (value >> 1) ^ 0x82f6_3b78 } else { value >> 1 };
            bit += 1;
        }
        table[byte as usize] = value;
        byte += 1;
    }
    table
}

/// A CRC-32C that is fed in pieces, and can go on from a finished one.
pub(crate) struct Crc32c(Digest);

impl Crc32c {
    /// The sum of nothing.
    pub(crate) fn new() -> Self {
        Self(Digest::new(CrcAlgorithm::Crc32Iscsi))
    }

    /// Goes on where the finished sum `earlier` stopped, as Go's `crc32.Update` does.
    pub(crate) fn after(earlier: u32) -> Self {
        // Finishing inverts all bits of the state; inverting them again restores it.
        Self(Digest::new_with_init_state(CrcAlgorithm::Crc32Iscsi, u64::from(!earlier)))
    }

    /// Adds bytes.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The sum of all bytes added.
    #[expect(clippy::cast_possible_truncation, reason = "a 32-bit algorithm leaves the upper half zero")]
    pub(crate) fn finish(&self) -> u32 {
        self.0.finalize() as u32
    }
}

/// CRC-32 (IEEE, as in zip): `InfluxDB` 3.
pub(crate) fn crc32_ieee(bytes: &[u8]) -> u32 {
    sum32(CrcAlgorithm::Crc32IsoHdlc, bytes)
}

/// [`crc32_ieee`] of bytes that come piece by piece.
pub(crate) struct RunningCrc32(Digest);

impl RunningCrc32 {
    /// The sum of nothing.
    pub(crate) fn new() -> Self {
        Self(Digest::new(CrcAlgorithm::Crc32IsoHdlc))
    }

    /// Adds the next bytes.
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The sum of all bytes so far.
    #[expect(clippy::cast_possible_truncation, reason = "a 32-bit algorithm leaves the upper half zero")]
    pub(crate) fn sum(&self) -> u32 {
        self.0.finalize() as u32
    }
}

/// CRC-64/NVME: ARWAL001.
pub(crate) fn crc64_nvme(bytes: &[u8]) -> u64 {
    checksum(CrcAlgorithm::Crc64Nvme, bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_check_values_hold() {
        let check = b"123456789";
        assert_eq!(crc32c(check), 0xe306_9283);
        assert_eq!(crc32c_prefix(b"123456789 and more", crc32c(check)), Some(check.len()));
        assert_eq!(crc32_ieee(check), 0xcbf4_3926);
        assert_eq!(crc64_nvme(check), 0xae8b_1486_0a79_9888);
    }

    #[test]
    fn a_sum_in_pieces_is_the_sum_of_the_whole() {
        let whole: Vec<u8> = (0..1000u32).map(|n| (n % 253) as u8).collect();
        for cut in [0, 1, 7, 500, 999, 1000] {
            let (front, back) = whole.split_at(cut);
            let mut pieces = Crc32c::new();
            pieces.update(front);
            let mut resumed = Crc32c::after(pieces.finish());
            resumed.update(back);
            pieces.update(back);
            assert_eq!((pieces.finish(), resumed.finish()), (crc32c(&whole), crc32c(&whole)));
        }
    }

    #[test]
    fn a_sum_does_not_depend_on_the_pieces() {
        let mut running = RunningCrc32::new();
        running.add(b"1234");
        running.add(b"56789");
        assert_eq!(running.sum(), crc32_ieee(b"123456789"));
    }
}
