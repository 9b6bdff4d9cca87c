//! Slow, plausible, random change: people join and leave, groups come and go. The same generator makes the same changes.

use std::collections::HashSet;

use rand::{Rng, seq::IteratorRandom};
use uuid::Uuid;

use crate::{
    action::{Action, NewGroup, NewUser},
    model::{Deletion, GroupKind, Object},
    sample::names,
    world::World,
};

/// Applies `changes` random changes and says which, in order.
pub(crate) fn drift(world: &mut World, rng: &mut impl Rng, changes: usize) -> Vec<Action> {
    let mut done = Vec::new();
    // A wish can come to nothing, such as restoring where nothing is deleted, so there are more attempts than changes.
    for _ in 0..changes.saturating_mul(20) {
        if done.len() == changes {
            break;
        }
        let Some(action) = wish(world, rng) else { continue };
        if world.apply(action.clone()).is_ok() {
            done.push(action);
        }
    }
    done
}

fn wish(world: &World, rng: &mut impl Rng) -> Option<Action> {
    let fresh = |rng: &mut dyn rand::RngCore| {
        let mut bytes = [0; 16];
        rng.fill_bytes(&mut bytes);
        Some(uuid::Builder::from_random_bytes(bytes).into_uuid())
    };
    // Mostly memberships and people, seldom groups.
    Some(match rng.random_range(0..100) {
        0..30 => join_group(world, rng)?,
        30..50 => leave_group(world, rng)?,
        50..60 => {
            let id = fresh(rng);
            let display_name = names::person(rng);
            let mail =
                id.map(|id| format!("{}@{}", id.simple(), world.tenant.domain)).filter(|_| rng.random_ratio(9, 10));
            Action::CreateUser(NewUser { id, mail, ..NewUser::named(display_name) })
        }
        60..66 => Action::DisableUser { user: user(world, rng, |user| user.flag("accountEnabled"))? },
        66..71 => Action::EnableUser { user: user(world, rng, |user| !user.flag("accountEnabled"))? },
        71..78 => Action::Rename { id: user(world, rng, |_| true)?, display_name: names::person(rng) },
        78..81 => Action::SetMail { id: user(world, rng, |user| user.text("mail").is_some())?, mail: None },
        81..86 => Action::Delete { id: user(world, rng, |_| true)? },
        86..89 => {
            let in_recycle_bin = |user: &&Object| user.deletion == Some(Deletion::Soft);
            Action::Restore { id: world.tenant.users.iter().filter(in_recycle_bin).choose(rng)?.id }
        }
        89..92 => {
            let kind = GroupKind::ALL.into_iter().choose(rng)?;
            Action::CreateGroup(NewGroup { id: fresh(rng), ..NewGroup::named(names::group(rng), kind) })
        }
        92..94 => Action::Rename { id: group(world, rng)?, display_name: names::group(rng) },
        94..95 => Action::Delete { id: group(world, rng)? },
        _ => nest(world, rng)?,
    })
}

fn join_group(world: &World, rng: &mut impl Rng) -> Option<Action> {
    let (group, member) = (group(world, rng)?, user(world, rng, |_| true)?);
    Some(Action::AddMember { group, member })
}

fn leave_group(world: &World, rng: &mut impl Rng) -> Option<Action> {
    let group = group(world, rng)?;
    // What leaves while it is deleted shows in no change.
    let member =
        world.tenant.live_group(group)?.members().filter(|member| world.tenant.is_live(*member)).choose(rng)?;
    Some(Action::RemoveMember { group, member })
}

/// Puts a security group into another; cycles may come of it, as in life.
fn nest(world: &World, rng: &mut impl Rng) -> Option<Action> {
    let security = || world.tenant.live_groups().filter(|group| group.kind == GroupKind::Security);
    let picked = security().map(|group| group.object.id).choose_multiple(rng, 2);
    let [group, member] = picked.as_slice() else { return None };
    Some(Action::AddMember { group: *group, member: *member })
}

/// A random live user that is no administrator: the drift leaves the accounts alone that a sync signs in with.
fn user(world: &World, rng: &mut impl Rng, which: impl Fn(&Object) -> bool) -> Option<Uuid> {
    let administrators: HashSet<Uuid> = world.tenant.appointments.iter().map(|(user, _)| *user).collect();
    let fits = |user: &&Object| user.is_live() && which(user) && !administrators.contains(&user.id);
    world.tenant.users.iter().filter(fits).choose(rng).map(|user| user.id)
}

fn group(world: &World, rng: &mut impl Rng) -> Option<Uuid> {
    world.tenant.live_groups().choose(rng).map(|group| group.object.id)
}
