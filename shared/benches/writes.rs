//! Planning what a run writes, for 100,000 users in ten groups each, and packing it into items:
//! `cargo bench --workspace --bench writes`.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a bench may stop where it cannot be set up")]

#[path = "../tests/memory/tenant.rs"]
mod tenant;

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use serde_json::json;
use shared::directory::{Patch, UserId, UserPatch};
use shared::dynamodb::bench as dynamodb;
use shared::filter::Policy;
use shared::sync::bench::Subject;

use crate::tenant::Tenant;

const TENANT: Tenant = Tenant { users: 100_000, groups: 10_000, groups_of_a_user: 10 };

fn plan(criterion: &mut Criterion) {
    let (users, groups) = (TENANT.user_records(), TENANT.group_records());
    let everybody = Policy::parse(&json!({"sync_users": true, "sync_groups": true})).unwrap();
    let ignored: Vec<String> = groups.iter().take(100).map(|group| group.id.to_string()).collect();
    let fewer = Policy::parse(&json!({"sync_users": true, "sync_groups": true, "ignored_groups": ignored})).unwrap();

    let mut everything_new = Subject::known(Vec::new(), Vec::new());
    for user in &users {
        let patch = UserPatch { display_name: Patch::Set("Kim".into()), ..UserPatch::default() };
        everything_new.see_user(user.id.clone(), patch);
        for group in &user.groups {
            everything_new.see_member(group, &user.id, false);
        }
    }
    let as_it_was = Subject::known(users.clone(), groups.clone());
    let mut some_new = Subject::known(users.clone(), groups);
    for user in users.iter().step_by(100) {
        let patch = UserPatch { job_title: Patch::Set("Engineer of the month".into()), ..UserPatch::default() };
        some_new.see_user(user.id.clone(), patch);
        some_new.see_member(user.groups.first().unwrap(), &user.id, true);
    }

    let mut bench = criterion.benchmark_group("a plan for 100,000 users");
    bench.throughput(Throughput::Elements(TENANT.users as u64)).sample_size(10);
    for (name, subject, policy) in [
        ("all of them new", &everything_new, &everybody),
        ("nothing new", &as_it_was, &everybody),
        ("one in a hundred changed", &some_new, &everybody),
        ("a hundred groups ignored from now on", &as_it_was, &fewer),
    ] {
        bench.bench_function(name, |timer| timer.iter(|| black_box(subject).plan(policy)));
    }
    bench.finish();
}

fn packing(criterion: &mut Criterion) {
    let users = TENANT.user_records();
    // As many as an item has, and about as many as a large tenant has in one shard.
    for number in [8, 8_000] {
        let users = &users[..number];
        let ids: Vec<UserId> = users.iter().map(|user| user.id.clone()).collect();
        let mut bench = criterion.benchmark_group(format!("packing {number}"));
        bench.throughput(Throughput::Elements(number as u64)).sample_size(20);
        bench.bench_function("users", |timer| timer.iter(|| dynamodb::pack_users(black_box(users))));
        bench.bench_function("members", |timer| timer.iter(|| dynamodb::pack_members(black_box(&ids))));
        bench.finish();
    }
}

criterion_group!(benches, plan, packing);
criterion_main!(benches);
