//! The bytes in front of an input that say what is done to the rest of it.

/// What is done to a file before it is read.
#[derive(Clone, Copy, Debug)]
pub struct Control {
    /// A set bit leaves the checksum of the frame of that number as it is.
    broken: u64,
    /// How the file is stretched, so that small inputs reach the ends of the blocks that readers read.
    pub stretch: u8,
}

/// Length of what stands in front.
pub const CONTROL: usize = 9;

impl Control {
    /// Splits an input; `None` when it is too short.
    pub fn split(input: &[u8]) -> Option<(Self, &[u8])> {
        let (mask, rest) = input.split_first_chunk::<8>()?;
        let (&stretch, file) = rest.split_first()?;
        Some((Self { broken: u64::from_le_bytes(*mask), stretch }, file))
    }

    /// Whether everything is made right.
    pub fn repairs_all(self) -> bool {
        self.broken == 0
    }

    /// Whether the checksum of that frame is made right.
    pub fn repairs(self, frame: usize) -> bool {
        self.broken >> (frame % 64) & 1 == 0
    }
}
