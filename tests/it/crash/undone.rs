//! Runs that are cut off, and whose changes the tenant has undone before the next one reads it.

use shared::store::{List, MirrorStore as _};
use tenant::{Action, GroupKind, NewGroup};
use uuid::Uuid;

use crate::coherence;
use crate::harness::everything;
use crate::lab::{Lab, Process, REDELIVERY, Way, tiny};

/// A group that is known, and one that is new to the run.
const GROUPS: [Uuid; 2] = [Uuid::from_u128(0xC), Uuid::from_u128(0xD)];

fn create(lab: &Lab, group: Uuid, member: Uuid) {
    let new = NewGroup { id: Some(group), ..NewGroup::named(format!("Team {group}"), GroupKind::Security) };
    lab.world.apply(Action::CreateGroup(new));
    lab.world.apply(Action::AddMember { group, member });
}

/// Somebody takes the place of somebody else, who is disabled.
fn replace(lab: &Lab, old: Uuid, new: Uuid) {
    for group in GROUPS {
        lab.world.apply(Action::RemoveMember { group, member: old });
        lab.world.apply(Action::AddMember { group, member: new });
    }
    lab.world.apply(Action::DisableUser { user: old });
    lab.world.apply(Action::EnableUser { user: new });
}

async fn listed(lab: &Lab) -> usize {
    let list = List::Members(GROUPS[0].to_string().parse().unwrap());
    lab.world.stack.store.listed(lab.directory(), &list).await.unwrap().len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_agree_with_records_whichever_write_was_the_last() {
    let lab = Lab::start(&tiny(), |_| {}).await.writing_one_by_one();
    let [member, other] = [lab.staff[6], lab.staff[0]];
    create(&lab, GROUPS[0], member);
    lab.world.apply(Action::DisableUser { user: other });
    lab.world.authorize().await;
    lab.world.set(everything()).await;
    create(&lab, GROUPS[1], member);

    let (world, mut left_behind) = (lab, 0);
    for n in 1.. {
        let lab = world.copy().await;
        replace(&lab, member, other);
        let process = Process::troubled(n, Way::DiesAfter);
        let request = lab.request().await;
        lab.deliver(&request, &process).await;
        left_behind += usize::from(listed(&lab).await > 1);
        replace(&lab, other, member);
        lab.clock.pass(REDELIVERY);
        lab.settle().await;
        assert_eq!(lab.run().await["state"], "succeeded", "write {n}");

        coherence::check(&lab.world.stack.store, lab.directory()).await;
        coherence::check_exactly(&lab.world.stack.store, lab.directory()).await;
        lab.world.check(&everything()).await;
        lab.assert_idle().await;
        if process.writes().len() < n {
            break;
        }
    }
    assert!(left_behind > 0, "no run was cut off between lists and records");
}
