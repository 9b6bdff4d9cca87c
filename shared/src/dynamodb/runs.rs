//! Runs: asked for, worked on, remembered.

use async_trait::async_trait;
use aws_sdk_dynamodb::types::{AttributeValue, Put, ReturnValue, TransactWriteItem, Update};
use jiff::SignedDuration;

use super::cursor::{decode, encode};
use super::error::{cancelled, failed_condition, unavailable};
use super::item::{Item, Stored, key_attributes};
use super::keys::{Key, runs};
use super::store::DynamoStore;
use super::table::TTL;
use crate::directory::DirectoryId;
use crate::store::{Cursor, Page, RequestedRun, RunStore, StoreError};
use crate::sync::{Run, RunId};

/// How long a run's record is kept.
const RETENTION: SignedDuration = SignedDuration::from_hours(90 * 24);
/// How long a minute's count of manual runs is kept, in seconds.
const COUNT_RETENTION: i64 = 3_600;
/// How often a request is tried that found a waiting run which then began.
const ATTEMPTS: u32 = 5;

fn write(run: &Run) -> Result<Item, StoreError> {
    let item = Item::new(&Key::run(run.directory, run.id)).value("run", run)?;
    Ok(item.expires(run.requested_at + RETENTION))
}

fn read(item: &Stored) -> Result<Run, StoreError> {
    item.value("run")
}

#[async_trait]
impl RunStore for DynamoStore {
    async fn request_run(&self, run: &Run) -> Result<RequestedRun, StoreError> {
        for _ in 0..ATTEMPTS {
            if self.add_waiting(run).await? {
                return Ok(RequestedRun::Added);
            }
            let sync = self.get(&Key::sync(run.directory)).await?;
            let waiting = sync.as_ref().map(|sync| sync.optional_text("waiting_run")).transpose()?.flatten();
            if let (Some(waiting), Some(sync)) = (waiting, &sync) {
                let waiting = waiting.parse().map_err(|_| sync.corrupt("waiting_run is malformed".to_owned()))?;
                return Ok(RequestedRun::Folded(waiting));
            }
            // It has begun meanwhile, so there is room for another.
        }
        Err(StoreError::Conflict)
    }

    async fn save_run(&self, run: &Run) -> Result<(), StoreError> {
        self.put(write(run)?).await
    }

    async fn run(&self, directory: DirectoryId, run: RunId) -> Result<Option<Run>, StoreError> {
        self.get(&Key::run(directory, run)).await?.as_ref().map(read).transpose()
    }

    async fn runs(
        &self,
        directory: DirectoryId,
        limit: usize,
        after: Option<&Cursor>,
    ) -> Result<Page<Run>, StoreError> {
        let after: Option<RunId> = after.map(|cursor| decode("runs", cursor)).transpose()?;
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .scan_index_forward(false)
            .consistent_read(true)
            .limit(i32::try_from(limit + 1).unwrap_or(i32::MAX))
            .expression_attribute_values(":pk", AttributeValue::S(runs(directory)));
        let query = match after {
            None => query.key_condition_expression("pk = :pk"),
            Some(after) => query
                .key_condition_expression("pk = :pk AND sk < :after")
                .expression_attribute_values(":after", AttributeValue::S(after.to_string())),
        };
        let found = query.send().await.map_err(unavailable)?.items.unwrap_or_default();
        let mut items: Vec<Run> =
            found.into_iter().map(|item| read(&Stored::new(item)?)).collect::<Result<_, StoreError>>()?;
        let more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| more).map(|last| encode("runs", &last.id));
        Ok(Page { items, next })
    }

    async fn count_manual_run(&self, directory: DirectoryId, minute: i64) -> Result<u64, StoreError> {
        let output = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key_attributes(&Key::manual_runs(directory, minute))))
            .update_expression(format!("ADD asked :one SET v = :one, {TTL} = :end"))
            .expression_attribute_values(":one", AttributeValue::N("1".to_owned()))
            .expression_attribute_values(":end", AttributeValue::N((minute * 60 + COUNT_RETENTION).to_string()))
            .return_values(ReturnValue::AllNew)
            .send()
            .await
            .map_err(unavailable)?;
        Stored::new(output.attributes.unwrap_or_default())?.number("asked")
    }
}

impl DynamoStore {
    /// Records a run as the waiting one; false when another one waits.
    async fn add_waiting(&self, run: &Run) -> Result<bool, StoreError> {
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(write(run)?.into_attributes()))
            .build()
            .map_err(|error| StoreError::Unavailable(error.into()))?;
        let mut wait = Update::builder()
            .table_name(&self.table)
            .set_key(Some(key_attributes(&Key::sync(run.directory))))
            .update_expression("SET waiting_run = :run, v = :v")
            .expression_attribute_values(":run", AttributeValue::S(run.id.to_string()))
            .expression_attribute_values(":v", AttributeValue::N("1".to_owned()));
        if run.approves_hold.is_none() {
            // An approval must not get lost in a run that knows nothing of it. The run it displaces keeps its message.
            wait = wait.condition_expression("attribute_not_exists(waiting_run)");
        }
        let wait = wait.build().map_err(|error| StoreError::Unavailable(error.into()))?;
        let written = self
            .client
            .transact_write_items()
            .transact_items(TransactWriteItem::builder().put(put).build())
            .transact_items(TransactWriteItem::builder().update(wait).build())
            .send()
            .await;
        match written {
            Ok(_) => Ok(true),
            Err(error) if cancelled(&error).is_some_and(|reasons| failed_condition(reasons, 1)) => Ok(false),
            Err(error) => Err(unavailable(error)),
        }
    }
}
