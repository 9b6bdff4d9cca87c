//! What must hold whatever a checkpoint or a hold contains.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;

use super::hold::{HeldChange, HeldChanges};
use super::ledger::{Basis, CHECKPOINT_FORMAT, CheckpointHead, Ledger};
use super::record::RunId;
use super::source::{DeltaLink, DeltaLinks};

/// The content of a checkpoint, as it is stored and before it is compressed, and the changes of a hold: understood, or
/// refused.
pub fn checkpoint(content: &[u8]) {
    let _ = Ledger::restore(head(), content);
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    if packed.write_all(content).is_ok()
        && let Ok(packed) = packed.finish()
    {
        let _ = Ledger::restore(head(), &packed).map(|ledger| ledger.growth());
    }
    if let Ok(changes) = serde_json::from_slice::<Vec<HeldChange>>(content) {
        let changes: HeldChanges = changes.into_iter().collect();
        let _ = changes.to_list();
    }
}

fn head() -> CheckpointHead {
    let link = || DeltaLink::new("https://graph.microsoft.com/v1.0/users/delta?$deltatoken=a".to_owned());
    CheckpointHead {
        format: CHECKPOINT_FORMAT,
        begun_by: RunId::new(Timestamp::UNIX_EPOCH),
        begun_at: Timestamp::UNIX_EPOCH,
        basis: Basis::Incremental {
            from: DeltaLinks {
                users: link(),
                groups: link(),
                select: "users:id;groups:id".to_owned(),
                hidden_members: false,
            },
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::trail::Position;

    #[test]
    fn the_stored_examples_are_what_this_version_stores() {
        let example = |name: &str| {
            let path = format!("{}/../tests/fuzz/corpus/checkpoint/{name}", env!("CARGO_MANIFEST_DIR"));
            std::fs::read(path).unwrap()
        };
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(&example("every_list.jsonl")).unwrap();
        let ledger = Ledger::restore(head(), &packed.finish().unwrap()).unwrap();
        assert_eq!((ledger.users.pages(), ledger.groups.pages()), (2, 1));
        assert_eq!(ledger.user_changes.position(), Position::End);
        let changes: Vec<HeldChange> = serde_json::from_slice(&example("held_changes.json")).unwrap();
        assert_eq!(changes.len(), 4);
    }
}
