//! The lease of a directory, and what is published at its end.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use aws_sdk_dynamodb::types::{
    AttributeValue, ConditionCheck, Put, ReturnValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};
use jiff::Timestamp;

use super::error::unavailable;
use super::item::{Stored, key_attributes};
use super::keys::Key;
use super::runs;
use super::store::DynamoStore;
use super::write::{ATTEMPTS, Refused};
use crate::directory::{ChangeId, DirectoryId};
use crate::store::{Lease, Leased, Publication, StoreError, SyncState};
use crate::sync::{DeltaLink, DeltaLinks, RunId, Written};

/// The condition that a lease is still the one that was taken.
const HELD: &str = "fence = :fence AND holder = :holder";
/// The condition that nobody holds a lease, or only an expired one, and that its item is one this program knows.
const FREE: &str = "(attribute_not_exists(holder) OR lease_until <= :now) AND (attribute_not_exists(pk) OR v = :one) \
    AND (attribute_not_exists(open_runs) OR attribute_type(open_runs, :set))";

/// How users, groups and what they are found by are laid out in the table. Links that were stored with another layout count for
/// nothing: everything is read, and indexed, anew.
const LAYOUT: u32 = 5;

fn is_laid_out(sync: &Stored) -> Result<bool, StoreError> {
    Ok(sync.optional_value("layout")? == Some(LAYOUT))
}

fn links(sync: &Stored) -> Result<Option<DeltaLinks>, StoreError> {
    if !is_laid_out(sync)? {
        return Ok(None);
    }
    let Some(users) = sync.optional_text("users_link")? else { return Ok(None) };
    Ok(Some(DeltaLinks {
        users: DeltaLink::new(users.to_owned()),
        groups: DeltaLink::new(sync.text("groups_link")?.to_owned()),
        select: sync.text("select")?.to_owned(),
        hidden_members: sync.optional_parsed("hidden_members")?.unwrap_or_default(),
    }))
}

pub(super) fn state(sync: &Stored) -> Result<SyncState, StoreError> {
    Ok(SyncState {
        links: links(sync)?,
        last_full_at: sync.optional_value("full_at")?,
        hold: sync.optional_parsed("open_hold")?,
        unfinished: sync.optional_value("unfinished")?.unwrap_or_default(),
        checkpoint: sync.optional_value("checkpoint")?.unwrap_or_default(),
        unindexed: !is_laid_out(sync)?,
        logged: sync.optional_value("logged")?.and_then(ChangeId::new),
        open_runs: open_runs(sync)?,
        written: sync.optional_value("written")?,
        paused_until: sync.optional_value("paused_until")?,
    })
}

/// The runs that were requested and have not ended. The one that waits may be of a version that did not note them.
fn open_runs(sync: &Stored) -> Result<BTreeSet<RunId>, StoreError> {
    let mut open: BTreeSet<RunId> = sync.optional_texts("open_runs")?;
    if sync.optional_text("waiting_run")?.is_some() {
        open.insert(sync.parsed("waiting_run")?);
    }
    Ok(open)
}

/// A set of runs, as an update adds them and takes them away.
pub(super) fn runs_value<'a>(runs: impl IntoIterator<Item = &'a RunId>) -> AttributeValue {
    AttributeValue::Ss(runs.into_iter().map(RunId::to_string).collect())
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

pub(super) fn number(number: impl ToString) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

/// When the lease runs out that somebody holds at `now`.
pub(super) fn held_until(sync: &Stored, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
    if sync.optional_text("holder")?.is_none() {
        return Ok(None);
    }
    let until = Timestamp::from_millisecond(sync.number("lease_until")?)
        .map_err(|_| sync.corrupt("lease_until is malformed".to_owned()))?;
    Ok(Some(until).filter(|until| *until > now))
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
        // A run that waited stops to wait in the same step, else it would go on taking in requests that it knows
        // nothing of. Which of the two steps is right can only change with another request in between.
        let steps = [
            ("waiting_run = :run", " REMOVE waiting_run"),
            ("(attribute_not_exists(waiting_run) OR waiting_run <> :run)", ""),
        ];
        for (waits, stop_waiting) in steps.into_iter().cycle().take(ATTEMPTS as usize) {
            let update = self
                .update_of(&Key::sync(directory))
                .update_expression(format!(
                    "SET holder = :run, lease_until = :until, v = :one ADD fence :one, open_runs :runs{stop_waiting}"
                ))
                .condition_expression(format!("{FREE} AND {waits}"))
                .expression_attribute_values(":run", text(&run.to_string()))
                .expression_attribute_values(":runs", runs_value([&run]))
                .expression_attribute_values(":set", text("SS"))
                .expression_attribute_values(":until", number(until.as_millisecond()))
                .expression_attribute_values(":now", number(now.as_millisecond()))
                .expression_attribute_values(":one", number(1))
                .return_values(ReturnValue::AllNew)
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
            match self.update(update).await {
                Ok(output) => {
                    let sync = Stored::new(output.attributes.unwrap_or_default())?;
                    let lease = Lease { directory, run, fence: sync.number("fence")? };
                    return Ok(Leased::Taken(lease, Box::new(state(&sync)?)));
                }
                Err(Refused::Condition { found: Some(sync), .. }) => {
                    let sync = Stored::new(sync)?;
                    open_runs(&sync)?;
                    if let Some(until) = held_until(&sync, now)? {
                        return Ok(Leased::Held { until });
                    }
                }
                Err(Refused::Condition { found: None, .. }) => {}
                Err(Refused::Failed(error)) => return Err(error),
            }
        }
        Err(StoreError::Conflict)
    }

    /// Gives the lease back and forgets runs that have ended. Returns those that wait.
    pub(super) async fn give_back(
        &self,
        lease: &Lease,
        ended: &BTreeSet<RunId>,
    ) -> Result<BTreeSet<RunId>, StoreError> {
        let expression = "REMOVE holder, lease_until";
        let given = if ended.is_empty() {
            self.change_lease(lease, expression, None).await
        } else {
            let expression = format!("{expression} DELETE open_runs :ended");
            self.change_lease(lease, &expression, Some((":ended", runs_value(ended)))).await
        };
        match given {
            Ok(sync) => Ok(open_runs(&sync)?.into_iter().filter(|run| *run != lease.run).collect()),
            Err(StoreError::LeaseLost) => Ok(BTreeSet::new()),
            Err(error) => Err(error),
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
            .update_of(&Key::sync(lease.directory))
            .update_expression(expression)
            .condition_expression(HELD)
            .expression_attribute_values(":fence", number(lease.fence))
            .expression_attribute_values(":holder", text(&lease.run.to_string()))
            .return_values(ReturnValue::AllNew);
        if let Some((name, value)) = value {
            update = update.expression_attribute_values(name, value);
        }
        let output = self.update(update).await.map_err(|refused| refused.because(StoreError::LeaseLost))?;
        Stored::new(output.attributes.unwrap_or_default())
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
            .map_err(unavailable)?;
        Ok(TransactWriteItem::builder().condition_check(check).build())
    }

    /// The action that notes whether there is a checkpoint, and makes a transaction fail unless the lease is held.
    pub(super) fn note_checkpoint(&self, lease: &Lease, is_there: bool) -> Result<TransactWriteItem, StoreError> {
        self.set_with(lease, "checkpoint", AttributeValue::Bool(is_there))
    }

    /// The action that notes what a transaction writes and which change is the last in the log and of when it is, if it logs any, and makes it fail
    /// unless the lease is held.
    pub(super) fn note_written(
        &self,
        lease: &Lease,
        written: &Written,
        last: Option<(ChangeId, Timestamp)>,
    ) -> Result<TransactWriteItem, StoreError> {
        let mut values = vec![("written", written_value(written)?)];
        if let Some((last, at)) = last {
            values.extend([("logged", number(last.number())), ("logged_at", text(&at.to_string()))]);
        }
        self.set_all_with(lease, values)
    }

    fn set_with(&self, lease: &Lease, name: &str, value: AttributeValue) -> Result<TransactWriteItem, StoreError> {
        self.set_all_with(lease, vec![(name, value)])
    }

    fn set_all_with(
        &self,
        lease: &Lease,
        values: Vec<(&str, AttributeValue)>,
    ) -> Result<TransactWriteItem, StoreError> {
        let set: Vec<String> = values.iter().map(|(name, _)| format!("{name} = :{name}")).collect();
        let mut update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(key_attributes(&Key::sync(lease.directory))))
            .update_expression(format!("SET {}", set.join(", ")))
            .condition_expression(HELD)
            .expression_attribute_values(":fence", number(lease.fence))
            .expression_attribute_values(":holder", text(&lease.run.to_string()));
        for (name, value) in values {
            update = update.expression_attribute_values(format!(":{name}"), value);
        }
        Ok(TransactWriteItem::builder().update(update.build().map_err(unavailable)?).build())
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
            .map_err(unavailable)?;
        let mut actions = vec![
            TransactWriteItem::builder().update(self.move_links(lease, publication)?).build(),
            TransactWriteItem::builder().update(show).build(),
        ];
        if let Some(hold) = &publication.opens {
            actions.push(TransactWriteItem::builder().put(self.put_hold(hold, None)?).build());
        }
        if let Some((hold, from)) = &publication.ends {
            actions.push(TransactWriteItem::builder().put(self.put_hold(hold, Some(*from))?).build());
        }
        if let Some(run) = &publication.record {
            let put = Put::builder().table_name(&self.table).set_item(Some(runs::write(run)?.into_attributes()));
            actions.push(TransactWriteItem::builder().put(put.build().map_err(unavailable)?).build());
        }
        if let Some(day) = &publication.day {
            actions.push(self.note_day(lease.directory, day)?);
        }
        match self.transact(actions).await {
            Ok(()) => Ok(()),
            Err(Refused::Condition { place: 0, .. }) if !self.is_held(lease).await? => Err(StoreError::LeaseLost),
            Err(refused) => Err(refused.because(StoreError::Conflict)),
        }
    }

    async fn is_held(&self, lease: &Lease) -> Result<bool, StoreError> {
        let Some(sync) = self.get(&Key::sync(lease.directory)).await? else { return Ok(false) };
        let holder = sync.optional_text("holder")?;
        Ok(holder == Some(&lease.run.to_string()) && sync.number::<u64>("fence")? == lease.fence)
    }

    fn move_links(&self, lease: &Lease, publication: &Publication) -> Result<Update, StoreError> {
        let update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(key_attributes(&Key::sync(lease.directory))))
            .expression_attribute_values(":fence", number(lease.fence))
            .expression_attribute_values(":holder", text(&lease.run.to_string()));
        let update = match &publication.from_links {
            None => update.condition_expression(format!(
                "{HELD} AND (attribute_not_exists(users_link) OR attribute_not_exists(layout) OR layout <> :layout)"
            )),
            Some(from) => update
                .condition_expression(format!("{HELD} AND users_link = :from_users AND groups_link = :from_groups"))
                .expression_attribute_values(":from_users", text(from.users.as_str()))
                .expression_attribute_values(":from_groups", text(from.groups.as_str())),
        };
        set_state(update, publication)?.build().map_err(unavailable)
    }
}

/// The links, the time of a full reading and the hold, as they are from now on.
fn set_state(update: UpdateBuilder, publication: &Publication) -> Result<UpdateBuilder, StoreError> {
    let (mut set, mut remove) = (vec!["layout = :layout"], vec!["unfinished", "checkpoint"]);
    let mut update = update.expression_attribute_values(":layout", number(LAYOUT));
    match &publication.links {
        None => remove.extend(["users_link", "groups_link", "#select", "hidden_members"]),
        Some(links) => {
            set.extend([
                "users_link = :users",
                "groups_link = :groups",
                "#select = :select",
                "hidden_members = :hidden_members",
            ]);
            update = update
                .expression_attribute_values(":users", text(links.users.as_str()))
                .expression_attribute_values(":groups", text(links.groups.as_str()))
                .expression_attribute_values(":select", text(&links.select))
                .expression_attribute_values(":hidden_members", text(&links.hidden_members.to_string()));
        }
    }
    if let Some(at) = publication.full_at {
        set.push("full_at = :full_at");
        update = update.expression_attribute_values(":full_at", text(&at.to_string()));
    }
    match publication.hold {
        None => remove.push("open_hold"),
        Some(hold) => {
            set.push("open_hold = :hold");
            update = update.expression_attribute_values(":hold", text(&hold.to_string()));
        }
    }
    match &publication.written {
        None => remove.push("written"),
        Some(written) => {
            set.push("written = :written");
            update = update.expression_attribute_values(":written", written_value(written)?);
        }
    }
    let clause = |word: &str, parts: &[&str]| {
        if parts.is_empty() { String::new() } else { format!("{word} {} ", parts.join(", ")) }
    };
    let expression = format!("{}{}", clause("SET", &set), clause("REMOVE", &remove));
    Ok(update.update_expression(expression).expression_attribute_names("#select", "select"))
}

fn written_value(written: &Written) -> Result<AttributeValue, StoreError> {
    serde_dynamo::to_attribute_value(written)
        .map_err(|error| StoreError::Corrupt { key: "written".to_owned(), reason: error.to_string() })
}
