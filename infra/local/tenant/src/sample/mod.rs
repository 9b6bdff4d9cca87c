//! Sample tenants: made from a seed, alike each time, with a bit of everything a sync must cope with.

pub(crate) mod names;

use std::collections::BTreeSet;

use jiff::Timestamp;
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom as _};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    action::{NewGroup, NewUser},
    identity::Role,
    model::{GroupKind, MemberKind, Other, Tenant},
};

/// Everybody who works here; a group to allow.
pub const ALL_EMPLOYEES: &str = "All Employees";
/// People from elsewhere.
pub const CONTRACTORS: &str = "Contractors";
/// Accounts of machines; a group to ignore.
pub const SERVICE_ACCOUNTS: &str = "Service Accounts";
/// Mailboxes of rooms; a group to ignore.
pub const MEETING_ROOMS: &str = "Meeting Rooms";

/// How to make a sample tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// How many users, the four offered at sign-in included. At least those.
    pub users: usize,
    /// How many groups, the four named ones included. At least those.
    pub groups: usize,
    /// How many members a group has on average, as far as there are users.
    pub memberships_per_group: usize,
    /// The same seed makes the same tenant.
    pub seed: u64,
}

impl Default for Sample {
    fn default() -> Self {
        Self { users: 250, groups: 40, memberships_per_group: 46, seed: 1 }
    }
}

impl Tenant {
    /// A sample tenant.
    #[must_use]
    pub fn sample(sample: &Sample) -> Self {
        let mut rng = StdRng::seed_from_u64(sample.seed);
        let tenant = Self::empty(id(&mut rng), "Contoso (simulated)", "contoso.example");
        let mut maker = Maker { tenant, rng, users: Vec::new(), groups: Vec::new() };
        maker.appoint();
        maker.fill_users(sample.users);
        maker.create_named_groups();
        maker.fill_groups(sample.groups);
        maker.fill_members(sample.memberships_per_group);
        maker.nest_groups();
        maker.add_others();
        maker.leave_traces();
        maker.tenant
    }
}

/// A sample tenant in the making.
struct Maker {
    tenant: Tenant,
    rng: StdRng,
    users: Vec<(Uuid, Part)>,
    groups: Vec<(Uuid, GroupKind)>,
}

/// What a user is to the company.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Employee,
    Guest,
    Machine,
    Room,
}

impl Maker {
    /// The accounts offered at sign-in: two strong ones, a weak one and a guest.
    fn appoint(&mut self) {
        let accounts: [(&str, &str, &[Role], &[&str]); 4] = [
            ("Ada Admin", "admin", &[Role::GlobalAdministrator], &["Sync.Admin"]),
            ("Bo Backup", "backup", &[Role::CloudApplicationAdministrator, Role::UserAdministrator], &["Sync.Admin"]),
            ("Rae Reader", "reader", &[Role::DirectoryReaders], &["Sync.Read"]),
            ("Gus Guest", "guest", &[], &[]),
        ];
        for (name, login, roles, app_roles) in accounts {
            let guest = roles.is_empty();
            let domain = if guest { "fabrikam.example" } else { &self.tenant.domain };
            let mail = format!("{login}@{domain}");
            let upn = (!guest).then(|| mail.clone());
            let new = NewUser { mail: Some(mail), user_principal_name: upn, guest, ..NewUser::named(name) };
            let user = self.create_user(&new, if guest { Part::Guest } else { Part::Employee });
            self.tenant.appointments.push((user, roles.iter().copied().collect::<BTreeSet<_>>()));
            self.tenant.app_roles.insert(user, app_roles.iter().map(|role| (*role).to_owned()).collect());
        }
    }

    fn fill_users(&mut self, total: usize) {
        while self.users.len() < total {
            let number = self.users.len();
            match self.rng.random_range(0..100) {
                0..5 => self.create_guest(number),
                5..7 => self.create_machine(number),
                7..9 => self.create_room(number),
                _ => self.create_employee(number),
            }
        }
    }

    fn create_employee(&mut self, number: usize) {
        let display_name = names::person(&mut self.rng);
        let login = format!("{}{number}@{}", ascii(&display_name), self.tenant.domain);
        // Some have no mailbox, some have left.
        let mail = self.rng.random_ratio(95, 100).then(|| login.clone());
        let enabled = self.rng.random_ratio(95, 100);
        let new = NewUser { mail, enabled, user_principal_name: Some(login), ..NewUser::named(display_name) };
        let user = self.create_user(&new, Part::Employee);
        self.describe(user);
    }

    fn create_guest(&mut self, number: usize) {
        let display_name = names::person(&mut self.rng);
        let mail = Some(format!("{}{number}@fabrikam.example", ascii(&display_name)));
        self.create_user(&NewUser { mail, guest: true, ..NewUser::named(display_name) }, Part::Guest);
    }

    fn create_machine(&mut self, number: usize) {
        let login = Some(format!("svc-{number}@{}", self.tenant.domain));
        let name = format!("svc-{number}");
        let new = if number.is_multiple_of(2) { NewUser::agent(name) } else { NewUser::named(name) };
        let new = NewUser { user_principal_name: login, ..new };
        self.create_user(&new, Part::Machine);
    }

    fn create_room(&mut self, number: usize) {
        let login = Some(format!("room-{number}@{}", self.tenant.domain));
        let new = NewUser {
            mail: login.clone(),
            user_principal_name: login,
            enabled: false,
            ..NewUser::named(format!("Room {number}"))
        };
        self.create_user(&new, Part::Room);
    }

    fn create_user(&mut self, new: &NewUser, part: Part) -> Uuid {
        let id = id(&mut self.rng);
        // Random ids do not collide.
        let _created = self.tenant.create_user(id, new, long_ago(self.users.len()));
        self.users.push((id, part));
        id
    }

    /// Gives an employee a job, a desk and a phone, not all of them always.
    fn describe(&mut self, user: Uuid) {
        let rng = &mut self.rng;
        let number = rng.random_range(0..10_000);
        let described = [
            ("jobTitle", names::pick(rng, &names::TITLES).to_owned()),
            ("department", names::pick(rng, &names::DEPARTMENTS).to_owned()),
            ("officeLocation", names::pick(rng, &names::OFFICES).to_owned()),
            ("mobilePhone", format!("+1 555 01{:02}", number % 100)),
            ("employeeId", format!("E{number:05}")),
        ];
        for (property, text) in described {
            if self.rng.random_ratio(4, 5) {
                self.set(user, property, json!(text));
            }
        }
    }

    fn create_named_groups(&mut self) {
        let named = [
            (ALL_EMPLOYEES, GroupKind::Microsoft365, Part::Employee),
            (CONTRACTORS, GroupKind::Security, Part::Guest),
            (SERVICE_ACCOUNTS, GroupKind::Security, Part::Machine),
            (MEETING_ROOMS, GroupKind::Distribution, Part::Room),
        ];
        for (name, kind, wanted) in named {
            let group = self.create_group(&NewGroup::named(name, kind));
            for at in 0..self.users.len() {
                let Some((user, part)) = self.users.get(at).copied() else { continue };
                // A few employees have been forgotten, so that an allow-list makes a difference.
                let forgotten = part == Part::Employee && at >= 4 && self.rng.random_ratio(1, 20);
                if part == wanted && !forgotten {
                    self.join(group, user);
                }
            }
        }
    }

    fn fill_groups(&mut self, total: usize) {
        // The first of these carry the prefixes that make good examples, whatever the seed.
        let examples = [
            "VPN Users",
            "VPN Admins",
            "SSH-production",
            "SSH-staging",
            "Team Atlas",
            "Team Aurora",
            "VPN Contractors",
        ];
        let mut examples = examples.into_iter();
        while self.groups.len() < total {
            let example = examples.next();
            let kind = match self.rng.random_range(0..100) {
                // The examples are security groups, which can be nested.
                _ if example.is_some() => GroupKind::Security,
                0..40 => GroupKind::Microsoft365,
                40..75 => GroupKind::Security,
                75..88 => GroupKind::MailEnabledSecurity,
                _ => GroupKind::Distribution,
            };
            let name = example.map_or_else(|| names::group(&mut self.rng), ToOwned::to_owned);
            let hidden = kind == GroupKind::Microsoft365 && self.rng.random_ratio(1, 12);
            let group = self.create_group(&NewGroup { hidden, ..NewGroup::named(name, kind) });
            if self.rng.random_ratio(1, 3) {
                self.set(group, "description", json!("A group of the sample tenant"));
            }
        }
    }

    fn create_group(&mut self, new: &NewGroup) -> Uuid {
        let id = id(&mut self.rng);
        let _created = self.tenant.create_group(id, new, long_ago(self.groups.len()));
        self.groups.push((id, new.kind));
        id
    }

    /// Spreads members over the groups, few in most and many in some, until the average is met.
    fn fill_members(&mut self, average: usize) {
        let unnamed: Vec<Uuid> = self.groups.iter().skip(4).map(|(group, _)| *group).collect();
        let present: usize = self.tenant.groups.iter().map(|group| group.members().count()).sum();
        let wanted = (average * self.groups.len()).saturating_sub(present);
        let each = wanted.checked_div(unnamed.len()).unwrap_or(0).min(self.users.len() / 4);
        for group in unnamed {
            // Squared, a random share is small mostly and three times the average at most.
            let share: f64 = self.rng.random();
            for _ in 0..scale(each * 3, share * share) {
                if let Some((user, _)) = self.users.choose(&mut self.rng).copied() {
                    self.join(group, user);
                }
            }
        }
    }

    /// Puts some security groups into others, and three of them into a ring.
    fn nest_groups(&mut self) {
        let security = |(group, kind): &(Uuid, GroupKind)| (*kind == GroupKind::Security).then_some(*group);
        let security: Vec<Uuid> = self.groups.iter().skip(4).filter_map(security).collect();
        for _ in 0..security.len() / 5 {
            if let (Some(outer), Some(inner)) = (security.choose(&mut self.rng), security.choose(&mut self.rng)) {
                self.join(*outer, *inner);
            }
        }
        if let [one, two, three, ..] = security.as_slice() {
            self.join(*one, *two);
            self.join(*two, *three);
            self.join(*three, *one);
        }
    }

    /// Devices, applications and contacts, in some security groups.
    fn add_others(&mut self) {
        let security: Vec<Uuid> =
            self.groups.iter().filter(|(_, kind)| *kind == GroupKind::Security).map(|(group, _)| *group).collect();
        for at in 0..(self.users.len() / 50).max(3) {
            let kind = match at % 3 {
                0 => MemberKind::Device,
                1 => MemberKind::ServicePrincipal,
                _ => MemberKind::Contact,
            };
            let other = id(&mut self.rng);
            let _created = self.tenant.create_other(other, Other { kind, display_name: format!("Sample object {at}") });
            if let Some(group) = security.choose(&mut self.rng).copied() {
                self.join(group, other);
            }
        }
    }

    /// What a tenant with a past has: a member who left, a mailbox taken away, people in the recycle bin and beyond. The deleted
    /// ones come on top of the users asked for.
    fn leave_traces(&mut self) {
        let Some((employees, _)) = self.groups.first().copied() else { return };
        let employees_only = |(user, part): &(Uuid, Part)| (*part == Part::Employee).then_some(*user);
        let people: Vec<Uuid> = self.users.iter().skip(4).step_by(100).filter_map(employees_only).collect();
        for person in people {
            if let Some((group, _)) = self.groups.get(4).copied() {
                self.join(group, person);
                let _left = self.tenant.remove_member(group, person, false);
            }
            self.set(person, "mail", Value::Null);
            for for_good in [false, true] {
                let number = self.users.len();
                self.create_employee(number);
                let Some((leaver, _)) = self.users.last().copied() else { continue };
                self.join(employees, leaver);
                let _left = if for_good { self.tenant.purge(leaver, true) } else { self.tenant.delete(leaver) };
            }
        }
    }

    /// Joins, unless the member is in already.
    fn join(&mut self, group: Uuid, member: Uuid) {
        if group != member {
            let _joined = self.tenant.add_member(group, member);
        }
    }

    fn set(&mut self, object: Uuid, property: &str, value: Value) {
        let _known = self.tenant.set(object, property, value);
    }
}

fn id(rng: &mut impl Rng) -> Uuid {
    uuid::Builder::from_random_bytes(rng.random()).into_uuid()
}

/// A date in the past, a bit later for each object.
fn long_ago(number: usize) -> Timestamp {
    let minutes = i64::try_from(number).unwrap_or(0);
    Timestamp::from_second(1_577_836_800 + minutes * 60).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn ascii(name: &str) -> String {
    let letters = name.chars().map(|letter| if letter == ' ' { '.' } else { letter.to_ascii_lowercase() });
    letters.filter(|letter| letter.is_ascii_lowercase() || *letter == '.').collect()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a rough share"
)]
fn scale(most: usize, share: f64) -> usize {
    (most as f64 * share).round() as usize
}
