//! A simulated tenant alone, for whoever runs the functions elsewhere: `tenant [PORT]` listens on loopback, prints where and the secret of
//! its control interface, and ends with its standard input.

use std::io::{self, Read as _, Write as _};

use tenant::{Clock, Options, Sample, Tenant};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> io::Result<()> {
    let port = std::env::args().nth(1).map_or(Ok(0), |port| port.parse::<u16>());
    let port = port.map_err(|_| io::Error::other("expected a port, or nothing for any"))?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    let sample = Sample { users: 60, groups: 14, ..Sample::default() };
    let clock = Clock::new(now, sleep);
    let tenant = Tenant::sample(&sample).serve(listener, Options::new(clock))?;
    writeln!(io::stdout(), "{} {}", tenant.login_url(), tenant.control_secret())?;
    tokio::task::spawn_blocking(|| io::stdin().read_to_end(&mut Vec::new())).await??;
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "the program has no other clock than the machine's")]
fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

#[expect(clippy::disallowed_methods, reason = "the program has no other clock than the machine's")]
async fn sleep(duration: std::time::Duration) {
    tokio::time::sleep(duration).await;
}
