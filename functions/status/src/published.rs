//! What of the stored groups is published.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use shared::directory::{Directory, GroupId, GroupRecord, Text};
use shared::feed::published_among;
use shared::http::Audience;
use shared::store::StoreError;
use utoipa::ToSchema;

use crate::App;

/// A group by its id and, when it is published, its name. To consumers, one that is not published does not exist.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct GroupRef {
    pub(crate) id: GroupId,
    #[schema(value_type = Option<String>, example = "VPN-Berlin")]
    pub(crate) display_name: Option<Text>,
}

/// The published ones of some groups.
pub(crate) struct PublishedGroups(BTreeMap<GroupId, GroupRecord>);

impl PublishedGroups {
    /// None at all, where nobody asks.
    pub(crate) fn none() -> Self {
        Self(BTreeMap::new())
    }

    /// Looks the groups up.
    pub(crate) async fn among(app: &App, directory: &Directory, ids: &BTreeSet<GroupId>) -> Result<Self, StoreError> {
        let groups = published_among(&*app.queries, directory, ids).await?;
        Ok(Self(groups.into_iter().map(|group| (group.id.clone(), group)).collect()))
    }

    /// True for a published one.
    pub(crate) fn has(&self, id: &GroupId) -> bool {
        self.0.contains_key(id)
    }

    /// A group that the settings name. One that is not published is for administrators, and even to them without its name.
    pub(crate) fn named(&self, id: &GroupId, audience: Audience) -> Option<GroupRef> {
        let unpublished = || GroupRef { id: id.clone(), display_name: None };
        self.published(id).or_else(|| (audience == Audience::Administrators).then(unpublished))
    }

    /// Those of these groups that are published.
    pub(crate) fn only(&self, ids: &BTreeSet<GroupId>) -> Vec<GroupRef> {
        ids.iter().filter_map(|id| self.published(id)).collect()
    }

    fn published(&self, id: &GroupId) -> Option<GroupRef> {
        let group = self.0.get(id)?;
        Some(GroupRef { id: id.clone(), display_name: group.profile.display_name.clone() })
    }
}
