//! What was said of who is in which group, in little memory: a large tenant has millions of memberships.

use std::collections::{BTreeMap, HashMap};

use crate::directory::{GroupId, UserId};

/// By user: whether the user is in a group now, for the groups that were spoken of.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Memberships {
    /// Each group once. What was said refers to its place.
    groups: Vec<GroupId>,
    places: HashMap<GroupId, u32>,
    said: BTreeMap<UserId, Vec<Said>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Said {
    group: u32,
    member: bool,
}

impl Memberships {
    /// True when nothing was said.
    pub(super) fn is_empty(&self) -> bool {
        self.said.is_empty()
    }

    /// The users something was said of.
    pub(super) fn users(&self) -> impl Iterator<Item = &UserId> {
        self.said.keys()
    }

    /// The groups something was said of.
    pub(super) fn groups(&self) -> impl Iterator<Item = &GroupId> {
        self.groups.iter()
    }

    /// What was said of a user.
    pub(super) fn of<'a>(&'a self, user: &UserId) -> impl Iterator<Item = (&'a GroupId, bool)> + use<'a> {
        let said = self.said.get(user).map(Vec::as_slice).unwrap_or_default();
        said.iter().filter_map(|said| Some((self.groups.get(said.group as usize)?, said.member)))
    }

    /// A user is in a group now, or is not.
    pub(super) fn set(&mut self, user: UserId, group: &GroupId, member: bool) {
        let group = self.place(group);
        let said = self.said.entry(user).or_default();
        match said.iter_mut().find(|said| said.group == group) {
            Some(said) => said.member = member,
            None => said.push(Said { group, member }),
        }
    }

    fn place(&mut self, group: &GroupId) -> u32 {
        if let Some(place) = self.places.get(group) {
            return *place;
        }
        // A reading has at most 20,000 pages of 999 groups, and as many of changes.
        let place = u32::try_from(self.groups.len()).unwrap_or(u32::MAX);
        self.groups.push(group.clone());
        self.places.insert(group.clone(), place);
        place
    }

    /// Forgets what was said of a user and a group.
    pub(super) fn forget(&mut self, user: &UserId, group: &GroupId) {
        let Some(place) = self.places.get(group) else { return };
        if let Some(said) = self.said.get_mut(user) {
            said.retain(|said| said.group != *place);
            if said.is_empty() {
                self.said.remove(user);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone)]
    enum Step {
        Set(u8, u8, bool),
        Forget(u8, u8),
    }

    fn any_step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (0_u8..4, 0_u8..4, any::<bool>()).prop_map(|(user, group, member)| Step::Set(user, group, member)),
            1 => (0_u8..4, 0_u8..4).prop_map(|(user, group)| Step::Forget(user, group)),
        ]
    }

    fn user(n: u8) -> UserId {
        format!("user{n}").parse().unwrap()
    }

    fn group(n: u8) -> GroupId {
        format!("group{n}").parse().unwrap()
    }

    proptest! {
        #[test]
        fn it_says_what_a_plain_map_would(steps in proptest::collection::vec(any_step(), 0..40)) {
            let (mut memberships, mut plain) = (Memberships::default(), BTreeMap::new());
            for step in steps {
                match step {
                    Step::Set(u, g, member) => {
                        memberships.set(user(u), &group(g), member);
                        plain.insert((user(u), group(g)), member);
                    }
                    Step::Forget(u, g) => {
                        memberships.forget(&user(u), &group(g));
                        plain.remove(&(user(u), group(g)));
                    }
                }
            }
            let said: BTreeMap<_, _> = memberships
                .users()
                .flat_map(|user| memberships.of(user).map(|(group, member)| ((user.clone(), group.clone()), member)))
                .collect();
            prop_assert_eq!(&said, &plain);
            prop_assert_eq!(memberships.is_empty(), plain.is_empty());
        }
    }
}
