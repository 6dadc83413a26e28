//! A bar on standard error while a log is read, once that has taken a second.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use formats::Progress;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::screen::{Screen, Talk};

/// How often the bar is drawn.
const TICK: Duration = Duration::from_millis(100);

/// What is done sooner needs no bar; one that flashes up is noise.
const PATIENCE: u32 = 10;

const TEMPLATE: &str = "  {bar:32} {percent:>3}%  {binary_bytes} of {binary_total_bytes}  \
                        {binary_bytes_per_sec}  {eta} left";

const COUNT: &str = "  {human_pos} events  {per_sec}";

/// Whether somebody types the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IsTyped {
    /// It comes from a file or a program.
    No,
    /// It comes from a terminal.
    Yes,
}

/// Does `work` and meanwhile shows how far `progress` is on its way to `total` bytes.
pub(crate) fn watched<T>(screen: &Screen, progress: &Progress, total: u64, work: impl FnOnce() -> T) -> T {
    if screen.talk == Talk::Silent || total == 0 {
        return work();
    }
    thread::scope(|scope| {
        let (done, finished) = mpsc::channel::<()>();
        scope.spawn(move || draw(&finished, progress, total, screen));
        let result = work();
        drop(done);
        result
    })
}

/// Draws until the other end of `finished` is gone, then takes the bar away.
fn draw(finished: &mpsc::Receiver<()>, progress: &Progress, total: u64, screen: &Screen) {
    let mut bar = None;
    for tick in 0u32.. {
        match finished.recv_timeout(TICK) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(()) | Err(RecvTimeoutError::Disconnected) => break,
        }
        if tick >= PATIENCE {
            let bar = bar.get_or_insert_with(|| new_bar(total, screen).with_elapsed(TICK * PATIENCE));
            bar.set_position(progress.bytes().min(total));
        }
    }
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
}

fn new_bar(total: u64, screen: &Screen) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
    let filled = screen.glyphs.eighths.iter().rev().collect::<String>();
    let style = ProgressStyle::with_template(TEMPLATE).unwrap_or_else(|_| ProgressStyle::default_bar());
    // The characters run from a full cell over its fractions to an empty one.
    bar.with_style(style.progress_chars(&format!("{filled}{}", screen.glyphs.empty)))
}

/// A count on standard error while events are taken in, of which nobody knows how many there will be.
pub(crate) struct Counter(Option<ProgressBar>);

impl Counter {
    /// Nothing is drawn where somebody types the events.
    pub(crate) fn new(screen: &Screen, is_typed: IsTyped) -> Self {
        let is_drawn = screen.talk == Talk::Progress && is_typed == IsTyped::No;
        Self(is_drawn.then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            let style =
                ProgressStyle::with_template(COUNT).unwrap_or_else(|_| ProgressStyle::default_spinner());
            bar.with_style(style)
        }))
    }

    /// How many there are.
    pub(crate) fn set(&self, count: u64) {
        if let Some(bar) = &self.0 {
            bar.set_position(count);
        }
    }
}

impl Drop for Counter {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_is_one() {
        assert!(
            ProgressStyle::with_template(TEMPLATE).is_ok() && ProgressStyle::with_template(COUNT).is_ok()
        );
    }

    #[test]
    fn what_is_watched_gives_its_result() {
        let screen = Screen { talk: Talk::Progress, ..Screen::plain() };
        assert_eq!(watched(&screen, &Progress::default(), 10, || 42), 42);
    }
}
