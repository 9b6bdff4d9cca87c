//! `cargo run`: the whole stack on this machine.

use std::process::ExitCode;

use clap::Parser as _;
use local::args::Args;

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    shared::telemetry::text("warn,dynoxide=error");
    local::program::run(&args).await
}
