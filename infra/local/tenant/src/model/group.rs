//! A group: its kind and the history of its direct members.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    object::{Object, Table},
    property::Moment,
};

/// The four kinds of group (Microsoft Graph, "Working with groups").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum GroupKind {
    /// With a mailbox; users only; restorable after deletion.
    Microsoft365,
    /// Without mail.
    Security,
    /// With mail, and usable for permissions.
    MailEnabledSecurity,
    /// With mail only.
    Distribution,
}

impl GroupKind {
    pub(crate) const ALL: [Self; 4] =
        [Self::Microsoft365, Self::Security, Self::MailEnabledSecurity, Self::Distribution];

    pub(crate) fn has_mail(self) -> bool {
        self != Self::Security
    }

    pub(crate) fn has_security(self) -> bool {
        matches!(self, Self::Security | Self::MailEnabledSecurity)
    }
}

/// What a member is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum MemberKind {
    /// A user.
    User,
    /// A group.
    Group,
    /// A device.
    Device,
    /// A service principal, that is an application.
    ServicePrincipal,
    /// An organizational contact.
    Contact,
    /// A kind nobody knows yet: the part of `@odata.type` after `#microsoft.graph.`.
    Unknown(String),
}

impl MemberKind {
    /// As Graph writes it in `@odata.type`.
    #[must_use]
    pub fn odata_type(&self) -> String {
        let name = match self {
            Self::User => "user",
            Self::Group => "group",
            Self::Device => "device",
            Self::ServicePrincipal => "servicePrincipal",
            Self::Contact => "orgContact",
            Self::Unknown(name) => name,
        };
        format!("#microsoft.graph.{name}")
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Group {
    pub(crate) object: Object,
    pub(crate) kind: GroupKind,
    links: Table<Link>,
    /// The moment its members last changed.
    pub(crate) members_changed: Moment,
}

/// A direct membership, present or past.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Link {
    pub(crate) member: Uuid,
    pub(crate) present: bool,
    pub(crate) changed: Moment,
    /// It ended without a word in delta.
    pub(crate) silent: bool,
}

impl Group {
    pub(crate) fn new(object: Object, kind: GroupKind) -> Self {
        Self { object, kind, links: Table::default(), members_changed: 0 }
    }

    pub(crate) fn is_hidden(&self) -> bool {
        // Compared without case: older pages of Microsoft's documents spell `Hiddenmembership`.
        self.object.text("visibility").is_some_and(|visibility| visibility.eq_ignore_ascii_case("HiddenMembership"))
    }

    /// Adds a member and says whether it was none before.
    pub(crate) fn add(&mut self, member: Uuid, at: Moment) -> bool {
        if self.has(member) {
            return false;
        }
        self.members_changed = at;
        self.links.insert(member, Link { member, present: true, changed: at, silent: false });
        true
    }

    /// Removes a member and says whether it was one before.
    pub(crate) fn remove(&mut self, member: Uuid, at: Moment, silent: bool) -> bool {
        match self.links.get_mut(member) {
            Some(link) if link.present => {
                self.members_changed = at;
                *link = Link { member, present: false, changed: at, silent };
                true
            }
            _ => false,
        }
    }

    pub(crate) fn has(&self, member: Uuid) -> bool {
        self.links.get(member).is_some_and(|link| link.present)
    }

    /// The direct members, in order of joining for the first time.
    pub(crate) fn members(&self) -> impl Iterator<Item = Uuid> {
        self.links.iter().filter(|link| link.present).map(|link| link.member)
    }

    /// The direct members at an earlier moment, as far as their history is kept: only the last joining or leaving is.
    pub(crate) fn members_at(&self, at: Moment) -> impl Iterator<Item = Uuid> {
        let was_present = move |link: &&Link| if link.changed > at { !link.present } else { link.present };
        self.links.iter().filter(was_present).map(|link| link.member)
    }

    /// Present and past memberships from a place on, with their places.
    pub(crate) fn links_from(&self, place: usize) -> impl Iterator<Item = (usize, &Link)> {
        self.links.from(place)
    }

    /// Marks one present member as changed, as when it comes back from deletion.
    pub(crate) fn touch_member(&mut self, member: Uuid, at: Moment) {
        if let Some(link) = self.links.get_mut(member).filter(|link| link.present) {
            link.changed = at;
            self.members_changed = at;
        }
    }

    /// Marks the present members as changed, as when the group comes back from deletion.
    pub(crate) fn touch_members(&mut self, at: Moment) {
        self.members_changed = at;
        self.links.iter_mut().filter(|link| link.present).for_each(|link| link.changed = at);
    }
}
