//! Stores that keep nothing but what a run must find again.

use std::collections::BTreeSet;
use std::sync::Mutex;

use async_trait::async_trait;
use jiff::Timestamp;
use shared::directory::{Directory, DirectoryId, GroupId, GroupRecord, ObjectId, UserId, UserRecord};
use shared::store::{
    Checkpoint, CheckpointStore, Counting, DirectoryStore, HoldStore, Lease, Leased, List, MirrorStore, Page,
    Publication, RequestedRun, RunStore, SettingsChange, StoreError, Write,
};
use shared::sync::{ChangeCounts, CheckpointHead, HeldChanges, Hold, HoldId, HoldState, Run, RunId};

use crate::tenant::Tenant;

/// The stores of a directory whose tenant was synced before, or never.
pub(crate) struct Stores {
    pub(crate) directory: Mutex<Directory>,
    pub(crate) run: Mutex<Run>,
    pub(crate) tenant: Tenant,
    pub(crate) synced_before: bool,
    pub(crate) written: Mutex<usize>,
}

#[async_trait]
impl DirectoryStore for Stores {
    async fn directories(&self) -> Result<Vec<Directory>, StoreError> {
        unimplemented!("the schedule does")
    }

    async fn directory(&self, _: DirectoryId) -> Result<Option<Directory>, StoreError> {
        Ok(Some(self.directory.lock().unwrap().clone()))
    }

    async fn create_directory(&self, _: &Directory) -> Result<bool, StoreError> {
        unimplemented!("an authorization does")
    }

    async fn change_settings(&self, _: DirectoryId, _: &SettingsChange) -> Result<u64, StoreError> {
        unimplemented!("the console function does")
    }

    async fn schedule(&self, _: DirectoryId, _: Timestamp) -> Result<(), StoreError> {
        unimplemented!("the schedule does")
    }
}

#[async_trait]
impl RunStore for Stores {
    async fn request_run(&self, _: &Run) -> Result<RequestedRun, StoreError> {
        unimplemented!("the schedule does")
    }

    async fn save_run(&self, run: &Run) -> Result<(), StoreError> {
        *self.run.lock().unwrap() = run.clone();
        Ok(())
    }

    async fn run(&self, _: DirectoryId, _: RunId) -> Result<Option<Run>, StoreError> {
        Ok(Some(self.run.lock().unwrap().clone()))
    }

    async fn runs(&self, _: DirectoryId, _: usize, _: Option<RunId>) -> Result<Page<Run>, StoreError> {
        unimplemented!("the status function does")
    }

    async fn count_manual_run(&self, _: DirectoryId, _: i64) -> Result<u64, StoreError> {
        unimplemented!("the console function does")
    }
}

#[async_trait]
impl HoldStore for Stores {
    async fn holds(&self, _: DirectoryId) -> Result<Vec<Hold>, StoreError> {
        Ok(Vec::new())
    }

    async fn hold(&self, _: DirectoryId, _: HoldId) -> Result<Option<Hold>, StoreError> {
        Ok(None)
    }

    async fn held_changes(&self, _: DirectoryId, _: HoldId) -> Result<HeldChanges, StoreError> {
        unimplemented!("nothing is held")
    }

    async fn save_held_changes(&self, _: &Lease, _: &Hold, _: &HeldChanges) -> Result<(), StoreError> {
        unimplemented!("nothing is held")
    }

    async fn decide_hold(&self, _: &Hold, _: HoldState) -> Result<(), StoreError> {
        unimplemented!("nothing is held")
    }
}

#[async_trait]
impl CheckpointStore for Stores {
    async fn checkpoint(&self, _: DirectoryId) -> Result<Option<Checkpoint>, StoreError> {
        Ok(None)
    }

    async fn save_checkpoint(&self, _: &Lease, _: &CheckpointHead, pieces: u32, _: &[u8]) -> Result<u32, StoreError> {
        Ok(pieces + 1)
    }

    async fn drop_checkpoint(&self, _: &Lease) -> Result<(), StoreError> {
        Ok(())
    }
}

#[async_trait]
impl MirrorStore for Stores {
    async fn acquire_lease(
        &self,
        directory: DirectoryId,
        run: RunId,
        _: Timestamp,
        _: Timestamp,
    ) -> Result<Leased, StoreError> {
        Ok(Leased::Taken(Lease { directory, run, fence: 1 }, Box::default()))
    }

    async fn renew_lease(&self, _: &Lease, _: Timestamp) -> Result<(), StoreError> {
        Ok(())
    }

    async fn pause_until(&self, _: &Lease, _: Timestamp) -> Result<(), StoreError> {
        unimplemented!()
    }

    async fn release_lease(&self, _: &Lease, _: &BTreeSet<RunId>) -> Result<BTreeSet<RunId>, StoreError> {
        Ok(BTreeSet::new())
    }

    async fn users(&self, _: DirectoryId, _: &BTreeSet<UserId>) -> Result<Vec<UserRecord>, StoreError> {
        unimplemented!("everything is read")
    }

    async fn all_users(&self, _: DirectoryId) -> Result<Vec<UserRecord>, StoreError> {
        Ok(if self.synced_before { self.tenant.user_records() } else { Vec::new() })
    }

    async fn groups(&self, _: DirectoryId, _: &BTreeSet<GroupId>) -> Result<Vec<GroupRecord>, StoreError> {
        unimplemented!("everything is read")
    }

    async fn all_groups(&self, _: DirectoryId) -> Result<Vec<GroupRecord>, StoreError> {
        Ok(if self.synced_before { self.tenant.group_records() } else { Vec::new() })
    }

    async fn listed(&self, _: DirectoryId, _: &List) -> Result<BTreeSet<ObjectId>, StoreError> {
        unimplemented!("nobody leaves")
    }

    async fn begin_writing(&self, _: &Lease) -> Result<(), StoreError> {
        Ok(())
    }

    async fn apply(&self, _: &Lease, writes: &[Write], count: &mut Counting, _: Timestamp) -> Result<(), StoreError> {
        *self.written.lock().unwrap() += writes.len();
        count.written = count.written.with(writes.len() as u64, ChangeCounts::default(), false);
        Ok(())
    }

    async fn publish(&self, _: &Lease, publication: &Publication) -> Result<(), StoreError> {
        self.directory.lock().unwrap().published = Some(publication.published.clone());
        Ok(())
    }
}
