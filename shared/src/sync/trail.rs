//! How far a list, or a round of changes, has been read.

use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use super::source::{DeltaLink, Listing, UnreadObject};

/// A link to the next page of a list: an absolute URL with an opaque token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PageLink(String);

impl PageLink {
    /// A link as Graph sent it.
    #[must_use]
    pub fn new(url: String) -> Self {
        Self(url)
    }

    /// The URL.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Where a page leads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Next {
    /// To another page.
    Page(PageLink),
    /// Nowhere: a list is complete.
    End,
    /// To the changes from now on: a round is complete.
    Changes(DeltaLink),
}

/// One page that was read whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadPage<T> {
    /// The objects in the order they came.
    pub objects: Vec<T>,
    /// What could not be understood and was left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<UnreadObject>,
    /// What is odd about objects that were taken all the same, in words, without personal data.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub odd: Vec<String>,
    /// The number of objects of the whole list, where its first page has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counted: Option<u64>,
    /// Where it leads.
    pub next: Next,
}

/// Where to go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Position {
    /// At the first page.
    Start,
    /// At this page.
    At(PageLink),
    /// Nowhere: everything has been read.
    End,
}

/// The pages of one list, or one round of changes, that have been read so far. A source adds them one by one and
/// goes on where it stopped, be it in another process.
#[derive(Debug)]
pub struct Trail<T> {
    inner: Mutex<Inner<T>>,
    grown: Arc<Notify>,
}

#[derive(Debug)]
struct Inner<T> {
    pages: Vec<Arc<ReadPage<T>>>,
    /// How many of the pages are in the checkpoint.
    saved: usize,
    /// How often the list was started again.
    restarts: u32,
}

/// Pages that are not in the checkpoint yet, with their places in the list.
pub(super) struct Unsaved<T> {
    pub(super) pages: Vec<(usize, Arc<ReadPage<T>>)>,
    end: usize,
    restarts: u32,
}

impl<T> Default for Trail<T> {
    fn default() -> Self {
        Self::new(Arc::default())
    }
}

impl<T> Trail<T> {
    /// Nothing has been read. `grown` is told of each page.
    #[must_use]
    pub fn new(grown: Arc<Notify>) -> Self {
        Self { inner: Mutex::new(Inner { pages: Vec::new(), saved: 0, restarts: 0 }), grown }
    }

    fn inner(&self) -> MutexGuard<'_, Inner<T>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where to go on.
    #[must_use]
    pub fn position(&self) -> Position {
        match self.inner().pages.last().map(|page| &page.next) {
            None => Position::Start,
            Some(Next::Page(link)) => Position::At(link.clone()),
            Some(Next::End | Next::Changes(_)) => Position::End,
        }
    }

    /// How many pages have been read.
    #[must_use]
    pub fn pages(&self) -> usize {
        self.inner().pages.len()
    }

    /// How many objects have been read, the odd ones among them.
    #[must_use]
    pub fn objects(&self) -> usize {
        self.inner().pages.iter().map(|page| page.objects.len() + page.unread.len()).sum()
    }

    /// The number of objects of the whole list, where it was asked for.
    #[must_use]
    pub fn counted(&self) -> Option<u64> {
        self.inner().pages.iter().find_map(|page| page.counted)
    }

    /// True when the last page has no objects. So do lists look that were cut short.
    pub(super) fn ends_empty(&self) -> bool {
        self.inner().pages.last().is_none_or(|page| page.objects.is_empty() && page.unread.is_empty())
    }

    /// True when it may have been cut short without showing it: several pages make it long, or its last one is empty.
    pub(super) fn looks_cut(&self) -> bool {
        self.pages() > 1 || self.ends_empty()
    }

    /// Everything that was read, as one list. The trail keeps it.
    pub(super) fn listing(&self) -> Listing<T>
    where
        T: Clone,
    {
        let mut whole = Listing { objects: Vec::new(), unread: Vec::new() };
        for page in &self.inner().pages {
            whole.objects.extend_from_slice(&page.objects);
            whole.unread.extend_from_slice(&page.unread);
        }
        whole
    }

    /// How many objects could not be understood.
    pub(super) fn unread(&self) -> usize {
        self.inner().pages.iter().map(|page| page.unread.len()).sum()
    }

    /// True when everything has been read.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.end().is_some()
    }

    /// Something of each object.
    pub(super) fn map<R>(&self, of: impl Fn(&T) -> R) -> Vec<R> {
        self.inner().pages.iter().flat_map(|page| &page.objects).map(of).collect()
    }

    /// Where the last page leads, when everything has been read.
    #[must_use]
    pub fn end(&self) -> Option<Next> {
        let inner = self.inner();
        inner.pages.last().map(|page| page.next.clone()).filter(|next| !matches!(next, Next::Page(_)))
    }

    /// Adds the page at the position.
    pub fn add(&self, mut page: ReadPage<T>) {
        // Pages stay for as long as the reading takes, and a large tenant has many.
        page.objects.shrink_to_fit();
        self.inner().pages.push(Arc::new(page));
        self.grown.notify_one();
    }

    /// Forgets all pages, because they lead nowhere any more.
    pub fn restart(&self) {
        let mut inner = self.inner();
        inner.pages.clear();
        inner.saved = 0;
        inner.restarts += 1;
    }

    /// What a checkpoint does not have yet.
    pub(super) fn unsaved(&self) -> Unsaved<T> {
        let inner = self.inner();
        let pages = inner.pages.iter().enumerate().skip(inner.saved).map(|(place, page)| (place, Arc::clone(page)));
        Unsaved { pages: pages.collect(), end: inner.pages.len(), restarts: inner.restarts }
    }

    /// Remembers that the checkpoint has these now.
    pub(super) fn mark_saved(&self, saved: &Unsaved<T>) {
        let mut inner = self.inner();
        if inner.restarts == saved.restarts {
            inner.saved = saved.end;
        }
    }

    /// Puts a page from a checkpoint in its place. A page that comes again replaces the one before and all after it.
    pub(super) fn replay(&self, place: usize, page: Arc<ReadPage<T>>) -> Result<(), MissingPage> {
        let mut inner = self.inner();
        if place > inner.pages.len() {
            return Err(MissingPage);
        }
        inner.pages.truncate(place);
        inner.pages.push(page);
        inner.saved = inner.pages.len();
        Ok(())
    }

    /// Everything that was read, as one page. The trail is empty then.
    pub(crate) fn take(&self) -> ReadPage<T>
    where
        T: Clone,
    {
        let mut whole =
            ReadPage { objects: Vec::new(), unread: Vec::new(), odd: Vec::new(), counted: None, next: Next::End };
        for page in self.take_pages() {
            whole.objects.extend(page.objects);
            whole.unread.extend(page.unread);
            whole.odd.extend(page.odd);
            whole.next = page.next;
        }
        whole
    }

    /// Everything that was read, page by page. The trail is empty then.
    pub(super) fn take_pages(&self) -> impl Iterator<Item = ReadPage<T>> + use<T>
    where
        T: Clone,
    {
        mem::take(&mut self.inner().pages).into_iter().map(Arc::unwrap_or_clone)
    }
}

/// A checkpoint that lacks a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct MissingPage;

#[cfg(test)]
mod tests {
    use super::*;

    fn page(object: u8, next: Next) -> ReadPage<u8> {
        ReadPage { objects: vec![object], unread: Vec::new(), odd: Vec::new(), counted: None, next }
    }

    fn link(to: &str) -> Next {
        Next::Page(PageLink::new(to.to_owned()))
    }

    #[test]
    fn a_trail_goes_on_where_its_last_page_leads() {
        let trail = Trail::default();
        assert_eq!(trail.position(), Position::Start);
        trail.add(page(1, link("two")));
        assert_eq!(trail.position(), Position::At(PageLink::new("two".to_owned())));
        trail.add(page(2, Next::End));
        assert!(trail.is_complete());
        let objects: Vec<u8> = trail.take_pages().flat_map(|page| page.objects).collect();
        assert_eq!(objects, [1, 2]);
    }

    #[test]
    fn only_pages_since_the_last_save_are_saved() {
        let trail = Trail::default();
        trail.add(page(1, link("two")));
        let first = trail.unsaved();
        trail.add(page(2, Next::End));
        trail.mark_saved(&first);
        let places: Vec<usize> = trail.unsaved().pages.iter().map(|(place, _)| *place).collect();
        assert_eq!(places, [1]);
    }

    #[test]
    fn a_restart_while_a_save_is_under_way_saves_the_new_pages() {
        let trail = Trail::default();
        trail.add(page(1, link("two")));
        let old = trail.unsaved();
        trail.restart();
        trail.add(page(3, Next::End));
        trail.mark_saved(&old);
        assert_eq!(trail.unsaved().pages.len(), 1);
    }

    #[test]
    fn replayed_pages_replace_what_they_repeat_and_none_may_be_missing() {
        let trail = Trail::default();
        trail.replay(0, page(1, link("old")).into()).unwrap();
        trail.replay(1, page(2, link("older")).into()).unwrap();
        trail.replay(0, page(3, link("new")).into()).unwrap();
        assert_eq!(trail.replay(2, page(4, Next::End).into()), Err(MissingPage));
        assert_eq!((trail.pages(), trail.unsaved().pages.len()), (1, 0));
        assert_eq!(trail.position(), Position::At(PageLink::new("new".to_owned())));
    }
}
