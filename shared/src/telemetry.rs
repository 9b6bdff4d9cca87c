//! Logs: JSON on Lambda, so that one line is one event with fields; readable text on a terminal.

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
