//! Settings that are looked at before they are saved.

use async_trait::async_trait;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::SignedDuration;

use super::item::Item;
use super::keys::Key;
use super::packing::{pack, unpack};
use super::store::{AT_ONCE, DynamoStore};
use crate::directory::DirectoryId;
use crate::session::{UnsentForm, UnsentId};
use crate::settings::{Draft, DraftId, Line, Outline, Preview, Shift};
use crate::store::{DraftStore, LINES_PER_PAGE, StoreError};

/// The longest form that is kept, packed, in bytes: an item has at most 400 KB with its names.
const MAX_UNSENT_BYTES: usize = 380 * 1024;

/// How long a draft is kept.
const RETENTION: SignedDuration = SignedDuration::from_hours(24);

#[async_trait]
impl DraftStore for DynamoStore {
    async fn put_draft(&self, directory: DirectoryId, draft: &Draft) -> Result<(), StoreError> {
        let item = Item::new(&Key::draft(directory, draft.id)).value("draft", draft)?;
        self.put(item.expires_after(draft.at, RETENTION)).await
    }

    async fn draft(&self, directory: DirectoryId, id: DraftId) -> Result<Option<Draft>, StoreError> {
        self.get(&Key::draft(directory, id)).await?.map(|item| item.value("draft")).transpose()
    }

    async fn put_preview(&self, directory: DirectoryId, draft: &Draft, preview: &Preview) -> Result<(), StoreError> {
        let mut pages = Vec::new();
        for (shift, lines) in &preview.lists {
            for (number, lines) in lines.chunks(LINES_PER_PAGE).enumerate() {
                pages.push(page(directory, draft, *shift, number, lines)?);
            }
        }
        stream::iter(pages).map(|page| self.put(page)).buffer_unordered(AT_ONCE).try_collect::<Vec<()>>().await?;
        // Last, so that the lists it tells of are there.
        let outline = Item::new(&Key::outline(directory, draft.id)).value("outline", &preview.outline)?;
        self.put(outline.expires_after(draft.at, RETENTION)).await
    }

    async fn outline(&self, directory: DirectoryId, draft: DraftId) -> Result<Option<Outline>, StoreError> {
        self.get(&Key::outline(directory, draft)).await?.map(|item| item.value("outline")).transpose()
    }

    async fn put_unsent(&self, directory: DirectoryId, form: &UnsentForm) -> Result<bool, StoreError> {
        let key = Key::unsent(directory, form.id);
        let corrupt = |error: std::io::Error| StoreError::Corrupt { key: key.to_string(), reason: error.to_string() };
        let packed = pack(form).map_err(corrupt)?;
        if packed.len() > MAX_UNSENT_BYTES {
            return Ok(false);
        }
        self.put(Item::new(&key).bytes_of("form", &packed).expires_after(form.at, RETENTION)).await?;
        Ok(true)
    }

    async fn unsent(&self, directory: DirectoryId, id: UnsentId) -> Result<Option<UnsentForm>, StoreError> {
        let Some(item) = self.get(&Key::unsent(directory, id)).await? else { return Ok(None) };
        unpack(item.bytes("form")?).map(Some).ok_or_else(|| item.corrupt("form is malformed".to_owned()))
    }

    async fn lines(
        &self,
        directory: DirectoryId,
        draft: DraftId,
        shift: Shift,
        page: usize,
    ) -> Result<Vec<Line>, StoreError> {
        let Some(item) = self.get(&Key::lines(directory, draft, shift, page)).await? else { return Ok(Vec::new()) };
        unpack(item.bytes("lines")?).ok_or_else(|| item.corrupt("lines is malformed".to_owned()))
    }
}

fn page(
    directory: DirectoryId,
    draft: &Draft,
    shift: Shift,
    number: usize,
    lines: &[Line],
) -> Result<Item, StoreError> {
    let key = Key::lines(directory, draft.id, shift, number);
    let packed =
        pack(&lines).map_err(|error| StoreError::Corrupt { key: key.to_string(), reason: error.to_string() })?;
    Item::new(&key).bytes_of("lines", &packed).expires_after(draft.at, RETENTION).storable()
}
