//! Settings that are looked at before they are saved, and forms that wait for their author to sign in.

use async_trait::async_trait;

use super::StoreError;
use crate::directory::DirectoryId;
use crate::session::{UnsentForm, UnsentId};
use crate::settings::{Draft, DraftId, Line, Outline, Preview, Shift};

/// How many lines of a list are read at once.
pub const LINES_PER_PAGE: usize = 100;

/// Drafts with their previews, forgotten after a day.
#[async_trait]
pub trait DraftStore: Send + Sync {
    /// Keeps a draft.
    async fn put_draft(&self, directory: DirectoryId, draft: &Draft) -> Result<(), StoreError>;

    /// A draft.
    async fn draft(&self, directory: DirectoryId, id: DraftId) -> Result<Option<Draft>, StoreError>;

    /// Keeps what a draft would change, instead of what was kept of it before.
    async fn put_preview(&self, directory: DirectoryId, draft: &Draft, preview: &Preview) -> Result<(), StoreError>;

    /// What a draft would change, in numbers.
    async fn outline(&self, directory: DirectoryId, draft: DraftId) -> Result<Option<Outline>, StoreError>;

    /// Keeps a form that was not acted on. False when it is too long to be kept.
    async fn put_unsent(&self, directory: DirectoryId, form: &UnsentForm) -> Result<bool, StoreError>;

    /// A form that was kept.
    async fn unsent(&self, directory: DirectoryId, id: UnsentId) -> Result<Option<UnsentForm>, StoreError>;

    /// A page of a list, counted from 0, of at most [`LINES_PER_PAGE`].
    async fn lines(
        &self,
        directory: DirectoryId,
        draft: DraftId,
        shift: Shift,
        page: usize,
    ) -> Result<Vec<Line>, StoreError>;
}
