//! The port of a run, made of reads.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use url::Url;

use super::client::Read;
use super::error::GraphError;
use super::page::{Malformed, Page};
use super::probe;
use super::tenant::GraphTenant;
use super::wire::{self, Decode};
use crate::directory::{
    GroupId, GroupPatch, GroupProfile, Member, MemberKind, ObjectId, UserId, UserPatch, UserProfile,
};
use crate::sync::{
    Counted, DeltaLink, DeltaLinks, Effort, GroupChange, ListKind, Next, SourceError, TenantSource, Trail, UserChange,
};

/// The largest page Graph gives of users, groups and members.
///
/// Source: Microsoft Graph, "List users", "List groups", "List group members".
const TOP: usize = 999;

#[async_trait]
impl TenantSource for GraphTenant {
    async fn latest_links(&self) -> Result<DeltaLinks, SourceError> {
        let (users, groups, hidden_members) = futures::try_join!(
            self.latest_link("users/delta", UserProfile::SELECT),
            self.latest_link("groups/delta", GroupProfile::DELTA_SELECT),
            self.sees_hidden_members(),
        )?;
        Ok(DeltaLinks { users, groups, select: self.select(), hidden_members })
    }

    fn select(&self) -> String {
        format!("users:{};groups:{}", UserProfile::SELECT, GroupProfile::DELTA_SELECT)
    }

    async fn counts(&self) -> Result<Counted, SourceError> {
        let (users, groups) = futures::try_join!(self.count("users/$count"), self.count("groups/$count"))?;
        Ok(Counted { users, groups })
    }

    async fn users(&self, trail: &Trail<(UserId, UserPatch)>) -> Result<(), SourceError> {
        let url = self.endpoint("users", &format!("$select={}&$top={TOP}", UserProfile::SELECT));
        Ok(self.follow(&url, Read::list_page, "user", wire::user, trail).await?)
    }

    async fn groups(&self, trail: &Trail<(GroupId, GroupPatch)>) -> Result<(), SourceError> {
        let url = self.endpoint("groups", &format!("$select={}&$top={TOP}", GroupProfile::SELECT));
        Ok(self.follow(&url, Read::list_page, "group", wire::group, trail).await?)
    }

    /// `$select` is left away: "List group members" supports it only as an advanced query, which is answered from an
    /// index that lags behind. `$top` only asks for the page size that the same page gives as the maximum.
    async fn members(&self, group: &GroupId, trail: &Trail<Member>) -> Result<(), SourceError> {
        let url = self.endpoint(&format!("groups/{group}/members"), &format!("$top={TOP}"));
        Ok(self.follow(&url, Read::member_page, &format!("member of group {group}"), wire::member, trail).await?)
    }

    async fn groups_of_user(&self, user: &UserId, trail: &Trail<GroupId>) -> Result<(), SourceError> {
        self.groups_of(&format!("users/{user}"), trail).await
    }

    async fn groups_of_group(&self, group: &GroupId, trail: &Trail<GroupId>) -> Result<(), SourceError> {
        self.groups_of(&format!("groups/{group}"), trail).await
    }

    async fn count_groups_of_user(&self, user: &UserId) -> Result<Option<u64>, SourceError> {
        self.count_groups_of(&format!("users/{user}")).await
    }

    async fn count_groups_of_group(&self, group: &GroupId) -> Result<Option<u64>, SourceError> {
        self.count_groups_of(&format!("groups/{group}")).await
    }

    async fn user_exists(&self, user: &UserId) -> Result<bool, SourceError> {
        self.exists(&format!("users/{user}")).await
    }

    async fn group_exists(&self, group: &GroupId) -> Result<bool, SourceError> {
        self.exists(&format!("groups/{group}")).await
    }

    /// Users and groups are counted by a cast: among all, what a list leaves out, such as service principals, may be counted.
    ///
    /// Source: Microsoft Graph, "List group members" (count of user memberships).
    async fn member_count(&self, group: &GroupId, of: Option<ListKind>) -> Result<Option<u64>, SourceError> {
        self.count(&format!("{}/$count", members_path(group, of))).await
    }

    async fn indexed(&self, of: ListKind) -> Result<BTreeSet<ObjectId>, SourceError> {
        let (objects, counted) = self.index(&of.to_string(), Read::indexed_page).await?;
        not_fewer(objects.len() as u64, counted)?;
        Ok(objects.into_keys().collect())
    }

    /// Lists leave out service principals, and whether these are counted is not documented.
    ///
    /// Source: Microsoft Graph, "Known issues" (2026-02).
    async fn indexed_members(&self, group: &GroupId) -> Result<BTreeMap<ObjectId, MemberKind>, SourceError> {
        let path = members_path(group, None);
        let (members, counted) = self.index(&path, Read::indexed_member_page).await?;
        let listed = members.len() as u64;
        if listed < counted {
            let left_out = self.count(&format!("{path}/microsoft.graph.servicePrincipal/$count")).await?;
            not_fewer(listed + left_out.unwrap_or(0), counted)?;
        }
        Ok(members)
    }

    /// By the permission of the token and the directory roles of its account. A change of either shows with the next token.
    async fn sees_hidden_members(&self) -> Result<bool, SourceError> {
        if !self.reads_hidden_members().await? {
            return Ok(false);
        }
        match self.get_optional(&probe::roles_page(self.client.origin())).await {
            Ok(roles) => Ok(probe::shows_hidden_members(&roles)),
            Err(error) if error.is_refusal() => {
                tracing::info!("the roles of the account are not known: {error}");
                Ok(false)
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn user_changes(&self, link: &DeltaLink, trail: &Trail<UserChange>) -> Result<(), SourceError> {
        self.round(link, "user", wire::user_change, trail).await
    }

    async fn group_changes(&self, link: &DeltaLink, trail: &Trail<GroupChange>) -> Result<(), SourceError> {
        self.round(link, "group", wire::group_change, trail).await
    }

    fn effort(&self) -> Effort {
        self.client.effort()
    }

    fn credential(&self) -> Option<UserId> {
        self.answered()
    }
}

/// A list that has fewer than are counted was cut short.
fn not_fewer(listed: u64, counted: u64) -> Result<(), GraphError> {
    if listed < counted { Err(GraphError::FewerThanCounted) } else { Ok(()) }
}

/// The path of a group's members of a kind, subtypes included, or of all.
fn members_path(group: &GroupId, of: Option<ListKind>) -> String {
    let cast = match of {
        Some(ListKind::Users) => "/microsoft.graph.user",
        Some(ListKind::Groups) => "/microsoft.graph.group",
        None => "",
    };
    format!("groups/{group}/members{cast}")
}

impl GraphTenant {
    fn endpoint(&self, path: &str, query: &str) -> Url {
        self.client.origin().endpoint(path, query)
    }

    /// The groups among what an object is a member of.
    ///
    /// Source: Microsoft Graph, "List a user's memberships (direct and transitive)" and "List group memberOf".
    async fn groups_of(&self, object: &str, trail: &Trail<GroupId>) -> Result<(), SourceError> {
        let url = self.endpoint(&format!("{object}/memberOf/microsoft.graph.group"), "$select=id");
        Ok(self.follow(&url, Read::groups_page, &format!("group of {object}"), wire::group_id, trail).await?)
    }

    /// Reads a list from the index behind the counters, and the number that comes with it.
    async fn index(
        &self,
        path: &str,
        read: fn(Url) -> Read<Page>,
    ) -> Result<(BTreeMap<ObjectId, MemberKind>, u64), SourceError> {
        let url = self.endpoint(path, &format!("$select=id&$count=true&$top={TOP}"));
        let trail = Trail::default();
        self.follow(&url, read, "indexed object", wire::member, &trail).await?;
        let counted = trail.counted().ok_or(GraphError::from(Malformed::NoCount))?;
        Ok((trail.take().objects.into_iter().map(|Member { id, kind }| (id, kind)).collect(), counted))
    }

    async fn count_groups_of(&self, object: &str) -> Result<Option<u64>, SourceError> {
        self.count(&format!("{object}/memberOf/microsoft.graph.group/$count")).await
    }

    async fn exists(&self, path: &str) -> Result<bool, SourceError> {
        match self.get(&Read::object(self.endpoint(path, "$select=id"))).await {
            Ok(()) => Ok(true),
            Err(GraphError::NotFound(_)) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    async fn count(&self, path: &str) -> Result<Option<u64>, SourceError> {
        match self.get_optional(&Read::count(self.endpoint(path, ""))).await {
            Ok(count) => Ok(Some(count)),
            Err(error) if error.is_refusal() => {
                tracing::info!(graph.path = path, "the tenant does not count: {error}");
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// A link that reports what changes from now on. Its token carries the select list, which no later request
    /// repeats.
    async fn latest_link(&self, path: &str, select: &str) -> Result<DeltaLink, SourceError> {
        let url = self.endpoint(path, &format!("$select={select}&$deltatoken=latest"));
        // No objects come with it.
        let trail = Trail::default();
        self.follow(&url, Read::round_page, "object", wire::member, &trail).await?;
        match trail.end() {
            Some(Next::Changes(link)) => Ok(link),
            _ => Err(GraphError::from(Malformed::NoDeltaLink).into()),
        }
    }

    async fn round<T: Send + Sync>(
        &self,
        link: &DeltaLink,
        kind: &str,
        decode: Decode<T>,
        trail: &Trail<T>,
    ) -> Result<(), SourceError> {
        // A stored link that leads elsewhere is of another cloud, or of a local stack that has moved.
        let start = self.client.origin().link(link.as_str()).map_err(|_| SourceError::ResyncRequired)?;
        self.follow(&start, Read::round_page, kind, decode, trail).await.map_err(|error| match error {
            // Starting again from this link has not helped; reading everything does without it.
            GraphError::PageTokenExpired(refused) => GraphError::ResyncRequired(refused).into(),
            other => other.into(),
        })
    }
}
