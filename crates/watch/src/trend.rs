//! How fast something grows: the median of the slopes between all pairs of points (Theil and Sen), which a few odd points
//! cannot bend, and how far these pairs agree.

/// A value at a time, in seconds from any point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// When.
    pub at: f64,
    /// What it was.
    pub value: f64,
}

/// How fast something grows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trend {
    /// Growth for each second.
    pub slope: f64,
    /// A quarter of all pairs grow slower than this.
    pub slow: f64,
    /// A quarter of all pairs grow faster than this.
    pub fast: f64,
    /// Pairs that grow less pairs that shrink, as a share of all: 1 where it always grows, 0 where it goes nowhere.
    pub agreement: f64,
    /// The span of time that the points cover.
    pub seconds: f64,
}

impl Trend {
    /// The trend of some points; none with fewer than two moments.
    pub fn of(points: &[Point]) -> Option<Self> {
        let mut slopes = Vec::new();
        for (at, first) in points.iter().enumerate() {
            for second in points.iter().skip(at + 1) {
                let slope = (second.value - first.value) / (second.at - first.at);
                if slope.is_finite() {
                    slopes.push(slope);
                }
            }
        }
        slopes.sort_by(f64::total_cmp);
        let quantile = |part: usize| slopes.get((slopes.len().saturating_sub(1)) * part / 4).copied();
        let growing = slopes.iter().filter(|slope| **slope > 0.0).count() as f64;
        let shrinking = slopes.iter().filter(|slope| **slope < 0.0).count() as f64;
        let times = points.iter().map(|point| point.at);
        let (first, last) = (times.clone().reduce(f64::min)?, times.reduce(f64::max)?);
        Some(Self {
            slope: quantile(2)?,
            slow: quantile(1)?,
            fast: quantile(3)?,
            agreement: (growing - shrinking) / slopes.len() as f64,
            seconds: last - first,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn line(count: u32, value: impl Fn(f64) -> f64) -> Vec<Point> {
        (0..count).map(f64::from).map(|at| Point { at, value: value(at) }).collect()
    }

    #[test]
    fn one_odd_point_in_five_does_not_bend_a_trend() {
        let mut points = line(20, |at| 100.0 + 7.0 * at);
        for odd in [3, 8, 13, 18] {
            points[odd].value = 1e9;
        }
        let trend = Trend::of(&points).unwrap();
        assert!((trend.slope - 7.0).abs() < 1.0, "{trend:?}");
    }

    #[test]
    fn what_goes_up_and_down_has_no_agreement() {
        let trend = Trend::of(&line(40, |at| (at * 1.7).sin())).unwrap();
        assert!(trend.agreement.abs() < 0.3, "{trend:?}");
        assert!((Trend::of(&line(40, |at| at)).unwrap().agreement - 1.0).abs() < 1e-9);
    }

    #[test]
    fn one_moment_is_no_trend() {
        assert_eq!(Trend::of(&[]), None);
        assert_eq!(Trend::of(&line(1, |at| at)), None);
        assert_eq!(Trend::of(&[Point { at: 1.0, value: 1.0 }, Point { at: 1.0, value: 2.0 }]), None);
    }

    proptest! {
        #[test]
        fn a_trend_is_finite_and_ordered_whatever_the_points_are(
            points in prop::collection::vec((0.0..1e12f64, 0.0..1.8e19f64), 0..40),
        ) {
            let points: Vec<Point> = points.into_iter().map(|(at, value)| Point { at, value }).collect();
            if let Some(trend) = Trend::of(&points) {
                prop_assert!(trend.slow <= trend.slope && trend.slope <= trend.fast);
                prop_assert!(trend.slope.is_finite() && (-1.0..=1.0).contains(&trend.agreement));
            }
        }

        #[test]
        fn a_straight_line_is_found_exactly(slope in -1e6..1e6f64, start in 0.0..1e9f64) {
            let trend = Trend::of(&line(12, |at| start + slope * at)).unwrap();
            prop_assert!((trend.slope - slope).abs() <= slope.abs() * 1e-6 + 1e-6);
        }
    }
}
