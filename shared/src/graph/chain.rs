//! Lists and rounds of changes, read from their first page to their last.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

use url::Url;

use super::client::Read;
use super::error::GraphError;
use super::oddity::LeftOut;
use super::page::{Link, Page};
use super::tenant::GraphTenant;
use super::wire::Decode;
use crate::sync::DeltaLink;
use crate::sync::UnreadObject;

/// The most pages a chain may have. Twenty thousand pages hold 20 million objects of a list, or 4 million of a round:
/// more than any tenant has.
pub(super) const MAX_PAGES: usize = 20_000;
/// How often a chain is read again from its first page after a page token has expired.
const MAX_RESTARTS: usize = 2;

/// A chain of pages that was read to its end.
#[derive(Debug)]
pub(super) struct Chain<T> {
    /// The objects in the order they came.
    pub(super) objects: Vec<T>,
    /// What was left out, in words.
    pub(super) unread: Vec<UnreadObject>,
    /// Where a round ended; a list ends nowhere.
    pub(super) delta: Option<DeltaLink>,
}

impl GraphTenant {
    /// Reads all pages from `start` on; `read` says what kind of pages they are. `kind` names the objects in what is
    /// said of odd ones.
    pub(super) async fn follow<T: Send>(
        &self,
        start: &Url,
        read: fn(Url) -> Read<Page>,
        kind: &str,
        decode: Decode<T>,
    ) -> Result<Chain<T>, GraphError> {
        let mut restarts = 0;
        loop {
            match self.follow_once(start.clone(), read, LeftOut::of(kind), decode).await {
                Err(GraphError::PageTokenExpired(refused)) if restarts < MAX_RESTARTS => {
                    tracing::info!(graph.path = start.path(), "a page token has expired ({refused}); starting again");
                    restarts += 1;
                }
                outcome => return outcome,
            }
        }
    }

    async fn follow_once<T: Send>(
        &self,
        start: Url,
        read: fn(Url) -> Read<Page>,
        mut left_out: LeftOut,
        decode: Decode<T>,
    ) -> Result<Chain<T>, GraphError> {
        let origin = self.client.origin();
        let mut objects = Vec::new();
        // Links are long and chains too: their hashes tell them apart well enough.
        let hashes = RandomState::new();
        let mut seen = HashSet::new();
        let mut url = start;
        for number in 1..=self.max_pages {
            if !seen.insert(hashes.hash_one(&url)) {
                return Err(GraphError::NextLinkLoop);
            }
            let page = self.get(&read(url)).await?;
            self.client.count_page();
            for (index, object) in page.objects.into_iter().enumerate() {
                left_out.at(number, index + 1);
                match decode(object, &mut left_out) {
                    Ok(object) => objects.push(object),
                    Err(oddity) => left_out.note(&oddity),
                }
            }
            let delta = match page.link {
                Link::Next(next) => {
                    url = origin.link(&next)?;
                    continue;
                }
                Link::Delta(link) => {
                    // It will be followed one day, so it is checked before it is stored.
                    origin.link(&link)?;
                    Some(DeltaLink::new(link))
                }
                Link::End => None,
            };
            return Ok(Chain { objects, unread: left_out.into_unread(), delta });
        }
        Err(GraphError::TooManyPages)
    }
}
