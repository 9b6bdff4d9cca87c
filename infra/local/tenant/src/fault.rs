//! Faults: answers made wrong on purpose, at requests that match.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    action::{Action, DeltaReset},
    requests::{RequestKind, Seen},
};

/// Names an injected fault, to ask later how often it was used.
pub type FaultId = usize;

/// What to do wrong, and at which requests.
///
/// ```
/// use tenant::{Fault, Matcher, RequestKind, What};
/// let second_page_empty = Fault::new(Matcher::on(RequestKind::Users).page(2), What::EmptyPageNoLink);
/// let throttled_twice = Fault::new(
///     Matcher::on(RequestKind::Members).times(2),
///     What::Status { code: 429, retry_after: Some(1), body: None },
/// );
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Fault {
    /// At which requests.
    pub when: Matcher,
    /// What goes wrong.
    pub what: What,
}

impl Fault {
    /// A fault.
    #[must_use]
    pub fn new(when: Matcher, what: What) -> Self {
        Self { when, what }
    }
}

/// Picks requests. Everything that is set must hold; of the requests left, `skip`, `every` and `times` pick some.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Matcher {
    /// Requests of this kind.
    pub kind: Option<RequestKind>,
    /// Requests for this page of their list, from 1.
    pub page: Option<u32>,
    /// Requests about this group or user.
    pub object: Option<Uuid>,
    /// Requests with a token of this administrator.
    pub administrator: Option<Uuid>,
    /// Requests that start from a delta link (`true`) or do not (`false`).
    pub incremental: Option<bool>,
    /// Not the first so many.
    pub skip: u32,
    /// Only each so many-th, the last of each so many.
    pub every: Option<u32>,
    /// Only so often.
    pub times: Option<u32>,
}

impl Matcher {
    /// Every request of a kind.
    #[must_use]
    pub fn on(kind: RequestKind) -> Self {
        Self { kind: Some(kind), ..Self::default() }
    }

    /// Every request to Graph or the login host. Faults of pages pass over what is no list, unless its kind is named.
    #[must_use]
    pub fn any() -> Self {
        Self::default()
    }

    /// Only for this page, from 1.
    #[must_use]
    pub fn page(self, page: u32) -> Self {
        Self { page: Some(page), ..self }
    }

    /// Only about this group or user.
    #[must_use]
    pub fn about(self, object: Uuid) -> Self {
        Self { object: Some(object), ..self }
    }

    /// Only with a token of this administrator.
    #[must_use]
    pub fn by(self, administrator: Uuid) -> Self {
        Self { administrator: Some(administrator), ..self }
    }

    /// Only at the `n`-th such request, from 1.
    #[must_use]
    pub fn nth(self, n: u32) -> Self {
        Self { skip: n.saturating_sub(1), times: Some(1), ..self }
    }

    /// Only after the first `n` such requests.
    #[must_use]
    pub fn after(self, n: u32) -> Self {
        Self { skip: n, ..self }
    }

    /// Only at each `n`-th such request.
    #[must_use]
    pub fn every(self, n: u32) -> Self {
        Self { every: Some(n), ..self }
    }

    /// Only `n` times.
    #[must_use]
    pub fn times(self, n: u32) -> Self {
        Self { times: Some(n), ..self }
    }

    fn concerns(&self, request: &Seen) -> bool {
        fn holds<T: PartialEq>(wanted: Option<&T>, actual: Option<&T>) -> bool {
            wanted.is_none_or(|wanted| Some(wanted) == actual)
        }
        holds(self.kind.as_ref(), Some(&request.kind))
            && holds(self.page.as_ref(), Some(&request.page))
            && holds(self.object.as_ref(), request.object.as_ref())
            && holds(self.administrator.as_ref(), request.administrator.as_ref())
            && holds(self.incremental.as_ref(), Some(&request.incremental))
    }
}

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum What {
    /// This status instead of the answer.
    Status {
        /// The HTTP status code.
        code: u16,
        /// Seconds for the `Retry-After` header.
        retry_after: Option<u32>,
        /// The body; `None` for the usual error body of that status.
        body: Option<Value>,
    },
    /// This status instead of the answer, with a `Retry-After` that is a date.
    BusyUntil {
        /// The HTTP status code.
        code: u16,
        /// In how many seconds, by the tenant's clock.
        seconds: u32,
    },
    /// 200 with JSON that ends halfway; the length header agrees with what is sent.
    TruncatedBody,
    /// 200 with an HTML page, as some proxies answer.
    NonJson,
    /// 200 with an object that has no `value` and no links.
    MissingValue,
    /// 200 with an empty `value` and no link: an early, false end.
    EmptyPageNoLink,
    /// The page has only its first objects, and no link: an early, false end that looks like any other page.
    EndsEarly {
        /// How many objects it has.
        after: usize,
    },
    /// An empty page first, whose next link leads to the true page. Without a limit of times, the detour never ends.
    EmptyPageWithLink,
    /// The page is right but its next link leads to itself.
    SelfLoopNextLink,
    /// The page is right but its next link leads to another host.
    ForeignOriginNextLink,
    /// The connection breaks before an answer is sent.
    Disconnect,
    /// The connection breaks while the body is sent.
    BrokenBody,
    /// The answer comes late.
    Delay {
        /// By how much, in milliseconds of the tenant's clock.
        milliseconds: u64,
    },
    /// The answer never comes, and the connection stays open until the caller gives up.
    NoAnswer,
    /// The objects of the page before come again on this page, in front of its own. A first page has none before it.
    Replay,
    /// Each object of the page comes twice.
    Duplicate,
    /// An odd object is put at the start of the page.
    OddObject {
        /// What is odd about it.
        odd: Odd,
    },
    /// 400 `Directory_ExpiredPageToken`; the status is not documented.
    PageTokenExpired,
    /// 404 `Request_ResourceNotFound`.
    NotFound,
    /// The delta token is of no use any more.
    DeltaReset {
        /// How Graph says so.
        answer: DeltaReset,
    },
    /// Does this first, then answers truly.
    Then {
        /// What to do.
        action: Box<Action>,
    },
}

impl What {
    /// Whether it only makes sense for a page of a list.
    fn is_about_pages(&self) -> bool {
        match self {
            Self::MissingValue
            | Self::EmptyPageNoLink
            | Self::EndsEarly { .. }
            | Self::EmptyPageWithLink
            | Self::SelfLoopNextLink
            | Self::ForeignOriginNextLink
            | Self::Replay
            | Self::Duplicate
            | Self::OddObject { .. }
            | Self::PageTokenExpired
            | Self::DeltaReset { .. } => true,
            Self::Status { .. }
            | Self::BusyUntil { .. }
            | Self::TruncatedBody
            | Self::NonJson
            | Self::Disconnect
            | Self::BrokenBody
            | Self::Delay { .. }
            | Self::NoAnswer
            | Self::NotFound
            | Self::Then { .. } => false,
        }
    }
}

/// An odd object on an otherwise right page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Odd {
    /// Every property but the id is null.
    NullFields,
    /// The id is one character short of a UUID, as in one sample of Microsoft's own documents.
    ShortId,
    /// An object of a kind nobody knows yet.
    UnknownKind,
}

/// The injected faults and how often each was used.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<Option<Armed>>);

#[derive(Debug)]
struct Armed {
    fault: Fault,
    met: u32,
    used: u32,
}

impl Faults {
    pub(crate) fn add(&mut self, fault: Fault) -> FaultId {
        self.0.push(Some(Armed { fault, met: 0, used: 0 }));
        self.0.len() - 1
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.iter().all(Option::is_none)
    }

    pub(crate) fn clear(&mut self) {
        self.0.iter_mut().for_each(|slot| *slot = None);
    }

    /// How often a fault was used; 0 for one that is unknown or cleared.
    pub(crate) fn used(&self, id: FaultId) -> u32 {
        self.0.get(id).and_then(Option::as_ref).map_or(0, |armed| armed.used)
    }

    /// The injected faults with their ids and how often each was used.
    pub(crate) fn list(&self) -> impl Iterator<Item = (FaultId, &Fault, u32)> {
        self.0.iter().enumerate().filter_map(|(id, slot)| slot.as_ref().map(|armed| (id, &armed.fault, armed.used)))
    }

    /// What goes wrong at this request, in the order of injection. Counts it.
    pub(crate) fn at(&mut self, request: &Seen) -> Vec<What> {
        self.0.iter_mut().flatten().filter_map(|armed| armed.fire(request)).collect()
    }
}

impl Armed {
    fn fire(&mut self, request: &Seen) -> Option<What> {
        let when = &self.fault.when;
        let bendable = request.kind.is_list() || when.kind.is_some() || !self.fault.what.is_about_pages();
        if !bendable || !when.concerns(request) {
            return None;
        }
        self.met += 1;
        let past_skip = self.met.checked_sub(when.skip).filter(|past| *past > 0)?;
        let due = when.every.is_none_or(|every| past_skip % every.max(1) == 0);
        let left = when.times.is_none_or(|times| self.used < times);
        (due && left).then(|| {
            self.used += 1;
            self.fault.what.clone()
        })
    }
}

/// How long a fault delays the answer.
pub(crate) fn delay(faults: &[What]) -> std::time::Duration {
    let milliseconds =
        faults.iter().map(|what| if let What::Delay { milliseconds } = what { *milliseconds } else { 0 });
    std::time::Duration::from_millis(milliseconds.sum())
}
