//! What is measured.

use std::time::{Duration, Instant};

use local::lambda::Function;
use serde_json::json;
use shared::sync::{RunState, Trigger};
use tenant::{Action, DeltaReset, Fault, Matcher, NewUser, Throttle, What};
use uuid::Uuid;

use crate::binaries::{self, FUNCTIONS};
use crate::report::{Report, thousands};
use crate::world::{Measured, Size, World, everything};

/// Objects on a page.
const PAGE: usize = 999;
const MB: f64 = 1024.0 * 1024.0;

fn pages(objects: usize) -> usize {
    objects.div_ceil(PAGE).max(1)
}

fn seconds(duration: Duration) -> String {
    if duration < Duration::from_secs(1) {
        format!("{} ms", duration.as_millis())
    } else {
        format!("{:.1} s", duration.as_secs_f64())
    }
}

/// Memberships of users.
fn memberships(world: &World) -> usize {
    world.tenant.truth().groups.iter().map(|group| group.members.len()).sum()
}

pub async fn full(report: &mut Report, size: Size) {
    eprintln!("A full sync");
    let (world, run) = World::synced(size).await;
    let truth = world.tenant.truth();
    let (users, groups) = (truth.users.len(), truth.groups.len());
    // Lists of members that are empty, or have several pages, are compared with two counters.
    let of_members = |members: usize| pages(members) + if (1..=999).contains(&members) { 0 } else { 2 };
    let most = pages(users)
        + pages(groups)
        + truth.groups.iter().map(|group| of_members(group.members.len())).sum::<usize>()
        + 6;
    let asked = run.graph.graph_requests as usize;
    let name = format!(
        "full sync, {} users, {groups} groups, {} memberships",
        thousands(users as u64),
        thousands(memberships(&world) as u64)
    );
    report.goal("full", format!("{name}: Graph requests"), format!("at most {most}"), asked, asked <= most);
    let per_user =
        (run.table.put_units["users"] + run.table.put_units["indexes"] + run.table.put_units["log"]) / users as f64;
    report.goal(
        "full",
        "write units per user, with its indexes and the log",
        "at most 1.2",
        format!("{per_user:.2}"),
        per_user <= 1.2,
    );
    let per_membership = run.table.put_units["members"] / memberships(&world) as f64;
    report.goal(
        "full",
        "write units per membership",
        "at most 0.1",
        format!("{per_membership:.3}"),
        per_membership <= 0.1,
    );
    report.tell("full", "write units in all", thousands(run.table.write_units as u64));
    report.tell("full", "requests of DynamoDB", run.table.line());
    report.tell(
        "full",
        "duration, peak memory",
        format!("{}, {:.0} MB", seconds(run.took), run.peak_memory as f64 / MB),
    );
    report.data.insert("full".to_owned(), units(&run, users));
}

/// The counters that the costs are worked out from.
fn units(run: &Measured, users: usize) -> serde_json::Value {
    json!({
        "users": users, "seconds": run.took.as_secs_f64(), "graph_requests": run.graph.graph_requests,
        "resource_units": run.graph.resource_units, "dynamodb_requests": run.table.total(), "read_units": run.table.read_units,
        "write_units": run.table.write_units, "put_units": run.table.put_units, "items_written": run.table.items_written, "items_read": run.table.items_read,
        "peak_memory": run.peak_memory,
    })
}

pub async fn idle(report: &mut Report, size: Size) {
    eprintln!("A run without changes");
    let (world, _) = World::synced(size).await;
    let run = world.run(Trigger::Schedule).await;
    assert_eq!(run.run.state, RunState::Succeeded, "{:?}", run.run);
    let asked = run.graph.graph_requests;
    report.goal("idle", "nothing has changed: Graph requests", 2, asked, asked == 2);
    report.goal(
        "idle",
        "requests of DynamoDB",
        "at most 8",
        format!("{}: {}", run.table.total(), run.table.line()),
        run.table.total() <= 8,
    );
    let written = run.run.effort.items_written;
    report.goal("idle", "records of users or groups written", 0, written, written == 0);
    report.tell("idle", "read and write units", format!("{} and {}", run.table.read_units, run.table.write_units));
    report.tell("idle", "duration", seconds(run.took));
    report.data.insert("idle".to_owned(), units(&run, size.users));
}

/// The `number`-th of some users whose ids are evenly apart, so that they are far from each other in a tenant of any size.
fn apart(number: u128) -> Uuid {
    Uuid::from_u128(u128::MAX / (CHANGES + 1) * number)
}

const CHANGES: u128 = 20;

/// The same changes, and what else a month is made of, in tenants of different sizes.
pub async fn changes(report: &mut Report, most_users: usize) {
    let mut all = Vec::new();
    let mut sizes = Vec::new();
    for users in [most_users / 100, most_users / 10, most_users] {
        let size = Size { users, groups: (users / 10).max(10), members: 10 };
        let (world, first) = World::synced(size).await;
        for number in 1..=CHANGES {
            let new = NewUser { id: Some(apart(number)), ..NewUser::named(format!("New {number}")) };
            world.tenant.apply(Action::CreateUser(new)).unwrap();
        }
        world.run(Trigger::Schedule).await;
        let idle = world.run(Trigger::Schedule).await;
        let tick = world.tick().await;
        for number in 1..=CHANGES {
            let display_name = format!("Renamed {number}");
            world.tenant.apply(Action::Rename { id: apart(number), display_name }).unwrap();
        }
        let run = world.run(Trigger::Schedule).await;
        assert_eq!(u128::from(run.run.changes.users_changed), CHANGES);
        report.tell(
            "changes",
            format!("{CHANGES} changes among {} users", thousands(users as u64)),
            format!(
                "{} Graph requests, {} requests of DynamoDB, {} items read, {} written, {} read units, {} write units, {}",
                run.graph.graph_requests,
                run.table.total(),
                run.table.items_read,
                run.table.items_written,
                run.table.read_units,
                run.table.write_units,
                seconds(run.took),
            ),
        );
        all.push([
            u64::from(run.graph.graph_requests),
            run.table.total(),
            run.table.items_read,
            run.table.items_written,
        ]);
        world.tenant.apply(Action::ResetDelta { answer: DeltaReset::ResyncRequired }).unwrap();
        let reconciliation = world.run(Trigger::Schedule).await;
        assert_eq!(reconciliation.run.effort.items_written, 0);
        report.tell(
            "changes",
            format!("reading and comparing {} users, nothing new", thousands(users as u64)),
            format!(
                "{} Graph requests, {} read units, {}, {:.0} MB resident",
                reconciliation.graph.graph_requests,
                reconciliation.table.read_units,
                seconds(reconciliation.took),
                reconciliation.peak_memory as f64 / MB
            ),
        );
        sizes.push(json!({
            "users": users, "first": units(&first, users), "idle": units(&idle, users), "tick": tick, "changes": units(&run, users),
            "reconciliation": units(&reconciliation, users),
        }));
    }
    report.data.insert("sizes".to_owned(), sizes.into());
    let spread = (0..4)
        .map(|figure| {
            let of = all.iter().map(|one| one[figure]);
            let (least, most) = (of.clone().min().unwrap(), of.max().unwrap());
            (most - least) as f64 / most as f64
        })
        .fold(0.0, f64::max);
    report.goal(
        "changes",
        "largest difference of requests and items between the sizes",
        "at most 10 %",
        format!("{:.0} %", spread * 100.0),
        spread <= 0.1,
    );
}

pub async fn settings(report: &mut Report, size: Size) {
    eprintln!("A change of the settings");
    let (world, _) = World::synced(size).await;
    let groups = world.tenant.truth().groups;
    let is_usual = |group: &&tenant::TrueGroup| group.deleted.is_none() && !group.hidden && group.members.len() < PAGE;
    let group = groups.iter().filter(is_usual).max_by_key(|group| group.members.len()).unwrap();
    let mut settings = everything();
    settings["ignored_groups"] = json!([group.id]);
    world.change_settings(&settings).await;
    let run = world.run(Trigger::Settings).await;
    assert_eq!(run.run.state, RunState::Succeeded, "{:?}", run.run);
    let asked = run.graph.graph_requests;
    report.goal("settings", "a group is ignored from now on: Graph requests", 0, asked, asked == 0);
    let (changed, written) = (run.run.changes.users_changed, run.run.effort.items_written);
    report.goal(
        "settings",
        "items written",
        format!("at most the {changed} users that change"),
        written,
        written <= changed,
    );
    report.tell("settings", "duration", seconds(run.took));
}

pub async fn throttled(report: &mut Report, size: Size) {
    const LATENCY: Duration = Duration::from_millis(150);
    eprintln!("A full sync with 150 ms for each request and the limits of a large tenant");
    let world = World::authorized(size, |options| options.throttle = Throttle::Large).await;
    world.tenant.inject(Fault::new(Matcher::any(), What::Delay { milliseconds: 150 }));
    let run = world.first_run().await;
    assert_eq!(run.run.failure, None);
    let truth = world.tenant.truth();
    let throttle_floor = Duration::from_secs_f64(f64::from(run.graph.resource_units) / 800.0);
    // A token; the latest links; the lists, of which groups' members follow the groups; the changes since.
    let longest = truth.groups.iter().map(|group| pages(group.members.len())).max().unwrap_or(1);
    let chain = 1 + 1 + pages(truth.users.len()).max(pages(truth.groups.len()) + longest) + 1;
    let latency_floor = LATENCY * u32::try_from(chain).unwrap();
    let floor = throttle_floor.max(latency_floor);
    let ratio = run.took.as_secs_f64() / floor.as_secs_f64();
    report.goal(
        "throttled",
        format!(
            "full sync of {} users at 150 ms a request under the limits of a large tenant",
            thousands(size.users as u64)
        ),
        format!(
            "within 1.5 of {} (limits {}, latency {})",
            seconds(floor),
            seconds(throttle_floor),
            seconds(latency_floor)
        ),
        format!(
            "{}, {ratio:.2} of it, {} requests, {} answered 429",
            seconds(run.took),
            run.graph.graph_requests,
            run.graph.throttled
        ),
        ratio <= 1.5,
    );
}

pub async fn scale(report: &mut Report, most_users: usize) {
    let mut points = Vec::new();
    for users in [most_users / 100, most_users / 20, most_users / 10, most_users / 4, most_users] {
        let size = Size { users, groups: (users / 10).max(10), members: 100.min(users / 20) };
        let world = World::authorized(size, |_| {}).await;
        let run = world.first_run().await;
        assert_eq!(run.run.failure, None);
        let memory = run.peak_memory;
        report.tell(
            "scale",
            format!(
                "full sync of {} users, {} groups, {} memberships",
                thousands(users as u64),
                thousands(size.groups as u64),
                thousands(memberships(&world) as u64)
            ),
            format!(
                "{}, {:.0} MB resident, {:.0} µs and {:.0} bytes a user, {} invocations",
                seconds(run.took),
                memory as f64 / MB,
                run.took.as_micros() as f64 / users as f64,
                memory as f64 / users as f64,
                run.run.attempts,
            ),
        );
        points.push((users, run.took.as_secs_f64(), memory));
        if users == most_users {
            world.tenant.apply(Action::ResetDelta { answer: DeltaReset::ResyncRequired }).unwrap();
            let again = world.run(Trigger::Schedule).await;
            assert_eq!(again.run.effort.items_written, 0);
            let megabytes = again.peak_memory as f64 / MB;
            report.goal(
                "scale",
                format!("reading everything again, {} users: resident memory", thousands(users as u64)),
                "at most 512 MB",
                format!("{megabytes:.0} MB, {}", seconds(again.took)),
                megabytes <= 512.0,
            );
        }
    }
    let (_, _, memory) = points[4];
    let megabytes = memory as f64 / MB;
    report.goal(
        "scale",
        format!("{} users: resident memory", thousands(most_users as u64)),
        "at most 512 MB",
        format!("{megabytes:.0} MB"),
        megabytes <= 512.0,
    );
    let ratio = |value: fn(&(usize, f64, u64)) -> f64| {
        (value(&points[4]) / points[4].0 as f64) / (value(&points[2]) / points[2].0 as f64)
    };
    let (time, memory) = (ratio(|point| point.1), ratio(|point| point.2 as f64));
    report.goal(
        "scale",
        format!("time and memory for each user, against {} users", thousands(points[2].0 as u64)),
        "at most 1.5 times as much",
        format!("{time:.2} and {memory:.2} times"),
        time <= 1.5 && memory <= 1.5,
    );
    report.data.insert(
        "scale".to_owned(),
        points
            .iter()
            .map(|(users, seconds, memory)| json!({"users": users, "seconds": seconds, "memory": memory}))
            .collect(),
    );
}

pub async fn startup(report: &mut Report) {
    const STARTS: usize = 21;
    let world = World::authorized(Size { users: 20, groups: 5, members: 3 }, |_| {}).await;
    for name in FUNCTIONS {
        let path = binaries::path(name);
        let size = std::fs::metadata(&path).unwrap().len() as f64 / MB;
        let zip = std::env::temp_dir().join(format!("bench-{}-{name}.zip", std::process::id()));
        let zipped = std::process::Command::new("python3").args(["-m", "zipfile", "-c"]).arg(&zip).arg(&path).status();
        let zipped =
            zipped.is_ok_and(|status| status.success()).then(|| std::fs::metadata(&zip).unwrap().len() as f64 / MB);
        // It may not have been made.
        let _ = std::fs::remove_file(&zip);
        let mut starts = Vec::new();
        for _ in 0..STARTS {
            let began = Instant::now();
            let function = Function::start(&path, world.environment()).await.unwrap();
            function.polled().await;
            starts.push(began.elapsed());
        }
        starts.sort();
        let median = starts[STARTS / 2];
        let zip =
            zipped.map_or_else(|| "not zipped, there is no Python".to_owned(), |zip| format!("{zip:.1} MB zipped"));
        report.goal(
            "startup",
            format!("`{name}`: binary, and start to first poll"),
            "at most 12 MB, 5 MB zipped, 25 ms",
            format!("{size:.1} MB, {zip}, {:.1} ms", median.as_secs_f64() * 1000.0),
            size <= 12.0 && zipped.is_none_or(|zip| zip <= 5.0) && median <= Duration::from_millis(25),
        );
    }
}
