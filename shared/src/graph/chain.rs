//! Lists and rounds of changes, read from their first page to their last.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

use url::Url;

use super::client::Read;
use super::error::GraphError;
use super::oddity::Notes;
use super::page::{Link, Page};
use super::tenant::GraphTenant;
use super::wire::Decode;
use crate::sync::{DeltaLink, Next, PageLink, Position, ReadPage, Trail};

/// The most pages a chain may have. Twenty thousand pages hold 20 million objects of a list, or 4 million of a round:
/// more than any tenant has.
pub(super) const MAX_PAGES: usize = 20_000;
/// How often a chain is read again from its first page after a page token has expired.
const MAX_RESTARTS: usize = 2;

impl GraphTenant {
    /// Reads the pages that the trail does not have yet, to the last one; without any, from `start` on. `read` says what
    /// kind of pages they are. `kind` names the objects in what is said of odd ones.
    pub(super) async fn follow<T: Send + Sync>(
        &self,
        start: &Url,
        read: fn(Url) -> Read<Page>,
        kind: &str,
        decode: Decode<T>,
        trail: &Trail<T>,
    ) -> Result<(), GraphError> {
        let mut restarts = 0;
        loop {
            match self.follow_once(start, read, kind, decode, trail).await {
                Err(GraphError::PageTokenExpired(refused)) if restarts < MAX_RESTARTS => {
                    tracing::info!(graph.path = start.path(), "a page token has expired ({refused}); starting again");
                    trail.restart();
                    restarts += 1;
                }
                outcome => return outcome,
            }
        }
    }

    async fn follow_once<T: Send + Sync>(
        &self,
        start: &Url,
        read: fn(Url) -> Read<Page>,
        kind: &str,
        decode: Decode<T>,
        trail: &Trail<T>,
    ) -> Result<(), GraphError> {
        let origin = self.client.origin();
        // Links are long and chains too: their hashes tell them apart well enough.
        let hashes = RandomState::new();
        let mut seen = HashSet::new();
        loop {
            let url = match trail.position() {
                Position::Start => start.clone(),
                Position::At(link) => origin.link(link.as_str())?,
                Position::End => return Ok(()),
            };
            if !seen.insert(hashes.hash_one(&url)) {
                return Err(GraphError::NextLinkLoop);
            }
            if trail.pages() == self.max_pages {
                return Err(GraphError::TooManyPages);
            }
            let page = self.get(&read(url)).await?;
            self.client.count_page(kind, page.objects.len());
            let mut notes = Notes::of(kind);
            let number = trail.pages() + 1;
            let mut objects = Vec::with_capacity(page.objects.len());
            for (index, object) in page.objects.iter().enumerate() {
                notes.at(number, index + 1);
                match decode(object, &mut notes) {
                    Ok(object) => objects.push(object),
                    Err(oddity) => notes.left_out(&oddity),
                }
            }
            // Links are checked before they are kept: they will be followed one day.
            let next = match page.link {
                Link::Next(link) => {
                    origin.link(&link)?;
                    Next::Page(PageLink::new(link))
                }
                Link::Delta(link) => {
                    origin.link(&link)?;
                    Next::Changes(DeltaLink::new(link))
                }
                Link::End => Next::End,
            };
            let (unread, odd) = notes.finish();
            trail.add(ReadPage { objects, unread, odd, counted: page.count, next });
        }
    }
}
