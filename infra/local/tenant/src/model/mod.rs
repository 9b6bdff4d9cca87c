//! The tenant itself: users, groups, memberships and their history.

mod edit;
mod group;
mod object;
mod property;
mod truth;

use std::collections::{BTreeMap, BTreeSet, HashSet};

use uuid::Uuid;

pub(crate) use group::Group;
pub use group::{GroupKind, MemberKind};
pub use object::Deletion;
pub(crate) use object::{Object, Table};
pub(crate) use property::Moment;
pub use truth::{TrueGroup, TrueMember, TrueUser, Truth};

use crate::identity::Role;

/// A tenant, not yet served. Make one with [`Tenant::sample`] or [`Tenant::empty`].
#[derive(Debug, Clone)]
pub struct Tenant {
    pub(crate) id: Uuid,
    pub(crate) name: String,
    pub(crate) domain: String,
    /// The moment of the last change.
    pub(crate) moment: Moment,
    pub(crate) users: Table<Object>,
    pub(crate) groups: Table<Group>,
    pub(crate) others: Table<Other>,
    /// The accounts offered at sign-in, in that order, with their directory roles.
    pub(crate) appointments: Vec<(Uuid, BTreeSet<Role>)>,
    /// The app roles of the one registered application that users are assigned.
    pub(crate) app_roles: BTreeMap<Uuid, BTreeSet<String>>,
}

/// A device, service principal, contact or object of an unknown kind.
#[derive(Debug, Clone)]
pub(crate) struct Other {
    pub(crate) kind: MemberKind,
    pub(crate) display_name: String,
}

/// Where an id leads.
pub(crate) enum Found<'a> {
    User(&'a Object),
    Group(&'a Group),
    Other(&'a Other),
}

impl Tenant {
    /// A tenant without anybody in it.
    #[must_use]
    pub fn empty(id: Uuid, name: impl Into<String>, domain: impl Into<String>) -> Self {
        Self {
            id,
            name: name.into(),
            domain: domain.into(),
            moment: 0,
            users: Table::default(),
            groups: Table::default(),
            others: Table::default(),
            appointments: Vec::new(),
            app_roles: BTreeMap::new(),
        }
    }

    pub(crate) fn find(&self, id: Uuid) -> Option<Found<'_>> {
        let user = self.users.get(id).map(Found::User);
        user.or_else(|| self.groups.get(id).map(Found::Group)).or_else(|| self.others.get(id).map(Found::Other))
    }

    pub(crate) fn kind_of(&self, id: Uuid) -> Option<MemberKind> {
        Some(match self.find(id)? {
            Found::User(_) => MemberKind::User,
            Found::Group(_) => MemberKind::Group,
            Found::Other(other) => other.kind.clone(),
        })
    }

    /// The type of an object as Graph writes it in `@odata.type`, a subtype of `user` included.
    pub(crate) fn odata_type(&self, id: Uuid) -> Option<String> {
        let subtype = self.users.get(id).and_then(|user| user.subtype.clone());
        subtype.or_else(|| Some(self.kind_of(id)?.odata_type()))
    }

    /// Whether a cast to a type, such as `microsoft.graph.user`, keeps an object. A cast keeps subtypes as well.
    pub(crate) fn is_of_type(&self, id: Uuid, cast: &str) -> bool {
        let has_type = |of: Option<String>| of.is_some_and(|of| of.strip_prefix('#') == Some(cast));
        has_type(self.odata_type(id)) || has_type(self.kind_of(id).map(|kind| kind.odata_type()))
    }

    /// Whether an id leads to something that has not been deleted.
    pub(crate) fn is_live(&self, id: Uuid) -> bool {
        match self.find(id) {
            Some(Found::User(user)) => user.is_live(),
            Some(Found::Group(group)) => group.object.is_live(),
            Some(Found::Other(_)) => true,
            None => false,
        }
    }

    /// The same at an earlier moment.
    pub(crate) fn was_live(&self, id: Uuid, at: Moment) -> bool {
        match self.find(id) {
            Some(Found::User(user)) => user.was_live(at),
            Some(Found::Group(group)) => group.object.was_live(at),
            Some(Found::Other(_)) => true,
            None => false,
        }
    }

    pub(crate) fn live_user(&self, id: Uuid) -> Option<&Object> {
        self.users.get(id).filter(|user| user.is_live())
    }

    pub(crate) fn live_group(&self, id: Uuid) -> Option<&Group> {
        self.groups.get(id).filter(|group| group.object.is_live())
    }

    pub(crate) fn live_groups(&self) -> impl Iterator<Item = &Group> {
        self.groups.iter().filter(|group| group.object.is_live())
    }

    pub(crate) fn roles_of(&self, user: Uuid) -> BTreeSet<Role> {
        let appointment = self.appointments.iter().find(|(holder, _)| *holder == user);
        appointment.map(|(_, roles)| roles.clone()).unwrap_or_default()
    }

    /// Everything that is in a group directly or through groups in it, each once, the group itself left out.
    pub(crate) fn transitive_members(&self, group: &Group) -> Vec<Uuid> {
        let mut seen = HashSet::from([group.object.id]);
        let mut reached: Vec<Uuid> = group.members().filter(|member| seen.insert(*member)).collect();
        let mut next = 0;
        while let Some(member) = reached.get(next).copied() {
            next += 1;
            if let Some(nested) = self.live_group(member) {
                reached.extend(nested.members().filter(|member| seen.insert(*member)));
            }
        }
        reached
    }

    pub(crate) fn group_named(&self, display_name: &str) -> Option<Uuid> {
        self.live_groups().find(|group| group.object.display_name() == display_name).map(|group| group.object.id)
    }

    pub(crate) fn user_named(&self, name: &str) -> Option<Uuid> {
        let named = |user: &&Object| {
            user.is_live()
                && (user.display_name() == name
                    || user.text("userPrincipalName").is_some_and(|upn| upn.eq_ignore_ascii_case(name)))
        };
        self.users.iter().find(named).map(|user| user.id)
    }
}
