//! Runs: asked for, worked on, remembered.

use async_trait::async_trait;
use aws_sdk_dynamodb::types::{AttributeValue, Put, ReturnValue, TransactWriteItem, Update};
use jiff::SignedDuration;

use super::error::unavailable;
use super::item::{Item, Stored, key_attributes};
use super::keys::{Key, runs};
use super::lease::runs_value;
use super::store::DynamoStore;
use super::table::TTL;
use super::write::{ATTEMPTS, Refused};
use crate::directory::DirectoryId;
use crate::store::{Page, RequestedRun, RunStore, StoreError};
use crate::sync::{Run, RunId, RunState};

/// How long a run's record is kept.
const RETENTION: SignedDuration = SignedDuration::from_hours(90 * 24);
/// How long a minute's count of manual runs is kept, in seconds.
const COUNT_RETENTION: i64 = 3_600;

pub(super) fn write(run: &Run) -> Result<Item, StoreError> {
    let item = Item::new(&Key::run(run.directory, run.id)).value("run", run)?;
    Ok(item.expires_after(run.requested_at, RETENTION))
}

pub(super) fn read(item: &Stored) -> Result<Run, StoreError> {
    item.value("run")
}

#[async_trait]
impl RunStore for DynamoStore {
    async fn request_run(&self, run: &Run) -> Result<RequestedRun, StoreError> {
        for _ in 0..ATTEMPTS {
            let waiting = self.waiting(run.directory).await?;
            if waiting == Some(run.id) {
                return Ok(RequestedRun::Added);
            }
            if let Some(waiting) = waiting
                && let Some(other) = self.run(run.directory, waiting).await?
                // A run that has begun does not see what changes now, and one for new settings does not look at the tenant.
                && other.state == RunState::Queued
                && (other.trigger.reads() || !run.trigger.reads())
            {
                return Ok(RequestedRun::Folded(waiting));
            }
            match self.add_waiting(run, waiting).await {
                Ok(()) => return Ok(RequestedRun::Added),
                // Another one waits now, or the one that did has begun.
                Err(Refused::Condition { .. }) => {}
                Err(Refused::Failed(error)) => return Err(error),
            }
        }
        Err(StoreError::Conflict)
    }

    async fn save_run(&self, run: &Run) -> Result<(), StoreError> {
        self.put(write(run)?).await
    }

    async fn run(&self, directory: DirectoryId, run: RunId) -> Result<Option<Run>, StoreError> {
        self.get(&Key::run(directory, run)).await?.as_ref().map(read).transpose()
    }

    async fn runs(&self, directory: DirectoryId, limit: usize, after: Option<RunId>) -> Result<Page<Run>, StoreError> {
        let after = after.map(|after| after.to_string());
        let found = self.latest(runs(directory), after, limit + 1).await?;
        Ok(Page::of(found.iter().map(read).collect::<Result<_, _>>()?, limit))
    }

    async fn count_manual_run(&self, directory: DirectoryId, minute: i64) -> Result<u64, StoreError> {
        let update = self
            .update_of(&Key::manual_runs(directory, minute))
            .update_expression(format!("ADD asked :one SET v = :one, {TTL} = :end"))
            .expression_attribute_values(":one", AttributeValue::N("1".to_owned()))
            .expression_attribute_values(":end", AttributeValue::N((minute * 60 + COUNT_RETENTION).to_string()))
            .return_values(ReturnValue::AllNew);
        let output = self.update(update).await.map_err(|refused| refused.because(StoreError::Conflict))?;
        Stored::new(output.attributes.unwrap_or_default())?.number("asked")
    }
}

impl DynamoStore {
    /// The run that waits for its turn.
    async fn waiting(&self, directory: DirectoryId) -> Result<Option<RunId>, StoreError> {
        let Some(sync) = self.get(&Key::sync(directory)).await? else { return Ok(None) };
        let Some(run) = sync.optional_text("waiting_run")? else { return Ok(None) };
        run.parse().map(Some).map_err(|_| sync.corrupt("waiting_run is malformed".to_owned()))
    }

    /// Records a run as the one that waits, in place of the one that did. That one keeps its record and its message, so
    /// it takes place all the same.
    async fn add_waiting(&self, run: &Run, displaced: Option<RunId>) -> Result<(), Refused> {
        let put = Put::builder().table_name(&self.table).set_item(Some(write(run)?.into_attributes()));
        let put = put.build().map_err(unavailable)?;
        let wait = Update::builder()
            .table_name(&self.table)
            .set_key(Some(key_attributes(&Key::sync(run.directory))))
            .update_expression("SET waiting_run = :run, v = :v ADD open_runs :runs")
            .expression_attribute_values(":runs", runs_value([&run.id]))
            .expression_attribute_values(":run", AttributeValue::S(run.id.to_string()))
            .expression_attribute_values(":v", AttributeValue::N("1".to_owned()));
        let wait = match displaced {
            None => wait.condition_expression("attribute_not_exists(waiting_run)"),
            Some(displaced) => wait
                .condition_expression("waiting_run = :displaced")
                .expression_attribute_values(":displaced", AttributeValue::S(displaced.to_string())),
        };
        let wait = wait.build().map_err(unavailable)?;
        let actions =
            vec![TransactWriteItem::builder().put(put).build(), TransactWriteItem::builder().update(wait).build()];
        self.transact(actions).await
    }
}
