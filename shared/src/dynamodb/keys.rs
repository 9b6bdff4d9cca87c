//! Where each item is.

use std::fmt;

use jiff::civil::Date;
use uuid::Uuid;

use crate::access::TokenHash;
use crate::directory::{ChangeId, DirectoryId, GroupId, InvalidId, ObjectId, UserId};
use crate::filter::{GroupDecision, SkipReason, UserOutcome};
use crate::oauth::StateHash;
use crate::session::UnsentId;
use crate::settings::{DraftId, Shift};
use crate::store::{List, NameIndex};
use crate::sync::{HoldId, RunId};

/// How many partitions a directory's users, or its groups, are spread over.
pub(super) const SHARDS: u8 = 16;

/// An item's primary key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) pk: String,
    pub(super) sk: String,
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.pk, self.sk)
    }
}

impl Key {
    pub(super) fn new(pk: impl Into<String>, sk: impl Into<String>) -> Self {
        Self { pk: pk.into(), sk: sk.into() }
    }

    pub(super) fn directory(id: DirectoryId) -> Self {
        Self::new(DIRECTORIES, id.to_string())
    }

    pub(super) fn sync(id: DirectoryId) -> Self {
        Self::new(of_directory(id), "SYNC")
    }

    pub(super) fn announced(id: DirectoryId) -> Self {
        Self::new(of_directory(id), "ANNOUNCED")
    }

    pub(super) fn alerts(id: DirectoryId) -> Self {
        Self::new(of_directory(id), ALERTS)
    }

    pub(super) fn checkpoint(id: DirectoryId) -> Self {
        Self::new(of_directory(id), "CHECKPOINT")
    }

    /// Sort keys sort as numbers do.
    pub(super) fn checkpoint_piece(id: DirectoryId, reading: RunId, number: u32) -> Self {
        Self::new(checkpoint_pieces(id, reading), format!("{number:010}"))
    }

    pub(super) fn credential(id: DirectoryId, administrator: &UserId) -> Self {
        Self::new(of_directory(id), format!("{CREDENTIAL}{administrator}"))
    }

    pub(super) fn hold(id: DirectoryId, hold: HoldId) -> Self {
        Self::new(of_directory(id), format!("{HOLD}{hold}"))
    }

    /// Sort keys sort as numbers do.
    pub(super) fn hold_piece(id: DirectoryId, hold: HoldId, number: usize) -> Self {
        Self::new(hold_pieces(id, hold), format!("{number:010}"))
    }

    pub(super) fn manual_runs(id: DirectoryId, minute: i64) -> Self {
        Self::new(of_directory(id), format!("MANUAL_RUNS#{minute}"))
    }

    pub(super) fn run(id: DirectoryId, run: RunId) -> Self {
        Self::new(runs(id), run.to_string())
    }

    pub(super) fn group(id: DirectoryId, group: &GroupId) -> Self {
        Self::new(groups(id, shard(group.object())), group.to_string())
    }

    pub(super) fn authorization(state: &StateHash) -> Self {
        Self::new(format!("AUTHORIZATION#{}", state.as_str()), "AUTHORIZATION")
    }

    pub(super) fn audit(id: DirectoryId, entry: Uuid) -> Self {
        Self::new(audit(id), entry.to_string())
    }

    pub(super) fn progress(id: DirectoryId) -> Self {
        Self::new(of_directory(id), "PROGRESS")
    }

    /// Sort keys sort as dates do.
    pub(super) fn day(id: DirectoryId, date: Date) -> Self {
        Self::new(days(id), date.to_string())
    }

    pub(super) fn draft(id: DirectoryId, draft: DraftId) -> Self {
        Self::new(of_directory(id), format!("DRAFT#{draft}"))
    }

    pub(super) fn unsent(id: DirectoryId, form: UnsentId) -> Self {
        Self::new(of_directory(id), format!("UNSENT#{form}"))
    }

    pub(super) fn outline(id: DirectoryId, draft: DraftId) -> Self {
        Self::new(preview(id, draft), "OUTLINE")
    }

    pub(super) fn lines(id: DirectoryId, draft: DraftId, shift: Shift, page: usize) -> Self {
        let list = match shift {
            Shift::Deactivated => "DEACTIVATED",
            Shift::Activated => "ACTIVATED",
            Shift::GroupsRemoved => "GROUPS_REMOVED",
            Shift::GroupsAdded => "GROUPS_ADDED",
        };
        Self::new(preview(id, draft), format!("{list}#{page}"))
    }

    /// Sort keys sort as numbers do.
    pub(super) fn change(id: DirectoryId, change: ChangeId) -> Self {
        Self::new(changes(id), format!("{:016x}", change.number()))
    }

    pub(super) fn ended_session(hash: &str) -> Self {
        Self::new(format!("ENDED_SESSION#{hash}"), "ENDED_SESSION")
    }

    pub(super) fn attempts(who: &str, minute: i64) -> Self {
        Self::new(format!("ATTEMPTS#{who}"), minute.to_string())
    }

    pub(super) fn listed_token(id: DirectoryId, hash: &TokenHash) -> Self {
        Self::new(tokens(id), hash.to_string())
    }

    pub(super) fn token(hash: &TokenHash) -> Self {
        Self::new(format!("TOKEN#{hash}"), "TOKEN")
    }
}

/// The partition of all directories.
pub(super) const DIRECTORIES: &str = "DIRECTORIES";
/// What the sort keys of credentials begin with.
pub(super) const CREDENTIAL: &str = "CREDENTIAL#";
/// What sorts after all credentials: the sign after `#`.
pub(super) const CREDENTIALS_END: &str = "CREDENTIAL$";
/// The sort key of what is open in a directory, before the credentials.
pub(super) const ALERTS: &str = "ALERTS";

/// What the sort keys of holds begin with.
pub(super) const HOLD: &str = "HOLD#";

/// What the sort keys of buckets of names begin with, but for the first one: it sorts after that.
pub(super) const NAME: &str = "=";

/// The sort key of the first bucket: before any id.
const FIRST: &str = "-";
/// What an id that is no GUID begins with where it has to sort after all that are.
const OTHER: &str = "~";

/// The sort key of the bucket that begins with this id, or of the first one. Sort keys sort as ids do.
pub(super) fn sort_key(from: Option<&ObjectId>) -> String {
    match from {
        None => FIRST.to_owned(),
        Some(id) if id.as_guid().is_some() => id.to_string(),
        Some(id) => format!("{OTHER}{id}"),
    }
}

/// The id in the sort key of a bucket.
pub(super) fn from_sort_key(sk: &str) -> Result<Option<ObjectId>, InvalidId> {
    if sk == FIRST { Ok(None) } else { sk.strip_prefix(OTHER).unwrap_or(sk).parse().map(Some) }
}

/// The partition of what is one of a kind in a directory.
pub(super) fn of_directory(id: DirectoryId) -> String {
    format!("DIRECTORY#{id}")
}

/// The partition of a directory's runs.
pub(super) fn runs(id: DirectoryId) -> String {
    format!("DIRECTORY#{id}#RUNS")
}

/// The partition of a directory's audit trail.
pub(super) fn audit(id: DirectoryId) -> String {
    format!("DIRECTORY#{id}#AUDIT")
}

/// The partition of a directory's days.
pub(super) fn days(id: DirectoryId) -> String {
    format!("DIRECTORY#{id}#DAYS")
}

/// The partition of the list of a directory's access tokens.
pub(super) fn tokens(id: DirectoryId) -> String {
    format!("DIRECTORY#{id}#TOKENS")
}

/// The partition of a checkpoint's content.
pub(super) fn checkpoint_pieces(id: DirectoryId, reading: RunId) -> String {
    format!("DIRECTORY#{id}#CHECKPOINT#{reading}")
}

/// The partition of what a hold would change.
pub(super) fn hold_pieces(id: DirectoryId, hold: HoldId) -> String {
    format!("DIRECTORY#{id}#HOLD#{hold}")
}

/// A partition of a directory's users.
pub(super) fn users(id: DirectoryId, shard: u8) -> String {
    format!("DIRECTORY#{id}#USERS#{shard:x}")
}

/// A partition of a directory's groups.
pub(super) fn groups(id: DirectoryId, shard: u8) -> String {
    format!("DIRECTORY#{id}#GROUPS#{shard:x}")
}

/// The partition of a list.
pub(super) fn list(id: DirectoryId, list: &List) -> String {
    match list {
        List::Members(group) => format!("DIRECTORY#{id}#MEMBERS#{group}"),
        List::Users(UserOutcome::Active) => format!("DIRECTORY#{id}#ACTIVE"),
        List::Users(UserOutcome::Deleted) => format!("DIRECTORY#{id}#DELETED"),
        List::Users(UserOutcome::DisabledInOffice365) => format!("DIRECTORY#{id}#DISABLED"),
        List::Users(UserOutcome::MemberOfIgnoredGroup) => format!("DIRECTORY#{id}#IGNORED"),
        List::Users(UserOutcome::NotInAllowedGroup) => format!("DIRECTORY#{id}#NOT_ALLOWED"),
        List::Users(UserOutcome::MembershipUnknown) => format!("DIRECTORY#{id}#MEMBERSHIP_UNKNOWN"),
        List::Groups(GroupDecision::Synced) => format!("DIRECTORY#{id}#SYNCED"),
        List::Groups(GroupDecision::Skipped { reason: SkipReason::GroupSyncOff }) => {
            format!("DIRECTORY#{id}#GROUP_SYNC_OFF")
        }
        List::Groups(GroupDecision::Skipped { reason: SkipReason::NoEmail }) => format!("DIRECTORY#{id}#NO_EMAIL"),
        List::Groups(GroupDecision::Skipped { reason: SkipReason::PrefixNotAllowed }) => {
            format!("DIRECTORY#{id}#PREFIX_NOT_ALLOWED")
        }
    }
}

/// A partition of the names of a directory's users or groups.
pub(super) fn names(id: DirectoryId, of: NameIndex, shard: u8) -> String {
    match of {
        NameIndex::Users => format!("DIRECTORY#{id}#NAMES#{shard:x}"),
        NameIndex::Groups => format!("DIRECTORY#{id}#GROUP_NAMES#{shard:x}"),
    }
}

/// The partition of what a draft would change.
fn preview(id: DirectoryId, draft: DraftId) -> String {
    format!("DIRECTORY#{id}#PREVIEW#{draft}")
}

/// The partition of the log of changes.
pub(super) fn changes(id: DirectoryId) -> String {
    format!("DIRECTORY#{id}#CHANGES")
}

/// Which partition an object belongs to: the first hex digit of its id. An id that is no GUID is put where the first
/// digit of a hash that never changes (FNV-1a) says, and is listed there.
pub(super) fn shard(id: &ObjectId) -> u8 {
    let first = match id.as_guid() {
        Some(guid) => guid.as_bytes()[0],
        None => hash(&id.to_string()).to_be_bytes()[0],
    };
    first >> 4
}

fn hash(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn any_id() -> impl Strategy<Value = ObjectId> {
        prop_oneof![
            any::<u128>().prop_map(|guid| ObjectId::from(Uuid::from_u128(guid))),
            "[a-zA-Z0-9_-]{1,40}".prop_map(|id| id.parse().unwrap()),
        ]
    }

    proptest! {
        #[test]
        fn buckets_sort_as_the_ids_they_begin_with(a in any_id(), b in any_id()) {
            prop_assert_eq!(a.cmp(&b), sort_key(Some(&a)).cmp(&sort_key(Some(&b))));
            prop_assert!(sort_key(None) < sort_key(Some(&a)));
        }

        #[test]
        fn a_bucket_tells_the_id_it_begins_with(id in any_id()) {
            prop_assert_eq!(from_sort_key(&sort_key(Some(&id))), Ok(Some(id)));
            prop_assert_eq!(from_sort_key(&sort_key(None)), Ok(None));
        }

        #[test]
        fn guids_are_spread_by_their_first_digit(guid in any::<u128>()) {
            let id = ObjectId::from(Uuid::from_u128(guid));
            prop_assert_eq!(format!("{:x}", shard(&id)), id.to_string()[..1].to_owned());
        }
    }

    #[test]
    fn an_id_that_is_no_guid_never_moves() {
        let shard = |id: &str| shard(&id.parse().unwrap());
        assert_eq!([shard("kim"), shard("lee"), shard("632f6bb2-3ec8-4c1f-9073-0027a8c6859")], [7, 4, 4]);
    }
}
