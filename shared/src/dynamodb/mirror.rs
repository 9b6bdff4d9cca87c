//! The mirror, as a run reads and writes it.

use std::collections::BTreeSet;

use async_trait::async_trait;
use aws_sdk_dynamodb::types::AttributeValue;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;

use super::keys::{self, Key, SHARDS};
use super::records::read_group;
use super::store::{AT_ONCE, DynamoStore};
use crate::directory::{DirectoryId, GroupId, GroupRecord, ObjectId, UserId, UserRecord};
use crate::store::{Counting, Lease, Leased, List, MirrorStore, Publication, StoreError, Write};
use crate::sync::RunId;

#[async_trait]
impl MirrorStore for DynamoStore {
    async fn acquire_lease(
        &self,
        directory: DirectoryId,
        run: RunId,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Leased, StoreError> {
        self.take_lease(directory, run, now, until).await
    }

    async fn renew_lease(&self, lease: &Lease, until: Timestamp) -> Result<(), StoreError> {
        let until = AttributeValue::N(until.as_millisecond().to_string());
        self.change_lease(lease, "SET lease_until = :until", Some((":until", until))).await?;
        Ok(())
    }

    async fn pause_until(&self, lease: &Lease, at: Timestamp) -> Result<(), StoreError> {
        let at = AttributeValue::S(at.to_string());
        self.change_lease(lease, "SET paused_until = :at", Some((":at", at))).await?;
        Ok(())
    }

    async fn release_lease(&self, lease: &Lease, ended: &BTreeSet<RunId>) -> Result<BTreeSet<RunId>, StoreError> {
        self.give_back(lease, ended).await
    }

    async fn users(&self, directory: DirectoryId, ids: &BTreeSet<UserId>) -> Result<Vec<UserRecord>, StoreError> {
        self.some_users(directory, ids).await
    }

    async fn all_users(&self, directory: DirectoryId) -> Result<Vec<UserRecord>, StoreError> {
        self.every_user(directory).await
    }

    async fn groups(&self, directory: DirectoryId, ids: &BTreeSet<GroupId>) -> Result<Vec<GroupRecord>, StoreError> {
        let keys = ids.iter().map(|id| Key::group(directory, id)).collect();
        self.get_all(keys).await?.iter().map(read_group).collect()
    }

    async fn all_groups(&self, directory: DirectoryId) -> Result<Vec<GroupRecord>, StoreError> {
        let groups: Vec<Vec<GroupRecord>> = stream::iter(0..SHARDS)
            .map(|shard| async move {
                self.partition(keys::groups(directory, shard)).await?.iter().map(read_group).collect::<Result<_, _>>()
            })
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        Ok(groups.into_iter().flatten().collect())
    }

    async fn listed(&self, directory: DirectoryId, list: &List) -> Result<BTreeSet<ObjectId>, StoreError> {
        self.all_in(directory, list).await
    }

    async fn begin_writing(&self, lease: &Lease) -> Result<(), StoreError> {
        self.change_lease(lease, "SET unfinished = :yes", Some((":yes", AttributeValue::Bool(true)))).await?;
        Ok(())
    }

    async fn apply(
        &self,
        lease: &Lease,
        writes: &[Write],
        count: &mut Counting,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.apply_writes(lease, writes, count, now).await
    }

    async fn publish(&self, lease: &Lease, publication: &Publication) -> Result<(), StoreError> {
        self.publish_outcome(lease, publication).await
    }
}
