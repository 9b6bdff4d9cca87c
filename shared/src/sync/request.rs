//! Asking for a run, the same for everybody who wants one.

use std::time::Duration;

use super::record::{Run, RunRequest};
use crate::queue::{QueueError, RunQueue};
use crate::store::{RequestedRun, RunStore, StoreError};

/// Why a run could not be asked for.
#[derive(Debug, thiserror::Error)]
pub enum RequestRunError {
    /// The run was not recorded; nothing happened.
    #[error("the run could not be recorded")]
    Record(#[source] StoreError),
    /// The run waits, but nobody was told. The next request finds it waiting and tells again.
    #[error("the run was recorded, but its message could not be sent")]
    Send(#[source] QueueError),
}

/// Records a run, unless one waits already, and tells the sync function of the one that waits.
///
/// A request that was folded sends the waiting run's message again: should the first have been lost, the run is not
/// stuck, and if it was not, the sync function ignores the second.
///
/// # Errors
/// When storage or queue did not answer.
pub async fn request_run(
    runs: &dyn RunStore,
    queue: &dyn RunQueue,
    run: &Run,
) -> Result<RequestedRun, RequestRunError> {
    let requested = runs.request_run(run).await.map_err(RequestRunError::Record)?;
    let waiting = match requested {
        RequestedRun::Added => run.id,
        RequestedRun::Folded(waiting) => waiting,
    };
    let message = RunRequest { directory: run.directory, run: waiting };
    queue.send(&message, Duration::ZERO).await.map_err(RequestRunError::Send)?;
    Ok(requested)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unimplemented, reason = "a request asks for nothing else")]

    use std::sync::Mutex;

    use async_trait::async_trait;
    use jiff::Timestamp;

    use super::*;
    use crate::directory::DirectoryId;
    use crate::store::Page;
    use crate::sync::{RunId, Trigger};

    struct Recorder(Option<RunId>);

    #[async_trait]
    impl RunStore for Recorder {
        async fn request_run(&self, _: &Run) -> Result<RequestedRun, StoreError> {
            Ok(self.0.map_or(RequestedRun::Added, RequestedRun::Folded))
        }

        async fn save_run(&self, _: &Run) -> Result<(), StoreError> {
            unimplemented!("not asked for")
        }

        async fn run(&self, _: DirectoryId, _: RunId) -> Result<Option<Run>, StoreError> {
            unimplemented!("not asked for")
        }

        async fn runs(&self, _: DirectoryId, _: usize, _: Option<RunId>) -> Result<Page<Run>, StoreError> {
            unimplemented!("not asked for")
        }

        async fn count_manual_run(&self, _: DirectoryId, _: i64) -> Result<u64, StoreError> {
            unimplemented!("not asked for")
        }
    }

    #[derive(Default)]
    struct Sent {
        runs: Mutex<Vec<RunId>>,
        down: bool,
    }

    #[async_trait]
    impl RunQueue for Sent {
        async fn send(&self, request: &RunRequest, _: Duration) -> Result<(), QueueError> {
            if self.down {
                return Err(QueueError("down".into()));
            }
            self.runs.lock().unwrap().push(request.run);
            Ok(())
        }
    }

    fn wanted() -> Run {
        Run::requested(DirectoryId::new(uuid::Uuid::from_u128(1)), Trigger::Manual, Timestamp::UNIX_EPOCH)
    }

    #[tokio::test]
    async fn a_run_that_was_added_is_told_of() {
        let (run, queue) = (wanted(), Sent::default());
        assert_eq!(request_run(&Recorder(None), &queue, &run).await.unwrap(), RequestedRun::Added);
        assert_eq!(*queue.runs.lock().unwrap(), [run.id]);
    }

    #[tokio::test]
    async fn a_folded_request_tells_again_of_the_run_that_waits() {
        let (waiting, queue) = (RunId::new(Timestamp::UNIX_EPOCH), Sent::default());
        let requested = request_run(&Recorder(Some(waiting)), &queue, &wanted()).await.unwrap();
        assert_eq!(requested, RequestedRun::Folded(waiting));
        assert_eq!(*queue.runs.lock().unwrap(), [waiting]);
    }

    #[tokio::test]
    async fn a_queue_that_is_down_is_not_hidden() {
        let queue = Sent { down: true, ..Sent::default() };
        let error = request_run(&Recorder(None), &queue, &wanted()).await.unwrap_err();
        assert!(matches!(error, RequestRunError::Send(_)));
    }
}
