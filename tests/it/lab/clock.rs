//! A clock that a test can move.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use shared::clock::{Clock, SystemClock};

/// Waits as long as this are between two signs of life of a run at work, not for something to get better.
const LONG: Duration = Duration::from_secs(20);

/// The true time and as much more as a test wants. Waits are short: a retry's hardly any, and a lease is renewed after a
/// second, which is longer than a run of a tiny tenant takes.
#[derive(Debug, Default)]
pub struct LabClock {
    ahead_ms: AtomicI64,
}

impl LabClock {
    /// Lets time pass.
    pub fn forward(&self, time: Duration) {
        self.ahead_ms.fetch_add(i64::try_from(time.as_millis()).unwrap(), Ordering::SeqCst);
    }
}

#[async_trait]
impl Clock for LabClock {
    fn now(&self) -> Timestamp {
        SystemClock.now() + SignedDuration::from_millis(self.ahead_ms.load(Ordering::SeqCst))
    }

    async fn sleep(&self, duration: Duration) {
        let shorter = if duration < LONG { 2000 } else { 30 };
        SystemClock.sleep(duration / shorter).await;
    }
}
