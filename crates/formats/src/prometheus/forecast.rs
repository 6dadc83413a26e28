//! What a start on this log will take.
//!
//! Linear in what the log holds: series cost memory and time each, samples little, native histograms more. The
//! coefficients were fitted to the hungriest of three servers (2.42, 2.53, 3.5) on nine logs of three shapes; newer
//! servers need up to a third less memory. `cargo xtask bench forecast` measures the error again.
//!
//! Chunks that the server finds in `chunks_head` spare it some of the work, so with them the forecast is high.

use crate::survey::Estimate;

/// What a replay has to take in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Load {
    pub(super) series: u64,
    /// Float samples.
    pub(super) samples: u64,
    /// Native histograms.
    pub(super) histograms: u64,
}

/// Memory of a server with an empty log, and per series, sample and histogram.
const MEMORY: [f64; 4] = [80.5e6, 1238.0, 7.94, 87.8];

/// Seconds likewise, on two cores of a rented machine. Other machines are up to twice as fast or as slow, so this is an
/// order of magnitude.
const SECONDS: [f64; 4] = [0.05, 7.0e-6, 1.2e-7, 8.0e-7];

/// Largest error of the memory forecast on the logs it was fitted to, against the hungriest server, over several runs:
/// how much garbage a server has not yet collected at its peak differs from run to run.
const MEMORY_ERROR: f64 = 0.2;

/// The forecast for `load`.
pub(super) fn forecast(load: Load) -> Estimate {
    let sum = |[base, series, samples, histograms]: [f64; 4]| {
        base + series * load.series as f64
            + samples * load.samples as f64
            + histograms * load.histograms as f64
    };
    Estimate { replay_seconds: sum(SECONDS), memory_bytes: bytes(sum(MEMORY)), memory_error: MEMORY_ERROR }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a positive number of bytes")]
fn bytes(amount: f64) -> u64 {
    amount as u64
}
