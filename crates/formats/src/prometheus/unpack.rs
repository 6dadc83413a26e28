//! Decompression of one record, with a bound on what hostile bytes can make it take.

use super::fragment::Compression;
use super::record::Type;
use crate::Malformed;

/// The longest record after decompression.
///
/// The largest real records, all series of one very large scrape, have tens of megabytes.
const MAX_UNPACKED: usize = 512 * 1024 * 1024;

/// The longest record in a Zstandard frame that does not say how long it is.
///
/// The server's encoder leaves the length out of frames of less than 256 bytes; this is the longest block of a frame.
const MAX_UNDECLARED: usize = 128 * 1024;

/// What a snappy block can at most expand to, per byte: a three-byte copy yields 64 bytes.
const SNAPPY_EXPANSION: usize = 24;

/// Decompresses records, reusing its memory.
pub(crate) struct Unpacker {
    snappy: snap::raw::Decoder,
    zstd: Option<zstd::bulk::Decompressor<'static>>,
    buffer: Vec<u8>,
}

impl Unpacker {
    pub(crate) fn new() -> Self {
        Self { snappy: snap::raw::Decoder::new(), zstd: None, buffer: Vec::new() }
    }

    /// Decompresses and decodes a record, and says what is wrong with it.
    #[inline]
    pub(crate) fn open<T>(
        &mut self,
        packed: &[u8],
        compression: Compression,
        decode: impl FnOnce(&[u8]) -> Result<T, Malformed>,
    ) -> Result<T, String> {
        let record = self.flagged(packed, compression)?;
        decode(record).map_err(|malformed| malformed.to_string())
    }

    /// Decompresses a record and hands it out if `check` has nothing against it.
    pub(crate) fn checked<'a>(
        &'a mut self,
        packed: &'a [u8],
        compression: Compression,
        check: impl FnOnce(&[u8]) -> Result<(), Malformed>,
    ) -> Result<&'a [u8], String> {
        let record = self.flagged(packed, compression)?;
        check(record).map_err(|malformed| malformed.to_string())?;
        Ok(record)
    }

    /// Decompresses a record whose flag is right.
    #[inline]
    fn flagged<'a>(&'a mut self, packed: &'a [u8], compression: Compression) -> Result<&'a [u8], String> {
        if compression == Compression::None && matches!(kind_of(packed), Some(Type::Unknown(_))) {
            self.check_flag(packed)?;
        }
        Ok(self.unpack(packed, compression)?)
    }

    /// The compression flags are covered by no checksum. A record of a type that does not exist, but that
    /// decompresses to one that does, has lost its flag.
    fn check_flag(&mut self, packed: &[u8]) -> Result<(), String> {
        for compression in [Compression::Snappy, Compression::Zstd] {
            let unpacked = self.unpack(packed, compression);
            if unpacked.is_ok_and(|record| !matches!(kind_of(record), Some(Type::Unknown(_)) | None)) {
                return Err(
                    format!("the record is compressed with {compression:?} and not marked so").to_lowercase()
                );
            }
        }
        Ok(())
    }

    /// The record's own bytes.
    #[inline]
    pub(crate) fn unpack<'a>(
        &'a mut self,
        packed: &'a [u8],
        compression: Compression,
    ) -> Result<&'a [u8], &'static str> {
        match compression {
            Compression::None => Ok(packed),
            Compression::Snappy => self.unpack_snappy(packed),
            Compression::Zstd => self.unpack_zstd(packed),
        }
    }

    fn unpack_snappy(&mut self, packed: &[u8]) -> Result<&[u8], &'static str> {
        let len = snap::raw::decompress_len(packed).map_err(|_| BAD_SNAPPY)?;
        if len > MAX_UNPACKED || len > packed.len().saturating_mul(SNAPPY_EXPANSION) {
            return Err(TOO_LONG);
        }
        if self.buffer.len() < len {
            self.buffer.resize(len, 0);
        }
        let out = self.buffer.get_mut(..len).ok_or(TOO_LONG)?;
        self.snappy.decompress(packed, out).map_err(|_| BAD_SNAPPY)?;
        self.buffer.get(..len).ok_or(TOO_LONG)
    }

    fn unpack_zstd(&mut self, packed: &[u8]) -> Result<&[u8], &'static str> {
        let declared = zstd::zstd_safe::get_frame_content_size(packed).map_err(|_| BAD_ZSTD)?;
        let len = match declared {
            Some(len) => usize::try_from(len).map_err(|_| TOO_LONG)?,
            None => MAX_UNDECLARED,
        };
        if len > MAX_UNPACKED {
            return Err(TOO_LONG);
        }
        if self.buffer.len() < len {
            self.buffer.resize(len, 0);
        }
        if self.zstd.is_none() {
            self.zstd = zstd::bulk::Decompressor::new().ok();
        }
        let out = self.buffer.get_mut(..len).ok_or(TOO_LONG)?;
        let decoder = self.zstd.as_mut().ok_or("zstd: cannot start the decoder")?;
        let written = decoder.decompress_to_buffer(packed, out).map_err(|_| BAD_ZSTD)?;
        self.buffer.get(..written).filter(|_| declared.is_none() || written == len).ok_or(BAD_ZSTD)
    }
}

fn kind_of(record: &[u8]) -> Option<Type> {
    record.first().map(|&byte| Type::of(byte))
}

const BAD_SNAPPY: &str = "snappy: corrupt input";
const BAD_ZSTD: &str = "zstd: corrupt input";
const TOO_LONG: &str = "declares more bytes than a record can have";

#[cfg(test)]
mod tests {
    use super::*;

    /// A record of histograms as Prometheus 3.5 wrote it.
    const FRAME: &str =
        "28b52ffd0400050100440107000196000001a2142fa40d0000000637f0007603003d1711978bcb610152dbc335";

    #[test]
    fn a_frame_that_does_not_say_how_long_it_is_is_read_as_the_server_writes_it() {
        let bytes: Vec<u8> = FRAME
            .as_bytes()
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect();
        assert_eq!(zstd::zstd_safe::get_frame_content_size(&bytes).unwrap(), None);
        let mut unpacker = Unpacker::new();
        let record = unpacker.unpack(&bytes, Compression::Zstd).unwrap();
        assert_eq!(kind_of(record), Some(Type::Histograms));
        for len in 0..bytes.len() {
            assert!(unpacker.unpack(&bytes[..len], Compression::Zstd).is_err(), "{len} bytes");
        }
    }
}
