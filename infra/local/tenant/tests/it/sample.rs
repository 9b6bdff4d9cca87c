//! Sample tenants and their drift.

use std::collections::BTreeSet;

use rand::{SeedableRng, rngs::StdRng};
use tenant::{ALL_EMPLOYEES, GroupKind, MEETING_ROOMS, SERVICE_ACCOUNTS, Sample, Tenant};

use crate::client::start;

#[test]
fn a_seed_makes_the_same_tenant_each_time() {
    let sample = Sample::default();
    assert_eq!(Tenant::sample(&sample).truth(), Tenant::sample(&sample).truth());
    assert_ne!(Tenant::sample(&sample).truth(), Tenant::sample(&Sample { seed: 2, ..sample }).truth());
}

#[test]
fn a_sample_has_a_bit_of_everything() {
    let truth = Tenant::sample(&Sample::default()).truth();
    let live: Vec<_> = truth.users.iter().filter(|user| user.deleted.is_none()).collect();
    assert_eq!((live.len(), truth.groups.len()), (250, 40));
    assert!(live.iter().any(|user| !user.enabled));
    assert!(live.iter().any(|user| user.guest));
    assert!(live.iter().any(|user| user.mail.is_none()));
    assert!(truth.users.iter().any(|user| user.deleted.is_some()));
    for kind in [GroupKind::Microsoft365, GroupKind::Security, GroupKind::MailEnabledSecurity, GroupKind::Distribution]
    {
        assert!(truth.groups.iter().any(|group| group.kind == kind), "{kind:?}");
    }
    for prefix in ["VPN ", "SSH-", "Team "] {
        assert!(truth.groups.iter().filter(|group| group.display_name.starts_with(prefix)).count() > 1);
    }
    for name in [ALL_EMPLOYEES, SERVICE_ACCOUNTS, MEETING_ROOMS] {
        assert!(truth.groups.iter().any(|group| group.display_name == name && !group.members.is_empty()), "{name}");
    }
    assert!(truth.groups.iter().any(|group| group.hidden && !group.members.is_empty()));
    let groups: BTreeSet<_> = truth.groups.iter().map(|group| group.id).collect();
    assert!(truth.groups.iter().any(|group| group.members.iter().any(|member| groups.contains(&member.id))));
}

#[test]
fn a_large_sample_has_about_as_many_memberships_as_asked_for() {
    let truth = Tenant::sample(&Sample { users: 10_000, groups: 1_000, ..Sample::default() }).truth();
    let memberships: usize = truth.groups.iter().map(|group| group.members.len()).sum();
    assert_eq!(truth.groups.len(), 1_000);
    assert!((41_000..51_000).contains(&memberships), "{memberships}");
}

#[tokio::test]
async fn drift_is_the_same_for_the_same_seed_and_spares_administrators() {
    let sample = Sample::default();
    let (one, other) = (start(&sample, |_| ()).await, start(&sample, |_| ()).await);
    let before = one.tenant.administrators();
    let changes = one.tenant.drift(&mut StdRng::seed_from_u64(3), 200);
    assert_eq!(changes.len(), 200);
    assert_eq!(changes, other.tenant.drift(&mut StdRng::seed_from_u64(3), 200));
    assert_eq!(one.tenant.truth(), other.tenant.truth());
    assert_eq!(one.tenant.administrators(), before);
}

#[tokio::test]
async fn a_tenant_stops_when_asked() {
    let client = start(&Sample::default(), |_| ()).await;
    client.json("users?$top=1").await;
    client.tenant.shutdown().await;
    let listener = tokio::net::TcpListener::bind(client.tenant.graph_url().trim_start_matches("http://")).await;
    assert!(listener.is_ok());
}
