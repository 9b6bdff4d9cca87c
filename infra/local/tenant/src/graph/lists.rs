//! `/users`, `/groups` and the members of a group, page by page.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{
    call::Collection,
    error::GraphError,
    page::{Link, Page, Place, must_be_eventual, tips},
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
    let place = Place::of(request, world.paging, || Select::parse(query, of, &[]))?;
    let show = |object: &Object| with_subtype(object, place.select.show(object, of));
    let index = world.index_moment();
    let is_listed = |object: &Object| if place.advanced { object.was_live(index) } else { object.is_live() };
    let (value, next) = match of {
        Collection::Users => {
            let listed = world.tenant.users.from(place.start).filter(|(_, user)| is_listed(user));
            fill(listed, place.size, show)
        }
        Collection::Groups => {
            let all = world.tenant.groups.from(place.start).map(|(at, group)| (at, &group.object));
            fill(all.filter(|(_, group)| is_listed(group)), place.size, show)
        }
    };
    Ok(Page {
        context: format!("{}/v1.0/$metadata#{}", world.origin, of.name()),
        value,
        link: next.map_or(Link::End, |start| place.next(&world.origin, start)),
        count: (place.advanced && place.page == 1).then(|| count(world, of)),
        tips: place.select.is_default().then(|| tips(of)),
    })
}

/// Objects of a list carry their type only where it is a subtype of the list's own.
pub(super) fn with_subtype(object: &Object, mut shown: Shown) -> Shown {
    if let Some(subtype) = &object.subtype {
        shown.insert("@odata.type".to_owned(), json!(subtype));
    }
    shown
}

/// The number of users or groups in the index behind advanced queries.
pub(crate) fn count(world: &World, of: Collection) -> usize {
    let index = world.index_moment();
    match of {
        Collection::Users => world.tenant.users.iter().filter(|user| user.was_live(index)).count(),
        Collection::Groups => world.tenant.groups.iter().filter(|group| group.object.was_live(index)).count(),
    }
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
    let place = Place::of(request, world.paging, || Ok(Select::parse_mixed(query)))?;
    let sees_members = !group.is_hidden() || viewer.sees_hidden_members();
    let members: Vec<Uuid> = match (sees_members, transitive) {
        (false, _) => Vec::new(),
        (true, true) => world.tenant.transitive_members(group),
        // Transitive lists are always answered from the present state here.
        (true, false) if place.advanced => indexed_members(world, group, cast).collect(),
        (true, false) => group.members().collect(),
    };
    let listed = members.iter().enumerate().skip(place.start);
    let is_indexed = place.advanced && !transitive;
    // Soft-deleted members are not listed; the index has left out those that were deleted at its own moment.
    let listed =
        listed.filter(|(_, member)| is_shown(world, **member, cast) && (is_indexed || world.tenant.is_live(**member)));
    let (value, next) = fill(listed, place.size, |member| show_member(world, viewer, *member, &place.select));
    Ok(Page {
        context: format!("{}/v1.0/$metadata#directoryObjects", world.origin),
        value,
        link: next.map_or(Link::End, |start| place.next(&world.origin, start)),
        count: (is_indexed && place.page == 1).then_some(members.len()),
        tips: None,
    })
}

/// `/groups/{id}/members/$count`, cast or not, from the index behind advanced queries. Whether it counts the service principals
/// that the list leaves out is not documented; here it does, so that nobody takes a list that is whole for one cut short.
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
    Ok(indexed_members(world, group, cast).count())
}

/// The direct members of a group as the index behind advanced queries has them, service principals among them.
fn indexed_members<'a>(world: &'a World, group: &'a Group, cast: Option<&str>) -> impl Iterator<Item = Uuid> {
    let index = world.index_moment();
    group.members_at(index).filter(move |member| world.tenant.was_live(*member, index) && is_cast(world, *member, cast))
}

/// A page of `/users/{id}/memberOf/microsoft.graph.group`, or the same of a group: the groups it is directly in.
pub(crate) fn groups_of(
    world: &World,
    viewer: &Viewer,
    request: &Request,
    of: Collection,
    id: &str,
    cast: &str,
) -> Result<Page, GraphError> {
    let query = &request.query;
    let member = find_member(world, of, id)?;
    let place = Place::of(request, world.paging, || Select::parse(query, Collection::Groups, &[]))?;
    let groups = world.tenant.groups.from(place.start);
    let listed = groups.filter(|(_, group)| is_shown_with(viewer, group, member, cast));
    let (value, next) = fill(listed, place.size, |group| place.select.show(&group.object, Collection::Groups));
    Ok(Page {
        context: format!("{}/v1.0/$metadata#groups", world.origin),
        value,
        link: next.map_or(Link::End, |start| place.next(&world.origin, start)),
        count: None,
        tips: None,
    })
}

/// How many groups [`groups_of`] lists, from the index behind advanced queries.
pub(crate) fn count_groups_of(
    world: &World,
    viewer: &Viewer,
    request: &Request,
    of: Collection,
    id: &str,
    cast: &str,
) -> Result<usize, GraphError> {
    must_be_eventual(request)?;
    let (member, index) = (find_member(world, of, id)?, world.index_moment());
    let is_indexed = |group: &&Group| {
        let is_hidden = group.is_hidden() && !viewer.sees_hidden_members();
        let has = group.members_at(index).any(|one| one == member);
        group.object.was_live(index) && has && !is_hidden && cast == "microsoft.graph.group"
    };
    Ok(world.tenant.groups.iter().filter(is_indexed).count())
}

fn find_member(world: &World, of: Collection, id: &str) -> Result<Uuid, GraphError> {
    let found = id.parse().ok().filter(|id| match of {
        Collection::Users => world.tenant.live_user(*id).is_some(),
        Collection::Groups => world.tenant.live_group(*id).is_some(),
    });
    found.ok_or_else(|| GraphError::not_found(id))
}

/// Deleted groups are not shown. Whether hidden ones are, to those who may not see their members, is not documented; here they
/// are not.
fn is_shown_with(viewer: &Viewer, group: &Group, member: Uuid, cast: &str) -> bool {
    let is_hidden = group.is_hidden() && !viewer.sees_hidden_members();
    group.object.is_live() && group.has(member) && !is_hidden && cast == "microsoft.graph.group"
}

/// The group with this id.
pub(crate) fn find_group<'a>(world: &'a World, id: &str) -> Result<&'a Group, GraphError> {
    let group = id.parse().ok().and_then(|id| world.tenant.live_group(id));
    group.ok_or_else(|| GraphError::not_found(id))
}

/// Service principals are not shown, a known issue of v1.0.
fn is_shown(world: &World, member: Uuid, cast: Option<&str>) -> bool {
    world.tenant.kind_of(member) != Some(MemberKind::ServicePrincipal) && is_cast(world, member, cast)
}

fn is_cast(world: &World, member: Uuid, cast: Option<&str>) -> bool {
    cast.is_none_or(|cast| world.tenant.is_of_type(member, cast))
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
    shown.insert("@odata.type".to_owned(), json!(world.tenant.odata_type(id)));
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
