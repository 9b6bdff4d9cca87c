//! Single objects and what concerns the signed-in account.

use serde_json::{Map, Value, json};

use super::{
    call::Collection,
    error::GraphError,
    lists::{count, find_group},
    page::{Link, Page, must_be_eventual},
    select::Select,
    viewer::Viewer,
};
use crate::{
    exchange::{Fields, Request},
    identity::Role,
    model::Object,
    world::World,
};

/// `/users/{id or user principal name}`.
pub(crate) fn user(world: &World, query: &Fields, id: &str) -> Result<Value, GraphError> {
    let by_id = id.parse().ok().and_then(|id| world.tenant.live_user(id));
    let named = |user: &&Object| {
        user.is_live() && user.text("userPrincipalName").is_some_and(|upn| upn.eq_ignore_ascii_case(id))
    };
    let user = by_id.or_else(|| world.tenant.users.iter().find(named)).ok_or_else(|| GraphError::not_found(id))?;
    show(world, query, user, Collection::Users)
}

/// `/groups/{id}`.
pub(crate) fn group(world: &World, query: &Fields, id: &str) -> Result<Value, GraphError> {
    show(world, query, &find_group(world, id)?.object, Collection::Groups)
}

/// `/me`.
pub(crate) fn me(world: &World, viewer: &Viewer, query: &Fields) -> Result<Value, GraphError> {
    let id = viewer.user;
    let user = world.tenant.live_user(id).ok_or_else(|| GraphError::not_found(&id.to_string()))?;
    show(world, query, user, Collection::Users)
}

fn show(world: &World, query: &Fields, object: &Object, of: Collection) -> Result<Value, GraphError> {
    let mut shown = Select::parse(query, of, &[])?.show(object, of);
    let context = format!("{}/v1.0/$metadata#{}/$entity", world.origin, of.name());
    shown.insert("@odata.context".to_owned(), json!(context));
    Ok(Value::Object(shown))
}

/// `/users/$count` and `/groups/$count`: a bare number, only from the index behind advanced queries.
pub(crate) fn count_of(world: &World, request: &Request, of: Collection) -> Result<usize, GraphError> {
    must_be_eventual(request)?;
    Ok(count(world, of))
}

/// `/me/memberOf`: the account's directory roles and direct groups, or those of one type. Always one page here.
pub(crate) fn member_of(world: &World, viewer: &Viewer, cast: Option<&str>) -> Page {
    let wanted = |name: &str| cast.is_none_or(|cast| cast == name);
    let mut value: Vec<Map<String, Value>> = Vec::new();
    if wanted("microsoft.graph.directoryRole") {
        value.extend(world.tenant.roles_of(viewer.user).into_iter().map(|role| show_role(world, role)));
    }
    if wanted("microsoft.graph.group") {
        let groups = world.tenant.live_groups().filter(|group| group.has(viewer.user));
        value.extend(groups.map(|group| {
            let mut shown = Map::new();
            shown.insert("@odata.type".to_owned(), json!("#microsoft.graph.group"));
            shown.insert("id".to_owned(), json!(group.object.id));
            shown.insert("displayName".to_owned(), json!(group.object.display_name()));
            shown
        }));
    }
    let context = format!("{}/v1.0/$metadata#directoryObjects", world.origin);
    Page { context, value, link: Link::End, count: None, tips: None }
}

fn show_role(world: &World, role: Role) -> Map<String, Value> {
    // A role's own id differs between tenants, its template id does not.
    let id = uuid::Uuid::from_u64_pair(world.tenant.id.as_u64_pair().0, role as u64);
    Map::from_iter([
        ("@odata.type".to_owned(), json!("#microsoft.graph.directoryRole")),
        ("id".to_owned(), json!(id)),
        ("displayName".to_owned(), json!(role.display_name())),
        ("roleTemplateId".to_owned(), json!(role.template_id())),
    ])
}

/// `/organization`: the tenant itself.
pub(crate) fn organization(world: &World) -> Page {
    let tenant = &world.tenant;
    let domain = json!({ "name": tenant.domain, "isDefault": true, "isInitial": true, "type": "Managed" });
    let shown = Map::from_iter([
        ("id".to_owned(), json!(tenant.id)),
        ("displayName".to_owned(), json!(tenant.name)),
        ("verifiedDomains".to_owned(), json!([domain])),
    ]);
    let context = format!("{}/v1.0/$metadata#organization", world.origin);
    Page { context, value: vec![shown], link: Link::End, count: None, tips: None }
}
