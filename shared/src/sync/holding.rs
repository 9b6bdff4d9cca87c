//! From a plan to what of it may be applied, and the hold that has the rest.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::changes::NetChanges;
use super::guard::Guard;
use super::hold::{HOLD_LIFE, HeldChanges, Hold, HoldId, HoldState};
use super::known::Known;
use super::outlook::Outlook;
use super::plan::Plan;
use super::record::Run;
use super::work::Work;
use crate::directory::{Directory, DirectoryCounts, UserId};
use crate::store::{List, StoreError};

/// The hold that a run finds, and all that is in it.
#[derive(Default)]
pub(super) struct FoundHold {
    pub(super) hold: Option<Hold>,
    pub(super) changes: HeldChanges,
}

impl FoundHold {
    /// What an administrator has approved.
    pub(super) fn approved(&self) -> HeldChanges {
        if self.is(HoldState::Approved) { self.changes.clone() } else { HeldChanges::default() }
    }

    /// True when there is a hold in this state.
    pub(super) fn is(&self, state: HoldState) -> bool {
        self.hold.as_ref().is_some_and(|hold| hold.state == state)
    }

    /// Users whom a run has to look at because of the hold.
    pub(super) fn users(&self) -> impl Iterator<Item = &UserId> {
        self.changes.users.keys().chain(self.changes.members.values().flatten())
    }
}

/// A plan without what must not be done unasked.
pub(super) struct Guarded<'a> {
    pub(super) plan: Plan,
    /// The records it leads to.
    pub(super) outlook: Outlook<'a>,
    /// What was taken out of it.
    pub(super) held: HeldChanges,
    /// True when a change of the settings is among it.
    pub(super) settings_are_held: bool,
    /// How many of the approved changes are not true any more.
    pub(super) dropped: usize,
}

/// What becomes of a directory's hold with a run.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct HoldOutcome {
    /// The hold that stays or was opened.
    pub(super) open: Option<Hold>,
    /// True when it was opened by this run.
    pub(super) is_new: bool,
    /// The one that has come to its end, as it is now.
    pub(super) ended: Option<Hold>,
}

impl Work<'_> {
    /// The hold that the last run has left.
    pub(super) async fn find_hold(&self, id: Option<HoldId>) -> Result<FoundHold, StoreError> {
        let (holds, directory) = (&self.ports.holds, self.lease.directory);
        let Some(id) = id else { return Ok(FoundHold::default()) };
        let Some(hold) = holds.hold(directory, id).await? else { return Ok(FoundHold::default()) };
        let changes = holds.held_changes(directory, id).await?;
        Ok(FoundHold { hold: Some(hold), changes })
    }

    /// Plans, but for what exceeds the safety limit and was not approved. What is taken out of the changes is
    /// planned once more without it. `emptied` says that the tenant has no users at all any more.
    pub(super) async fn make_plan<'a>(
        &self,
        directory: &'a Directory,
        known: &'a Known,
        net: &'a mut NetChanges,
        emptied: bool,
        found: &FoundHold,
        now: Timestamp,
    ) -> Result<Guarded<'a>, StoreError> {
        let policy = &directory.policy;
        let before = directory.published.as_ref().map_or_else(DirectoryCounts::default, |published| published.counts);
        let [active, synced] = [before.active, before.groups_synced].map(|count| usize::try_from(count).unwrap_or(0));
        let approved = found.approved();
        let guard = Guard::new(policy, &approved);

        let whole = Outlook::new(known, net, policy, now);
        let mut plan = Plan::new(&whole);
        let mut sizes = BTreeMap::new();
        for group in guard.to_be_counted(&plan, &whole) {
            let size = self.ports.mirror.listed(self.lease.directory, &List::Members(group.clone())).await?.len();
            sizes.insert(group, size);
        }
        let members = guard.members(&plan, &whole, &sizes);
        let groups = guard.groups(&plan, &whole, synced);
        let is_held = !members.is_empty() || !groups.is_empty();
        let meant: BTreeMap<UserId, bool> = if is_held { activity(&whole) } else { BTreeMap::new() };
        net.hold_members(&members);
        net.hold_groups(&groups);

        let outlook = Outlook::new(known, net, policy, now);
        if is_held {
            plan = Plan::new(&outlook);
            // That a group stays because its end is held must not decide about users whom it does not concern in truth.
            let kept: BTreeSet<UserId> =
                plan.turned(&outlook).filter(|user| is_only_held(user, known, &meant)).collect();
            keep(&mut plan, &kept, &guard, &outlook);
        }
        let users = guard.users(&plan, &outlook, active, emptied);
        let settings_are_held = users.keys().any(|user| !plan.caused_by_tenant.contains(user));
        keep(&mut plan, &users.keys().cloned().collect(), &guard, &outlook);
        let dropped = guard.dropped(&plan, &outlook);
        Ok(Guarded { plan, outlook, held: HeldChanges { users, groups, members }, settings_are_held, dropped })
    }
}

/// Whether each user that may change is active in the end.
fn activity(outlook: &Outlook<'_>) -> BTreeMap<UserId, bool> {
    let users = outlook.touched().into_iter().filter_map(|user| outlook.user(user));
    users.map(|user| (user.id, user.decision.is_active())).collect()
}

/// Whether a user would be as before if nothing were held.
fn is_only_held(user: &UserId, known: &Known, meant: &BTreeMap<UserId, bool>) -> bool {
    known.users.get(user).is_some_and(|old| meant.get(user) == Some(&old.decision.is_active()))
}

/// Leaves users as they are, and the groups that would change them once their records are stored.
fn keep(plan: &mut Plan, users: &BTreeSet<UserId>, guard: &Guard<'_>, outlook: &Outlook<'_>) {
    if !users.is_empty() {
        let left = guard.groups_to_leave(plan, outlook);
        plan.keep_users(users, outlook);
        plan.leave_groups(&left, outlook);
    }
}

/// What becomes of the hold that was found, when this much is held now.
pub(super) fn outcome(
    found: Option<Hold>,
    held: &HeldChanges,
    dropped: usize,
    run: &Run,
    active: u64,
    now: Timestamp,
) -> HoldOutcome {
    let hash = held.hash();
    if let Some(hold) = &found
        && !held.is_empty()
        && hold.hash == hash
        && hold.can_be_decided(now)
    {
        return HoldOutcome { open: found, ..HoldOutcome::default() };
    }
    let ended = found.and_then(|hold| {
        let (state, dropped) = match hold.state {
            HoldState::Open if held.is_empty() => (HoldState::Closed, None),
            HoldState::Open => (HoldState::Replaced, None),
            HoldState::Approved => (HoldState::Applied, Some(dropped as u64)),
            _ => return None,
        };
        Some(Hold { state, dropped, decided_at: Some(now), ..hold })
    });
    let open = (!held.is_empty()).then(|| Hold {
        id: HoldId::opened_by(run.id),
        directory: run.directory,
        state: HoldState::Open,
        hash,
        opened_by: run.id,
        opened_at: now,
        expires_at: now + HOLD_LIFE,
        deactivations: held.users.len() as u64,
        active,
        group_removals: held.groups.len() as u64,
        membership_removals: held.memberships() as u64,
        decided_at: None,
        dropped: None,
    });
    HoldOutcome { is_new: open.is_some(), open, ended }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::DirectoryId;
    use crate::filter::InactiveReason;
    use crate::sync::Trigger;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn run() -> Run {
        Run::requested(DirectoryId::new(uuid::Uuid::nil()), Trigger::Schedule, NOW)
    }

    fn held(users: &[&str]) -> HeldChanges {
        let users = users.iter().map(|user| (user.parse().unwrap(), InactiveReason::Deleted)).collect();
        HeldChanges { users, ..HeldChanges::default() }
    }

    /// A hold that a run before has opened, in this state.
    fn found(users: &[&str], state: HoldState) -> Option<Hold> {
        let opened = outcome(None, &held(users), 0, &run(), 10, NOW);
        assert!(opened.is_new);
        opened.open.map(|hold| Hold { state, ..hold })
    }

    fn ended(outcome: &HoldOutcome) -> Option<HoldState> {
        outcome.ended.as_ref().map(|hold| hold.state)
    }

    #[test]
    fn a_hold_stays_while_the_same_is_held_and_is_replaced_when_that_grows() {
        let open = found(&["kim", "lee"], HoldState::Open);
        let same = outcome(open.clone(), &held(&["kim", "lee"]), 0, &run(), 10, NOW);
        assert_eq!(same, HoldOutcome { open: open.clone(), is_new: false, ended: None });

        let grown = outcome(open.clone(), &held(&["kim", "lee", "max"]), 0, &run(), 10, NOW);
        assert!(grown.is_new && grown.open.as_ref().is_some_and(|hold| hold.deactivations == 3));
        assert_eq!(ended(&grown), Some(HoldState::Replaced));
    }

    #[test]
    fn an_expired_hold_is_replaced_though_nothing_has_changed() {
        let late = NOW + HOLD_LIFE;
        let outcome = outcome(found(&["kim"], HoldState::Open), &held(&["kim"]), 0, &run(), 10, late);
        assert!(outcome.is_new);
        assert_eq!(ended(&outcome), Some(HoldState::Replaced));
        assert!(outcome.open.is_some_and(|hold| hold.expires_at > late));
    }

    #[test]
    fn a_hold_ends_as_what_became_of_it() {
        for (state, expected) in [
            (HoldState::Open, Some(HoldState::Closed)),
            (HoldState::Approved, Some(HoldState::Applied)),
            (HoldState::Discarded, None),
        ] {
            let outcome = outcome(found(&["kim"], state), &held(&[]), 1, &run(), 10, NOW);
            assert_eq!((outcome.open.is_none(), ended(&outcome)), (true, expected), "{state:?}");
            let dropped = outcome.ended.and_then(|hold| hold.dropped);
            assert_eq!(dropped, (state == HoldState::Approved).then_some(1));
        }
    }

    #[test]
    fn what_is_held_again_after_a_discard_is_a_hold_of_its_own() {
        let outcome = outcome(found(&["kim"], HoldState::Discarded), &held(&["kim"]), 0, &run(), 10, NOW);
        assert!(outcome.is_new);
        assert_eq!(outcome.ended, None);
    }
}
