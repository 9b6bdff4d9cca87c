//! The ports that the console function uses, in memory.

#![expect(clippy::unimplemented, reason = "the console function asks for less")]

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use shared::access::{AccessToken, TokenHash};
use shared::audit::AuditEntry;
use shared::clock::Clock;
use shared::credentials::Credential;
use shared::directory::{Directory, DirectoryId, GroupId, GroupRecord, ObjectId, UserId, UserRecord};
use shared::queue::{QueueError, RunQueue};
use shared::session::{UnsentForm, UnsentId};
use shared::settings::{ComparedWith, Draft, DraftId, Line, Outline, Preview, Shift};
use shared::store::{
    AuditStore, Counting, CredentialStore, DirectoryStore, DraftStore, HoldStore, Lease, Leased, List, MirrorStore,
    Page, Publication, RequestedRun, RunStore, SettingsChange, StoreError, TokenStore, Write,
};
use shared::sync::{HeldChanges, Hold, HoldId, HoldState, Run, RunId, RunRequest, RunState};

/// Everything stored, of one directory.
pub(crate) struct Memory {
    pub(crate) directory: Mutex<Directory>,
    pub(crate) runs: Mutex<Vec<Run>>,
    pub(crate) credentials: Mutex<Vec<Credential>>,
    pub(crate) holds: Mutex<Vec<Hold>>,
    pub(crate) held_changes: Mutex<HeldChanges>,
    pub(crate) users: Vec<UserRecord>,
    pub(crate) tokens: Vec<(TokenHash, AccessToken)>,
    pub(crate) audit: Mutex<Vec<AuditEntry>>,
    pub(crate) drafts: Mutex<Vec<Draft>>,
    pub(crate) previews: Mutex<Vec<(DraftId, Preview)>>,
    pub(crate) manual_runs: AtomicU64,
    /// Somebody else changes the settings just before each change of ours.
    pub(crate) contested: AtomicBool,
}

impl Memory {
    pub(crate) fn directory(&self) -> MutexGuard<'_, Directory> {
        self.directory.lock().unwrap()
    }

    pub(crate) fn runs(&self) -> MutexGuard<'_, Vec<Run>> {
        self.runs.lock().unwrap()
    }
}

#[async_trait]
impl DirectoryStore for Memory {
    async fn directories(&self) -> Result<Vec<Directory>, StoreError> {
        Ok(vec![self.directory().clone()])
    }

    async fn directory(&self, id: DirectoryId) -> Result<Option<Directory>, StoreError> {
        Ok(Some(self.directory().clone()).filter(|directory| directory.id == id))
    }

    async fn create_directory(&self, _: &Directory) -> Result<bool, StoreError> {
        unimplemented!("an authorization does")
    }

    async fn change_settings(&self, _: DirectoryId, change: &SettingsChange) -> Result<u64, StoreError> {
        let mut directory = self.directory();
        if self.contested.load(Ordering::Relaxed) {
            directory.settings_version += 1;
        }
        let run = directory.published.as_ref().map(|published| published.run);
        if directory.settings_version != change.from_version
            || matches!(change.compared_with, ComparedWith::Published(compared) if compared != run)
        {
            return Err(StoreError::Conflict);
        }
        directory.policy = change.policy.clone();
        directory.settings_version += 1;
        Ok(directory.settings_version)
    }

    async fn schedule(&self, _: DirectoryId, _: Timestamp) -> Result<(), StoreError> {
        unimplemented!("the schedule does")
    }
}

#[async_trait]
impl RunStore for Memory {
    async fn request_run(&self, run: &Run) -> Result<RequestedRun, StoreError> {
        let mut runs = self.runs();
        if let Some(waiting) = runs.iter().find(|known| known.state == RunState::Queued) {
            return Ok(RequestedRun::Folded(waiting.id));
        }
        runs.push(run.clone());
        Ok(RequestedRun::Added)
    }

    async fn save_run(&self, _: &Run) -> Result<(), StoreError> {
        unimplemented!("the sync function does")
    }

    async fn run(&self, _: DirectoryId, id: RunId) -> Result<Option<Run>, StoreError> {
        Ok(self.runs().iter().find(|run| run.id == id).cloned())
    }

    async fn runs(&self, _: DirectoryId, _: usize, _: Option<RunId>) -> Result<Page<Run>, StoreError> {
        unimplemented!("the status function does")
    }

    async fn count_manual_run(&self, _: DirectoryId, _: i64) -> Result<u64, StoreError> {
        Ok(self.manual_runs.fetch_add(1, Ordering::Relaxed) + 1)
    }
}

#[async_trait]
impl CredentialStore for Memory {
    async fn credentials(&self, _: DirectoryId) -> Result<Vec<Credential>, StoreError> {
        Ok(self.credentials.lock().unwrap().clone())
    }

    async fn credential(&self, _: DirectoryId, _: &UserId) -> Result<Option<Credential>, StoreError> {
        unimplemented!("the console function lists them")
    }

    async fn put_credential(&self, _: &Credential) -> Result<(), StoreError> {
        unimplemented!("an authorization does")
    }

    async fn update_credential(&self, _: &Credential) -> Result<(), StoreError> {
        unimplemented!("runs do")
    }

    async fn prefer_credential(&self, _: DirectoryId, _: &UserId, _: Timestamp) -> Result<bool, StoreError> {
        unimplemented!("the Sync page does")
    }

    async fn remove_credential(&self, _: DirectoryId, _: &UserId) -> Result<bool, StoreError> {
        unimplemented!("the Sync page does")
    }
}

#[async_trait]
impl HoldStore for Memory {
    async fn holds(&self, _: DirectoryId) -> Result<Vec<Hold>, StoreError> {
        Ok(self.holds.lock().unwrap().clone())
    }

    async fn hold(&self, _: DirectoryId, id: HoldId) -> Result<Option<Hold>, StoreError> {
        Ok(self.holds.lock().unwrap().iter().find(|hold| hold.id == id).cloned())
    }

    async fn held_changes(&self, _: DirectoryId, _: HoldId) -> Result<HeldChanges, StoreError> {
        Ok(self.held_changes.lock().unwrap().clone())
    }

    async fn save_held_changes(&self, _: &Lease, _: &Hold, _: &HeldChanges) -> Result<(), StoreError> {
        unimplemented!("the sync function does")
    }

    async fn decide_hold(&self, hold: &Hold, from: HoldState) -> Result<(), StoreError> {
        let mut holds = self.holds.lock().unwrap();
        let stored = holds.iter_mut().find(|stored| stored.id == hold.id && stored.state == from);
        *stored.ok_or(StoreError::Conflict)? = hold.clone();
        Ok(())
    }
}

#[async_trait]
impl MirrorStore for Memory {
    async fn acquire_lease(&self, _: DirectoryId, _: RunId, _: Timestamp, _: Timestamp) -> Result<Leased, StoreError> {
        unimplemented!("the sync function does")
    }

    async fn renew_lease(&self, _: &Lease, _: Timestamp) -> Result<(), StoreError> {
        unimplemented!("the sync function does")
    }

    async fn pause_until(&self, _: &Lease, _: Timestamp) -> Result<(), StoreError> {
        unimplemented!()
    }

    async fn release_lease(&self, _: &Lease, _: &BTreeSet<RunId>) -> Result<BTreeSet<RunId>, StoreError> {
        unimplemented!("the sync function does")
    }

    async fn users(&self, _: DirectoryId, ids: &BTreeSet<UserId>) -> Result<Vec<UserRecord>, StoreError> {
        Ok(self.users.iter().filter(|user| ids.contains(&user.id)).cloned().collect())
    }

    async fn all_users(&self, _: DirectoryId) -> Result<Vec<UserRecord>, StoreError> {
        Ok(self.users.clone())
    }

    async fn groups(&self, _: DirectoryId, _: &BTreeSet<GroupId>) -> Result<Vec<GroupRecord>, StoreError> {
        Ok(Vec::new())
    }

    async fn all_groups(&self, _: DirectoryId) -> Result<Vec<GroupRecord>, StoreError> {
        Ok(Vec::new())
    }

    async fn listed(&self, _: DirectoryId, _: &List) -> Result<BTreeSet<ObjectId>, StoreError> {
        unimplemented!("the sync function does")
    }

    async fn begin_writing(&self, _: &Lease) -> Result<(), StoreError> {
        unimplemented!("the sync function does")
    }

    async fn apply(&self, _: &Lease, _: &[Write], _: &mut Counting, _: Timestamp) -> Result<(), StoreError> {
        unimplemented!("the sync function does")
    }

    async fn publish(&self, _: &Lease, _: &Publication) -> Result<(), StoreError> {
        unimplemented!("the sync function does")
    }
}

#[async_trait]
impl DraftStore for Memory {
    async fn put_draft(&self, _: DirectoryId, draft: &Draft) -> Result<(), StoreError> {
        self.drafts.lock().unwrap().push(draft.clone());
        Ok(())
    }

    async fn draft(&self, _: DirectoryId, id: DraftId) -> Result<Option<Draft>, StoreError> {
        Ok(self.drafts.lock().unwrap().iter().find(|draft| draft.id == id).cloned())
    }

    async fn put_preview(&self, _: DirectoryId, draft: &Draft, preview: &Preview) -> Result<(), StoreError> {
        self.previews.lock().unwrap().push((draft.id, preview.clone()));
        Ok(())
    }

    async fn outline(&self, _: DirectoryId, draft: DraftId) -> Result<Option<Outline>, StoreError> {
        let previews = self.previews.lock().unwrap();
        Ok(previews.iter().rfind(|(id, _)| *id == draft).map(|(_, preview)| preview.outline.clone()))
    }

    async fn put_unsent(&self, _: DirectoryId, _: &UnsentForm) -> Result<bool, StoreError> {
        unimplemented!("the pages do")
    }

    async fn unsent(&self, _: DirectoryId, _: UnsentId) -> Result<Option<UnsentForm>, StoreError> {
        unimplemented!("the pages do")
    }

    async fn lines(&self, _: DirectoryId, draft: DraftId, shift: Shift, _: usize) -> Result<Vec<Line>, StoreError> {
        let previews = self.previews.lock().unwrap();
        let preview = previews.iter().rfind(|(id, _)| *id == draft);
        Ok(preview.and_then(|(_, preview)| preview.lists.get(&shift).cloned()).unwrap_or_default())
    }
}

#[async_trait]
impl AuditStore for Memory {
    async fn record(&self, _: DirectoryId, entry: &AuditEntry) -> Result<(), StoreError> {
        self.audit.lock().unwrap().push(entry.clone());
        Ok(())
    }

    async fn audit(&self, _: DirectoryId, _: usize, _: Option<uuid::Uuid>) -> Result<Page<AuditEntry>, StoreError> {
        unimplemented!("the pages do")
    }
}

#[async_trait]
impl TokenStore for Memory {
    async fn token(&self, hash: &TokenHash) -> Result<Option<AccessToken>, StoreError> {
        Ok(self.tokens.iter().find(|(known, _)| known == hash).map(|(_, token)| token.clone()))
    }

    async fn put_token(&self, _: &TokenHash, _: &AccessToken) -> Result<(), StoreError> {
        unimplemented!("the console function only reads them")
    }

    async fn note_token_used(&self, _: &TokenHash, _: Timestamp) -> Result<(), StoreError> {
        Ok(())
    }
}

/// A queue that keeps what was sent.
#[derive(Default)]
pub(crate) struct Sent {
    pub(crate) messages: Mutex<Vec<RunRequest>>,
    pub(crate) down: AtomicBool,
}

#[async_trait]
impl RunQueue for Sent {
    async fn send(&self, request: &RunRequest, _: Duration) -> Result<(), QueueError> {
        if self.down.load(Ordering::Relaxed) {
            return Err(QueueError("down".into()));
        }
        self.messages.lock().unwrap().push(request.clone());
        Ok(())
    }
}

/// A clock that stands still.
pub(crate) struct Stopped(pub(crate) Timestamp);

#[async_trait]
impl Clock for Stopped {
    fn now(&self) -> Timestamp {
        self.0
    }

    async fn sleep(&self, _: Duration) {}
}
