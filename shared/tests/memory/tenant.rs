//! A tenant of any size that takes no memory: what is in it follows from the numbers of users and groups.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use jiff::Timestamp;
use shared::directory::{
    GroupId, GroupPatch, GroupProfile, GroupRecord, Member, MemberKind, Membership, ObjectId, Patch, Presence, UserId,
    UserPatch, UserProfile, UserRecord,
};
use shared::filter::{GroupDecision, UserDecision};
use shared::sync::{
    Counted, DeltaLink, DeltaLinks, Effort, GroupChange, ListKind, Next, OpenTenant, PageLink, Position, ReadPage, Run,
    SourceError, TenantSource, Trail, UserChange,
};
use uuid::Uuid;

/// The most objects of a page, as Graph has it.
const PAGE: usize = 999;

/// Its size. Each user is in `groups_of_a_user` groups.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tenant {
    pub(crate) users: usize,
    pub(crate) groups: usize,
    pub(crate) groups_of_a_user: usize,
}

/// Ids far apart, as Microsoft's are; `kind` keeps users and groups apart.
fn scattered(number: usize, kind: u128) -> ObjectId {
    let number = u128::try_from(number).unwrap() * 2 + kind + 1;
    ObjectId::from(Uuid::from_u128(number.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)))
}

fn user_id(number: usize) -> UserId {
    scattered(number, 0).into()
}

fn group_id(number: usize) -> GroupId {
    scattered(number, 1).into()
}

fn user_patch(number: usize) -> UserPatch {
    let login = format!("given{number}.surname{number}@contoso.example");
    UserPatch {
        account_enabled: Patch::Set(true),
        display_name: Patch::Set(format!("Given{number} Surname{number}").into()),
        given_name: Patch::Set(format!("Given{number}").into()),
        surname: Patch::Set(format!("Surname{number}").into()),
        user_principal_name: Patch::Set(login.as_str().into()),
        mail: Patch::Set(login.as_str().into()),
        proxy_addresses: Patch::Set(vec![
            format!("SMTP:{login}").into(),
            format!("smtp:s{number}@contoso.example").into(),
        ]),
        job_title: Patch::Set("Engineer".into()),
        department: Patch::Set(format!("Department {}", number % 50).into()),
        company_name: Patch::Set("Contoso".into()),
        employee_id: Patch::Set(format!("{number:06}").into()),
        on_premises_sam_account_name: Patch::Set(format!("s{number}").into()),
        user_type: Patch::Set("Member".into()),
    }
}

fn group_patch(number: usize) -> GroupPatch {
    GroupPatch {
        display_name: Patch::Set(format!("Team {number}").into()),
        description: Patch::Set(format!("All who work in team {number}").into()),
        mail: Patch::Set(format!("team{number}@contoso.example").into()),
        mail_enabled: Patch::Set(true),
        security_enabled: Patch::Set(false),
        group_types: Patch::Set(vec!["Unified".into()]),
        visibility: Patch::Set("Private".into()),
    }
}

impl Tenant {
    /// The groups of a user, a stride apart, so that all groups have as many members.
    fn groups_of(self, user: usize) -> impl Iterator<Item = usize> {
        let stride = (self.groups / self.groups_of_a_user).max(1);
        (0..self.groups_of_a_user).map(move |n| (user + n * stride) % self.groups)
    }

    fn members_of(self, group: usize) -> impl Iterator<Item = usize> {
        let stride = (self.groups / self.groups_of_a_user).max(1);
        (0..self.groups_of_a_user).flat_map(move |n| {
            let first = (group + self.groups - (n * stride) % self.groups) % self.groups;
            (first..self.users).step_by(self.groups)
        })
    }

    /// What a run has stored of the users, if it has done its work.
    pub(crate) fn user_records(self) -> Vec<UserRecord> {
        let record = |number| {
            let mut profile = UserProfile::default();
            user_patch(number).apply_to(&mut profile);
            let groups: BTreeSet<GroupId> = self.groups_of(number).map(group_id).collect();
            let (presence, decision) = (Presence::Present, UserDecision::Active);
            UserRecord { id: user_id(number), profile, presence, groups, decision, changed: None }
        };
        (0..self.users).map(record).collect()
    }

    /// What a run has stored of the groups.
    pub(crate) fn group_records(self) -> Vec<GroupRecord> {
        let record = |number| {
            let mut profile = GroupProfile::default();
            group_patch(number).apply_to(&mut profile);
            let (presence, decision) = (Presence::Present, GroupDecision::Synced);
            let members = self.members_of(number).count() as u64;
            let (children, membership) = (BTreeSet::new(), Membership::Known);
            GroupRecord { id: group_id(number), profile, presence, children, decision, members, membership }
        };
        (0..self.groups).map(record).collect()
    }
}

impl OpenTenant for Tenant {
    fn open(&self, _: &Run, _: Timestamp) -> Box<dyn TenantSource> {
        Box::new(*self)
    }
}

/// Adds all pages of a list of so many objects.
fn read<T>(trail: &Trail<T>, of: usize, object: impl Fn(usize) -> T) {
    while !matches!(trail.position(), Position::End) {
        let begin = trail.objects();
        let end = of.min(begin + PAGE);
        let next = if end == of { Next::End } else { Next::Page(PageLink::new(format!("page {end}"))) };
        trail.add(ReadPage {
            objects: (begin..end).map(&object).collect(),
            unread: vec![],
            odd: vec![],
            counted: None,
            next,
        });
    }
}

fn link(name: &str) -> DeltaLink {
    DeltaLink::new(name.to_owned())
}

fn no_changes<T>(link: &DeltaLink, trail: &Trail<T>) {
    trail.add(ReadPage {
        objects: vec![],
        unread: vec![],
        odd: vec![],
        counted: None,
        next: Next::Changes(link.clone()),
    });
}

#[async_trait]
impl TenantSource for Tenant {
    async fn latest_links(&self) -> Result<DeltaLinks, SourceError> {
        let (users, groups) = (link("users"), link("groups"));
        Ok(DeltaLinks { users, groups, select: self.select(), hidden_members: false })
    }

    fn select(&self) -> String {
        "everything".to_owned()
    }

    async fn counts(&self) -> Result<Counted, SourceError> {
        Ok(Counted { users: Some(self.users as u64), groups: Some(self.groups as u64) })
    }

    async fn users(&self, trail: &Trail<(UserId, UserPatch)>) -> Result<(), SourceError> {
        read(trail, self.users, |number| (user_id(number), user_patch(number)));
        Ok(())
    }

    async fn groups(&self, trail: &Trail<(GroupId, GroupPatch)>) -> Result<(), SourceError> {
        read(trail, self.groups, |number| (group_id(number), group_patch(number)));
        Ok(())
    }

    async fn members(&self, group: &GroupId, trail: &Trail<Member>) -> Result<(), SourceError> {
        let inverse = 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835_u128;
        let number = group.object().as_guid().unwrap().as_u128().wrapping_mul(inverse_of(inverse));
        let group = usize::try_from((number - 2) / 2).unwrap();
        let members: Vec<usize> = self.members_of(group).collect();
        let member = |place: usize| Member { id: user_id(members[place]).object().clone(), kind: MemberKind::User };
        read(trail, members.len(), member);
        Ok(())
    }

    // Nothing comes back in this tenant.
    async fn groups_of_user(&self, _: &UserId, _: &Trail<GroupId>) -> Result<(), SourceError> {
        Ok(())
    }

    async fn groups_of_group(&self, _: &GroupId, _: &Trail<GroupId>) -> Result<(), SourceError> {
        Ok(())
    }

    async fn count_groups_of_group(&self, _: &GroupId) -> Result<Option<u64>, SourceError> {
        Ok(None)
    }

    async fn count_groups_of_user(&self, _: &UserId) -> Result<Option<u64>, SourceError> {
        Ok(None)
    }

    async fn user_exists(&self, _: &UserId) -> Result<bool, SourceError> {
        Ok(false)
    }

    async fn group_exists(&self, _: &GroupId) -> Result<bool, SourceError> {
        Ok(false)
    }

    async fn sees_hidden_members(&self) -> Result<bool, SourceError> {
        Ok(false)
    }

    async fn member_count(&self, _: &GroupId, _: Option<ListKind>) -> Result<Option<u64>, SourceError> {
        Ok(None)
    }

    async fn indexed(&self, _: ListKind) -> Result<BTreeSet<ObjectId>, SourceError> {
        Ok(BTreeSet::new())
    }

    async fn indexed_members(&self, _: &GroupId) -> Result<BTreeMap<ObjectId, MemberKind>, SourceError> {
        Ok(BTreeMap::new())
    }

    async fn user_changes(&self, link: &DeltaLink, trail: &Trail<UserChange>) -> Result<(), SourceError> {
        no_changes(link, trail);
        Ok(())
    }

    async fn group_changes(&self, link: &DeltaLink, trail: &Trail<GroupChange>) -> Result<(), SourceError> {
        no_changes(link, trail);
        Ok(())
    }

    fn effort(&self) -> Effort {
        Effort::default()
    }

    fn credential(&self) -> Option<UserId> {
        None
    }
}

/// What an odd number has to be multiplied with to give 1, by Newton's iteration.
fn inverse_of(odd: u128) -> u128 {
    (0..7).fold(odd, |inverse, _| inverse.wrapping_mul(2_u128.wrapping_sub(odd.wrapping_mul(inverse))))
}
