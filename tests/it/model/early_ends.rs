//! Lists that end early with 200 and an empty page. The model test found each of these once.

use serde_json::{Value, json};
use tenant::{Action, DeltaReset, Fault, GroupKind, Matcher, NewGroup, RequestKind, What};
use uuid::Uuid;

use crate::harness::{everything, small};
use crate::lab::{Lab, tiny};

/// A full run meets one list that ends before it has begun; whatever the run makes of it, the next ones arrive at the truth.
async fn is_not_believed(kind: RequestKind, sample: tenant::Sample) {
    let lab = Lab::start(&sample, |_| {}).await;
    lab.world.authorize().await;
    lab.world.set(everything()).await;
    let before = lab.picture().await;
    lab.world.apply(Action::ResetDelta { answer: DeltaReset::ResyncRequired });
    lab.world.tenant.inject(Fault::new(Matcher::on(kind).nth(1), What::EmptyPageNoLink));
    lab.run().await;
    assert_eq!(lab.statuses().await, before.statuses);
    lab.world.tenant.clear_faults();
    lab.run().await;
    assert_eq!(lab.picture().await, before);
    lab.world.check(&everything()).await;
}

#[tokio::test]
async fn a_list_of_members_that_ends_early_is_not_believed() {
    is_not_believed(RequestKind::Members, small()).await;
}

#[tokio::test]
async fn a_list_of_groups_that_ends_early_is_not_believed() {
    is_not_believed(RequestKind::Groups, small()).await;
}

/// Zero of eight users are within what the counter is allowed to lag behind.
#[tokio::test]
async fn a_first_list_of_users_that_is_empty_is_not_believed() {
    let lab = Lab::start(&tenant::Sample { users: 8, ..tiny() }, |_| {}).await;
    lab.world.tenant.inject(Fault::new(Matcher::on(RequestKind::UsersDelta), What::NonJson));
    lab.world.authorize().await;
    lab.world.set(everything()).await;
    lab.world.tenant.clear_faults();
    lab.world.tenant.inject(Fault::new(Matcher::on(RequestKind::Users).nth(1), What::EmptyPageNoLink));
    lab.run().await;
    lab.world.tenant.clear_faults();
    lab.run().await;
    lab.world.check(&everything()).await;
}

#[tokio::test]
async fn a_last_page_of_users_that_is_missing_is_not_believed() {
    let lab = Lab::start(&tenant::Sample { users: 10, ..tiny() }, |options| options.paging.list_max = 8).await;
    lab.world.authorize().await;
    lab.world.set(everything()).await;
    let before = lab.statuses().await;
    lab.world.apply(Action::ResetDelta { answer: DeltaReset::ResyncRequired });
    lab.world.tenant.inject(Fault::new(Matcher::on(RequestKind::Users).page(2), What::EmptyPageNoLink));
    lab.run().await;
    assert_eq!(lab.statuses().await, before);
}

/// A lab whose first good run is still to come, with a group of three of its staff; the staff, and the group.
async fn before_first_run(bend: impl FnOnce(&mut tenant::Options)) -> (Lab, Uuid) {
    let lab = Lab::start(&tiny(), bend).await;
    let group = create_group(&lab, "Leavers");
    for member in &lab.staff[..3] {
        lab.world.apply(Action::AddMember { group, member: *member });
    }
    lab.world.tenant.inject(Fault::new(Matcher::on(RequestKind::UsersDelta), What::NonJson));
    lab.world.authorize().await;
    lab.world.tenant.clear_faults();
    (lab, group)
}

fn create_group(lab: &Lab, name: &str) -> Uuid {
    lab.world.apply(Action::CreateGroup(NewGroup::named(name, GroupKind::Security))).unwrap()
}

fn ignoring(group: Uuid, nested: bool) -> Value {
    let mut settings = everything();
    settings["ignored_groups"] = json!([group]);
    settings["nested_groups"] = json!(nested);
    settings
}

/// The first run meets a list of members that ends too early, as often as said. Nobody is let in by that, and the next run knows.
async fn first_list_is_not_believed(lab: &Lab, settings: &Value, fault: Fault) -> Value {
    lab.world.tenant.inject(fault);
    lab.change_settings(settings).await;
    let run = lab.run().await;
    let published = lab.statuses().await;
    for member in &lab.staff[..3] {
        assert_ne!(published.get(&member.to_string()).map(String::as_str), Some("active"), "{run:#}");
    }
    lab.world.tenant.clear_faults();
    lab.run().await;
    lab.world.check(settings).await;
    lab.assert_idle().await;
    run
}

#[tokio::test]
async fn empty_first_list_of_ignored_members_is_read_again() {
    let (lab, group) = before_first_run(|_| {}).await;
    let fault = Fault::new(Matcher::on(RequestKind::Members).about(group).nth(1), What::EmptyPageNoLink);
    let run = first_list_is_not_believed(&lab, &ignoring(group, false), fault).await;
    assert_eq!((&run["state"], &run["gaps"]), (&json!("succeeded"), &json!([])));
}

#[tokio::test]
async fn first_list_of_ignored_members_empty_every_time_is_unknown() {
    let (lab, group) = before_first_run(|_| {}).await;
    let fault = Fault::new(Matcher::on(RequestKind::Members).about(group), What::EmptyPageNoLink);
    let run = first_list_is_not_believed(&lab, &ignoring(group, false), fault).await;
    assert_eq!(run["state"], "completed_with_gaps", "{run:#}");
}

/// Asserts that the first run leaves no gap in spite of a fault, and a second one changes nothing.
async fn assert_first_run_is_complete(lab: &Lab) {
    lab.change_settings(&everything()).await;
    let run = lab.run().await;
    assert_eq!((&run["state"], &run["gaps"]), (&json!("succeeded"), &json!([])), "{run:#}");
    lab.world.check(&everything()).await;
    lab.assert_idle().await;
}

/// The settings name no group yet; whoever names this one later relies on what is known of it.
#[tokio::test]
async fn empty_first_list_of_any_group_is_read_again() {
    let (lab, group) = before_first_run(|_| {}).await;
    let fault = Fault::new(Matcher::on(RequestKind::Members).about(group).nth(1), What::EmptyPageNoLink);
    lab.world.tenant.inject(fault);
    assert_first_run_is_complete(&lab).await;
}

#[tokio::test]
async fn first_list_without_last_page_is_read_again() {
    let (lab, group) = before_first_run(|options| options.paging.list_max = 2).await;
    let fault = Fault::new(Matcher::on(RequestKind::Members).about(group).page(2).times(1), What::EmptyPageNoLink);
    lab.world.tenant.inject(fault);
    assert_first_run_is_complete(&lab).await;
}

/// Both readings of the list lack its last page; only the index has the third member. Its own list of groups settles it, and where
/// that ends early as well, it is ignored, since nothing is known of it.
#[tokio::test]
async fn first_list_cut_twice_takes_members_from_the_index() {
    for settled in [true, false] {
        let (lab, group) = before_first_run(|options| options.paging.list_max = 2).await;
        let plain = |nth| Matcher::on(RequestKind::Members).about(group).page(2).nth(nth);
        lab.world.tenant.inject(Fault::new(plain(3), What::EmptyPageNoLink));
        if !settled {
            lab.world.tenant.inject(Fault::new(Matcher::on(RequestKind::GroupsOf), What::EmptyPageNoLink));
        }
        let fault = Fault::new(plain(1), What::EmptyPageNoLink);
        let run = first_list_is_not_believed(&lab, &ignoring(group, false), fault).await;
        assert_eq!(run["state"], if settled { "succeeded" } else { "completed_with_gaps" }, "{run:#}");
    }
}

/// A group has nothing but a group in it. Its list ends early, at first or later: the members of the inner one stay ignored.
#[tokio::test]
async fn list_of_nested_groups_that_ends_early_is_not_believed() {
    let (lab, inner) = before_first_run(|_| {}).await;
    let outer = create_group(&lab, "Outer");
    lab.world.apply(Action::AddMember { group: outer, member: inner });
    let settings = ignoring(outer, true);
    let cut = |nth| Fault::new(Matcher::on(RequestKind::Members).about(outer).nth(nth), What::EmptyPageNoLink);
    first_list_is_not_believed(&lab, &settings, cut(1)).await;

    let before = lab.statuses().await;
    lab.world.apply(Action::ResetDelta { answer: DeltaReset::ResyncRequired });
    lab.world.tenant.inject(cut(1));
    lab.run().await;
    assert_eq!(lab.statuses().await, before);
    lab.world.tenant.clear_faults();
    lab.run().await;
    lab.world.check(&settings).await;
    lab.assert_idle().await;
}
