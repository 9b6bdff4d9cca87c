//! The work of a run that has the directory's lease: read, plan, apply, publish.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::{Either, select};

use super::changes::NetChanges;
use super::checkpoint::Keeper;
use super::error::RunError;
use super::hold::HoldState;
use super::holding::{self, FoundHold, Guarded};
use super::known::{Known, reach};
use super::ledger::{Basis, Ledger};
use super::outlook::{Outlook, next_groups};
use super::plan::Plan;
use super::progress::Progress;
use super::read::{self, Reading};
use super::record::{ChangeCounts, FullReason, Reading as ReadingKind, Run, RunState};
use super::run::{LONGEST_RUN, Pace, Ports};
use super::source::{SourceError, TenantSource};
use crate::directory::{Directory, DirectoryCounts, GroupId, Published, UserId};
use crate::filter::Policy;
use crate::store::{Lease, Publication, StoreError, SyncState, Write};

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
    /// Where the directory is now.
    Done(SyncState),
    /// It goes on in another invocation, not before so long.
    Paused(Duration),
}

/// What came of a step that may be cut off.
enum Step<T> {
    Done(T),
    Paused(Duration),
}

impl Work<'_> {
    /// Does it, and notes in the run what was done. When it is time for that, everything is read and compared once the
    /// changes are in.
    pub(super) async fn sync(&self, state: SyncState, run: &mut Run) -> Result<Outcome, RunError> {
        run.changes = ChangeCounts::default();
        let state = match self.pass(state, None, run).await? {
            Pass::Paused(wait) => return Ok(Outcome::Paused { wait }),
            Pass::Done(state) => state,
        };
        let now = self.ports.clock.now();
        let since = |at| Duration::try_from(now.duration_since(at)).unwrap_or_default();
        let is_due = state.last_full_at.is_none_or(|at| since(at) >= self.pace.reconcile_every);
        if run.reading == Some(ReadingKind::Incremental) && run.state == RunState::Succeeded && is_due {
            return Ok(match self.pass(state, Some(FullReason::Reconciliation), run).await? {
                Pass::Paused(wait) => Outcome::Paused { wait },
                Pass::Done(_) => Outcome::Done,
            });
        }
        Ok(Outcome::Done)
    }

    /// Reads once, plans, applies and publishes. Returns where the directory is afterwards.
    async fn pass(&self, state: SyncState, why_full: Option<FullReason>, run: &mut Run) -> Result<Pass, RunError> {
        let directories = &self.ports.directories;
        let directory = directories.directory(self.lease.directory).await?.ok_or(RunError::NoDirectory)?;
        let found = self.find_hold(state.hold).await?;
        let why_full = if found.is(HoldState::Discarded) { Some(FullReason::HoldDiscarded) } else { why_full };
        let mut known = Known::default();
        if state.unfinished || !directory.settings_are_published() {
            // Everybody has to be counted, or decided, anew.
            self.load_everything(&mut known).await?;
        }
        let keeper = Keeper::new(self.ports, self.lease, self.pace.checkpoint_every);
        let reading = match self.read(&keeper, &state, why_full, &mut known, run).await? {
            Step::Done(reading) => reading,
            Step::Paused(wait) => return Ok(Pass::Paused(wait)),
        };
        self.ports.progress.report(Progress::Planning);
        let now = self.ports.clock.now();
        let Reading { mut net, links, gaps, unread_groups, emptied } = reading;
        let is_quiet = net.is_empty() && found.hold.is_none() && !known.complete;
        if !is_quiet && !known.complete {
            self.load_touched(&directory.policy, &net, &mut known, &found).await?;
        }
        refuse_unreadable_lists(&directory, &known, &unread_groups)?;
        let warnings = std::mem::take(&mut net.oddities);
        let guarded = self.make_plan(&directory, &known, &mut net, emptied, &found, now).await?;

        let active = u64::try_from(base_counts(&directory).active).unwrap_or_default();
        let Guarded { mut plan, outlook, held, settings_are_held, dropped } = guarded;
        if is_quiet {
            // No group was looked at.
            plan.vanished_groups =
                directory.published.iter().flat_map(|published| published.vanished_groups.clone()).collect();
        }
        let approved = if found.is(HoldState::Approved) { found.changes.len() } else { 0 };
        let ended_from = found.hold.as_ref().map(|hold| hold.state);
        let hold = holding::outcome(found.hold, &held, dropped, run, active, now);
        run.hold = hold.open.as_ref().map(|hold| hold.summary(&held));
        record(run, &plan, gaps, warnings);
        if dropped > 0 && approved > 0 {
            run.warnings.push(format!("{dropped} of the {approved} approved changes were no longer true and not made"));
        }
        let counts = if known.complete { plan.counts } else { sum(base_counts(&directory), plan.counts) };
        let vanished_groups: Vec<GroupId> = plan.vanished_groups.iter().cloned().collect();
        if let Some(hold) = hold.open.as_ref().filter(|_| hold.is_new) {
            self.ports.holds.save_held_changes(self.lease, hold, &held).await?;
        }

        if !plan.is_empty() {
            self.ports.mirror.begin_writing(self.lease).await?;
        }
        match self.until_stopped(self.apply(plan, &outlook)).await {
            None => return Ok(Pass::Paused(Duration::ZERO)),
            Some(written) => run.effort.items_written += written?,
        }
        run.totals = Some(counts);
        let before = directory.published.as_ref().map_or(0, |published| published.settings_version);
        let published = Published {
            run: run.id,
            at: now,
            // What the settings would do and may not is tried again.
            settings_version: if settings_are_held { before } else { directory.settings_version },
            users: directory.policy.sync_users(),
            counts,
            vanished_groups,
        };
        // Whatever was held or not read is read again next time: the links stay where they were.
        let stay = run.hold.is_some() || !run.gaps.is_empty();
        let links = if stay { state.links.clone() } else { Some(links) };
        let full_at = (run.reading == Some(ReadingKind::Full) && !stay).then_some(now);
        let next = SyncState {
            links: links.clone(),
            last_full_at: full_at.or(state.last_full_at),
            hold: hold.open.as_ref().map(|hold| hold.id),
            unfinished: false,
        };
        let publication = Publication {
            from_links: state.links,
            links,
            published,
            full_at,
            hold: next.hold,
            opens: hold.open.filter(|_| hold.is_new),
            ends: hold.ended.zip(ended_from),
        };
        self.ports.mirror.publish(self.lease, &publication).await?;
        keeper.clear().await?;
        Ok(Pass::Done(next))
    }

    /// Reads until everything is read, time is up, or something is in the way. What was read is kept for the run that
    /// goes on, unless it is not to be trusted.
    async fn read(
        &self,
        keeper: &Keeper<'_>,
        state: &SyncState,
        why_full: Option<FullReason>,
        known: &mut Known,
        run: &mut Run,
    ) -> Result<Step<Reading>, RunError> {
        let since = self.ports.clock.now();
        let select = self.source.select();
        let mut ledger = match keeper.resume(state, &select).await? {
            Some(ledger) if why_full != Some(FullReason::HoldDiscarded) || ledger.is_for(FullReason::HoldDiscarded) => {
                let pause = Duration::try_from(ledger.head.resume_at.duration_since(since)).unwrap_or_default();
                if !pause.is_zero() {
                    return Ok(Step::Paused(pause));
                }
                ledger
            }
            _ => match self.begin(state, why_full, run).await {
                Err(RunError::Source(SourceError::Paused { wait })) => return Ok(Step::Paused(wait)),
                begun => begun?,
            },
        };
        loop {
            note_reading(run, &ledger.head.basis);
            let read = keeper.keeping(&ledger, self.until_stopped(self.fill(&ledger, known))).await?;
            match read {
                Some(Ok(unread)) => {
                    keeper.save_if_long(&ledger, since).await?;
                    return self.conclude(keeper, &ledger, known, unread).await;
                }
                None => {
                    keeper.save(&ledger).await?;
                    return Ok(Step::Paused(Duration::ZERO));
                }
                Some(Err(RunError::Source(SourceError::Paused { wait }))) => {
                    keeper.save_until(&ledger, self.ports.clock.now() + wait).await?;
                    return Ok(Step::Paused(wait));
                }
                Some(Err(RunError::Source(SourceError::ResyncRequired)))
                    if matches!(ledger.head.basis, Basis::Incremental { .. }) =>
                {
                    keeper.clear().await?;
                    ledger = self.begin(state, Some(FullReason::Resync), run).await?;
                }
                Some(Err(error)) => {
                    if error.leaves_reading_good() && ledger.has_pages() {
                        keeper.save(&ledger).await?;
                    } else {
                        keeper.clear().await?;
                    }
                    return Err(error);
                }
            }
        }
    }

    /// Begins a reading: of what has changed where there are links, else of everything.
    async fn begin(&self, state: &SyncState, why_full: Option<FullReason>, run: &Run) -> Result<Ledger, RunError> {
        let select = self.source.select();
        let reason = why_full.or(match &state.links {
            None => Some(FullReason::First),
            Some(links) if links.select != select => Some(FullReason::SelectChanged),
            Some(_) => None,
        });
        let basis = match (reason, &state.links) {
            (None, Some(links)) => Basis::Incremental { from: links.clone() },
            (reason, from) => {
                let (links, counted) = read::start(self.source).await?;
                let reason = reason.unwrap_or(FullReason::First);
                Basis::Full { from: from.clone(), reason, links, counted }
            }
        };
        Ok(Ledger::new(run.id, self.ports.clock.now(), basis))
    }

    /// Reads what the ledger lacks. Returns the groups whose members could not be read.
    async fn fill(&self, ledger: &Ledger, known: &mut Known) -> Result<Vec<GroupId>, RunError> {
        let unread = match ledger.head.basis {
            Basis::Incremental { .. } => {
                self.ports.progress.report(Progress::ReadingChanges);
                Vec::new()
            }
            Basis::Full { counted, .. } => {
                if !known.complete {
                    self.load_everything(known).await?;
                }
                read::everything(self.source, ledger, known, counted, self.ports.progress.as_ref()).await?
            }
        };
        read::changes(self.source, ledger).await?;
        Ok(unread)
    }

    async fn conclude(
        &self,
        keeper: &Keeper<'_>,
        ledger: &Ledger,
        known: &Known,
        unread: Vec<GroupId>,
    ) -> Result<Step<Reading>, RunError> {
        if matches!(ledger.head.basis, Basis::Incremental { .. }) {
            return Ok(Step::Done(read::conclude_changes(ledger)));
        }
        match self.until_stopped(read::conclude_everything(self.source, ledger, known, unread)).await {
            None => Ok(Step::Paused(Duration::ZERO)),
            Some(Err(RunError::Source(SourceError::Paused { wait }))) => Ok(Step::Paused(wait)),
            Some(Err(error)) => {
                if !error.leaves_reading_good() {
                    keeper.clear().await?;
                }
                Err(error)
            }
            Some(Ok(reading)) => Ok(Step::Done(reading)),
        }
    }

    /// Works until the run has to stop; `None` when it had to.
    async fn until_stopped<T: Send>(&self, work: impl Future<Output = T> + Send) -> Option<T> {
        // Timers do not take the end of time.
        let left = self.pace.stop_at.duration_since(self.ports.clock.now()).min(LONGEST_RUN);
        let stop = self.ports.clock.sleep(Duration::try_from(left).unwrap_or_default());
        match select(work.boxed(), stop).await {
            Either::Left((done, _)) => Some(done),
            Either::Right(((), _)) => None,
        }
    }

    async fn load_everything(&self, known: &mut Known) -> Result<(), StoreError> {
        let (mirror, directory) = (&self.ports.mirror, self.lease.directory);
        let (users, groups) = futures::try_join!(mirror.all_users(directory), mirror.all_groups(directory))?;
        known.add_users(users);
        known.add_groups(groups);
        known.complete = true;
        Ok(())
    }

    /// Loads what the changes and the hold touch.
    async fn load_touched(
        &self,
        policy: &Policy,
        net: &NetChanges,
        known: &mut Known,
        found: &FoundHold,
    ) -> Result<(), StoreError> {
        let touched = net.groups.keys().chain(net.nestings.keys()).chain(policy.listed_groups());
        let touched = touched.chain(&found.changes.groups);
        self.load_groups(known, net, touched.cloned().collect()).await?;
        let groups = next_groups(&known.groups, net, policy, self.ports.clock.now());

        let mut users: BTreeSet<UserId> =
            net.users.keys().chain(net.memberships.users()).chain(found.users()).cloned().collect();
        for group in reach(policy, &groups).differences(&reach(policy, &known.groups)) {
            users.append(&mut self.ports.mirror.members(self.lease.directory, &group).await?);
        }
        known.add_users(self.ports.mirror.users(self.lease.directory, &users).await?);
        Ok(())
    }

    /// Loads groups and all that is or becomes nested in them, at any depth.
    async fn load_groups(
        &self,
        known: &mut Known,
        net: &NetChanges,
        mut wanted: BTreeSet<GroupId>,
    ) -> Result<(), StoreError> {
        let mut asked = BTreeSet::new();
        while !wanted.is_empty() {
            let groups = self.ports.mirror.groups(self.lease.directory, &wanted).await?;
            asked.append(&mut wanted);
            let nested = groups.iter().flat_map(|group| &group.children);
            let becoming =
                asked.iter().filter_map(|group| net.nestings.get(group)).flat_map(|children| children.keys());
            wanted = nested.chain(becoming).filter(|group| !asked.contains(*group)).cloned().collect();
            known.add_groups(groups);
        }
        Ok(())
    }

    async fn apply(&self, plan: Plan, outlook: &Outlook<'_>) -> Result<u64, StoreError> {
        let of = plan.len();
        let mut writes = plan.into_writes(outlook);
        let mut written = 0;
        let mut done = 0;
        while done < of {
            let some: Vec<Write> = writes.by_ref().take(WRITES_AT_ONCE).collect();
            written += self.ports.mirror.apply(self.lease, &some).await?;
            done += some.len();
            self.ports.progress.report(Progress::Writing { done, of });
        }
        Ok(written)
    }
}

fn note_reading(run: &mut Run, basis: &Basis) {
    (run.reading, run.full_reason) = match basis {
        Basis::Incremental { .. } => (Some(ReadingKind::Incremental), None),
        Basis::Full { reason, .. } => (Some(ReadingKind::Full), Some(*reason)),
    };
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

fn record(run: &mut Run, plan: &Plan, gaps: Vec<String>, warnings: Vec<String>) {
    run.changes += plan.changes;
    if run.full_reason == Some(FullReason::Reconciliation) {
        run.mended = Some(plan.changes);
    }
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
        groups_synced: a.groups_synced + b.groups_synced,
        group_sync_off: a.group_sync_off + b.group_sync_off,
        no_email: a.no_email + b.no_email,
        prefix_not_allowed: a.prefix_not_allowed + b.prefix_not_allowed,
    }
}
