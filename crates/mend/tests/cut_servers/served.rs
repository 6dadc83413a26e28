//! What a server serves, as the server writes it.

use formats::UnixTime;
use testkit::prometheus::{Sample, Server};

/// Everything of every series, by time in milliseconds, as the server writes it: numbers and histograms.
pub(crate) type Content = testkit::prometheus::Content<String>;

/// The present, which real servers run by.
pub(crate) fn now() -> UnixTime {
    #[expect(clippy::disallowed_methods, reason = "real servers run by the real clock")]
    std::time::SystemTime::now().into()
}

/// Everything that a server serves.
pub(crate) fn served_by(server: &Server) -> Content {
    let written = |sample: Sample<'_>| match sample {
        Sample::Float(value) | Sample::Histogram(value) => value.to_string(),
    };
    server.served(r#"__name__=~".+""#, written).unwrap()
}
