//! From the names of lanes to the streams that hold them.
//!
//! Names are as many as a service has paths, and each lane costs memory, a position for each server, and a stream. So a
//! proxy has a fixed number of lanes, and names that fall into the same one have an order among each other that nobody
//! asked for. That costs some concurrency and never correctness.

use crate::dialect::LaneKey;

/// Lanes of a proxy. It cannot be changed: what is pending lies where this number has put it.
pub(crate) const LANES: u16 = 1024;

/// The number of a lane, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct LaneNumber(u16);

impl LaneNumber {
    /// The lane that a name falls into: FNV-1a, which has to stay what it is.
    pub(crate) fn of(key: &LaneKey) -> Self {
        let start = 0xcbf2_9ce4_8422_2325_u64;
        let fold = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        let hash = key.as_str().as_bytes().iter().fold(start, fold);
        // The low bits of FNV are its best ones, once the high ones are folded in.
        let folded = (hash ^ (hash >> 32)) % u64::from(LANES);
        Self(u16::try_from(folded).unwrap_or_default())
    }

    pub(crate) fn all() -> impl Iterator<Item = Self> {
        (0..LANES).map(Self)
    }

    pub(crate) fn new(number: u16) -> Option<Self> {
        (number < LANES).then_some(Self(number))
    }

    pub(crate) fn index(self) -> usize {
        usize::from(self.0)
    }

    pub(crate) fn get(self) -> u16 {
        self.0
    }

    /// The name of its stream.
    pub(crate) fn stream(self, proxy: &str) -> String {
        format!("{}{:04}", Self::prefix(proxy), self.0)
    }

    /// What the names of all streams of lanes begin with.
    pub(crate) fn prefix(proxy: &str) -> String {
        format!("proxy/{proxy}/lane-")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_in_its_lane_for_ever() {
        let lanes = ["", "/", "/orders", "/orders/5"].map(|name| LaneNumber::of(&LaneKey::new(name)).get());
        assert_eq!(lanes, [961, 946, 398, 294]);
        assert_eq!(LaneNumber::new(7).unwrap().stream("shop"), "proxy/shop/lane-0007");
        assert_eq!(LaneNumber::new(LANES), None);
    }

    #[test]
    fn names_that_differ_little_are_spread() {
        let lanes = (0..1000).map(|number| LaneNumber::of(&LaneKey::new(format!("/items/{number}"))));
        let different: std::collections::BTreeSet<LaneNumber> = lanes.collect();
        // By chance alone it would be 1024 * (1 - (1 - 1/1024)^1000), which is 638.
        assert!(different.len() > 550, "{}", different.len());
    }
}
