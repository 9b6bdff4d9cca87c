//! The work of a run that has the directory's lease: read, plan, apply, publish.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::{Either, select};
use jiff::Timestamp;

use super::changes::NetChanges;
use super::checkpoint::Keeper;
use super::error::RunError;
use super::hold::HoldState;
use super::holding::{self, Guarded};
use super::known::Known;
use super::outlook::Outlook;
use super::plan::{MAX_WATCHED, Plan, watchable};
use super::progress::Progress;
use super::read::Reading;
use super::reading::Step;
use super::record::{ChangeCounts, FullReason, Reading as ReadingKind, Run, RunState, Written};
use super::run::{LONGEST_RUN, Pace, Ports};
use super::source::TenantSource;
use crate::directory::{Directory, DirectoryCounts, GroupId, Published};
use crate::statistics::Day;
use crate::store::{Counting, Lease, List, ListChange, Publication, StoreError, SyncState, Write};

/// How many changes are written between two signs of life.
const WRITES_AT_ONCE: usize = 500;
/// How many gaps or warnings a record names; the rest is counted.
const MAX_NOTES: usize = 50;

/// What came of the work, unless it failed.
pub(super) enum Outcome {
    /// All of it is done.
    Done,
    /// It goes on in another invocation.
    Paused {
        /// Not before.
        wait: Duration,
    },
}

/// Everything the work needs.
pub(super) struct Work<'a> {
    pub(super) ports: &'a Ports,
    pub(super) source: &'a dyn TenantSource,
    pub(super) lease: &'a Lease,
    pub(super) pace: Pace,
}

/// What came of one pass.
enum Pass {
    /// The run has ended, and its record is stored.
    Done,
    /// Everything is to be read and compared now. This is where the directory is.
    Reconcile(Box<SyncState>),
    /// It goes on in another invocation, not before so long.
    Paused(Duration),
}

impl Work<'_> {
    /// Does it, and notes in the run what was done. When it is time for that, everything is read and compared once the
    /// changes are in. The directory tells what is published then.
    pub(super) async fn sync(
        &self,
        mut state: SyncState,
        directory: &mut Directory,
        run: &mut Run,
    ) -> Result<Outcome, RunError> {
        let mut why_full = None;
        let mut written = Written::continued(run, state.written.take());
        loop {
            match self.pass(state, why_full, directory, run, &mut written).await? {
                Pass::Done => return Ok(Outcome::Done),
                Pass::Paused(wait) => return Ok(Outcome::Paused { wait }),
                Pass::Reconcile(next) => (state, why_full) = (*next, Some(FullReason::Reconciliation)),
            }
        }
    }

    /// Reads once, plans, applies and publishes.
    async fn pass(
        &self,
        state: SyncState,
        why_full: Option<FullReason>,
        directory: &mut Directory,
        run: &mut Run,
        written: &mut Written,
    ) -> Result<Pass, RunError> {
        let found = self.find_hold(state.hold).await?;
        let is_first_pass = why_full.is_none();
        let why_full = if found.is(HoldState::Discarded) { Some(FullReason::HoldDiscarded) } else { why_full };
        let published = directory.publishes_users();
        let mut known = Known { unindexed: state.unindexed, published, ..Known::default() };
        if state.unfinished || !directory.settings_are_published() {
            // Everybody has to be counted, or decided, anew.
            self.load_everything(&mut known).await?;
        }
        let keeper = Keeper::new(self.ports, self.lease, self.pace.checkpoint_every);
        let reading = match self.read(&keeper, &state, why_full, directory, &mut known, run).await? {
            Step::Done(reading) => reading,
            Step::Paused(wait) => return Ok(Pass::Paused(wait)),
        };
        self.ports.progress.report(Progress::Planning);
        let now = self.ports.clock.now();
        let Reading { mut net, links, mut gaps, unread_groups, emptied, compared } = reading;
        let groups_in_doubt = self.settle_doubts(directory, run, &net, &mut known).await?;
        let is_quiet = self.load_for(&mut net, directory, &mut known, &found).await?;
        let warnings = std::mem::take(&mut net.oddities);
        let guarded = self.make_plan(directory, &known, &mut net, emptied, &found, now).await?;

        let active = u64::try_from(base_counts(directory).active).unwrap_or_default();
        let Guarded { mut plan, outlook, held, settings_are_held, dropped } = guarded;
        if is_quiet {
            // No group was looked at.
            plan.vanished_groups =
                directory.published.iter().flat_map(|published| published.vanished_groups.clone()).collect();
            let watched = directory.published.as_ref().and_then(|published| published.watched_groups.clone());
            plan.watched_groups = watched.unwrap_or_default();
        }
        // Whatever was held or not read is read again next time: the links stay where they were. A group whose members are
        // unknown is read again by itself.
        let is_incomplete = !gaps.is_empty();
        gaps.extend(unknown_groups(&plan, &unread_groups));
        let approved = if found.is(HoldState::Approved) { found.changes.len() } else { 0 };
        let ended_from = found.hold.as_ref().map(|hold| hold.state);
        let hold = holding::outcome(found.hold, &held, dropped, run, active, now);
        run.hold = hold.open.as_ref().map(|hold| hold.summary(&held));
        record(run, &plan, gaps, warnings);
        if dropped > 0 && approved > 0 {
            run.warnings.push(format!("{dropped} of the {approved} approved changes were no longer true and not made"));
        }
        let counts = if known.complete { plan.counts } else { sum(base_counts(directory), plan.counts) };
        let vanished_groups: Vec<GroupId> = plan.vanished_groups.iter().cloned().collect();
        let watched_groups = Some(watchable(&plan.watched_groups));
        let uncompared_groups = uncompared(directory, run, &compared, &outlook);
        if let Some(hold) = hold.open.as_ref().filter(|_| hold.is_new) {
            self.ports.holds.save_held_changes(self.lease, hold, &held).await?;
        }

        if state.unfinished {
            plan.drop_strays(self.strays(&outlook).await?);
        }
        if !plan.is_empty(&outlook) {
            self.ports.mirror.begin_writing(self.lease).await?;
        }
        if self.apply_and_count(plan, &outlook, run, written).await?.is_none() {
            return Ok(Pass::Paused(Duration::ZERO));
        }
        let ChangeCounts { activated, deactivated, .. } = std::mem::take(&mut written.unpublished);
        let day = Day::noted(directory, counts, activated, deactivated, now);
        run.totals = Some(counts);
        // What the settings would do and may not is tried again.
        let settings_version = if settings_are_held { None } else { Some(directory.settings_version) };
        let published = Published {
            counts,
            vanished_groups,
            watched_groups,
            uncompared_groups,
            groups_in_doubt,
            ..published_by(run, directory, settings_version, now)
        };
        let stay = run.hold.is_some() || is_incomplete;
        let links = if stay { state.links.clone() } else { Some(links) };
        let full_at = (run.reading == Some(ReadingKind::Full) && !stay).then_some(now);
        let next = SyncState {
            links: links.clone(),
            last_full_at: full_at.or(state.last_full_at),
            hold: hold.open.as_ref().map(|hold| hold.id),
            ..SyncState::default()
        };
        let goes_on = is_first_pass && !stay && self.is_reconciliation_due(&next, run, now);
        let ended = (!goes_on).then(|| self.ended(run));
        let publication = Publication {
            from_links: state.links,
            links,
            published,
            full_at,
            hold: next.hold,
            opens: hold.open.filter(|_| hold.is_new),
            ends: hold.ended.zip(ended_from),
            record: ended,
            day,
            written: goes_on.then(|| written.clone()),
        };
        self.ports.mirror.publish(self.lease, &publication).await?;
        directory.published = Some(publication.published);
        Ok(match publication.record {
            None => Pass::Reconcile(Box::new(next)),
            Some(ended) => {
                *run = *ended;
                Pass::Done
            }
        })
    }

    /// Loads everything if any decision stayed as it was because of a doubt: it is made anew, and no change tells which it is.
    /// Returns the groups that are in doubt from now on.
    async fn settle_doubts(
        &self,
        directory: &Directory,
        run: &Run,
        net: &NetChanges,
        known: &mut Known,
    ) -> Result<BTreeSet<GroupId>, StoreError> {
        let before: BTreeSet<GroupId> =
            directory.published.iter().flat_map(|published| published.groups_in_doubt.clone()).collect();
        if run.reading == Some(ReadingKind::Mirror) {
            return Ok(before);
        }
        if !before.is_empty() && !known.complete {
            self.load_everything(known).await?;
        }
        Ok(net.groups_in_doubt())
    }

    /// Applies a plan and notes in the run what was written, also when the work is cut off: then it returns `None`.
    async fn apply_and_count(
        &self,
        plan: Plan,
        outlook: &Outlook<'_>,
        run: &mut Run,
        written: &mut Written,
    ) -> Result<Option<()>, RunError> {
        let reconciles = run.full_reason == Some(FullReason::Reconciliation);
        let mut count = Counting { written: written.clone(), reconciles };
        let applied = self.until_stopped(self.apply(plan, outlook, &mut count)).await;
        *written = count.written;
        run.note(written);
        Ok(applied.transpose()?)
    }

    /// Whether everything has to be read and compared, after a run that read the changes.
    fn is_reconciliation_due(&self, state: &SyncState, run: &Run, now: Timestamp) -> bool {
        let since = |at| Duration::try_from(now.duration_since(at)).unwrap_or_default();
        run.reading == Some(ReadingKind::Incremental)
            && state.last_full_at.is_none_or(|at| since(at) >= self.pace.reconcile_every)
    }

    /// The record of the run as of its end.
    fn ended(&self, run: &Run) -> Box<Run> {
        let mut run = Box::new(run.clone());
        self.account(&mut run);
        run.finished_at = Some(self.ports.clock.now());
        run
    }

    /// Notes whose credential was used, and what reading has cost.
    pub(super) fn account(&self, run: &mut Run) {
        run.credential = self.source.credential().or(run.credential.take());
        run.effort += self.source.effort();
    }

    /// Works until the run has to stop; `None` when it had to.
    pub(super) async fn until_stopped<T: Send>(&self, work: impl Future<Output = T> + Send) -> Option<T> {
        // Timers do not take the end of time.
        let at = self.pace.stop_at.min(self.ports.clock.now() + LONGEST_RUN);
        match select(work.boxed(), self.ports.clock.alarm(at)).await {
            Either::Left((done, _)) => Some(done),
            Either::Right(((), _)) => None,
        }
    }

    async fn apply(&self, plan: Plan, outlook: &Outlook<'_>, count: &mut Counting) -> Result<(), StoreError> {
        let of = plan.len();
        let mut writes = plan.into_writes(outlook);
        let mut done = 0;
        loop {
            let some: Vec<Write> = writes.by_ref().take(WRITES_AT_ONCE).collect();
            if some.is_empty() {
                return Ok(());
            }
            self.ports.mirror.apply(self.lease, &some, count, self.ports.clock.now()).await?;
            done += some.iter().filter(|write| is_of_plan(write)).count();
            self.ports.progress.report(Progress::Writing { done, of });
        }
    }
}

/// Whether a write is one of those that [`Plan::len`] counts.
fn is_of_plan(write: &Write) -> bool {
    matches!(write, Write::User(_) | Write::ForgetUser(_) | Write::Group(_))
        || matches!(write, Write::List(ListChange { list: List::Members(_), .. }))
}

/// What is published from this run on, but for what the plan says. Without a version the settings of before count as published.
fn published_by(run: &Run, directory: &Directory, settings_version: Option<u64>, now: Timestamp) -> Published {
    let before = directory.published.as_ref();
    let users = directory.policy.sync_users();
    Published {
        run: run.id,
        // Without a look at the tenant, what is known of it is as old as before.
        at: before.filter(|_| run.reading == Some(ReadingKind::Mirror)).map_or(now, |before| before.at),
        settings_version: settings_version.or(before.map(|before| before.settings_version)).unwrap_or_default(),
        users,
        users_since: match before {
            Some(before) if before.users == users => before.users_since,
            _ => Some(run.id),
        },
        counts: DirectoryCounts::default(),
        vanished_groups: Vec::new(),
        watched_groups: None,
        uncompared_groups: BTreeSet::new(),
        groups_in_doubt: BTreeSet::new(),
    }
}

/// The deciding groups whose members are still to be compared. With settings that were not applied before, those are all of them,
/// since their lists decided nothing when they were read; after that, those that no run has compared yet.
fn uncompared(
    directory: &Directory,
    run: &Run,
    compared: &BTreeSet<GroupId>,
    outlook: &Outlook<'_>,
) -> BTreeSet<GroupId> {
    if run.reading == Some(ReadingKind::Full) {
        return BTreeSet::new();
    }
    if !directory.settings_are_published() {
        return outlook.decisive_groups().take(MAX_WATCHED).cloned().collect();
    }
    let before = directory.published.iter().flat_map(|published| &published.uncompared_groups);
    before.filter(|group| !compared.contains(*group)).cloned().collect()
}

/// What the record says of watched groups whose members are unknown. Those in `unread` are named by the reading.
fn unknown_groups(plan: &Plan, unread: &[GroupId]) -> Vec<String> {
    let unknown = plan.watched_groups.iter().filter_map(|(group, membership)| Some((group, membership.cause()?)));
    let unknown = unknown.filter(|(group, _)| !unread.contains(group));
    unknown
        .map(|(group, cause)| {
            let (because, advice) = (cause.explanation(), cause.advice());
            format!(
                "the members of group {group} are unknown, because {because}; decisions that depend on it stay as they \
                 were. {advice}"
            )
        })
        .collect()
}

fn record(run: &mut Run, plan: &Plan, gaps: Vec<String>, warnings: Vec<String>) {
    run.vanished_groups = plan.vanished_groups.iter().cloned().collect();
    run.gaps = first_of(gaps);
    run.warnings = first_of(warnings);
    run.state = if run.hold.is_some() {
        RunState::Held
    } else if run.gaps.is_empty() {
        RunState::Succeeded
    } else {
        RunState::CompletedWithGaps
    };
}

/// As many notes as a record can hold, and how many more there are.
fn first_of(mut notes: Vec<String>) -> Vec<String> {
    let more = notes.len().saturating_sub(MAX_NOTES);
    if more > 0 {
        notes.truncate(MAX_NOTES);
        notes.push(format!("and {more} more"));
    }
    notes
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
        membership_unknown: a.membership_unknown + b.membership_unknown,
        groups_synced: a.groups_synced + b.groups_synced,
        group_sync_off: a.group_sync_off + b.group_sync_off,
        no_email: a.no_email + b.no_email,
        prefix_not_allowed: a.prefix_not_allowed + b.prefix_not_allowed,
    }
}
