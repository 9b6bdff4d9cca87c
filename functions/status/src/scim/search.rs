//! Lists: pages of a stored one, or of what was gathered for a filter.

use std::num::NonZeroUsize;

use axum::extract::State;
use axum::response::Response;
use serde_json::Value;
use shared::directory::{Directory, GroupId, GroupRecord};
use shared::feed::is_published;
use shared::http::{Problem, ProblemKind};
use shared::store::{Cursor, GroupFilter, Listed, StoreError, UserFilter};

use super::attributes::ResourceType;
use super::filter::{self, Condition, Plan, Source};
use super::gather::{MAX_LOOKED_AT, Records};
use super::group::MAX_MEMBERS;
use super::messages::{self, ListResponse};
use super::query::{Paging, Query};
use super::resource::{of_groups, of_users};
use crate::App;
use crate::access::Readable;

/// What a filter has to ask about.
const INDEXED: &str = "There is no index for this filter. Ask about `id`, `externalId`, `userName`, `emails`, `displayName` (`eq`, and of names \
     `sw` too), `active`, `groups` or `members` (`eq`), or join one of those with others by `and`.";

/// Some resources.
struct Page {
    /// How many there are in all.
    total: u64,
    resources: Vec<Value>,
    next: Option<Cursor>,
}

impl Page {
    const NONE: Self = Self { total: 0, resources: Vec::new(), next: None };
}

/// Answers a list of resources of these kinds, one kind after the other.
pub(super) async fn answer(
    Readable(directory, _): Readable,
    State(app): State<App>,
    kinds: &[ResourceType],
    query: &Query,
) -> Result<Response, Problem> {
    let list = match &query.paging {
        Paging::Place(first) => {
            let (mut before, mut resources, mut total) = (first.saturating_sub(1), Vec::new(), 0_u64);
            for kind in kinds {
                let room = query.count.saturating_sub(resources.len());
                let page = Search::of(&app, &directory, *kind, query)?.behind(before, room).await?;
                before = before.saturating_sub(usize::try_from(page.total).unwrap_or(usize::MAX));
                total += page.total;
                let is_cut = page.resources.len() < room && page.next.is_some();
                resources.extend(page.resources);
                if is_cut {
                    // What follows would not be at its place.
                    break;
                }
            }
            ListResponse::new(resources, total).at_place(*first)
        }
        Paging::Cursor(after) => {
            let [kind] = kinds else {
                return Err(Problem::invalid_parameter("cursor", "a list of users, or one of groups", "both"));
            };
            let page = Search::of(&app, &directory, *kind, query)?.after(after.as_ref(), query.count).await?;
            ListResponse::new(page.resources, page.total).on_at(page.next.map(|cursor| cursor.as_str().to_owned()))
        }
    };
    Ok(messages::answer(list))
}

/// A search for resources of one kind.
pub(super) struct Search<'a> {
    pub(super) app: &'a App,
    pub(super) directory: &'a Directory,
    pub(super) kind: ResourceType,
    pub(super) condition: Option<Condition>,
    pub(super) plan: Plan,
    query: &'a Query,
}

impl<'a> Search<'a> {
    fn of(app: &'a App, directory: &'a Directory, kind: ResourceType, query: &'a Query) -> Result<Self, Problem> {
        let condition = query.filter.as_ref().map(|asked| filter::of(asked, kind)).transpose()?;
        let plan = match &condition {
            None => Plan { source: Source::Everything, is_exact: true },
            Some(condition) => {
                Plan::of(condition, kind).ok_or_else(|| Problem::new(ProblemKind::InvalidFilter, INDEXED))?
            }
        };
        Ok(Self { app, directory, kind, condition, plan, query })
    }

    /// True when there is nothing of this kind to be seen.
    fn is_hidden(&self) -> bool {
        match self.kind {
            ResourceType::User => !self.directory.publishes_users(),
            ResourceType::Group => self.directory.published.is_none(),
        }
    }

    /// The page behind so many resources.
    async fn behind(&self, before: usize, count: usize) -> Result<Page, Problem> {
        if self.is_hidden() {
            return Ok(Page::NONE);
        }
        let Some((listed, total)) = self.listed().await? else { return self.cut(before, count).await };
        let behind = match NonZeroUsize::new(before) {
            None => None,
            Some(_) if before as u64 >= total => return Ok(Page { total, ..Page::NONE }),
            Some(before) => match self.app.queries.skip(self.directory.id, &listed, before).await? {
                Some(cursor) => Some(cursor),
                None => return Ok(Page { total, ..Page::NONE }),
            },
        };
        self.read(&listed, total, count, behind.as_ref()).await
    }

    /// The page behind another.
    async fn after(&self, after: Option<&Cursor>, count: usize) -> Result<Page, Problem> {
        if self.is_hidden() {
            return Ok(Page::NONE);
        }
        if let Some((listed, total)) = self.listed().await? {
            return self.read(&listed, total, count, after).await;
        }
        let before = after.map_or(Ok(0), place_of)?;
        self.cut(before, count).await
    }

    /// The stored list that is exactly what is asked for, if there is one, and how long it is.
    async fn listed(&self) -> Result<Option<(Listed, u64)>, Problem> {
        let Some(published) = self.directory.published.as_ref().filter(|_| self.plan.is_exact) else { return Ok(None) };
        let counts = &published.counts;
        let (listed, total) = match (self.kind, &self.plan.source) {
            (ResourceType::User, Source::Everything) => {
                (Listed::Users(UserFilter::AllByOutcome), counts.active + counts.inactive())
            }
            (ResourceType::User, Source::Active(true)) => (Listed::Users(UserFilter::Active), counts.active),
            (ResourceType::User, Source::Active(false)) => (Listed::Users(UserFilter::Inactive), counts.inactive()),
            (ResourceType::User, Source::MembersOf(group)) => match self.published_group(group).await? {
                Some(group) => (Listed::Members(group.id), i64::try_from(group.members).unwrap_or(i64::MAX)),
                None => return Ok(None),
            },
            (ResourceType::Group, Source::Everything) => (Listed::Groups(GroupFilter::SYNCED), counts.groups_synced),
            _ => return Ok(None),
        };
        Ok(Some((listed, u64::try_from(total).unwrap_or(0))))
    }

    /// A page of a stored list.
    async fn read(&self, listed: &Listed, total: u64, count: usize, after: Option<&Cursor>) -> Result<Page, Problem> {
        if count == 0 {
            return Ok(Page { total, ..Page::NONE });
        }
        let (queries, directory) = (&self.app.queries, self.directory.id);
        let mut wanted = count;
        loop {
            let (found, next) = match listed {
                Listed::Users(filter) => {
                    let page = queries.list_users(directory, *filter, wanted, after).await?;
                    (Records::Users(page.items), page.next)
                }
                Listed::Members(group) => {
                    let page = queries.list_members(directory, group, wanted, after).await?;
                    (Records::Users(page.items), page.next)
                }
                Listed::Groups(filter) => {
                    let page = queries.list_groups(directory, *filter, wanted, after).await?;
                    (Records::Groups(page.items), page.next)
                }
            };
            let fit = self.fitting(&found);
            if fit >= found.len() {
                return Ok(Page { total, resources: self.resources(&found).await?, next });
            }
            wanted = fit;
        }
    }

    /// A part of what matches. Its cursor is the number of resources before it.
    async fn cut(&self, before: usize, count: usize) -> Result<Page, Problem> {
        let found = self.matching().await?;
        let total = found.len();
        let page = found.part(before, count);
        let fit = self.fitting(&page);
        let page = page.part(0, fit);
        let end = before.saturating_add(page.len());
        let next = (end < total && count > 0).then(|| Cursor::new(end.to_string()));
        Ok(Page { total: total as u64, resources: self.resources(&page).await?, next })
    }

    /// How many of these fit one answer with all that is said of them: one at least, which is refused when it is too large.
    fn fitting(&self, found: &Records) -> usize {
        let mut sum = 0;
        let mut fits = |more: u64| {
            sum += more;
            sum <= MAX_MEMBERS
        };
        match found {
            Records::Users(users) if self.wants("groups") => {
                users.iter().take_while(|user| fits(user.groups.len() as u64)).count().max(1)
            }
            Records::Groups(groups) if self.wants("members") => {
                groups.iter().take_while(|group| fits(group.members)).count().max(1)
            }
            all => all.len(),
        }
    }

    fn wants(&self, attribute: &str) -> bool {
        self.query.projection.wants(self.kind, attribute)
    }

    /// These as they are answered.
    async fn resources(&self, found: &Records) -> Result<Vec<Value>, Problem> {
        let resources = match found {
            Records::Users(users) => of_users(self.app, self.directory, users, self.wants("groups")).await?,
            Records::Groups(groups) => of_groups(self.app, self.directory, groups, self.wants("members")).await?,
        };
        Ok(resources.into_iter().map(|resource| self.query.projection.apply(self.kind, resource)).collect())
    }

    pub(super) async fn published_group(&self, id: &GroupId) -> Result<Option<GroupRecord>, StoreError> {
        let group = self.app.queries.group(self.directory.id, id).await?;
        Ok(group.filter(|group| is_published(self.directory, group)))
    }
}

/// Where a cursor of [`Search::cut`] leads.
fn place_of(cursor: &Cursor) -> Result<usize, StoreError> {
    let place: Option<usize> = cursor.as_str().parse().ok();
    place.filter(|place| *place <= MAX_LOOKED_AT && place.to_string() == cursor.as_str()).ok_or(StoreError::BadCursor)
}
