//! Reading full pages of Graph, at once and with care: `cargo bench --workspace --bench pages`.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use serde_json::{Value, json};
use shared::graph::bench;
use uuid::Uuid;

/// Objects of a page, as many as Graph gives.
const OBJECTS: usize = 999;

fn id(number: usize) -> Uuid {
    Uuid::from_u128((number as u128 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835))
}

/// A user as most are: all properties that are asked for, some of them without a value.
fn user(number: usize) -> Value {
    let name = format!("given.surname{number}@contoso.example");
    json!({
        "id": id(number), "accountEnabled": true, "displayName": format!("Given Surname {number}"), "givenName": "Given",
        "surname": format!("Surname {number}"), "userPrincipalName": name, "mail": name,
        "proxyAddresses": [format!("SMTP:{name}"), format!("smtp:alias{number}@contoso.example")],
        "onPremisesSamAccountName": null, "employeeId": number.to_string(), "jobTitle": "Engineer",
        "department": "Research and Development", "companyName": null, "userType": "Member",
    })
}

fn member(number: usize) -> Value {
    json!({ "@odata.type": "#microsoft.graph.user", "id": id(number) })
}

fn page(object: fn(usize) -> Value) -> Vec<u8> {
    let objects: Vec<Value> = (0..OBJECTS).map(object).collect();
    let next = format!("https://graph.microsoft.com/v1.0/users?$skiptoken={}", "x".repeat(400));
    json!({ "@odata.nextLink": next, "value": objects }).to_string().into_bytes()
}

fn pages(criterion: &mut Criterion) {
    let (users, members) = (page(user), page(member));
    assert_eq!([bench::users(&users), bench::users_with_care(&users)], [OBJECTS; 2]);
    assert_eq!([bench::members(&members), bench::members_with_care(&members)], [OBJECTS; 2]);
    let mut group = criterion.benchmark_group("a full page");
    group.throughput(Throughput::Elements(OBJECTS as u64));
    group.bench_function("of users", |timer| timer.iter(|| bench::users(black_box(&users))));
    group.bench_function("of users, with care", |timer| timer.iter(|| bench::users_with_care(black_box(&users))));
    group.bench_function("of members", |timer| timer.iter(|| bench::members(black_box(&members))));
    group.bench_function("of members, with care", |timer| timer.iter(|| bench::members_with_care(black_box(&members))));
    group.finish();
}

criterion_group!(benches, pages);
criterion_main!(benches);
