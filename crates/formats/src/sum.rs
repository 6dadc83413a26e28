//! Checksums, named by what they are.

use crc_fast::{CrcAlgorithm, checksum};

#[expect(clippy::cast_possible_truncation, reason = "a 32-bit algorithm leaves the upper half zero")]
fn sum32(algorithm: CrcAlgorithm, bytes: &[u8]) -> u32 {
    checksum(algorithm, bytes) as u32
}

/// CRC-32C (Castagnoli): Prometheus, PostgreSQL, etcd.
pub(crate) fn crc32c(bytes: &[u8]) -> u32 {
    sum32(CrcAlgorithm::Crc32Iscsi, bytes)
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
}
