//! `seawall plan`: what an outage takes.

use journal::limits::LARGEST_SEGMENT;
use journal::{Need, Options, Pile};

use crate::cli::{Form, PlanArgs};
use crate::clock;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::json;
use crate::rates::Rate;
use crate::show::{self, Screen};

/// What an outage takes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Forecast {
    /// Writes that come meanwhile.
    pub(crate) writes: u64,
    /// Bytes of their bodies: what a proxy would hold that keeps them in memory.
    pub(crate) body_bytes: u64,
    /// What the journal needs for them.
    pub(crate) need: Need,
    /// Bytes of a segment.
    pub(crate) segment_size: u64,
    /// Writes that may be pending in a lane.
    pub(crate) most_in_a_lane: u64,
    /// How long catching up takes.
    pub(crate) catching_up: CatchingUp,
}

/// How long catching up takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum CatchingUp {
    /// Nobody said how fast the server is.
    Unknown,
    /// It never does: as many come meanwhile as it takes, or more.
    Never,
    /// So many seconds.
    Seconds(f64),
}

/// Says what it takes.
pub(crate) fn run(args: &PlanArgs, form: Form, screen: &Screen) -> Result<Exit, Failure> {
    let forecast = forecast(args).map_err(Failure::Usage)?;
    match form {
        Form::Json => show::print_json(&json::plan::forecast(&forecast))?,
        Form::Text => show::print(&show::plan(&forecast, screen))?,
    }
    Ok(Exit::Fine)
}

fn forecast(args: &PlanArgs) -> Result<Forecast, String> {
    let rate = args.rate.per_second();
    let writes = whole(rate * args.outage.duration().as_secs_f64());
    let bytes = args.write_size.bytes().saturating_add(args.head_size.bytes());
    // As in a proxy, a segment has room for four of the largest writes.
    let segment_size = args.segment_size.bytes().max(bytes.saturating_mul(4).next_multiple_of(4096));
    if segment_size > LARGEST_SEGMENT {
        return Err(format!(
            "a write of {bytes} bytes is larger than a journal takes: a quarter of {LARGEST_SEGMENT}"
        ));
    }
    let usual = Options::new(clock::millis);
    let options = Options { segment_size, max_event: segment_size / 4, max_bytes: u64::MAX, ..usual };
    options
        .check()
        .map_err(|error| format!("the segment size cannot be so: it has to be {}", error.bounds))?;
    // The worst is an outage of one server: the others settle what they get.
    let pile = Pile { events: writes, bytes, settled_by: u64::from(args.servers - 1) };
    let need = pile.need(&options).ok_or("so many writes fit no disk")?;
    let catching_up = match args.replay_rate.map(Rate::per_second) {
        None => CatchingUp::Unknown,
        Some(replay) if replay <= rate => CatchingUp::Never,
        Some(replay) => CatchingUp::Seconds(writes as f64 / (replay - rate)),
    };
    Ok(Forecast {
        writes,
        body_bytes: writes.saturating_mul(args.write_size.bytes()),
        need,
        segment_size,
        most_in_a_lane: options.max_pending,
        catching_up,
    })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it was clamped to what no disk holds"
)]
fn whole(count: f64) -> u64 {
    count.ceil().clamp(0.0, 1e15) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::parse;
    use crate::cli::Command;

    fn plan(words: &str) -> Result<Forecast, String> {
        let words = format!("seawall plan {words}");
        let cli = parse(words.split(' ').map(Into::into)).unwrap();
        let Command::Plan(args) = cli.command else { panic!("{words}") };
        forecast(&args)
    }

    #[test]
    fn the_scenarios_of_the_guide_for_another_balancer_take_what_it_says_and_a_budget_of_little_more() {
        for (words, megabytes) in [
            ("--write-size 5KiB --rate 10/m --outage 60m", 2.9),
            ("--write-size 20KiB --rate 50/m --outage 30m", 29.3),
            ("--write-size 100KiB --rate 200/m --outage 15m", 293.0),
        ] {
            let forecast = plan(words).unwrap();
            let told = forecast.body_bytes as f64 / f64::from(1 << 20);
            assert!((told - megabytes).abs() < 0.05, "{words}: {told}");
            let Need { segments, max_bytes, .. } = forecast.need;
            assert!(segments * forecast.segment_size > forecast.body_bytes);
            assert!(max_bytes <= (segments + 7) * forecast.segment_size, "{words}: {max_bytes}");
        }
    }

    #[test]
    fn catching_up_takes_longer_while_others_write() {
        let of = |words: &str| plan(words).unwrap().catching_up;
        assert_eq!(of("--write-size 1KiB --rate 10/s --outage 100s"), CatchingUp::Unknown);
        assert_eq!(of("--write-size 1KiB --rate 10/s --outage 100s --replay-rate 10/s"), CatchingUp::Never);
        assert_eq!(
            of("--write-size 1KiB --rate 10/s --outage 100s --replay-rate 20/s"),
            CatchingUp::Seconds(100.0)
        );
    }

    #[test]
    fn what_no_journal_takes_is_refused() {
        assert!(
            plan("--write-size 300MiB --rate 1/m --outage 1h").unwrap_err().contains("larger than a journal")
        );
        assert!(plan("--write-size 1MiB --rate 1/s --outage 1000000w").unwrap_err().contains("no disk"));
        assert!(
            plan("--write-size 1KiB --rate 1/s --outage 1h --segment-size 5000")
                .unwrap_err()
                .contains("65536")
        );
    }
}
