//! What has been asked of the tenant, so that tests can count.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RequestKind {
    /// The authorize page.
    Authorize,
    /// The button pressed on it.
    SignIn,
    /// The token endpoint, redeeming a code.
    RedeemCode,
    /// The token endpoint, using a refresh token.
    Refresh,
    /// `OpenID` discovery.
    Discovery,
    /// The published signing keys.
    Keys,
    /// A page of `/users`.
    Users,
    /// `/users/{id}`.
    User,
    /// A page of `/groups`.
    Groups,
    /// `/groups/{id}`.
    Group,
    /// A page of `/groups/{id}/members`, cast or not.
    Members,
    /// A page of `/groups/{id}/transitiveMembers`.
    TransitiveMembers,
    /// A page of the groups that a user or group is in.
    GroupsOf,
    /// A page of `/users/delta`.
    UsersDelta,
    /// A page of `/groups/delta`.
    GroupsDelta,
    /// `/users/$count` or `/groups/$count`.
    Count,
    /// `/me`.
    Me,
    /// `/me/memberOf`, cast or not.
    MemberOf,
    /// `/organization`.
    Organization,
    /// Anything else.
    Other,
}

impl RequestKind {
    /// Whether it reads a list page by page.
    #[must_use]
    pub fn is_list(self) -> bool {
        matches!(
            self,
            Self::Users
                | Self::Groups
                | Self::Members
                | Self::TransitiveMembers
                | Self::GroupsOf
                | Self::UsersDelta
                | Self::GroupsDelta
        )
    }

    /// Whether it goes to Graph and not to the login host.
    #[must_use]
    pub fn is_graph(self) -> bool {
        !matches!(
            self,
            Self::Authorize
                | Self::SignIn
                | Self::RedeemCode
                | Self::Refresh
                | Self::Discovery
                | Self::Keys
                | Self::Other
        )
    }
}

/// A request that has come in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Seen {
    /// When.
    pub at: Timestamp,
    /// The HTTP method.
    pub method: String,
    /// The path without the query, which may hold tokens.
    pub path: String,
    /// What it asks for.
    pub kind: RequestKind,
    /// Which page of a list or round, from 1.
    pub page: u32,
    /// Whether it belongs to a delta round that began at a delta link.
    pub incremental: bool,
    /// The group or user it is about, when the path names one.
    pub object: Option<Uuid>,
    /// Whose access token, refresh token or code it carried.
    pub administrator: Option<Uuid>,
    /// What it cost, in resource units; 0 off Graph.
    pub resource_units: u32,
    /// The status answered, faults included.
    pub status: u16,
}

/// Totals of what has been asked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// Requests by kind.
    pub by_kind: BTreeMap<RequestKind, u32>,
    /// Requests that went to Graph.
    pub graph_requests: u32,
    /// Resource units used.
    pub resource_units: u32,
    /// Answers with status 429.
    pub throttled: u32,
}

impl Summary {
    fn add(&mut self, seen: &Seen) {
        *self.by_kind.entry(seen.kind).or_default() += 1;
        self.graph_requests += u32::from(seen.kind.is_graph());
        self.resource_units += seen.resource_units;
        self.throttled += u32::from(seen.status == 429);
    }

    /// Requests of a kind.
    #[must_use]
    pub fn count(&self, kind: RequestKind) -> u32 {
        self.by_kind.get(&kind).copied().unwrap_or(0)
    }
}

/// How many requests are remembered one by one. The totals go on.
const REMEMBERED: usize = 100_000;

/// The requests since the start or the last time they were forgotten.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    latest: VecDeque<Seen>,
    totals: Summary,
}

impl Requests {
    pub(crate) fn add(&mut self, seen: Seen) {
        self.totals.add(&seen);
        if self.latest.len() == REMEMBERED {
            self.latest.pop_front();
        }
        self.latest.push_back(seen);
    }

    /// The latest of them, oldest first.
    pub(crate) fn latest(&self) -> Vec<Seen> {
        self.latest.iter().cloned().collect()
    }

    pub(crate) fn totals(&self) -> Summary {
        self.totals.clone()
    }

    pub(crate) fn forget(&mut self) {
        *self = Self::default();
    }
}
