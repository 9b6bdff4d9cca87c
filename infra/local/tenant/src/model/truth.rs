//! The tenant's state in plain words, for tests to work out what a sync should arrive at.

use serde::Serialize;
use uuid::Uuid;

use super::{Deletion, GroupKind, MemberKind, Tenant};

/// What is true in the tenant now. Deleted users and groups are listed too, with their deletion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Truth {
    /// The users, by id.
    pub users: Vec<TrueUser>,
    /// The groups, by id.
    pub groups: Vec<TrueGroup>,
    /// Whether `Member.Read.Hidden` is consented to, so that accounts with a role that allows it see hidden members.
    pub hidden_members_consented: bool,
}

/// A user as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TrueUser {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub display_name: String,
    /// Its sign-in name.
    pub user_principal_name: String,
    /// Its mail address.
    pub mail: Option<String>,
    /// Whether it may sign in.
    pub enabled: bool,
    /// Whether it is invited from elsewhere.
    pub guest: bool,
    /// How it was deleted, when it was.
    pub deleted: Option<Deletion>,
}

/// A group as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TrueGroup {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub display_name: String,
    /// Which of the four kinds.
    pub kind: GroupKind,
    /// Its mail address.
    pub mail: Option<String>,
    /// Whether its membership is hidden from most.
    pub hidden: bool,
    /// How it was deleted, when it was.
    pub deleted: Option<Deletion>,
    /// Its direct members by id, soft-deleted ones included: they come back with their memberships.
    pub members: Vec<TrueMember>,
}

/// A direct member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TrueMember {
    /// Its id.
    pub id: Uuid,
    /// What it is.
    pub kind: MemberKind,
}

impl Tenant {
    /// The state in plain words.
    #[must_use]
    pub fn truth(&self) -> Truth {
        let owned = |text: Option<&str>| text.map(ToOwned::to_owned);
        let mut users: Vec<_> = self
            .users
            .iter()
            .map(|user| TrueUser {
                id: user.id,
                display_name: user.display_name().to_owned(),
                user_principal_name: user.text("userPrincipalName").unwrap_or_default().to_owned(),
                mail: owned(user.text("mail")),
                enabled: user.flag("accountEnabled"),
                guest: user.is_guest(),
                deleted: user.deletion,
            })
            .collect();
        let mut groups: Vec<_> = self
            .groups
            .iter()
            .map(|group| TrueGroup {
                id: group.object.id,
                display_name: group.object.display_name().to_owned(),
                kind: group.kind,
                mail: owned(group.object.text("mail")),
                hidden: group.is_hidden(),
                deleted: group.object.deletion,
                members: self.true_members(group.members()),
            })
            .collect();
        users.sort_by_key(|user| user.id);
        groups.sort_by_key(|group| group.id);
        Truth { users, groups, hidden_members_consented: false }
    }

    fn true_members(&self, ids: impl Iterator<Item = Uuid>) -> Vec<TrueMember> {
        let mut members: Vec<_> = ids.filter_map(|id| self.kind_of(id).map(|kind| TrueMember { id, kind })).collect();
        members.sort_by_key(|member| member.id);
        members
    }
}
