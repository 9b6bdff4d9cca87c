//! Lists: pages of a stored one, or of what was gathered for a filter.

use std::num::NonZeroUsize;

use axum::extract::State;
use axum::response::Response;
use serde_json::Value;
use shared::directory::{Directory, GroupId, GroupRecord, ObjectId, UserId};
use shared::feed::is_published;
use shared::http::{Budget, Listing, Problem, ProblemKind, Wrapping};
use shared::store::{GroupFilter, Listed, StoreError, UserFilter};

use super::attributes::ResourceType;
use super::filter::{self, Condition, Plan, Source};
use super::gather::Records;
use super::group::MAX_MEMBERS;
use super::messages::{self, ListResponse};
use super::query::{Paging, Query};
use super::resource::{of_groups, of_users};
use crate::App;
use crate::access::Readable;
use crate::groups::with_known_members;

/// What a filter has to ask about.
const INDEXED: &str = "There is no index for this filter. Ask about `id`, `externalId`, `userName`, `emails`, `displayName` (`eq`, and of names \
     `sw` too), `active`, `groups` or `members` (`eq`), or join one of those with others by `and`.";

/// Some resources.
struct Page {
    /// How many there are in all.
    total: u64,
    resources: Vec<Value>,
    /// The id behind which the next page begins.
    next: Option<ObjectId>,
}

impl Page {
    const NONE: Self = Self { total: 0, resources: Vec::new(), next: None };

    /// As many of the resources as there is room for. Where nothing was taken up before, one that has no room by itself is refused:
    /// the list would never go on.
    fn within(mut self, budget: &mut Budget, is_first: bool) -> Result<Self, Problem> {
        let fits = budget.fitting(&self.resources);
        if fits == self.resources.len() {
            return Ok(self);
        }
        let id = |resource: &Value| resource.get("id").and_then(Value::as_str).map(str::to_owned);
        if fits == 0 && is_first {
            let id = self.resources.first().and_then(id).unwrap_or_default();
            let detail = format!(
                "{id} by itself exceeds the 6 MB that are passed on. Ask with `excludedAttributes=groups` or `excludedAttributes=members`."
            );
            return Err(Problem::new(ProblemKind::TooMany, detail));
        }
        self.resources.truncate(fits);
        self.next = self.resources.last().and_then(id).and_then(|id| id.parse().ok());
        Ok(self)
    }
}

/// Answers a list of resources of these kinds, one kind after the other.
pub(super) async fn answer(
    Readable(directory, _): Readable,
    State(app): State<App>,
    kinds: &[ResourceType],
    query: &Query,
) -> Result<Response, Problem> {
    let mut budget = Budget::new(Wrapping::Text);
    let list = match &query.paging {
        Paging::Place(first) => {
            let (mut before, mut resources, mut total) = (first.saturating_sub(1), Vec::new(), 0_u64);
            for kind in kinds {
                let room = query.count.saturating_sub(resources.len());
                let page = Search::of(&app, &directory, *kind, query)?.behind(before, room).await?;
                let page = page.within(&mut budget, resources.is_empty())?;
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
            let listing = Listing::new(directory.id, kind.endpoint(), &[query.filter_text.as_deref()]);
            let after = after.as_deref().map(|cursor| listing.position::<ObjectId>(cursor)).transpose()?;
            let page = Search::of(&app, &directory, *kind, query)?.after(after, query.count).await?;
            let page = page.within(&mut budget, true)?;
            ListResponse::new(page.resources, page.total).on_at(page.next.map(|id| listing.cursor(&id)))
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
        let page = if let Some((listed, total)) = self.listed().await? {
            let behind = match NonZeroUsize::new(before) {
                None => None,
                Some(before) => match self.app.queries.skip(self.directory.id, &listed, before).await? {
                    Some(id) => Some(id),
                    None => return Ok(Page { total, ..Page::NONE }),
                },
            };
            self.read(&listed, total, count, behind).await?
        } else {
            let found = self.matching().await?;
            self.first_of(found.len() as u64, found.behind(before), count).await?
        };
        // The total is that of the last publication. While a run writes there may be more, and whoever counts positions stops there.
        let end = before + page.resources.len() + usize::from(page.next.is_some());
        Ok(Page { total: page.total.max(if page.resources.is_empty() { 0 } else { end as u64 }), ..page })
    }

    /// The page behind another.
    async fn after(&self, after: Option<ObjectId>, count: usize) -> Result<Page, Problem> {
        if self.is_hidden() {
            return Ok(Page::NONE);
        }
        if let Some((listed, total)) = self.listed().await? {
            return self.read(&listed, total, count, after).await;
        }
        let found = self.matching().await?;
        let total = found.len() as u64;
        let rest = if let Some(after) = after { found.after(&after) } else { found };
        self.first_of(total, rest, count).await
    }

    /// The stored list that is exactly what is asked for, if there is one, and how long it is.
    async fn listed(&self) -> Result<Option<(Listed, u64)>, Problem> {
        let Some(published) = self.directory.published.as_ref().filter(|_| self.plan.is_exact) else { return Ok(None) };
        let counts = &published.counts;
        let (listed, total) = match (self.kind, &self.plan.source) {
            (ResourceType::User, Source::Everything) => {
                (Listed::Users(UserFilter::All), counts.active + counts.inactive())
            }
            (ResourceType::User, Source::Active(true)) => (Listed::Users(UserFilter::Active), counts.active),
            (ResourceType::User, Source::Active(false)) => (Listed::Users(UserFilter::Inactive), counts.inactive()),
            (ResourceType::User, Source::MembersOf(group)) => match self.published_group(group).await? {
                Some(group) => {
                    with_known_members(&group)?;
                    (Listed::Members(group.id), i64::try_from(group.members).unwrap_or(i64::MAX))
                }
                None => return Ok(None),
            },
            (ResourceType::Group, Source::Everything) => (Listed::Groups(GroupFilter::SYNCED), counts.groups_synced),
            _ => return Ok(None),
        };
        Ok(Some((listed, u64::try_from(total).unwrap_or(0))))
    }

    /// A page of a stored list.
    async fn read(&self, listed: &Listed, total: u64, count: usize, after: Option<ObjectId>) -> Result<Page, Problem> {
        if count == 0 {
            return Ok(Page { total, ..Page::NONE });
        }
        let (queries, directory) = (&self.app.queries, self.directory.id);
        let (found, more) = match listed {
            Listed::Users(filter) => {
                let page = queries.list_users(directory, *filter, count, after.map(UserId::from).as_ref()).await?;
                (Records::Users(page.items), page.more)
            }
            Listed::Members(group) => {
                let page = queries.list_members(directory, group, count, after.map(UserId::from).as_ref()).await?;
                (Records::Users(page.items), page.more)
            }
            Listed::Groups(filter) => {
                let page = queries.list_groups(directory, *filter, count, after.map(GroupId::from).as_ref()).await?;
                (Records::Groups(page.items), page.more)
            }
        };
        self.page(total, found, more).await
    }

    /// The first ones of what matches and is left.
    async fn first_of(&self, total: u64, mut rest: Records, count: usize) -> Result<Page, Problem> {
        let more = rest.len() > count;
        rest.truncate(count);
        self.page(total, rest, more).await
    }

    /// A page of these, or of as many as fit.
    async fn page(&self, total: u64, mut found: Records, more: bool) -> Result<Page, Problem> {
        let fit = self.fitting(&found);
        let is_cut = fit < found.len();
        found.truncate(fit);
        let next = found.last().filter(|_| more || is_cut).cloned();
        Ok(Page { total, resources: self.resources(&found).await?, next })
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
