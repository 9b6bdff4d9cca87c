//! Lists that end early with 200 and an empty page. The model test found each of these once.

use tenant::{Action, DeltaReset, Fault, Matcher, RequestKind, What};

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
