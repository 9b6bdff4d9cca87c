//! Keeps what is open in the store, and sends what is news.
//!
//! Alerts are told at least once. News is first written down, together with the conditions it is about, under the
//! condition that nobody else changed them; then it is sent; then it is struck out. So of several who notice the same
//! only one tells it; what a process that dies in between leaves unsent is found by the next who looks; and it is told
//! twice only when the process dies between sending and striking out. Sending first would tell the same again at every tick
//! while the table cannot be written.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::change::{Alert, news};
use super::condition::{Condition, Situation};
use super::sink::AlertSink;
use crate::directory::DirectoryId;
use crate::store::{AlertStore, StoreError};
use crate::telemetry::chain;

/// How long whoever wrote an alert down has to send it, before others try; doubles with each attempt.
const FIRST_RETRY: SignedDuration = SignedDuration::from_mins(5);
/// The longest wait between two attempts.
const LONGEST_RETRY: SignedDuration = SignedDuration::from_hours(6);
/// An alert that could not be sent for so long is dropped: the status API still shows what is open.
const GIVEN_UP_AFTER: SignedDuration = SignedDuration::from_hours(24 * 3);
/// How many unsent alerts are kept, the latest.
const MOST_OUTGOING: usize = 50;
/// How often a record that somebody else changed is read again.
const ATTEMPTS: usize = 5;

/// What is open in a directory, and what has to be told of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AlertRecord {
    /// Grows by one with each change; 0 before the first.
    pub version: u64,
    /// What is wrong.
    pub open: BTreeSet<Condition>,
    /// What is to be sent, the oldest first.
    pub outgoing: Vec<Outgoing>,
}

/// An alert that is not known to have been sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outgoing {
    /// The alert.
    pub alert: Alert,
    /// How often it was tried.
    pub attempts: u32,
    /// Not to be tried before, since somebody is at it.
    pub retry_at: Timestamp,
}

/// What is needed to tell.
#[derive(Clone)]
pub struct Alerting {
    /// Where open conditions are kept.
    pub store: Arc<dyn AlertStore>,
    /// Where alerts go.
    pub sink: Arc<dyn AlertSink>,
    /// The day on which the client secret ends, if somebody has said so.
    pub client_secret_expires: Option<Date>,
}

/// What is open could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("what is open could not be read or written")]
pub struct TellError(#[from] StoreError);

impl Alerting {
    /// Compares the situation with what was open, and tells the difference. Costs nothing when there is none.
    ///
    /// # Errors
    /// When the store does not answer. That an alert could not be sent is logged, and it is sent later.
    pub async fn look(&self, situation: &Situation<'_>, before: AlertRecord) -> Result<(), TellError> {
        let Some(due) = self.write_down(situation, before).await? else { return Ok(()) };
        let mut sent = Vec::new();
        for alert in due {
            match self.sink.send(&alert).await {
                Ok(()) => sent.push(alert),
                Err(error) => tracing::error!(
                    directory.id = %alert.directory, condition = ?alert.condition, error = chain(&error),
                    "an alert could not be sent"
                ),
            }
        }
        self.strike_out(situation.directory.id, &sent).await
    }

    /// Writes down what is open now and what is to be told, and returns what this caller is to send; `None` when
    /// nothing has changed or somebody else was quicker, who then also tells it.
    async fn write_down(
        &self,
        situation: &Situation<'_>,
        before: AlertRecord,
    ) -> Result<Option<Vec<Alert>>, TellError> {
        let directory = situation.directory.id;
        let open = situation.conditions(&before.open);
        let mut outgoing = before.outgoing.clone();
        outgoing.extend(news(&before.open, &open, situation).into_iter().map(|alert| Outgoing {
            retry_at: alert.at,
            alert,
            attempts: 0,
        }));
        outgoing.retain(|out| situation.now.duration_since(out.alert.at) < GIVEN_UP_AFTER);
        outgoing.drain(..outgoing.len().saturating_sub(MOST_OUTGOING));
        let mut due = Vec::new();
        for out in outgoing.iter_mut().filter(|out| out.retry_at <= situation.now) {
            due.push(out.alert.clone());
            let wait = FIRST_RETRY.checked_mul(1_i32 << out.attempts.min(10)).unwrap_or(LONGEST_RETRY);
            out.retry_at = situation.now.checked_add(wait.min(LONGEST_RETRY)).unwrap_or(Timestamp::MAX);
            out.attempts += 1;
        }
        let record = AlertRecord { version: before.version, open, outgoing };
        if record == before {
            return Ok(None);
        }
        match self.store.put_alerts(directory, &record).await {
            Ok(()) => Ok(Some(due)),
            Err(StoreError::Conflict) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    async fn strike_out(&self, directory: DirectoryId, sent: &[Alert]) -> Result<(), TellError> {
        if sent.is_empty() {
            return Ok(());
        }
        for _ in 0..ATTEMPTS {
            let mut record = self.store.standing(directory).await?.alerts;
            record.outgoing.retain(|out| !sent.contains(&out.alert));
            match self.store.put_alerts(directory, &record).await {
                Err(StoreError::Conflict) => {}
                outcome => return Ok(outcome?),
            }
        }
        Err(TellError(StoreError::Conflict))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use async_trait::async_trait;

    use super::*;
    use crate::alerts::change::tests::{NOW, after, credential, directory, failing};
    use crate::alerts::{AlertError, Change};
    use crate::credentials::Credential;
    use crate::store::Standing;

    /// A store and a sink that can be made to fail.
    #[derive(Default)]
    struct World {
        record: Mutex<AlertRecord>,
        /// Writes that still succeed; then they fail.
        writes_left: Mutex<Option<usize>>,
        sent: Mutex<Vec<Change>>,
        sink_fails: Mutex<bool>,
    }

    #[async_trait]
    impl AlertStore for World {
        async fn standing(&self, _: DirectoryId) -> Result<Standing, StoreError> {
            Ok(Standing { alerts: self.record.lock().unwrap().clone(), credentials: Vec::new() })
        }

        async fn put_alerts(&self, _: DirectoryId, record: &AlertRecord) -> Result<(), StoreError> {
            tokio::task::yield_now().await;
            if let Some(left) = self.writes_left.lock().unwrap().as_mut() {
                *left = left.checked_sub(1).ok_or(StoreError::Unavailable("no".into()))?;
            }
            let mut stored = self.record.lock().unwrap();
            if stored.version != record.version {
                return Err(StoreError::Conflict);
            }
            *stored = AlertRecord { version: record.version + 1, ..record.clone() };
            Ok(())
        }
    }

    #[async_trait]
    impl AlertSink for World {
        async fn send(&self, alert: &Alert) -> Result<(), AlertError> {
            if *self.sink_fails.lock().unwrap() {
                return Err(AlertError("no".into()));
            }
            self.sent.lock().unwrap().push(alert.change);
            Ok(())
        }
    }

    impl World {
        async fn look(self: &Arc<Self>, credentials: &[Credential], now: Timestamp) -> Result<(), TellError> {
            let mut directory = directory();
            if let Some(published) = &mut directory.published {
                published.at = now;
            }
            let situation = Situation {
                directory: &directory,
                credentials,
                run: None,
                interval: SignedDuration::from_mins(5),
                client_secret_expires: None,
                now,
            };
            let alerting = Alerting { store: self.clone(), sink: self.clone(), client_secret_expires: None };
            let before = self.standing(directory.id).await?.alerts;
            alerting.look(&situation, before).await
        }

        fn sent(&self) -> Vec<Change> {
            std::mem::take(&mut *self.sent.lock().unwrap())
        }
    }

    fn minutes(minutes: i64) -> Timestamp {
        after(SignedDuration::from_mins(minutes))
    }

    #[tokio::test]
    async fn what_opens_is_told_once_and_its_end_once() {
        let world = Arc::new(World::default());
        for minute in 0..10 {
            world.look(&[failing(1)], minutes(minute)).await.unwrap();
        }
        assert_eq!(world.sent(), [Change::Opened]);
        for minute in 10..20 {
            world.look(&[credential(1)], minutes(minute)).await.unwrap();
        }
        assert_eq!(world.sent(), [Change::Recovered]);
        assert!(world.record.lock().unwrap().outgoing.is_empty());
    }

    #[tokio::test]
    async fn nothing_is_written_while_nothing_changes() {
        let world = Arc::new(World::default());
        world.look(&[credential(1)], NOW).await.unwrap();
        assert_eq!(world.record.lock().unwrap().version, 0);
    }

    #[tokio::test]
    async fn of_many_who_notice_the_same_one_tells_it() {
        let world = Arc::new(World::default());
        let credentials = [failing(1)];
        let looks = futures::future::join_all((0..16).map(|_| world.look(&credentials, NOW))).await;
        assert!(looks.into_iter().all(|look| look.is_ok()));
        assert_eq!(world.sent(), [Change::Opened]);
    }

    #[tokio::test]
    async fn an_alert_that_could_not_be_sent_is_sent_later() {
        let world = Arc::new(World::default());
        *world.sink_fails.lock().unwrap() = true;
        world.look(&[failing(1)], NOW).await.unwrap();
        *world.sink_fails.lock().unwrap() = false;
        world.look(&[failing(1)], minutes(4)).await.unwrap();
        assert_eq!(world.sent(), [], "whoever wrote it down may be at it");
        world.look(&[failing(1)], minutes(5)).await.unwrap();
        world.look(&[failing(1)], minutes(20)).await.unwrap();
        assert_eq!(world.sent(), [Change::Opened]);
    }

    #[tokio::test]
    async fn a_sink_that_never_works_is_asked_less_and_less_and_then_given_up() {
        let world = Arc::new(World::default());
        *world.sink_fails.lock().unwrap() = true;
        let mut attempts = 0;
        for minute in 0..(24 * 60 * 4) {
            world.look(&[failing(1)], minutes(minute)).await.unwrap();
            attempts = attempts.max(world.record.lock().unwrap().outgoing.first().map_or(0, |out| out.attempts));
        }
        assert!((10..30).contains(&attempts), "{attempts}");
        assert!(world.record.lock().unwrap().outgoing.is_empty());
    }

    #[tokio::test]
    async fn a_table_that_cannot_be_written_makes_nobody_tell_the_same_again_and_again() {
        let world = Arc::new(World::default());
        *world.writes_left.lock().unwrap() = Some(0);
        for minute in 0..10 {
            assert!(world.look(&[failing(1)], minutes(minute)).await.is_err());
        }
        assert_eq!(world.sent(), []);
        *world.writes_left.lock().unwrap() = None;
        world.look(&[failing(1)], minutes(10)).await.unwrap();
        assert_eq!(world.sent(), [Change::Opened]);
    }

    #[tokio::test]
    async fn a_process_that_dies_before_striking_out_tells_twice_at_most() {
        let world = Arc::new(World::default());
        *world.writes_left.lock().unwrap() = Some(1);
        assert!(world.look(&[failing(1)], NOW).await.is_err());
        *world.writes_left.lock().unwrap() = None;
        for minute in 1..60 {
            world.look(&[failing(1)], minutes(minute)).await.unwrap();
        }
        assert_eq!(world.sent(), [Change::Opened, Change::Opened]);
    }
}
