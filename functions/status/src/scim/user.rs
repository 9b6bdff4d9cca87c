//! Users as resources.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use shared::directory::{Folded, Presence, Text, UserRecord};
use shared::feed::reason_of;

use super::attributes::{DIRECTORY_USER, ENTERPRISE_USER, ResourceType, USER};
use super::resource::{Base, put};
use crate::published::PublishedGroups;

/// A user. `groups` are the published ones among those that it is in; `None` leaves them out.
pub(super) fn resource(base: &Base, user: &UserRecord, groups: Option<&PublishedGroups>) -> Value {
    let profile = &user.profile;
    let (_, reason) = reason_of(&user.decision);
    let id = user.id.to_string();
    let mut resource = Map::new();
    put(&mut resource, "id", Some(&id));
    put(&mut resource, "externalId", Some(&id));
    // There has to be one.
    put(&mut resource, "userName", Some(profile.user_principal_name.as_deref().unwrap_or(&id)));

    let mut name = Map::new();
    put(&mut name, "formatted", profile.display_name.as_deref());
    put(&mut name, "familyName", profile.surname.as_deref());
    put(&mut name, "givenName", profile.given_name.as_deref());
    put_object(&mut resource, "name", name);
    put(&mut resource, "displayName", profile.display_name.as_deref());
    put(&mut resource, "title", profile.job_title.as_deref());
    put(&mut resource, "userType", profile.user_type.as_deref());
    resource.insert("active".to_owned(), user.decision.is_active().into());
    let emails = emails(user);
    if !emails.is_empty() {
        resource.insert("emails".to_owned(), emails.into());
    }
    if let Some(groups) = groups.map(|groups| groups_of(base, user, groups)).filter(|groups| !groups.is_empty()) {
        resource.insert("groups".to_owned(), groups.into());
    }

    let mut enterprise = Map::new();
    put(&mut enterprise, "employeeNumber", profile.employee_id.as_deref());
    put(&mut enterprise, "organization", profile.company_name.as_deref());
    put(&mut enterprise, "department", profile.department.as_deref());
    put_object(&mut resource, ENTERPRISE_USER.id, enterprise);

    let mut directory = Map::new();
    directory.extend(reason.and_then(|reason| Some(("reason".to_owned(), serde_json::to_value(reason).ok()?))));
    put(&mut directory, "onPremisesSamAccountName", profile.on_premises_sam_account_name.as_deref());
    if let Presence::Deleted { since } = user.presence {
        directory.insert("deletedSince".to_owned(), since.to_string().into());
    }
    put_object(&mut resource, DIRECTORY_USER.id, directory);
    let extensions = [ENTERPRISE_USER.id, DIRECTORY_USER.id].into_iter().filter(|id| resource.contains_key(*id));
    let schemas: Vec<&str> = std::iter::once(USER.id).chain(extensions).collect();
    resource.insert("schemas".to_owned(), schemas.into());
    resource.insert("meta".to_owned(), base.meta(ResourceType::User, &id));
    resource.into()
}

fn put_object(resource: &mut Map<String, Value>, name: &str, object: Map<String, Value>) {
    if !object.is_empty() {
        resource.insert(name.to_owned(), object.into());
    }
}

/// All mail addresses, each once, the primary one first.
fn emails(user: &UserRecord) -> Vec<Value> {
    let profile = &user.profile;
    let proxies = profile.proxy_addresses.iter().flatten();
    let proxies: Vec<(bool, &str)> = proxies
        .filter_map(|address: &Text| {
            let (kind, address) = address.split_once(':')?;
            kind.eq_ignore_ascii_case("smtp").then_some((kind == "SMTP", address))
        })
        .collect();
    let primary = profile
        .mail
        .as_deref()
        .or_else(|| proxies.iter().find(|(is_primary, _)| *is_primary).map(|(_, address)| *address));
    let mut seen = BTreeSet::new();
    let addresses = primary.into_iter().chain(proxies.iter().map(|(_, address)| *address));
    addresses
        .filter(|address| seen.insert(Folded::of_address(address)))
        .map(|address| {
            let is_primary = primary == Some(address);
            json!({ "value": address, "type": if is_primary { "work" } else { "other" }, "primary": is_primary })
        })
        .collect()
}

fn groups_of(base: &Base, user: &UserRecord, groups: &PublishedGroups) -> Vec<Value> {
    // A deleted user is in no group any more, although a restoration would bring the memberships back.
    let own = if user.presence.is_deleted() { BTreeSet::new() } else { user.groups.clone() };
    let group = |group: crate::published::GroupRef| {
        let id = group.id.to_string();
        let mut value = Map::new();
        put(&mut value, "value", Some(&id));
        value.insert("$ref".to_owned(), base.location(ResourceType::Group, &id).into());
        put(&mut value, "display", group.display_name.as_deref());
        put(&mut value, "type", Some("direct"));
        value.into()
    };
    groups.only(&own).into_iter().map(group).collect()
}
