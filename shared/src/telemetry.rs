//! Logs: JSON on Lambda, so that one line is one event with fields; readable text on a terminal.

use std::error::Error;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;

/// Starts logging as JSON lines on standard output, where Lambda collects them. `RUST_LOG` chooses the level, by
/// default `info`.
pub fn json() {
    tracing_subscriber::fmt()
        .json()
        .with_env_filter(filter("info"))
        .with_current_span(true)
        .with_span_list(false)
        .with_span_events(FmtSpan::NONE)
        .init();
}

/// Starts logging as text on standard error. `RUST_LOG` chooses the level, by default `default`.
pub fn text(default: &str) {
    tracing_subscriber::fmt().with_env_filter(filter(default)).with_writer(std::io::stderr).init();
}

fn filter(default: &str) -> EnvFilter {
    EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default))
}

/// An error and its causes on one line, for the log.
#[must_use]
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::StoreError;

    #[test]
    fn an_error_is_logged_with_all_its_causes() {
        let error = StoreError::Unavailable("connection refused".into());
        assert_eq!(chain(&error), "the storage is not available: connection refused");
    }
}
