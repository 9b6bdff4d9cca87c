//! The kinds of runs that are cut off, each with a world that is ready for one.

use std::time::Duration;

use serde_json::{Value, json};
use shared::store::HoldStore as _;
use shared::sync::{Hold, HoldState, Trigger};
use tenant::{
    Action, CONTRACTORS, DeltaReset, Fault, GroupKind, MEETING_ROOMS, Matcher, NewGroup, NewUser, Refusal, RequestKind,
    SERVICE_ACCOUNTS, What,
};
use uuid::Uuid;

use crate::harness::everything;
use crate::lab::{Lab, tiny};

/// A group of one.
const TEAM: Uuid = Uuid::from_u128(0xC);

/// A kind of run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Reads everything, for the first time.
    First,
    /// Reads joins, leaves, disabled, renamed, deleted users, memberships, new, nested, renamed and deleted groups.
    Incremental,
    /// Decides everybody anew, because the settings have changed, and reads the changes as well.
    Settings,
    /// Applies new settings to what is known, and reads nothing.
    Mirror,
    /// Reads everything again, because Graph has forgotten the delta links, and finds what the incremental run would.
    Resync,
    /// Would deactivate more users than the safety limit lets it.
    Held,
    /// Applies what an administrator has approved of a held run.
    Approved,
    /// Reads everything again, and saves each page that it has read.
    Saving,
    /// Begins with an administrator who has just been locked out, and goes on with another one.
    Failover,
}

impl Kind {
    /// A world in which the next run is of this kind.
    pub async fn prepare(self) -> Lab {
        let lab = Lab::start(&tiny(), |_| {}).await;
        let world = &lab.world;
        if self == Self::First {
            // A directory's first run comes by itself. It is made to fail, so that the next one is as good as the first.
            world.tenant.inject(Fault::new(Matcher::on(RequestKind::UsersDelta), What::NonJson));
            world.authorize().await;
            world.set(self.settings(&lab)).await;
            world.tenant.clear_faults();
            return lab;
        }
        world.authorize().await;
        world.apply(add(lab.group(SERVICE_ACCOUNTS), lab.staff[0]));
        world.apply(Action::CreateGroup(NewGroup { id: Some(TEAM), ..NewGroup::named("Team", GroupKind::Security) }));
        world.apply(add(TEAM, lab.staff[6]));
        world.apply(Action::DisableUser { user: lab.staff[1] });
        world.set(ignoring(lab.group(SERVICE_ACCOUNTS))).await;
        world.sync().await;
        match self {
            Self::First => {}
            Self::Incremental => drift(&lab),
            Self::Settings | Self::Mirror => {
                world.apply(add(lab.group(MEETING_ROOMS), lab.staff[2]));
                world.apply(add(lab.group(MEETING_ROOMS), lab.staff[3]));
                lab.run().await;
                lab.change_settings(&self.settings(&lab)).await;
            }
            Self::Resync | Self::Saving => {
                drift(&lab);
                world.apply(Action::ResetDelta { answer: DeltaReset::ResyncRequired });
            }
            Self::Held | Self::Approved => {
                join(&lab);
                for user in &lab.staff[2..8] {
                    world.apply(Action::Delete { id: *user });
                }
            }
            Self::Failover => {
                world.authorize_as(1).await;
                let run = lab.run().await;
                let administrator: Uuid = run["credential"].as_str().unwrap().parse().unwrap();
                world.apply(Action::Refuse { administrator, refusal: Refusal::ConditionalAccess });
                world.apply(Action::ExpireAccessTokens { administrator: Some(administrator) });
                join(&lab);
                world.apply(Action::DisableUser { user: lab.staff[2] });
            }
        }
        match self {
            Self::Approved => {
                lab.run().await;
                approve(&lab).await;
                lab
            }
            Self::Saving => lab.saving_every(Duration::ZERO),
            Self::Incremental | Self::Held => lab.writing_one_by_one(),
            _ => lab,
        }
    }

    /// True when the run makes as many writes each time. How often pages are saved depends on how they come.
    pub fn is_regular(self) -> bool {
        self != Self::Saving
    }

    /// What asks for the run.
    pub fn trigger(self) -> Trigger {
        if self == Self::Mirror { Trigger::Settings } else { Trigger::Manual }
    }

    /// The settings that the run decides with.
    pub fn settings(self, lab: &Lab) -> Value {
        match self {
            Self::Settings | Self::Mirror => ignoring(lab.group(MEETING_ROOMS)),
            _ => ignoring(lab.group(SERVICE_ACCOUNTS)),
        }
    }
}

fn ignoring(group: Uuid) -> Value {
    let mut settings = everything();
    settings["ignored_groups"] = json!([group]);
    settings["nested_groups"] = json!(true);
    settings
}

fn add(group: Uuid, member: Uuid) -> Action {
    Action::AddMember { group, member }
}

/// Approves the only hold, without asking for a run.
async fn approve(lab: &Lab) {
    let store = &lab.world.stack.store;
    let hold = store.holds(lab.directory()).await.unwrap().remove(0);
    store.decide_hold(&Hold { state: HoldState::Approved, ..hold }, HoldState::Open).await.unwrap();
}

/// Somebody joins the company.
fn join(lab: &Lab) {
    let id = Some(Uuid::from_u128(0xA));
    lab.world.apply(Action::CreateUser(NewUser { id, ..NewUser::named("Just Joined") }));
    lab.world.apply(add(lab.group(CONTRACTORS), Uuid::from_u128(0xA)));
}

/// A bit of everything, with fewer deactivations than the safety limit looks at.
fn drift(lab: &Lab) {
    join(lab);
    let (ignored, new_group) = (lab.group(SERVICE_ACCOUNTS), Uuid::from_u128(0xB));
    for action in [
        Action::RemoveMember { group: ignored, member: lab.staff[0] },
        Action::EnableUser { user: lab.staff[1] },
        Action::DisableUser { user: lab.staff[2] },
        Action::Delete { id: lab.staff[3] },
        add(ignored, lab.staff[4]),
        // Becomes inactive though nothing is said of the user or the user's own group.
        add(ignored, TEAM),
        Action::Rename { id: lab.staff[5], display_name: "Married Name".to_owned() },
        Action::CreateGroup(NewGroup { id: Some(new_group), ..NewGroup::named("New Group", GroupKind::Security) }),
        add(new_group, lab.staff[5]),
        add(new_group, lab.group(CONTRACTORS)),
        Action::Rename { id: lab.group(CONTRACTORS), display_name: "People From Elsewhere".to_owned() },
        Action::Delete { id: lab.group(MEETING_ROOMS) },
    ] {
        lab.world.apply(action);
    }
}

impl Lab {
    fn group(&self, name: &str) -> Uuid {
        let renamed = if name == CONTRACTORS { "People From Elsewhere" } else { name };
        let tenant = &self.world.tenant;
        tenant.group_named(name).or_else(|| tenant.group_named(renamed)).unwrap()
    }
}
