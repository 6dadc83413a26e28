//! What an outage takes, as people read it.

use super::screen::Screen;
use super::table::{Align, Cell, Table};
use super::{text, units};
use crate::commands::plan::{CatchingUp, Forecast};

/// A line for each figure, with what it is.
pub(crate) fn plan(forecast: &Forecast, screen: &Screen) -> String {
    let Forecast { need, .. } = forecast;
    let segments = format!(
        "in {} of {}",
        units::counted(need.segments, "segment", "segments"),
        units::size(forecast.segment_size)
    );
    let catching_up = match forecast.catching_up {
        CatchingUp::Unknown => "unknown".to_owned(),
        CatchingUp::Never => "never".to_owned(),
        CatchingUp::Seconds(seconds) => units::span(seconds),
    };
    let rows = [
        ("writes", units::count(forecast.writes), String::new()),
        (
            "bodies",
            units::size(forecast.body_bytes),
            "what a proxy would hold that keeps them in memory".to_owned(),
        ),
        ("journal", units::size(need.segments * forecast.segment_size), segments),
        ("max_bytes", units::size(need.max_bytes), format!("the budget to set at least: {}", need.max_bytes)),
        ("disk", units::size(need.disk_bytes), "what has to be free for a journal of that budget".to_owned()),
        (
            "memory",
            units::size(need.memory_bytes),
            "for knowing where they are; max_body_memory comes to it".to_owned(),
        ),
        ("catching up", catching_up, catching_up_note(forecast.catching_up).to_owned()),
    ];
    let mut table = Table::new(&[Align::Left, Align::Right, Align::Left]);
    for (name, figure, note) in rows {
        table.row([Cell::plain(name), Cell::plain(figure), Cell::new(screen.theme.dim, note)]);
    }
    let lane = (forecast.writes > forecast.most_in_a_lane).then(|| {
        format!(
            "A lane takes {} pending writes: they have to be of several.\n",
            units::count(forecast.most_in_a_lane)
        )
    });
    text::stacked([table.render(), lane.unwrap_or_default()])
}

fn catching_up_note(catching_up: CatchingUp) -> &'static str {
    match catching_up {
        CatchingUp::Unknown => "give --replay-rate",
        CatchingUp::Never => "more comes than the server takes",
        CatchingUp::Seconds(_) => "while as many are written as before",
    }
}
