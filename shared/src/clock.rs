//! The only place that reads the time or waits.

use std::time::Duration;

use async_trait::async_trait;
use futures::future::{Either, select};
use jiff::Timestamp;

/// Where the time comes from. Tests give one that moves only by what happens.
#[async_trait]
pub trait Clock: Send + Sync {
    /// The time now.
    fn now(&self) -> Timestamp;

    /// Waits because there is nothing else to do until then, such as before a repetition. A clock that is not the machine's may
    /// move on at once.
    async fn sleep(&self, duration: Duration);

    /// Resolves at a time, for a watch beside work that goes on: a deadline, a renewal. Unlike [`Self::sleep`] it never moves a
    /// clock that is not the machine's, and on a clock that stands still it never resolves.
    async fn alarm(&self, at: Timestamp) {
        let _ = at;
        std::future::pending::<()>().await;
    }
}

/// The work did not end in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no answer within {} seconds", .0.as_secs())]
pub struct TimedOut(pub Duration);

/// Works for at most so long.
///
/// # Errors
/// When the time is up; the work is dropped where it stands.
pub async fn within<T>(
    clock: &dyn Clock,
    longest: Duration,
    work: impl Future<Output = T> + Send,
) -> Result<T, TimedOut> {
    let at = clock.now().checked_add(longest).unwrap_or(Timestamp::MAX);
    match select(Box::pin(work), clock.alarm(at)).await {
        Either::Left((done, _)) => Ok(done),
        Either::Right(((), _)) => Err(TimedOut(longest)),
    }
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

#[async_trait]
#[expect(clippy::disallowed_methods, reason = "this is the clock everybody else asks")]
impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    async fn alarm(&self, at: Timestamp) {
        self.sleep(Duration::try_from(at.duration_since(self.now())).unwrap_or_default()).await;
    }
}
