//! Checksums, named by what they are.

use crc_fast::{CrcAlgorithm, Digest, checksum};

#[expect(clippy::cast_possible_truncation, reason = "a 32-bit algorithm leaves the upper half zero")]
fn sum32(algorithm: CrcAlgorithm, bytes: &[u8]) -> u32 {
    checksum(algorithm, bytes) as u32
}

/// CRC-32C (Castagnoli): Prometheus, PostgreSQL, etcd.
pub(crate) fn crc32c(bytes: &[u8]) -> u32 {
    sum32(CrcAlgorithm::Crc32Iscsi, bytes)
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
}
