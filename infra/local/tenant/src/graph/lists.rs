//! `/users`, `/groups` and the members of a group, page by page.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{
    call::Collection,
    error::GraphError,
    page::{Link, Page, Place, tips},
    select::Select,
    viewer::Viewer,
};
use crate::{
    exchange::Request,
    model::{Found, Group, MemberKind, Object},
    world::World,
};

type Shown = Map<String, Value>;

/// A page of all users or all groups, deleted ones left out.
pub(crate) fn list(world: &World, request: &Request, of: Collection) -> Result<Page, GraphError> {
    let query = &request.query;
    let place = Place::of(&request.path, query, world.paging, || Select::parse(query, of, &[]))?;
    let show = |object: &Object| place.select.show(object, of);
    let counted = place.page == 1 && query.get("$count") == Some("true") && is_eventual(request);
    let (value, next) = match of {
        Collection::Users => {
            let live = world.tenant.users.from(place.start).filter(|(_, user)| user.is_live());
            fill(live, place.size, show)
        }
        Collection::Groups => {
            let live = world.tenant.groups.from(place.start).filter(|(_, group)| group.object.is_live());
            fill(live.map(|(at, group)| (at, &group.object)), place.size, show)
        }
    };
    Ok(Page {
        context: format!("{}/v1.0/$metadata#{}", world.origin, of.name()),
        value,
        link: next.map_or(Link::End, |start| place.next(&world.origin, start)),
        count: counted.then(|| count(world, of)),
        tips: place.select.is_default().then(|| tips(of)),
    })
}

/// How many users or groups there are.
pub(crate) fn count(world: &World, of: Collection) -> usize {
    match of {
        Collection::Users => world.tenant.users.iter().filter(|user| user.is_live()).count(),
        Collection::Groups => world.tenant.live_groups().count(),
    }
}

/// Whether the request asks for the index behind advanced queries.
pub(crate) fn is_eventual(request: &Request) -> bool {
    request.header("ConsistencyLevel").is_some_and(|level| level.eq_ignore_ascii_case("eventual"))
}

/// A page of the members of a group.
///
/// The documents ask for advanced query parameters with `$select`, `$top` and casts here, but plain requests are answered as well.
pub(crate) fn members(
    world: &World,
    viewer: &Viewer,
    request: &Request,
    group: &str,
    cast: Option<&str>,
    transitive: bool,
) -> Result<Page, GraphError> {
    let group = find_group(world, group)?;
    let query = &request.query;
    let place = Place::of(&request.path, query, world.paging, || Ok(Select::parse_mixed(query)))?;
    let members: Vec<Uuid> = match (group.is_hidden() && !viewer.sees_hidden_members(), transitive) {
        (true, _) => Vec::new(),
        (false, true) => world.tenant.transitive_members(group),
        (false, false) => group.members().collect(),
    };
    let listed = members.iter().enumerate().skip(place.start).filter(|(_, member)| is_listed(world, **member, cast));
    let (value, next) = fill(listed, place.size, |member| show_member(world, viewer, *member, &place.select));
    Ok(Page {
        context: format!("{}/v1.0/$metadata#directoryObjects", world.origin),
        value,
        link: next.map_or(Link::End, |start| place.next(&world.origin, start)),
        count: None,
        tips: None,
    })
}

/// `/groups/{id}/members/$count`, cast or not: of those that the list shows, from the index behind advanced queries.
/// Whether it counts what the list leaves out is not documented.
pub(crate) fn member_count(
    world: &World,
    viewer: &Viewer,
    request: &Request,
    group: &str,
    cast: Option<&str>,
) -> Result<usize, GraphError> {
    must_be_eventual(request)?;
    let group = find_group(world, group)?;
    if group.is_hidden() && !viewer.sees_hidden_members() {
        return Ok(0);
    }
    Ok(group.members().filter(|member| is_listed(world, *member, cast)).count())
}

/// A count as a path segment is an advanced query.
pub(crate) fn must_be_eventual(request: &Request) -> Result<(), GraphError> {
    if is_eventual(request) {
        return Ok(());
    }
    let message = "Request with $count as a URL segment needs the header 'ConsistencyLevel: eventual'.";
    Err(GraphError::bad_request(message))
}

/// The group with this id.
pub(crate) fn find_group<'a>(world: &'a World, id: &str) -> Result<&'a Group, GraphError> {
    let group = id.parse().ok().and_then(|id| world.tenant.live_group(id));
    group.ok_or_else(|| GraphError::not_found(id))
}

/// Soft-deleted members are not listed. Nor are service principals, a known issue of v1.0.
fn is_listed(world: &World, member: Uuid, cast: Option<&str>) -> bool {
    let Some(kind) = world.tenant.kind_of(member).filter(|_| world.tenant.is_live(member)) else { return false };
    kind != MemberKind::ServicePrincipal && cast.is_none_or(|cast| kind.odata_type().strip_prefix('#') == Some(cast))
}

/// A member, with its type. Of kinds the token may not read, everything but the id is null.
fn show_member(world: &World, viewer: &Viewer, id: Uuid, select: &Select) -> Shown {
    let Some((found, kind)) = world.tenant.find(id).zip(world.tenant.kind_of(id)) else { return Shown::new() };
    let mut shown = match found {
        Found::User(user) => select.show(user, Collection::Users),
        Found::Group(group) => select.show(&group.object, Collection::Groups),
        Found::Other(other) => Shown::from_iter([("displayName".to_owned(), json!(other.display_name))]),
    };
    if !viewer.may_read_kind(&kind) {
        shown.values_mut().for_each(|value| *value = Value::Null);
    }
    shown.insert("@odata.type".to_owned(), json!(kind.odata_type()));
    shown.insert("id".to_owned(), json!(id));
    shown
}

/// Shows up to `size` rows, and says where the next page starts when rows are left.
fn fill<T>(
    rows: impl Iterator<Item = (usize, T)>,
    size: usize,
    mut show: impl FnMut(T) -> Shown,
) -> (Vec<Shown>, Option<usize>) {
    let mut value = Vec::new();
    for (at, row) in rows {
        if value.len() == size {
            return (value, Some(at));
        }
        value.push(show(row));
    }
    (value, None)
}
