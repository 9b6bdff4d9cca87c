//! `/users/delta` and `/groups/delta`: what changed since a token (Microsoft Graph, delta query overview).

use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{
    call::Collection,
    error::GraphError,
    lists::with_subtype,
    page::{Link, Page, refuse_options},
    select::Select,
    viewer::Viewer,
};
use crate::{
    action::DeltaReset,
    exchange::{Fields, Request},
    model::{Deletion, Group, Moment, Object},
    token,
    world::World,
};

type Shown = Map<String, Value>;

/// How long a delta link lasts for directory objects (delta query overview: seven days).
const LINK_LIFETIME: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The content of a delta or skip token: a place in a round.
///
/// Whether a link made for one account works for another is not documented; here it does.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Round {
    /// Changes when all tokens are made useless.
    epoch: u64,
    /// `users` or `groups`.
    of: String,
    /// Changes after this moment are told; `None` for a first enumeration.
    since: Option<Moment>,
    /// What the link at the end of the round starts from. Objects changed meanwhile may be told in this round already, and
    /// are told again in the next: delta promises no more than that.
    until: Moment,
    place: Start,
    /// The number of the page, from 1.
    pub(crate) page: u32,
    issued: Timestamp,
    select: Select,
}

/// Where a page starts: at an object, and for a group at one of its member changes.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
struct Start {
    object: usize,
    link: usize,
}

impl Round {
    /// The round a request belongs to, when it carries a token.
    pub(crate) fn in_query(query: &Fields) -> Option<Self> {
        query.get("$skiptoken").or(query.get("$deltatoken")).and_then(token::open)
    }

    /// Whether the round began at a delta link.
    pub(crate) fn is_incremental(&self) -> bool {
        self.since.is_some()
    }

    fn of(world: &World, request: &Request, of: Collection) -> Result<Self, GraphError> {
        let query = &request.query;
        let (skip, delta) = (query.get("$skiptoken"), query.get("$deltatoken"));
        if skip.or(delta.filter(|text| !text.is_empty() && *text != "latest")).is_none() {
            return Self::first(world, query, of);
        }
        let round = Self::in_query(query).filter(|round| round.of == of.name());
        let round = round.ok_or_else(|| GraphError::bad_request("The delta token is not valid."))?;
        if round.epoch != world.delta_epoch {
            return Err(reset(world.delta_reset, &world.origin, of));
        }
        let now = world.clock.now();
        if now.duration_since(round.issued) > LINK_LIFETIME {
            return Err(reset(DeltaReset::StateNotFoundBadRequest, &world.origin, of));
        }
        // A skip token goes on with its round; a delta token begins one.
        Ok(if skip.is_some() { round } else { Self { until: world.tenant.moment, ..round } })
    }

    fn first(world: &World, query: &Fields, of: Collection) -> Result<Self, GraphError> {
        // What Graph says to these is not documented, only that delta does not support them. `$filter` on ids is supported
        // there, but not here.
        refuse_options(query, &["$expand", "$top", "$orderby", "$filter", "$search", "$skip"])?;
        let relations: &[&str] = match of {
            Collection::Users => &["manager"],
            Collection::Groups => &["members", "owners"],
        };
        Ok(Self {
            epoch: world.delta_epoch,
            of: of.name().to_owned(),
            since: None,
            until: world.tenant.moment,
            place: Start::default(),
            page: 1,
            issued: world.clock.now(),
            select: Select::parse(query, of, relations)?,
        })
    }

    fn next(&self, world: &World, path: &str, place: Start) -> Link {
        let next = Self { place, page: self.page + 1, ..self.clone() };
        Link::Next(format!("{}{path}?$skiptoken={}", world.origin, token::seal(&next)))
    }

    fn end(&self, world: &World, path: &str) -> Link {
        let since = Some(self.until);
        let link = Self { since, place: Start::default(), page: 1, issued: world.clock.now(), ..self.clone() };
        Link::Delta(format!("{}{path}?$deltatoken={}", world.origin, token::seal(&link)))
    }
}

/// How Graph says that a token is of no use any more.
pub(crate) fn reset(answer: DeltaReset, origin: &str, of: Collection) -> GraphError {
    let message = "The delta token is no longer valid, and the application must start over.";
    match answer {
        DeltaReset::ResyncRequired => {
            let location = format!("{origin}/v1.0/{}/delta?$deltatoken=", of.name());
            GraphError { location: Some(location), ..GraphError::new(StatusCode::GONE, "resyncRequired", message) }
        }
        DeltaReset::StateNotFoundGone => GraphError::new(StatusCode::GONE, "syncStateNotFound", message),
        DeltaReset::StateNotFoundBadRequest => GraphError::new(StatusCode::BAD_REQUEST, "SyncStateNotFound", message),
    }
}

/// A page of a delta round.
pub(crate) fn delta(world: &World, viewer: &Viewer, request: &Request, of: Collection) -> Result<Page, GraphError> {
    let round = Round::of(world, request, of)?;
    let path = request.path.as_str();
    let (value, link) = if request.query.get("$deltatoken") == Some("latest") {
        (Vec::new(), round.end(world, path))
    } else {
        let page = Filling::new(world, viewer, &round, request);
        let (value, next) = match of {
            Collection::Users => page.users(),
            Collection::Groups => page.groups(),
        };
        (value, next.map_or_else(|| round.end(world, path), |place| round.next(world, path, place)))
    };
    let context = format!("{}/v1.0/$metadata#{}", world.origin, of.name());
    Ok(Page { context, value, link, count: None, tips: None })
}

/// A page being filled.
struct Filling<'a> {
    world: &'a World,
    viewer: &'a Viewer,
    round: &'a Round,
    /// Only what changed is wanted, of objects told before.
    minimal: bool,
    objects: usize,
}

impl<'a> Filling<'a> {
    fn new(world: &'a World, viewer: &'a Viewer, round: &'a Round, request: &Request) -> Self {
        let prefer = request.header("Prefer").unwrap_or_default();
        let preferences = || prefer.split([',', ';']).map(str::trim);
        let wanted = preferences().find_map(|preference| preference.strip_prefix("odata.maxpagesize=")?.parse().ok());
        let most = world.paging.delta_objects.max(1);
        Self {
            world,
            viewer,
            round,
            minimal: preferences().any(|preference| preference == "return=minimal"),
            // Larger wishes are capped.
            objects: wanted.map_or(most, |wanted: usize| wanted.clamp(1, most)),
        }
    }

    fn users(&self) -> (Vec<Shown>, Option<Start>) {
        let mut value = Vec::new();
        for (object, user) in self.world.tenant.users.from(self.round.place.object) {
            let Some(shown) = self.changes(user, Collection::Users) else { continue };
            if value.len() == self.objects {
                return (value, Some(Start { object, link: 0 }));
            }
            value.push(shown);
        }
        (value, None)
    }

    /// Groups with their member changes. A group with more changes than fit is told again on the next page with the rest.
    fn groups(&self) -> (Vec<Shown>, Option<Start>) {
        let most = self.world.paging.delta_members.max(1);
        let (mut value, mut told) = (Vec::new(), 0);
        let mut link = self.round.place.link;
        for (object, group) in self.world.tenant.groups.from(self.round.place.object) {
            let start = Start { object, link };
            let continued = std::mem::take(&mut link) > 0;
            let (members, rest) = self.member_changes(group, start, most - told);
            let shown = match self.changes(&group.object, Collection::Groups) {
                Some(shown) if !continued || !members.is_empty() => Some(shown),
                None if !members.is_empty() || rest.is_some() => Some(self.unchanged(&group.object)),
                _ => None,
            };
            let Some(mut shown) = shown else { continue };
            if value.len() == self.objects || (told == most && rest.is_some()) {
                return (value, Some(start));
            }
            if !members.is_empty() {
                told += members.len();
                shown.insert("members@delta".to_owned(), Value::Array(members));
            }
            value.push(shown);
            if let Some(link) = rest {
                return (value, Some(Start { object, link }));
            }
        }
        (value, None)
    }

    /// What to tell of an object itself, if anything.
    fn changes(&self, object: &Object, of: Collection) -> Option<Shown> {
        let since = self.round.since;
        if let Some(deletion) = object.deletion {
            let fresh = match since {
                Some(since) => object.deletion_changed > since,
                None => self.world.quirks.removed_objects_in_first_round,
            };
            let reason = match deletion {
                Deletion::Soft => "changed",
                Deletion::Permanent => "deleted",
            };
            return fresh.then(|| removed(json!({ "id": object.id }), reason));
        }
        let shown = match since {
            Some(since) => self.round.select.has_changed(object, of, since).then(|| {
                let only_after = self.minimal.then_some(since);
                self.round.select.show_changes(object, of, only_after)
            }),
            None => Some(self.round.select.show_changes(object, of, None)),
        };
        // Whether delta names the subtype is not documented; lists do.
        shown.map(|shown| with_subtype(object, shown))
    }

    /// A group of which only the members changed: its properties come along, except with `return=minimal`.
    fn unchanged(&self, group: &Object) -> Shown {
        let only_after = self.round.since.filter(|_| self.minimal);
        self.round.select.show_changes(group, Collection::Groups, only_after)
    }

    /// Up to `room` member changes of a group, and where to go on when there are more.
    fn member_changes(&self, group: &Group, start: Start, room: usize) -> (Vec<Value>, Option<usize>) {
        let nothing = (Vec::new(), None);
        let since = self.round.since;
        let untouched = since.is_some_and(|since| group.members_changed <= since);
        // Whether a privileged account sees hidden members in delta is not documented; it sees what it sees on lists.
        let hidden = group.is_hidden() && !self.viewer.sees_hidden_members();
        if untouched || hidden || !group.object.is_live() || !self.round.select.includes("members") {
            return nothing;
        }
        let mut members = Vec::new();
        for (at, link) in group.links_from(start.link) {
            let fresh = match since {
                Some(since) => link.changed > since && (link.present || !link.silent),
                None => link.present || (self.world.quirks.removed_members_in_first_round && !link.silent),
            };
            let Some(kind) = self.world.tenant.odata_type(link.member).filter(|_| fresh) else { continue };
            if members.len() == room {
                return (members, Some(at));
            }
            let member = json!({ "@odata.type": kind, "id": link.member });
            // The samples give `deleted` for every removal from a group, whatever the cause.
            members.push(if link.present { member } else { Value::Object(removed(member, "deleted")) });
        }
        (members, None)
    }
}

fn removed(object: Value, reason: &str) -> Shown {
    let mut shown = match object {
        Value::Object(shown) => shown,
        _ => Shown::new(),
    };
    shown.insert("@removed".to_owned(), json!({ "reason": reason }));
    shown
}
