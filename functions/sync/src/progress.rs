//! What a long run is doing, noted for those who look at the Sync page.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use shared::clock::Clock;
use shared::store::{NotedProgress, ProgressStore};
use shared::sync::{Progress, ProgressSink, RunRequest};
use shared::telemetry::chain;

/// A run that is over by then, as most are, notes nothing.
const FIRST_AFTER: SignedDuration = SignedDuration::from_secs(1);
/// Between two notes.
const EVERY: SignedDuration = SignedDuration::from_secs(2);

/// Notes one run's progress now and then, and passes all of it on.
pub(crate) struct Noting {
    request: RunRequest,
    store: Arc<dyn ProgressStore>,
    clock: Arc<dyn Clock>,
    also: Arc<dyn ProgressSink>,
    next: Mutex<Timestamp>,
}

impl Noting {
    pub(crate) fn new(
        request: RunRequest,
        store: Arc<dyn ProgressStore>,
        clock: Arc<dyn Clock>,
        also: Arc<dyn ProgressSink>,
    ) -> Self {
        let next = Mutex::new(clock.now() + FIRST_AFTER);
        Self { request, store, clock, also, next }
    }
}

impl ProgressSink for Noting {
    fn report(&self, progress: Progress) {
        self.also.report(progress);
        let now = self.clock.now();
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        if now < *next {
            return;
        }
        *next = now + EVERY;
        let (store, directory) = (Arc::clone(&self.store), self.request.directory);
        let noted = NotedProgress { run: self.request.run, at: now, progress };
        // The work does not wait for it.
        tokio::spawn(async move {
            if let Err(error) = store.note_progress(directory, &noted).await {
                tracing::warn!(directory.id = %directory, error = chain(&error), "a run's progress was not noted");
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use async_trait::async_trait;
    use shared::directory::DirectoryId;
    use shared::store::StoreError;
    use shared::sync::{RunId, Unobserved};

    use super::*;

    #[derive(Default)]
    struct World {
        now: Mutex<Timestamp>,
        noted: Mutex<Vec<Progress>>,
    }

    #[async_trait]
    impl Clock for World {
        fn now(&self) -> Timestamp {
            *self.now.lock().unwrap()
        }

        async fn sleep(&self, _: Duration) {}
    }

    #[async_trait]
    impl ProgressStore for World {
        async fn note_progress(&self, _: DirectoryId, noted: &NotedProgress) -> Result<(), StoreError> {
            self.noted.lock().unwrap().push(noted.progress);
            Ok(())
        }

        async fn progress(&self, _: DirectoryId) -> Result<Option<NotedProgress>, StoreError> {
            Ok(None)
        }
    }

    #[tokio::test]
    async fn a_long_run_is_noted_every_two_seconds_and_a_short_one_never() {
        let world = Arc::new(World::default());
        let request =
            RunRequest { directory: DirectoryId::new(uuid::Uuid::nil()), run: RunId::new(Timestamp::UNIX_EPOCH) };
        let noting = Noting::new(request, world.clone(), world.clone(), Arc::new(Unobserved));
        for tenth in 0..50_i64 {
            *world.now.lock().unwrap() = Timestamp::UNIX_EPOCH + SignedDuration::from_millis(100 * tenth);
            noting.report(Progress::Writing { done: usize::try_from(tenth).unwrap(), of: 50 });
            tokio::task::yield_now().await;
        }
        let noted: Vec<Progress> = world.noted.lock().unwrap().clone();
        assert_eq!(noted, [10, 30].map(|done| Progress::Writing { done, of: 50 }));
    }
}
