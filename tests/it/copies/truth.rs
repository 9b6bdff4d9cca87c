//! What listings have at one moment, straight from the records.

use std::collections::BTreeSet;

use shared::directory::{GroupRecord, Presence, UserRecord};
use shared::filter::UserOutcome;
use shared::store::{DirectoryStore as _, MirrorStore as _};

use crate::lab::Lab;

/// The records at one moment.
pub struct Moment {
    users: Vec<UserRecord>,
    groups: Vec<GroupRecord>,
    /// Who is in which group, by the users' records.
    members: BTreeSet<(String, String)>,
    is_published: bool,
    publishes_users: bool,
}

/// What a listing is supposed to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    Users,
    Active,
    Inactive,
    Disabled,
    InactiveWithName,
    Groups,
    Members,
    GroupsWithMembers,
}

/// A membership as a key.
pub fn membership(group: &str, user: &str) -> String {
    format!("{group} {user}")
}

impl Moment {
    pub async fn of(lab: &Lab) -> Self {
        let (store, directory) = (&lab.world.stack.store, lab.directory());
        let users = store.all_users(directory).await.unwrap();
        let groups = store.all_groups(directory).await.unwrap();
        let seen: BTreeSet<_> = groups.iter().filter(|group| is_seen(group)).map(|group| &group.id).collect();
        let of = |user: &UserRecord| -> Vec<(String, String)> {
            let groups = user.groups.iter().filter(|group| seen.contains(group));
            groups.map(|group| (group.to_string(), user.id.to_string())).collect()
        };
        let members = users.iter().flat_map(of).collect();
        let record = store.directory(directory).await.unwrap().unwrap();
        let publishes_users = record.publishes_users();
        Self { users, groups, members, is_published: record.published.is_some(), publishes_users }
    }

    /// The keys of what a listing has.
    pub fn keys(&self, what: What) -> BTreeSet<String> {
        let takes: fn(&UserRecord) -> bool = match what {
            What::Users => |_| true,
            What::Active => |user| user.decision.is_active(),
            What::Inactive => |user| !user.decision.is_active(),
            What::Disabled => |user| user.decision.outcome() == UserOutcome::DisabledInOffice365,
            What::InactiveWithName => |user| {
                let name = user.profile.display_name.as_deref().unwrap_or_default();
                !user.decision.is_active() && !name.is_empty()
            },
            What::Groups | What::Members | What::GroupsWithMembers => |_| false,
        };
        let users =
            self.users.iter().filter(|user| self.publishes_users && user.presence != Presence::Unseen && takes(user));
        let mut keys: BTreeSet<String> = users.map(|user| user.id.to_string()).collect();
        if matches!(what, What::Groups | What::GroupsWithMembers) && self.is_published {
            keys.extend(self.groups.iter().filter(|group| is_seen(group)).map(|group| group.id.to_string()));
        }
        if matches!(what, What::Members | What::GroupsWithMembers) && self.publishes_users {
            let present: BTreeSet<String> =
                self.users.iter().filter(|user| user.presence.is_present()).map(|user| user.id.to_string()).collect();
            let pairs = self.members.iter().filter(|(_, user)| present.contains(user));
            keys.extend(pairs.map(|(group, user)| membership(group, user)));
        }
        keys
    }
}

fn is_seen(group: &GroupRecord) -> bool {
    group.presence.is_present() && group.decision.is_synced()
}
