//! Where each item is.

use std::fmt;

use crate::access::TokenHash;
use crate::directory::{DirectoryId, GroupId, ObjectId, UserId};
use crate::oauth::StateHash;
use crate::sync::RunId;

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
    fn new(pk: impl Into<String>, sk: impl Into<String>) -> Self {
        Self { pk: pk.into(), sk: sk.into() }
    }

    pub(super) fn directory(id: DirectoryId) -> Self {
        Self::new(DIRECTORIES, id.to_string())
    }

    pub(super) fn sync(id: DirectoryId) -> Self {
        Self::new(of_directory(id), "SYNC")
    }

    pub(super) fn credential(id: DirectoryId, administrator: &UserId) -> Self {
        Self::new(of_directory(id), format!("{CREDENTIAL}{administrator}"))
    }

    pub(super) fn manual_runs(id: DirectoryId, minute: i64) -> Self {
        Self::new(of_directory(id), format!("MANUAL_RUNS#{minute}"))
    }

    pub(super) fn run(id: DirectoryId, run: RunId) -> Self {
        Self::new(runs(id), run.to_string())
    }

    pub(super) fn user(id: DirectoryId, user: &UserId) -> Self {
        Self::new(users(id, shard(user.object())), user.to_string())
    }

    pub(super) fn group(id: DirectoryId, group: &GroupId) -> Self {
        Self::new(groups(id, shard(group.object())), group.to_string())
    }

    pub(super) fn members_head(id: DirectoryId, group: &GroupId) -> Self {
        Self::new(members(id, group), "HEAD")
    }

    /// A bucket, named after how many leading bits of an id choose it, so that a group can be spread anew beside its old buckets.
    pub(super) fn members_bucket(id: DirectoryId, group: &GroupId, bits: u32, bucket: u32) -> Self {
        Self::new(members(id, group), format!("{bits:02}-{bucket:04x}"))
    }

    pub(super) fn authorization(state: &StateHash) -> Self {
        Self::new(format!("AUTHORIZATION#{}", state.as_str()), "AUTHORIZATION")
    }

    pub(super) fn token(hash: &TokenHash) -> Self {
        Self::new(format!("TOKEN#{hash}"), "TOKEN")
    }
}

/// The partition of all directories.
pub(super) const DIRECTORIES: &str = "DIRECTORIES";
/// What the sort keys of credentials begin with.
pub(super) const CREDENTIAL: &str = "CREDENTIAL#";

/// The partition of what is one of a kind in a directory.
pub(super) fn of_directory(id: DirectoryId) -> String {
    format!("DIRECTORY#{id}")
}

/// The partition of a directory's runs.
pub(super) fn runs(id: DirectoryId) -> String {
    format!("DIRECTORY#{id}#RUNS")
}

/// A partition of a directory's users.
pub(super) fn users(id: DirectoryId, shard: u8) -> String {
    format!("DIRECTORY#{id}#USERS#{shard:x}")
}

/// A partition of a directory's groups.
pub(super) fn groups(id: DirectoryId, shard: u8) -> String {
    format!("DIRECTORY#{id}#GROUPS#{shard:x}")
}

fn members(id: DirectoryId, group: &GroupId) -> String {
    format!("DIRECTORY#{id}#MEMBERS#{group}")
}

/// A name in an index, which serves all directories.
pub(super) fn name(id: DirectoryId, name: &str) -> String {
    format!("{id}#{}", name.to_lowercase())
}

/// The partition an object belongs to: the first hex digit of its id.
fn shard(id: &ObjectId) -> u8 {
    u8::try_from(leading_bits(id, 4)).unwrap_or_default()
}

/// The first bits of an id, at most 16. Of an id that is no GUID, those of a hash that never changes (FNV-1a).
pub(super) fn leading_bits(id: &ObjectId, bits: u32) -> u32 {
    let first = match id.as_guid() {
        Some(guid) => u32::try_from(guid.as_u128() >> 112).unwrap_or_default(),
        None => {
            let hash = id
                .to_string()
                .bytes()
                .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
            hash >> 16
        }
    };
    first >> (16 - bits.min(16))
}
