//! A run of one directory, from the lease to the record.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures::future::{Either, select};
use jiff::Timestamp;

use super::changes::NetChanges;
use super::error::RunError;
use super::guard::SafetyLimit;
use super::known::{Known, reach};
use super::plan::{Plan, next_groups, plan};
use super::progress::{Progress, ProgressSink};
use super::read;
use super::record::{FullReason, Reading as ReadingKind, Run, RunId, RunRequest, RunState};
use super::source::{OpenTenant, SourceError, TenantSource};
use crate::clock::Clock;
use crate::directory::{Directory, DirectoryCounts, GroupId, Published, UserId};
use crate::store::{DirectoryStore, Lease, Leased, MirrorStore, Publication, RunStore, StoreError, SyncState};
use crate::telemetry::chain;

/// How long a lease lasts without being renewed: what a run that died keeps others waiting.
const LEASE: Duration = Duration::from_secs(90);
/// How often a lease is renewed.
const RENEWAL: Duration = Duration::from_secs(30);
/// How many changes are written between two signs of life.
const WRITES_AT_ONCE: usize = 500;
/// How many gaps or warnings a record names; the rest is counted.
const MAX_NOTES: usize = 50;

/// What a run needs of the world.
#[derive(Clone)]
pub struct Ports {
    /// The directories.
    pub directories: Arc<dyn DirectoryStore>,
    /// The mirror and the published state.
    pub mirror: Arc<dyn MirrorStore>,
    /// The records of runs.
    pub runs: Arc<dyn RunStore>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Who watches.
    pub progress: Arc<dyn ProgressSink>,
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Handled {
    /// The run has ended, well or not.
    Ended {
        /// Its record, which says how.
        run: Box<Run>,
        /// The run that waited for it to end.
        next: Option<RunId>,
    },
    /// There is nothing (left) to do: the run is unknown or has ended before.
    Nothing,
    /// Another run of the directory is at work: ask again then.
    Busy {
        /// When the other one's lease runs out at the latest.
        until: Timestamp,
    },
}

/// Performs a requested run, which stops by itself at `stop_at`. Delivering the same request again does nothing once the run has ended.
///
/// # Errors
/// Only when the run's record itself cannot be read or written; everything else is in the record.
pub async fn perform(
    ports: &Ports,
    tenants: &dyn OpenTenant,
    limit: SafetyLimit,
    request: &RunRequest,
    stop_at: Timestamp,
) -> Result<Handled, StoreError> {
    let Some(mut run) = ports.runs.run(request.directory, request.run).await? else { return Ok(Handled::Nothing) };
    if run.state.is_final() {
        return Ok(Handled::Nothing);
    }
    let now = ports.clock.now();
    let (lease, state) = match ports.mirror.acquire_lease(request.directory, run.id, now, now + LEASE).await? {
        Leased::Taken(lease, state) => (lease, state),
        Leased::Held { until } => return Ok(Handled::Busy { until }),
    };
    tracing::info!(trigger = ?run.trigger, "the run begins");
    run.state = RunState::Running;
    run.started_at = Some(now);
    ports.runs.save_run(&run).await?;

    let source = tenants.open(&run, stop_at);
    let outcome = while_leased(ports, &lease, sync(ports, source.as_ref(), limit, &lease, state, &mut run)).await;
    if let Err(error) = outcome {
        tracing::warn!(error = chain(&error), "the run failed");
        run.state = RunState::Failed;
        run.failure = Some(error.failure());
    }
    run.finished_at = Some(ports.clock.now());
    run.credential = source.credential();
    let effort = source.effort();
    run.effort.graph_requests = effort.graph_requests;
    run.effort.pages = effort.pages;
    run.effort.throttled = effort.throttled;
    run.effort.resource_units = effort.resource_units;
    run.effort.waited_ms = effort.waited_ms;
    ports.runs.save_run(&run).await?;
    let next = ports.mirror.release_lease(&lease).await?;
    Ok(Handled::Ended { run: Box::new(run), next })
}

/// Works and renews the lease side by side. When the lease is lost the work is dropped where it stands.
async fn while_leased(
    ports: &Ports,
    lease: &Lease,
    work: impl Future<Output = Result<(), RunError>>,
) -> Result<(), RunError> {
    let renewals = async {
        loop {
            ports.clock.sleep(RENEWAL).await;
            match ports.mirror.renew_lease(lease, ports.clock.now() + LEASE).await {
                // The next renewal comes well before the lease runs out, and every write is fenced anyway.
                Ok(()) | Err(StoreError::Unavailable(_)) => {}
                Err(error) => return error,
            }
        }
    };
    match select(Box::pin(work), Box::pin(renewals)).await {
        Either::Left((outcome, _)) => outcome,
        Either::Right((error, _)) => Err(error.into()),
    }
}

async fn sync(
    ports: &Ports,
    source: &dyn TenantSource,
    limit: SafetyLimit,
    lease: &Lease,
    state: SyncState,
    run: &mut Run,
) -> Result<(), RunError> {
    let directory = ports.directories.directory(lease.directory).await?.ok_or(RunError::NoDirectory)?;
    let mut known = Known::default();
    if !directory.settings_are_published() {
        // Everybody has to be decided anew.
        load_everything(ports, lease, &mut known).await?;
    }
    let reading = read(ports, source, lease, &state, &mut known, run).await?;
    ports.progress.report(Progress::Planning);
    let now = ports.clock.now();
    let mut plan = make_plan(ports, lease, &directory, &reading.net, &mut known, now).await?;
    refuse_unreadable_lists(&directory, &known, &reading.unread_groups)?;

    let active = directory.published.as_ref().map_or(0, |published| published.counts.active);
    run.hold = limit.check(&plan, u64::try_from(active).unwrap_or_default(), run.approves_hold.as_deref());
    if run.hold.is_some() {
        plan.hold_deactivations();
    }
    record(run, &plan, &reading);
    let counts = if known.complete { plan.counts } else { sum(base_counts(&directory), plan.counts) };
    let vanished_groups: Vec<GroupId> = plan.vanished_groups.iter().cloned().collect();

    run.effort.items_written = apply(ports, lease, plan).await?;

    run.totals = Some(counts);
    let published = Published {
        run: run.id,
        at: now,
        settings_version: directory.settings_version,
        users: directory.policy.sync_users(),
        counts,
        vanished_groups,
    };
    // Whatever was held or not read is read again next time: the links stay where they were.
    let stay = run.hold.is_some() || !run.gaps.is_empty();
    let links = if stay { state.links.clone() } else { Some(reading.links) };
    ports.mirror.publish(lease, &Publication { from_links: state.links, links, published }).await?;
    Ok(())
}

async fn read(
    ports: &Ports,
    source: &dyn TenantSource,
    lease: &Lease,
    state: &SyncState,
    known: &mut Known,
    run: &mut Run,
) -> Result<read::Reading, RunError> {
    let reason = match &state.links {
        None => FullReason::First,
        Some(links) if links.select != source.select() => FullReason::SelectChanged,
        Some(links) => {
            ports.progress.report(Progress::ReadingChanges);
            match read::changes(source, links).await {
                Ok(reading) => {
                    run.reading = Some(ReadingKind::Incremental);
                    return Ok(reading);
                }
                Err(SourceError::ResyncRequired) => FullReason::Resync,
                Err(error) => return Err(error.into()),
            }
        }
    };
    run.reading = Some(ReadingKind::Full);
    run.full_reason = Some(reason);
    if !known.complete {
        load_everything(ports, lease, known).await?;
    }
    read::everything(source, known, ports.progress.as_ref()).await
}

async fn load_everything(ports: &Ports, lease: &Lease, known: &mut Known) -> Result<(), StoreError> {
    let (users, groups) =
        futures::try_join!(ports.mirror.all_users(lease.directory), ports.mirror.all_groups(lease.directory))?;
    known.add_users(users);
    known.add_groups(groups);
    known.complete = true;
    Ok(())
}

/// Loads what the changes touch, unless everything is loaded, and plans.
async fn make_plan(
    ports: &Ports,
    lease: &Lease,
    directory: &Directory,
    net: &NetChanges,
    known: &mut Known,
    now: Timestamp,
) -> Result<Plan, StoreError> {
    let policy = &directory.policy;
    if known.complete {
        let groups = next_groups(&known.groups, net, policy, now);
        return Ok(plan(known, groups, net, policy, now));
    }
    if net.is_empty() {
        let vanished = directory.published.iter().flat_map(|published| published.vanished_groups.clone());
        return Ok(Plan { vanished_groups: vanished.collect(), ..Plan::default() });
    }
    let touched = net.groups.keys().chain(net.nestings.keys()).chain(policy.listed_groups());
    load_groups(ports, lease, known, net, touched.cloned().collect()).await?;
    let groups = next_groups(&known.groups, net, policy, now);

    let mut users: BTreeSet<UserId> = net.users.keys().chain(net.memberships.keys()).cloned().collect();
    for group in reach(policy, &groups).differences(&reach(policy, &known.groups)) {
        users.append(&mut ports.mirror.members(lease.directory, &group).await?);
    }
    known.add_users(ports.mirror.users(lease.directory, &users).await?);
    Ok(plan(known, groups, net, policy, now))
}

/// Loads groups and all that is or becomes nested in them, at any depth.
async fn load_groups(
    ports: &Ports,
    lease: &Lease,
    known: &mut Known,
    net: &NetChanges,
    mut wanted: BTreeSet<GroupId>,
) -> Result<(), StoreError> {
    let mut asked = BTreeSet::new();
    while !wanted.is_empty() {
        let groups = ports.mirror.groups(lease.directory, &wanted).await?;
        asked.append(&mut wanted);
        let nested = groups.iter().flat_map(|group| &group.children);
        let becoming = asked.iter().filter_map(|group| net.nestings.get(group)).flat_map(|children| children.keys());
        wanted = nested.chain(becoming).filter(|group| !asked.contains(*group)).cloned().collect();
        known.add_groups(groups);
    }
    Ok(())
}

/// Without ever having read a group that the settings depend on, nobody can be decided: an ignored group taken for
/// empty lets people in, an allowed one keeps them out.
fn refuse_unreadable_lists(directory: &Directory, known: &Known, unread: &[GroupId]) -> Result<(), RunError> {
    let needed = |group: &&GroupId| {
        let listed = directory.policy.listed_groups().any(|listed| listed == *group);
        let may_be_nested = directory.policy.nested_groups() && directory.policy.listed_groups().next().is_some();
        (listed || may_be_nested) && !known.groups.contains_key(*group)
    };
    unread.iter().find(needed).map_or(Ok(()), |group| Err(RunError::ListedGroupUnreadable(group.clone())))
}

fn record(run: &mut Run, plan: &Plan, reading: &read::Reading) {
    run.changes = plan.changes;
    run.vanished_groups = plan.vanished_groups.iter().cloned().collect();
    let unread_members =
        |group| format!("the members of group {group} could not be read; what was known of them stays");
    run.gaps = first_of(reading.unread_groups.iter().map(unread_members).chain(reading.unread_objects.iter().cloned()));
    run.warnings = first_of(reading.net.oddities.iter().cloned());
    run.state = if run.hold.is_some() {
        RunState::Held
    } else if run.gaps.is_empty() {
        RunState::Succeeded
    } else {
        RunState::CompletedWithGaps
    };
}

/// As many notes as a record can hold, and how many more there are.
fn first_of(mut notes: impl Iterator<Item = String>) -> Vec<String> {
    let mut first: Vec<String> = notes.by_ref().take(MAX_NOTES).collect();
    let more = notes.count();
    if more > 0 {
        first.push(format!("and {more} more"));
    }
    first
}

async fn apply(ports: &Ports, lease: &Lease, plan: Plan) -> Result<u64, StoreError> {
    let writes = plan.into_writes();
    let mut written = 0;
    let mut done = 0;
    for some in writes.chunks(WRITES_AT_ONCE) {
        written += ports.mirror.apply(lease, some).await?;
        done += some.len();
        ports.progress.report(Progress::Writing { done, of: writes.len() });
    }
    Ok(written)
}

fn base_counts(directory: &Directory) -> DirectoryCounts {
    directory.published.as_ref().map(|published| published.counts).unwrap_or_default()
}

fn sum(a: DirectoryCounts, b: DirectoryCounts) -> DirectoryCounts {
    DirectoryCounts {
        active: a.active + b.active,
        deleted: a.deleted + b.deleted,
        disabled_in_office_365: a.disabled_in_office_365 + b.disabled_in_office_365,
        member_of_ignored_group: a.member_of_ignored_group + b.member_of_ignored_group,
        not_in_allowed_group: a.not_in_allowed_group + b.not_in_allowed_group,
        groups_synced: a.groups_synced + b.groups_synced,
        group_sync_off: a.group_sync_off + b.group_sync_off,
        no_email: a.no_email + b.no_email,
        prefix_not_allowed: a.prefix_not_allowed + b.prefix_not_allowed,
    }
}
