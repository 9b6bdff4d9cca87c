//! The lease of a directory, and what is published at its end.

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use aws_sdk_dynamodb::types::{
    AttributeValue, ConditionCheck, ReturnValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};
use jiff::Timestamp;

use super::error::{cancelled, failed_condition, unavailable};
use super::item::{Stored, key_attributes};
use super::keys::Key;
use super::store::DynamoStore;
use crate::directory::DirectoryId;
use crate::store::{Lease, Leased, Publication, StoreError, SyncState};
use crate::sync::{DeltaLink, DeltaLinks, RunId};

/// The condition that a lease is still the one that was taken.
const HELD: &str = "fence = :fence AND holder = :holder";

fn links(sync: &Stored) -> Result<Option<DeltaLinks>, StoreError> {
    let Some(users) = sync.optional_text("users_link")? else { return Ok(None) };
    Ok(Some(DeltaLinks {
        users: DeltaLink::new(users.to_owned()),
        groups: DeltaLink::new(sync.text("groups_link")?.to_owned()),
        select: sync.text("select")?.to_owned(),
    }))
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn number(number: impl ToString) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

fn build_error(error: aws_sdk_dynamodb::error::BuildError) -> StoreError {
    StoreError::Unavailable(error.into())
}

impl DynamoStore {
    /// Takes the lease when nobody holds it. Not even the same run twice: its message may have been delivered twice.
    pub(super) async fn take_lease(
        &self,
        directory: DirectoryId,
        run: RunId,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Leased, StoreError> {
        let taken = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key_attributes(&Key::sync(directory))))
            .update_expression("SET holder = :run, lease_until = :until, v = :one ADD fence :one")
            .condition_expression("attribute_not_exists(holder) OR lease_until <= :now")
            .expression_attribute_values(":run", text(&run.to_string()))
            .expression_attribute_values(":until", number(until.as_millisecond()))
            .expression_attribute_values(":now", number(now.as_millisecond()))
            .expression_attribute_values(":one", number(1))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let sync = match taken {
            Ok(output) => Stored::new(output.attributes.unwrap_or_default())?,
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                    let sync = Stored::new(failed.item().cloned().unwrap_or_default())?;
                    let until = Timestamp::from_millisecond(sync.number("lease_until")?)
                        .map_err(|_| sync.corrupt("lease_until is malformed".to_owned()))?;
                    return Ok(Leased::Held { until });
                }
                _ => return Err(unavailable(error)),
            },
        };
        if sync.optional_text("waiting_run")? == Some(&run.to_string()) {
            self.stop_waiting(directory, run).await?;
        }
        let lease = Lease { directory, run, fence: sync.number("fence")? };
        Ok(Leased::Taken(lease, SyncState { links: links(&sync)? }))
    }

    async fn stop_waiting(&self, directory: DirectoryId, run: RunId) -> Result<(), StoreError> {
        let stopped = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key_attributes(&Key::sync(directory))))
            .update_expression("REMOVE waiting_run")
            .condition_expression("waiting_run = :run")
            .expression_attribute_values(":run", text(&run.to_string()))
            .send()
            .await;
        match stopped {
            Err(error)
                if error.as_service_error().is_none_or(|error| !error.is_conditional_check_failed_exception()) =>
            {
                Err(unavailable(error))
            }
            _ => Ok(()),
        }
    }

    /// Changes the lease's item while the lease is held, and returns it.
    pub(super) async fn change_lease(
        &self,
        lease: &Lease,
        expression: &str,
        value: Option<(&str, AttributeValue)>,
    ) -> Result<Stored, StoreError> {
        let mut update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key_attributes(&Key::sync(lease.directory))))
            .update_expression(expression)
            .condition_expression(HELD)
            .expression_attribute_values(":fence", number(lease.fence))
            .expression_attribute_values(":holder", text(&lease.run.to_string()));
        if let Some((name, value)) = value {
            update = update.expression_attribute_values(name, value);
        }
        match update.return_values(ReturnValue::AllNew).send().await {
            Ok(output) => Stored::new(output.attributes.unwrap_or_default()),
            Err(error)
                if error.as_service_error().is_some_and(|error| error.is_conditional_check_failed_exception()) =>
            {
                Err(StoreError::LeaseLost)
            }
            Err(error) => Err(unavailable(error)),
        }
    }

    /// The action that makes a transaction fail unless the lease is held.
    pub(super) fn check_of(&self, lease: &Lease) -> Result<TransactWriteItem, StoreError> {
        let check = ConditionCheck::builder()
            .table_name(&self.table)
            .set_key(Some(key_attributes(&Key::sync(lease.directory))))
            .condition_expression(HELD)
            .expression_attribute_values(":fence", number(lease.fence))
            .expression_attribute_values(":holder", text(&lease.run.to_string()))
            .build()
            .map_err(build_error)?;
        Ok(TransactWriteItem::builder().condition_check(check).build())
    }

    /// Moves the links and shows the outcome, in one transaction.
    pub(super) async fn publish_outcome(&self, lease: &Lease, publication: &Publication) -> Result<(), StoreError> {
        let published = serde_dynamo::to_attribute_value(&publication.published)
            .map_err(|error| StoreError::Corrupt { key: "published".to_owned(), reason: error.to_string() })?;
        let show = Update::builder()
            .table_name(&self.table)
            .set_key(Some(key_attributes(&Key::directory(lease.directory))))
            .update_expression("SET published = :published")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_values(":published", published)
            .build()
            .map_err(build_error)?;
        let moved = self
            .client
            .transact_write_items()
            .transact_items(TransactWriteItem::builder().update(self.move_links(lease, publication)?).build())
            .transact_items(TransactWriteItem::builder().update(show).build())
            .send()
            .await;
        match moved {
            Ok(_) => Ok(()),
            Err(error) if cancelled(&error).is_some_and(|reasons| failed_condition(reasons, 0)) => {
                // Either the lease or the links are not what they were; ask which.
                self.change_lease(lease, "SET v = v", None).await?;
                Err(StoreError::Conflict)
            }
            Err(error) if cancelled(&error).is_some_and(|reasons| failed_condition(reasons, 1)) => {
                Err(StoreError::Conflict)
            }
            Err(error) => Err(unavailable(error)),
        }
    }

    fn move_links(&self, lease: &Lease, publication: &Publication) -> Result<Update, StoreError> {
        let update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(key_attributes(&Key::sync(lease.directory))))
            .expression_attribute_values(":fence", number(lease.fence))
            .expression_attribute_values(":holder", text(&lease.run.to_string()));
        let update = match &publication.from_links {
            None => update.condition_expression(format!("{HELD} AND attribute_not_exists(users_link)")),
            Some(from) => update
                .condition_expression(format!("{HELD} AND users_link = :from_users AND groups_link = :from_groups"))
                .expression_attribute_values(":from_users", text(from.users.as_str()))
                .expression_attribute_values(":from_groups", text(from.groups.as_str())),
        };
        set_links(update, publication.links.as_ref()).build().map_err(build_error)
    }
}

fn set_links(update: UpdateBuilder, links: Option<&DeltaLinks>) -> UpdateBuilder {
    match links {
        None => update
            .update_expression("REMOVE users_link, groups_link, #select")
            .expression_attribute_names("#select", "select"),
        Some(links) => update
            .update_expression("SET users_link = :users, groups_link = :groups, #select = :select")
            .expression_attribute_names("#select", "select")
            .expression_attribute_values(":users", text(links.users.as_str()))
            .expression_attribute_values(":groups", text(links.groups.as_str()))
            .expression_attribute_values(":select", text(&links.select)),
    }
}
