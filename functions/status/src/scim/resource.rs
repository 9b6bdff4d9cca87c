//! What users and groups have in common as resources, and one of them as an answer.

use std::collections::BTreeSet;

use axum::response::Response;
use http::HeaderValue;
use http::header::{CONTENT_LOCATION, ETAG};
use serde_json::{Map, Value, json};
use shared::directory::{Directory, GroupRecord, UserRecord};
use shared::feed::is_published;
use shared::http::{Params, Problem, fingerprint};

use super::attributes::ResourceType;
use super::group::{self, Members};
use super::projection::Projection;
use super::query::names;
use super::{messages, user};
use crate::App;
use crate::published::PublishedGroups;
use crate::users::is_known;

/// Where a directory's resources are.
#[derive(Debug, Clone)]
pub(super) struct Base(String);

impl Base {
    pub(super) fn of(app: &App, directory: &Directory) -> Self {
        Self(format!("{}/scim/v2/{}", app.base_url, directory.id))
    }

    /// Where something below is.
    pub(super) fn path(&self, rest: &str) -> String {
        format!("{}/{rest}", self.0)
    }

    pub(super) fn location(&self, kind: ResourceType, id: &str) -> String {
        self.path(&format!("{}/{id}", kind.endpoint()))
    }

    /// What is said about a resource. Its version comes later.
    pub(super) fn meta(&self, kind: ResourceType, id: &str) -> Value {
        json!({ "resourceType": kind.name(), "location": self.location(kind, id) })
    }
}

/// Adds an attribute if it has a value.
pub(super) fn put(resource: &mut Map<String, Value>, name: &str, value: Option<&str>) {
    if let Some(value) = value {
        resource.insert(name.to_owned(), value.into());
    }
}

/// Gives a complete resource its version, which is that of everything in it.
fn with_version(mut resource: Value) -> Value {
    let text = fingerprint(resource.to_string().as_bytes());
    if let Some(Value::Object(meta)) = resource.get_mut("meta") {
        meta.insert("version".to_owned(), format!("W/\"{text}\"").into());
    }
    resource
}

/// Users as resources, complete or without groups.
pub(super) async fn of_users(
    app: &App,
    directory: &Directory,
    users: &[UserRecord],
    is_complete: bool,
) -> Result<Vec<Value>, Problem> {
    let base = Base::of(app, directory);
    if !is_complete {
        return Ok(users.iter().map(|user| user::resource(&base, user, None)).collect());
    }
    let ids: BTreeSet<_> = users.iter().flat_map(|user| user.groups.iter().cloned()).collect();
    let groups = PublishedGroups::among(app, directory, &ids).await?;
    Ok(users.iter().map(|user| with_version(user::resource(&base, user, Some(&groups)))).collect())
}

/// A group as a resource, complete or without members.
async fn of_group(app: &App, directory: &Directory, group: &GroupRecord, is_complete: bool) -> Result<Value, Problem> {
    let base = Base::of(app, directory);
    if !is_complete {
        return Ok(group::resource(&base, group, None));
    }
    let members = Members::of(app, directory, group).await?;
    Ok(with_version(group::resource(&base, group, Some(&members))))
}

/// Groups as resources, complete or without members.
pub(super) async fn of_groups(
    app: &App,
    directory: &Directory,
    groups: &[GroupRecord],
    is_complete: bool,
) -> Result<Vec<Value>, Problem> {
    let mut resources = Vec::new();
    for group in groups {
        resources.push(of_group(app, directory, group, is_complete).await?);
    }
    Ok(resources)
}

/// `GET /Users/{id}`, `GET /Groups/{id}`
pub(super) async fn answer(
    app: &App,
    directory: &Directory,
    kind: ResourceType,
    params: &Params,
) -> Result<Response, Problem> {
    let [attributes, excluded] = params.query(["attributes", "excludedAttributes"])?;
    let projection = Projection::parse(attributes.map(names), excluded.map(names))?;
    let id = params.segment("id");
    let found = match kind {
        ResourceType::User => {
            let user = match id.parse() {
                Ok(id) if directory.publishes_users() => app.queries.user(directory.id, &id).await?.filter(is_known),
                _ => None,
            };
            // Who asks whether it is the same wants to know of groups too.
            of_users(app, directory, user.as_slice(), true).await?.pop()
        }
        ResourceType::Group => {
            let group = match id.parse() {
                Ok(id) => app.queries.group(directory.id, &id).await?.filter(|group| is_published(directory, group)),
                Err(_) => None,
            };
            match group {
                Some(group) => Some(of_group(app, directory, &group, projection.wants(kind, "members")).await?),
                None => None,
            }
        }
    };
    let resource =
        found.ok_or_else(|| Problem::not_found(format!("There is no such {} in this directory.", kind.name())))?;
    let header = |pointer: &str| {
        resource.pointer(pointer).and_then(Value::as_str).and_then(|text| HeaderValue::from_str(text).ok())
    };
    let headers = [(ETAG, header("/meta/version")), (CONTENT_LOCATION, header("/meta/location"))];
    let mut response = messages::answer(projection.apply(kind, resource));
    response.headers_mut().extend(headers.into_iter().filter_map(|(name, value)| Some((name, value?))));
    Ok(response)
}
