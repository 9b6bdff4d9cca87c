//! The port of a run, made of reads.

use async_trait::async_trait;
use url::Url;

use super::chain::Chain;
use super::client::Read;
use super::error::GraphError;
use super::page::Malformed;
use super::tenant::GraphTenant;
use super::wire::{self, Decode};
use crate::directory::{GroupId, GroupPatch, GroupProfile, Member, UserId, UserPatch, UserProfile};
use crate::sync::{DeltaLink, DeltaLinks, Effort, GroupChange, Listing, Round, SourceError, TenantSource, UserChange};

/// The largest page Graph gives of users, groups and members.
///
/// Source: Microsoft Graph, "List users", "List groups", "List group members".
const TOP: usize = 999;

#[async_trait]
impl TenantSource for GraphTenant {
    async fn latest_links(&self) -> Result<DeltaLinks, SourceError> {
        let (users, groups) = futures::try_join!(
            self.latest_link("users/delta", UserProfile::SELECT),
            self.latest_link("groups/delta", GroupProfile::DELTA_SELECT),
        )?;
        Ok(DeltaLinks { users, groups, select: self.select() })
    }

    fn select(&self) -> String {
        format!("users:{};groups:{}", UserProfile::SELECT, GroupProfile::DELTA_SELECT)
    }

    async fn users(&self) -> Result<Listing<(UserId, UserPatch)>, SourceError> {
        let query = format!("$select={}&$top={TOP}", UserProfile::SELECT);
        self.list(&self.endpoint("users", &query), "user", wire::user).await
    }

    async fn user_count(&self) -> Result<Option<u64>, SourceError> {
        match self.get_optional(&Read::count(self.endpoint("users/$count", ""))).await {
            Ok(count) => Ok(Some(count)),
            Err(error) if error.is_refusal() => {
                tracing::info!("the tenant does not count its users: {error}");
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn groups(&self) -> Result<Listing<(GroupId, GroupPatch)>, SourceError> {
        let query = format!("$select={}&$top={TOP}", GroupProfile::SELECT);
        self.list(&self.endpoint("groups", &query), "group", wire::group).await
    }

    /// `$select` is left away: "List group members" supports it only as an advanced query, which is answered from an
    /// index that lags behind. `$top` only asks for the page size that the same page gives as the maximum.
    async fn members(&self, group: &GroupId) -> Result<Listing<Member>, SourceError> {
        let url = self.endpoint(&format!("groups/{group}/members"), &format!("$top={TOP}"));
        let kind = format!("member of group {group}");
        let Chain { objects, unread, .. } = self.follow(&url, Read::member_page, &kind, wire::member).await?;
        Ok(Listing { objects, unread })
    }

    async fn user_changes(&self, link: &DeltaLink) -> Result<Round<UserChange>, SourceError> {
        self.round(link, "user", wire::user_change).await
    }

    async fn group_changes(&self, link: &DeltaLink) -> Result<Round<GroupChange>, SourceError> {
        self.round(link, "group", wire::group_change).await
    }

    fn effort(&self) -> Effort {
        self.client.effort()
    }

    fn credential(&self) -> Option<UserId> {
        self.answered()
    }
}

impl GraphTenant {
    fn endpoint(&self, path: &str, query: &str) -> Url {
        self.client.origin().endpoint(path, query)
    }

    async fn list<T: Send>(&self, url: &Url, kind: &str, decode: Decode<T>) -> Result<Listing<T>, SourceError> {
        let Chain { objects, unread, .. } = self.follow(url, Read::list_page, kind, decode).await?;
        Ok(Listing { objects, unread })
    }

    /// A link that reports what changes from now on. Its token carries the select list, which no later request
    /// repeats.
    async fn latest_link(&self, path: &str, select: &str) -> Result<DeltaLink, SourceError> {
        let url = self.endpoint(path, &format!("$select={select}&$deltatoken=latest"));
        // No objects come with it.
        let chain = self.follow(&url, Read::round_page, "object", wire::member).await?;
        end_of(chain.delta)
    }

    async fn round<T: Send>(&self, link: &DeltaLink, kind: &str, decode: Decode<T>) -> Result<Round<T>, SourceError> {
        // A stored link that leads elsewhere is of another cloud, or of a local stack that has moved.
        let start = self.client.origin().link(link.as_str()).map_err(|_| SourceError::ResyncRequired)?;
        let chain = self.follow(&start, Read::round_page, kind, decode).await.map_err(|error| match error {
            // Starting again from this link has not helped; reading everything does without it.
            GraphError::PageTokenExpired(refused) => GraphError::ResyncRequired(refused),
            other => other,
        })?;
        let Chain { objects, unread, delta } = chain;
        Ok(Round { changes: objects, link: end_of(delta)?, unread })
    }
}

fn end_of(delta: Option<DeltaLink>) -> Result<DeltaLink, SourceError> {
    delta.ok_or_else(|| GraphError::from(Malformed::NoDeltaLink).into())
}
