//! What a Graph path asks for, and what that costs and needs.

use uuid::Uuid;

use crate::requests::RequestKind;

/// A request to Graph that this tenant answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Call {
    List(Collection),
    Count(Collection),
    Delta(Collection),
    User { id: String },
    Group { id: String },
    Members { group: String, cast: Option<String>, transitive: bool },
    MemberCount { group: String, cast: Option<String> },
    GroupsOf { of: Collection, id: String, cast: String },
    GroupsOfCount { of: Collection, id: String, cast: String },
    Me,
    MemberOf { cast: Option<String> },
    Organization,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Collection {
    Users,
    Groups,
}

impl Collection {
    fn named(name: &str) -> Self {
        if name == "users" { Self::Users } else { Self::Groups }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Groups => "groups",
        }
    }
}

impl Call {
    /// What the path after `/v1.0` asks for.
    pub(crate) fn of(parts: &[&str]) -> Option<Self> {
        let owned = |text: &&str| (*text).to_owned();
        // `/delta` is short for `/microsoft.graph.delta` (delta query overview); both may carry parentheses.
        let is_delta = |part: &str| {
            let name = part.strip_suffix("()").unwrap_or(part);
            matches!(name, "delta" | "microsoft.graph.delta")
        };
        Some(match parts {
            ["users"] => Self::List(Collection::Users),
            ["users", "$count"] => Self::Count(Collection::Users),
            ["users", delta] if is_delta(delta) => Self::Delta(Collection::Users),
            ["users", id] => Self::User { id: owned(id) },
            ["groups"] => Self::List(Collection::Groups),
            ["groups", "$count"] => Self::Count(Collection::Groups),
            ["groups", delta] if is_delta(delta) => Self::Delta(Collection::Groups),
            ["groups", id] => Self::Group { id: owned(id) },
            ["groups", group, "members", "$count"] => Self::MemberCount { group: owned(group), cast: None },
            ["groups", group, "members", cast, "$count"] if cast.starts_with("microsoft.graph.") => {
                Self::MemberCount { group: owned(group), cast: Some(owned(cast)) }
            }
            ["groups", group, "members"] => Self::Members { group: owned(group), cast: None, transitive: false },
            ["groups", group, "transitiveMembers"] => {
                Self::Members { group: owned(group), cast: None, transitive: true }
            }
            ["groups", group, list @ ("members" | "transitiveMembers"), cast]
                if cast.starts_with("microsoft.graph.") =>
            {
                Self::Members { group: owned(group), cast: Some(owned(cast)), transitive: *list == "transitiveMembers" }
            }
            [of @ ("users" | "groups"), id, "memberOf", cast] if cast.starts_with("microsoft.graph.") => {
                Self::GroupsOf { of: Collection::named(of), id: owned(id), cast: owned(cast) }
            }
            [of @ ("users" | "groups"), id, "memberOf", cast, "$count"] if cast.starts_with("microsoft.graph.") => {
                Self::GroupsOfCount { of: Collection::named(of), id: owned(id), cast: owned(cast) }
            }
            ["me"] => Self::Me,
            ["me", "memberOf"] => Self::MemberOf { cast: None },
            ["me", "memberOf", cast] if cast.starts_with("microsoft.graph.") => {
                Self::MemberOf { cast: Some(owned(cast)) }
            }
            ["organization"] => Self::Organization,
            _ => return None,
        })
    }

    pub(crate) fn kind(&self) -> RequestKind {
        match self {
            Self::List(Collection::Users) => RequestKind::Users,
            Self::List(Collection::Groups) => RequestKind::Groups,
            Self::Count(_) | Self::MemberCount { .. } | Self::GroupsOfCount { .. } => RequestKind::Count,
            Self::GroupsOf { .. } => RequestKind::GroupsOf,
            Self::Delta(Collection::Users) => RequestKind::UsersDelta,
            Self::Delta(Collection::Groups) => RequestKind::GroupsDelta,
            Self::User { .. } => RequestKind::User,
            Self::Group { .. } => RequestKind::Group,
            Self::Members { transitive: false, .. } => RequestKind::Members,
            Self::Members { transitive: true, .. } => RequestKind::TransitiveMembers,
            Self::Me => RequestKind::Me,
            Self::MemberOf { .. } => RequestKind::MemberOf,
            Self::Organization => RequestKind::Organization,
        }
    }

    pub(crate) fn object(&self) -> Option<Uuid> {
        match self {
            Self::User { id }
            | Self::Group { id }
            | Self::GroupsOf { id, .. }
            | Self::GroupsOfCount { id, .. }
            | Self::Members { group: id, .. }
            | Self::MemberCount { group: id, .. } => id.parse().ok(),
            _ => None,
        }
    }

    /// The scopes of which the token must have one (Microsoft Graph permissions reference).
    pub(crate) fn scopes(&self) -> &'static [&'static str] {
        match self {
            Self::List(Collection::Users) | Self::Count(Collection::Users) | Self::User { .. } => {
                &["User.ReadBasic.All", "User.Read.All", "Directory.Read.All"]
            }
            // Unlike the list, delta is not open to the basic scope.
            Self::Delta(Collection::Users) => &["User.Read.All", "Directory.Read.All"],
            Self::List(Collection::Groups)
            | Self::Count(Collection::Groups)
            | Self::Delta(Collection::Groups)
            | Self::Group { .. } => {
                &["Group.ReadBasic.All", "GroupMember.Read.All", "Group.Read.All", "Directory.Read.All"]
            }
            Self::Members { .. } | Self::MemberCount { .. } => &[
                "GroupMember.ReadBasic.All",
                "Group.ReadBasic.All",
                "GroupMember.Read.All",
                "Group.Read.All",
                "Directory.Read.All",
            ],
            Self::GroupsOf { .. } | Self::GroupsOfCount { .. } => {
                &["GroupMember.Read.All", "Group.Read.All", "Directory.Read.All"]
            }
            // `User.Read` is the documented least scope of these three. Whether the wider user scope alone suffices for the
            // organization is not documented; it does here.
            Self::Me | Self::MemberOf { .. } | Self::Organization => &[
                "User.Read",
                "User.ReadBasic.All",
                "User.Read.All",
                "GroupMember.Read.All",
                "Directory.Read.All",
                "Organization.Read.All",
            ],
        }
    }

    /// Whether it reads about others than the signed-in account.
    pub(crate) fn reads_directory(&self) -> bool {
        !matches!(self, Self::Me | Self::MemberOf { .. } | Self::Organization)
    }

    /// The base cost in resource units (Microsoft Graph throttling limits, identity and access). Delta is not listed there and so
    /// costs 1, by our reading.
    pub(crate) fn base_cost(&self) -> u32 {
        match self {
            Self::List(Collection::Users)
            | Self::MemberOf { .. }
            | Self::GroupsOf { of: Collection::Users, .. }
            | Self::GroupsOfCount { of: Collection::Users, .. } => 2,
            Self::Members { transitive: false, .. } => 3,
            Self::Members { transitive: true, .. } => 5,
            _ => 1,
        }
    }
}
