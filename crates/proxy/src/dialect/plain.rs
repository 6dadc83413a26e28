//! Any HTTP service: methods say what reads, paths say what has an order.

use http::Method;

use super::{Carriage, Class, Dialect, LaneKey, Reach};
use crate::call::{Call, Head};
use crate::known::Known;

/// The dialect of a service of which nothing is known but that it speaks HTTP.
#[derive(Clone, Debug)]
pub struct Plain {
    lanes: LaneRule,
    probe: String,
}

/// Which writes are one lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LaneRule {
    /// Those to the same path.
    Path,
    /// Those whose paths begin with the same so many segments: with one, `/orders` and `/orders/5/items` are a lane.
    Segments(usize),
}

impl Plain {
    /// The dialect with its rule for lanes, and the path that tells whether an upstream is there.
    pub fn new(lanes: LaneRule, probe: impl Into<String>) -> Self {
        Self { lanes, probe: probe.into() }
    }

    fn key(&self, head: &Head) -> LaneKey {
        let path = head.path();
        match self.lanes {
            LaneRule::Path => LaneKey::new(path),
            LaneRule::Segments(count) => {
                let segments = path.split('/').filter(|segment| !segment.is_empty()).take(count);
                LaneKey::new(segments.fold(String::new(), |key, segment| key + "/" + segment))
            }
        }
    }
}

impl Default for Plain {
    fn default() -> Self {
        Self::new(LaneRule::Path, "/")
    }
}

impl Dialect for Plain {
    fn name(&self) -> &'static str {
        "plain"
    }

    fn probe(&self) -> &str {
        &self.probe
    }

    fn class(&self, head: &Head, _: &Known) -> Class {
        if ![Method::GET, Method::HEAD, Method::OPTIONS, Method::TRACE].contains(&head.method) {
            return Class::Write;
        }
        // What is made by writing to one path is often read from another, so only a rule that joins them narrows a read.
        let reach = match self.lanes {
            LaneRule::Path => Reach::Everything,
            LaneRule::Segments(_) => Reach::Lane(self.key(head)),
        };
        Class::Read(reach, Carriage::Streamed)
    }

    fn lane(&self, call: &Call, _: &Known) -> LaneKey {
        self.key(&call.head)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::HeaderMap;

    use super::*;

    fn head(method: Method, target: &str) -> Head {
        Head { method, target: target.parse().unwrap(), headers: HeaderMap::new() }
    }

    fn lane(rule: LaneRule, target: &str) -> LaneKey {
        let call = Call { head: head(Method::POST, target), body: Bytes::new() };
        Plain::new(rule, "/").lane(&call, &Known::default())
    }

    #[test]
    fn methods_say_what_reads_whatever_the_path_is_called() {
        let plain = Plain::default();
        for method in [Method::GET, Method::HEAD, Method::OPTIONS] {
            let class = plain.class(&head(method, "/update/addresses"), &Known::default());
            assert_eq!(class, Class::Read(Reach::Everything, Carriage::Streamed));
        }
        for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            assert_eq!(plain.class(&head(method, "/query"), &Known::default()), Class::Write);
        }
        let odd = Method::from_bytes(b"PURGE").unwrap();
        assert_eq!(
            plain.class(&head(odd, "/"), &Known::default()),
            Class::Write,
            "what is not known may write"
        );
    }

    #[test]
    fn a_lane_is_the_path_without_its_query_or_its_first_segments() {
        assert_eq!(lane(LaneRule::Path, "/a/b?c=1").as_str(), "/a/b");
        assert_eq!(lane(LaneRule::Segments(1), "/a/b?c=1").as_str(), "/a");
        assert_eq!(lane(LaneRule::Segments(1), "//a//b").as_str(), "/a");
        assert_eq!(lane(LaneRule::Segments(2), "/").as_str(), "");
    }

    #[test]
    fn a_read_is_narrowed_to_its_lane_only_where_a_rule_joins_paths() {
        let coarse = Plain::new(LaneRule::Segments(1), "/");
        let class = coarse.class(&head(Method::GET, "/a/b"), &Known::default());
        assert_eq!(class, Class::Read(Reach::Lane(LaneKey::new("/a")), Carriage::Streamed));
    }
}
