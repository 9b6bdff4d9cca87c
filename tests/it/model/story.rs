//! One story: a tenant, what happens to it, and the runs in between.

use std::collections::BTreeSet;

use rand::Rng as _;
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom as _, IteratorRandom as _};
use serde_json::{Value, json};
use shared::store::DirectoryStore as _;
use shared::sync::Trigger;
use tenant::{
    Action, Deletion, DeltaReset, Fault, GroupKind, Matcher, MemberKind, NewGroup, NewUser, Paging, RequestKind,
    Sample, TrueGroup, What,
};
use uuid::Uuid;

use super::draws::Draws;
use super::safety::{Facts, Moment, deserved, facts, undecided};
use super::{Told, weather};
use crate::coherence;
use crate::harness::everything;
use crate::lab::Lab;

/// How many runs at the end, without faults, lead to the truth: each may find another hold.
const MOST_LAST_RUNS: usize = 4;

struct Story {
    lab: Lab,
    draws: Draws,
    /// The number of the step, from 1; 0 before the first one.
    step: u64,
    /// What was deleted when a run last succeeded.
    seen_deleted: BTreeSet<Uuid>,
    /// What was true of each user when a run last read everything that it could.
    read: Facts,
    settings: Value,
    /// Whether the index behind counters lags.
    lags: bool,
    told: Told,
}

/// Tells the story of a seed to its end. Panics when it does not end well.
pub async fn tell(seed: u64, told: Told) {
    let draws = Draws::of(seed);
    let mut rng = draws.topic("tenant", 0);
    let sample = Sample {
        users: rng.random_range(5..14),
        groups: rng.random_range(4..9),
        memberships_per_group: rng.random_range(1..6),
        seed,
    };
    let mut rng = draws.topic("quirks", 0);
    let lab = Lab::start(&sample, |options| {
        options.seed = seed;
        options.quirks.removed_objects_in_first_round = rng.random();
        options.quirks.removed_members_in_first_round = rng.random();
        options.quirks.purged_members_leave_silently = rng.random();
    })
    .await;
    told.lock().unwrap().push(format!("{sample:?}"));
    if draws.topic("first run", 0).random_bool(0.5) {
        // The run that comes by itself fails, so that the weather reaches the first good one.
        lab.world.tenant.inject(Fault::new(Matcher::on(RequestKind::UsersDelta), What::NonJson));
    }
    lab.world.authorize().await;
    lab.world.tenant.clear_faults();
    let (seen_deleted, read) = (BTreeSet::new(), Facts::new());
    let mut story = Story { lab, draws, step: 0, seen_deleted, read, settings: everything(), lags: false, told };
    story.change_settings().await;
    let mut moment = story.moment().await;
    for step in 1..=draws.topic("steps", 0).random_range(1..=4) {
        story.step = step;
        moment = story.step(moment).await;
    }
    story.end().await;
}

impl Story {
    fn say(&self, what: impl Into<String>) {
        self.told.lock().unwrap().push(what.into());
    }

    fn act(&self, action: Action) -> Option<Uuid> {
        self.say(format!("{action:?}"));
        // What is not possible any more is not done, as in life.
        self.lab.world.tenant.apply(action).ok().flatten()
    }

    fn draw(&self, topic: &str) -> StdRng {
        self.draws.topic(topic, self.step)
    }

    fn live_groups(&self) -> Vec<Uuid> {
        let truth = self.lab.world.tenant.truth();
        truth.groups.iter().filter(|one| one.deleted.is_none()).map(|one| one.id).collect()
    }

    async fn moment(&self) -> Moment {
        let truth = self.lab.world.tenant.truth();
        let directory = self.lab.world.stack.store.directory(self.lab.directory()).await.unwrap().unwrap();
        Moment {
            published: self.lab.statuses().await,
            deserved: deserved(&truth, &self.settings),
            undecided: undecided(&truth, &self.settings),
            facts: facts(&truth),
            read: self.read.clone(),
            decided_with: directory.published.map_or(0, |published| published.settings_version),
        }
    }

    /// Things change, and a run takes place in the weather of the day.
    async fn step(&mut self, mut before: Moment) -> Moment {
        let mut rng = self.draw("drift");
        let changes = rng.random_range(0..6);
        for action in self.lab.world.tenant.drift(&mut rng, changes) {
            self.say(format!("{action:?}"));
        }
        if self.draw("rare event").random_bool(0.5) {
            self.rare_event();
        }
        if self.draw("subtypes").random_ratio(1, 4) {
            self.subtype_joins();
        }
        if self.draw("unknown members").random_ratio(1, 3) {
            self.hide_or_reveal_members();
        }
        if self.draw("returns").random_bool(0.5) {
            self.leave_or_return();
        }
        self.let_index_lag();
        let mut rng = self.draw("new settings");
        if rng.random_ratio(1, 5) {
            self.change_settings().await;
            if rng.random_bool(0.5) {
                // They are applied to what is known; what has changed meanwhile is read by the run below.
                let run = self.lab.run_by(Trigger::Settings).await;
                self.say(format!("run for them: {} {}", run["state"], run["reading"]));
                before = self.moment().await;
            }
        }
        let mut rng = self.draw("weather");
        for _ in 0..rng.random_range(0..3) {
            let fault = weather::fault(&mut rng, self.lags);
            if fault.when.kind.is_some_and(weather::is_of_full_runs) && rng.random_bool(0.5) {
                self.act(Action::ResetDelta { answer: DeltaReset::ResyncRequired });
            }
            self.say(format!("{fault:?}"));
            self.lab.world.tenant.inject(fault);
        }
        self.run().await;
        self.lab.world.tenant.clear_faults();
        let after = self.moment().await;
        before.assert_nobody_harmed(&after);
        after
    }

    /// An account of an agent, or of a kind of user that nobody knows yet, joins a group.
    fn subtype_joins(&self) {
        let mut rng = self.draw("subtype");
        let subtype = if rng.random() { "agentUser" } else { "userOfTheFuture" };
        let id = Some(Uuid::from_u128(rng.random()));
        let new = NewUser { id, subtype: Some(subtype.to_owned()), ..NewUser::named("Agent") };
        let member = self.act(Action::CreateUser(new));
        if let Some((member, group)) = member.zip(self.live_groups().choose(&mut rng).copied()) {
            self.act(Action::AddMember { group, member });
        }
    }

    /// The members of a group become unknown, or known again: the group hides them, or has one of a kind that nobody knows.
    fn hide_or_reveal_members(&self) {
        let mut rng = self.draw("group with unknown members");
        let truth = self.lab.world.tenant.truth();
        let Some(group) = truth.groups.iter().filter(|group| group.deleted.is_none()).choose(&mut rng) else { return };
        let set =
            |value: &str| Action::SetProperty { id: group.id, property: "visibility".into(), value: value.into() };
        match rng.random_range(0..4) {
            0 | 1 => {
                self.act(set(if group.hidden { "Private" } else { "HiddenMembership" }));
            }
            2 => {
                let strange = |group: &TrueGroup| group.members.iter().find(|member| is_strange(&member.kind)).cloned();
                let member = truth.groups.iter().find_map(|group| Some((group.id, strange(group)?.id)));
                if let Some((group, member)) = member.filter(|_| rng.random()) {
                    self.act(Action::RemoveMember { group, member });
                    return;
                }
                let (id, kind) = (Uuid::from_u128(rng.random()), MemberKind::Unknown("somethingNew".into()));
                self.act(Action::CreateOther { id: Some(id), kind, display_name: "Strange".to_owned() });
                self.act(Action::AddMember { group: group.id, member: id });
            }
            _ => {
                self.act(Action::ConsentScopes { scopes: BTreeSet::from(["Member.Read.Hidden".to_owned()]) });
                self.act(Action::ExpireAccessTokens { administrator: None });
            }
        }
    }

    /// The index behind the counters lacks some of the latest changes, or has caught up.
    fn let_index_lag(&mut self) {
        let mut rng = self.draw("index lag");
        let changes = if rng.random_ratio(1, 3) { rng.random_range(1..6) } else { 0 };
        if changes > 0 || self.lags {
            self.lags = changes > 0;
            self.act(Action::SetIndexLag { changes });
        }
    }

    async fn run(&mut self) -> Value {
        let run = self.lab.run().await;
        let truth = self.lab.world.tenant.truth();
        if is_settled(&run) {
            self.read = facts(&truth);
        }
        if run["state"] == "succeeded" {
            let users = truth.users.iter().filter(|user| user.deleted.is_some()).map(|user| user.id);
            let groups = truth.groups.iter().filter(|group| group.deleted.is_some()).map(|group| group.id);
            self.seen_deleted = users.chain(groups).collect();
        }
        self.say(format!("run: {} {} {} {}", run["state"], run["reading"], run["failure"]["code"], run["gaps"]));
        run
    }

    /// Somebody, or a group, is deleted or comes back, and memberships change just before, meanwhile or just after.
    fn leave_or_return(&self) {
        let truth = self.lab.world.tenant.truth();
        let staff = self.lab.world.ordinary_users();
        let groups = self.live_groups();
        let in_bin = |deletion: Option<Deletion>| deletion == Some(Deletion::Soft);
        let users_in_bin = truth.users.iter().filter(|user| in_bin(user.deleted)).map(|user| user.id);
        let groups_in_bin = truth.groups.iter().filter(|group| in_bin(group.deleted)).map(|group| group.id);
        let rng = &mut self.draw("who returns");
        let back = users_in_bin.chain(groups_in_bin).choose(rng).filter(|_| rng.random_bool(0.7));
        let Some(id) = back.or_else(|| if rng.random_bool(0.6) { &staff } else { &groups }.choose(rng).copied()) else {
            return;
        };
        // What is deleted and comes back between two runs shows no trace of what it lost meanwhile.
        let may_leave = back.is_none() || self.seen_deleted.contains(&id);
        let change = |rng: &mut StdRng| {
            let holds = |group: &&TrueGroup| group.members.iter().any(|member| member.id == id);
            let leaves = truth.groups.iter().filter(holds).choose(rng).filter(|_| may_leave && rng.random_bool(0.5));
            let joined = groups.choose(rng).copied().filter(|_| rng.random_bool(0.5));
            let inside = staff.choose(rng).copied().filter(|_| rng.random_bool(0.3));
            let leaves = leaves.map(|group| Action::RemoveMember { group: group.id, member: id });
            let joins = joined.map(|group| Action::AddMember { group, member: id });
            let takes_in = inside.map(|member| Action::AddMember { group: id, member });
            leaves.into_iter().chain(joins).chain(takes_in).collect::<Vec<_>>()
        };
        let (before, after) = (change(rng), change(rng));
        for action in before {
            self.act(action);
        }
        if back.is_some() {
            self.act(Action::Restore { id });
            for action in after {
                self.act(action);
            }
        } else {
            self.act(Action::Delete { id });
        }
    }

    /// What the drift does not do, or only seldom.
    fn rare_event(&self) {
        let truth = self.lab.world.tenant.truth();
        let groups = self.live_groups();
        let mut rng = self.draw("kind of rare event");
        let in_bin = |deletion: Option<Deletion>| deletion == Some(Deletion::Soft);
        match rng.random_range(0..9) {
            0 => {
                // Many leave at once: more than the safety limit lets go.
                for user in self.lab.world.ordinary_users().into_iter().take(rng.random_range(3..9)) {
                    self.act(Action::Delete { id: user });
                }
            }
            1 => {
                let gone = truth.users.iter().filter(|user| in_bin(user.deleted)).choose(&mut rng);
                if let Some(user) = gone {
                    self.act(Action::Purge { id: user.id });
                }
            }
            2 => {
                if let Some(id) = groups.choose(&mut rng).copied() {
                    self.act(Action::Delete { id });
                }
            }
            3 => {
                let gone = truth.groups.iter().filter(|group| in_bin(group.deleted)).choose(&mut rng);
                if let Some(group) = gone {
                    self.act(Action::Restore { id: group.id });
                }
            }
            4 => {
                let group = Uuid::from_u128(rng.random());
                let hidden = NewGroup {
                    id: Some(group),
                    hidden: true,
                    ..NewGroup::named("Secret Circle", GroupKind::Microsoft365)
                };
                self.act(Action::CreateGroup(hidden));
                for member in self.lab.world.ordinary_users().into_iter().take(2) {
                    self.act(Action::AddMember { group, member });
                }
            }
            5 => {
                for _ in 0..2 {
                    if let Some([group, member]) = groups.choose_multiple_array(&mut rng) {
                        self.act(Action::AddMember { group, member });
                    }
                }
            }
            6 => {
                let answer = DeltaReset::ResyncRequired;
                self.act(Action::ResetDelta { answer });
            }
            7 => {
                self.act(Action::ExpireAccessTokens { administrator: None });
            }
            _ => {
                let (list_default, list_max) = (rng.random_range(2..6), rng.random_range(2..9));
                let (delta_objects, delta_members) = (rng.random_range(1..5), rng.random_range(1..5));
                let paging = Paging { list_default, list_max, delta_objects, delta_members };
                self.act(Action::SetPaging { paging });
            }
        }
    }

    async fn change_settings(&mut self) {
        let groups = self.live_groups();
        let mut rng = self.draw("settings");
        let mut listed = |chance| {
            let how_many = if rng.random_bool(chance) { rng.random_range(1..3) } else { 0 };
            groups.choose_multiple(&mut rng, how_many).copied().collect::<Vec<_>>()
        };
        let (allowed, ignored) = (listed(0.3), listed(0.5));
        // Settings that list groups but leave all groups out are refused.
        let sync_groups = rng.random_bool(0.7) || !allowed.is_empty() || !ignored.is_empty();
        let prefixes: &[&str] = if rng.random_ratio(1, 4) { &["Team ", "ssh-"] } else { &[] };
        self.settings = json!({
            "sync_users": true,
            "sync_groups": sync_groups,
            "sync_groups_without_email": rng.random_bool(0.7),
            "group_prefixes": prefixes,
            "nested_groups": rng.random_bool(0.5),
            "allowed_groups": allowed,
            "ignored_groups": ignored,
        });
        self.say(format!("settings: {}", self.settings));
        self.lab.change_settings(&self.settings).await;
    }

    /// The weather is fine, nobody changes anything, holds are approved: now everything is as it should be, and stays.
    async fn end(mut self) {
        self.say("the end begins");
        if self.lags {
            self.act(Action::SetIndexLag { changes: 0 });
        }
        let mut run = self.run().await;
        for _ in 0..MOST_LAST_RUNS {
            match run["state"].as_str().unwrap() {
                "held" => {
                    self.lab.world.approve(&run).await;
                    run = self.run().await;
                }
                _ if is_settled(&run) => break,
                _ => run = self.run().await,
            }
        }
        assert!(is_settled(&run), "{run:#}");
        self.lab.world.check(&self.settings).await;
        self.lab.assert_idle().await;
        if self.draws.topic("last look", 0).random_ratio(1, 4) {
            // What the changes have led to is what a look at everything finds. It may write: a run that reads everything forgets
            // the memberships of users who were deleted before they were ever seen.
            self.act(Action::ResetDelta { answer: DeltaReset::StateNotFoundGone });
            let published = self.lab.statuses().await;
            self.run().await;
            assert_eq!(self.lab.statuses().await, published);
            self.lab.world.check(&self.settings).await;
            coherence::check(&self.lab.world.stack.store, self.lab.directory()).await;
            self.lab.assert_idle().await;
        }
    }
}

fn is_strange(kind: &MemberKind) -> bool {
    matches!(kind, MemberKind::Unknown(_))
}

/// What runs say of members who stay unknown however often they are read.
const LASTING: [&str; 2] = ["the group hides its members", "a member of a kind that this version does not know"];

/// True for a run after which nothing is left to do but for what nobody can read.
fn is_settled(run: &Value) -> bool {
    let gaps = run["gaps"].as_array().unwrap();
    let lasts = |gap: &Value| LASTING.iter().any(|cause| gap.as_str().unwrap().contains(cause));
    matches!(run["state"].as_str().unwrap(), "succeeded" | "completed_with_gaps") && gaps.iter().all(lasts)
}
