//! Groups as resources.

use serde_json::{Map, Value, json};
use shared::directory::{Directory, GroupRecord, UserId};
use shared::http::{Problem, ProblemKind};

use super::attributes::{GROUP, ResourceType};
use super::resource::{Base, put};
use crate::App;
use crate::groups::with_known_members;
use crate::published::{GroupRef, PublishedGroups};

/// The most members of all groups in one answer: about 4.5 MB of the 6 MB that Lambda passes on (AWS Lambda, "Lambda quotas").
pub(super) const MAX_MEMBERS: u64 = 20_000;
/// How many members are read together.
const AT_A_TIME: usize = 1_000;

/// Who is in a group.
pub(super) struct Members {
    users: Vec<UserId>,
    groups: Vec<GroupRef>,
}

impl Members {
    /// Reads them: all, or none. A list cut short would look as if the others had left.
    pub(super) async fn of(app: &App, directory: &Directory, group: &GroupRecord) -> Result<Self, Problem> {
        with_known_members(group)?;
        if group.members > MAX_MEMBERS {
            return Err(too_many(group));
        }
        let mut users = Vec::new();
        let mut after = None;
        while directory.publishes_users() {
            let page = app.queries.list_members(directory.id, &group.id, AT_A_TIME, after.as_ref()).await?;
            after = page.end().map(|user| user.id.clone());
            users.extend(page.items.into_iter().map(|user| user.id));
            if after.is_none() {
                break;
            }
        }
        let nested = PublishedGroups::among(app, directory, &group.children).await?;
        Ok(Self { users, groups: nested.only(&group.children) })
    }

    fn to_value(&self, base: &Base) -> Vec<Value> {
        let member = |kind: ResourceType, id: String| json!({ "value": id, "$ref": base.location(kind, &id), "type": kind.name() });
        let users = self.users.iter().map(|id| member(ResourceType::User, id.to_string()));
        users.chain(self.groups.iter().map(|group| member(ResourceType::Group, group.id.to_string()))).collect()
    }
}

fn too_many(group: &GroupRecord) -> Problem {
    let (id, count) = (&group.id, group.members);
    Problem::new(
        ProblemKind::TooMany,
        format!(
            "The group {id} has {count} members, and an answer has at most {MAX_MEMBERS}. Ask with `excludedAttributes=members`, and \
             for users with the filter `groups eq \"{id}\"`, page by page."
        ),
    )
}

/// A group; without `members` they are left out.
pub(super) fn resource(base: &Base, group: &GroupRecord, members: Option<&Members>) -> Value {
    let id = group.id.to_string();
    let mut resource = Map::new();
    resource.insert("schemas".to_owned(), json!([GROUP.id]));
    put(&mut resource, "id", Some(&id));
    put(&mut resource, "externalId", Some(&id));
    // There has to be one.
    put(&mut resource, "displayName", Some(group.profile.display_name.as_deref().unwrap_or(&id)));
    if let Some(members) = members.map(|members| members.to_value(base)).filter(|members| !members.is_empty()) {
        resource.insert("members".to_owned(), members.into());
    }
    resource.insert("meta".to_owned(), base.meta(ResourceType::Group, &id));
    resource.into()
}
