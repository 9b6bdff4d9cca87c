//! Deciding a million users, each in ten groups: `cargo bench --workspace --bench filter`.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a bench may stop where it cannot be set up")]

use std::collections::{BTreeMap, BTreeSet};
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use serde_json::json;
use shared::directory::{GroupId, Membership, ObjectId};
use shared::filter::{GroupNode, Policy, Reach, UserFacts, decide_user};
use uuid::Uuid;

const USERS: usize = 1_000_000;
const GROUPS: usize = 20_000;
const GROUPS_OF_A_USER: usize = 10;

/// Ids far apart, as Microsoft's are.
fn group(number: usize) -> GroupId {
    let number = number as u128 + 1;
    ObjectId::from(Uuid::from_u128(number.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835))).into()
}

fn filter(bench: &mut Criterion) {
    let groups: Vec<GroupId> = (0..GROUPS).map(group).collect();
    let users: Vec<BTreeSet<GroupId>> = (0..USERS)
        .map(|user| (0..GROUPS_OF_A_USER).map(|n| groups[(user * 7 + n * 1_999) % GROUPS].clone()).collect())
        .collect();
    let children: BTreeMap<&GroupId, BTreeSet<GroupId>> =
        groups.iter().enumerate().map(|(n, id)| (id, groups.get(n + 1).cloned().into_iter().collect())).collect();
    let membership = Membership::Known;
    let node = |id: &GroupId| children.get(id).map(|children| GroupNode { present: true, children, membership });

    let mut bench = bench.benchmark_group("a million users of ten groups");
    bench.throughput(Throughput::Elements(USERS as u64)).sample_size(10);
    let listed =
        |from: usize, number: usize| groups[from..from + number].iter().map(ToString::to_string).collect::<Vec<_>>();
    for (name, allowed, ignored, nested) in [
        ("nobody is left out", vec![], vec![], false),
        ("three allowed groups, three ignored", listed(0, 3), listed(10_000, 3), false),
        ("two hundred allowed, two hundred ignored", listed(0, 200), listed(10_000, 200), false),
        ("nested groups reach all", listed(0, 1), listed(19_000, 1), true),
    ] {
        let settings = json!({
            "sync_users": true, "sync_groups": true, "nested_groups": nested,
            "allowed_groups": allowed, "ignored_groups": ignored,
        });
        let policy = Policy::parse(&settings).unwrap();
        let reach = Reach::compute(&policy, node);
        bench.bench_function(name, |bench| {
            bench.iter(|| {
                let decide = |groups| {
                    let facts = UserFacts { deleted: false, account_enabled: Some(true), groups, earlier: None };
                    decide_user(&policy, &reach, facts)
                };
                users.iter().filter(|groups| decide(black_box(groups)).is_active()).count()
            });
        });
    }
    bench.finish();
}

criterion_group!(benches, filter);
criterion_main!(benches);
