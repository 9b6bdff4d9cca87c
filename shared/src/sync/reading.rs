//! A run's reading: begun or taken up again, saved on its way, brought to its end.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::checkpoint::Keeper;
use super::error::RunError;
use super::known::Known;
use super::ledger::{Basis, Ledger};
use super::progress::Progress;
use super::read::{self, Reading};
use super::record::{FullReason, Reading as ReadingKind, Run};
use super::returned::Returned;
use super::source::{DeltaLinks, SourceError};
use super::work::Work;
use crate::directory::{Directory, GroupId, Published};
use crate::store::SyncState;

/// What came of a step that may be cut off.
pub(super) enum Step<T> {
    Done(T),
    Paused(Duration),
}

/// What came of filling a ledger.
enum Filled {
    /// It has everything.
    Whole {
        /// But for the members of these groups.
        unread: Vec<GroupId>,
        /// What has come back, whose memberships were read.
        returned: Returned,
    },
    /// Nothing: for this reason everything has to be read instead.
    Superseded(FullReason),
}

impl Work<'_> {
    /// Reads until everything is read, time is up, or something is in the way. What was read is kept for the run that
    /// goes on, unless it is not to be trusted.
    pub(super) async fn read(
        &self,
        keeper: &Keeper<'_>,
        state: &SyncState,
        why_full: Option<FullReason>,
        directory: &Directory,
        known: &mut Known,
        run: &mut Run,
    ) -> Result<Step<Reading>, RunError> {
        if let Some(links) = links_to_keep(state, directory, known, run) {
            (run.reading, run.full_reason) = (Some(ReadingKind::Mirror), None);
            return Ok(Step::Done(Reading::nothing(links)));
        }
        let since = self.ports.clock.now();
        let pause = state.paused_until.map(|at| Duration::try_from(at.duration_since(since)).unwrap_or_default());
        if let Some(wait) = pause.filter(|wait| !wait.is_zero()) {
            return Ok(Step::Paused(wait));
        }
        let select = self.source.select();
        let watched = watched(directory);
        let mut ledger = match keeper.resume(state, &select).await? {
            Some(ledger) if why_full != Some(FullReason::HoldDiscarded) || ledger.is_for(FullReason::HoldDiscarded) => {
                ledger
            }
            _ => match self.begin_unless_paused(state, why_full, run).await? {
                Step::Done(begun) => begun,
                Step::Paused(wait) => return Ok(Step::Paused(wait)),
            },
        };
        loop {
            note_reading(run, &ledger.head.basis);
            let read = keeper.keeping(&ledger, self.until_stopped(self.fill(&ledger, known, &watched))).await?;
            match read {
                Some(Ok(Filled::Whole { unread, returned })) => {
                    keeper.save_if_long(&ledger, since).await?;
                    return self.conclude(keeper, &ledger, known, directory, unread, &returned).await;
                }
                Some(Ok(Filled::Superseded(reason))) => {
                    keeper.clear().await?;
                    match self.begin_unless_paused(state, Some(reason), run).await? {
                        Step::Done(begun) => ledger = begun,
                        Step::Paused(wait) => return Ok(Step::Paused(wait)),
                    }
                }
                None => {
                    keeper.save(&ledger).await?;
                    return Ok(Step::Paused(Duration::ZERO));
                }
                Some(Err(RunError::Source(SourceError::Paused { wait }))) => {
                    keeper.save(&ledger).await?;
                    return Ok(Step::Paused(wait));
                }
                Some(Err(RunError::Source(SourceError::ResyncRequired)))
                    if matches!(ledger.head.basis, Basis::Incremental { .. }) =>
                {
                    keeper.clear().await?;
                    match self.begin_unless_paused(state, Some(FullReason::Resync), run).await? {
                        Step::Done(begun) => ledger = begun,
                        Step::Paused(wait) => return Ok(Step::Paused(wait)),
                    }
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

    async fn begin_unless_paused(
        &self,
        state: &SyncState,
        why_full: Option<FullReason>,
        run: &Run,
    ) -> Result<Step<Ledger>, RunError> {
        match self.begin(state, why_full, run).await {
            Err(RunError::Source(SourceError::Paused { wait })) => Ok(Step::Paused(wait)),
            begun => begun.map(Step::Done),
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

    /// Reads what the ledger lacks.
    async fn fill(&self, ledger: &Ledger, known: &mut Known, watched: &[GroupId]) -> Result<Filled, RunError> {
        let unread = match &ledger.head.basis {
            Basis::Incremental { from } => {
                // The changes do not tell what was hidden until now; and what will be hidden from now on is unknown.
                if from.hidden_members != self.source.sees_hidden_members().await? {
                    return Ok(Filled::Superseded(FullReason::HiddenMembers));
                }
                self.ports.progress.report(Progress::ReadingChanges);
                // The lists come before the changes, so that whatever changes while they are read is in those.
                read::watched(self.source, ledger, watched.to_vec()).await?
            }
            Basis::Full { counted, .. } => {
                if !known.complete {
                    self.load_everything(known).await?;
                }
                read::everything(self.source, ledger, known, *counted, self.ports.progress.as_ref()).await?
            }
        };
        read::changes(self.source, ledger).await?;
        let Some(mut returned) = self.find_returned(ledger, known, watched).await? else {
            return Ok(Filled::Superseded(FullReason::ManyReturned));
        };
        returned.read(self.source, ledger).await?;
        Ok(Filled::Whole { unread, returned })
    }

    async fn conclude(
        &self,
        keeper: &Keeper<'_>,
        ledger: &Ledger,
        known: &mut Known,
        directory: &Directory,
        unread: Vec<GroupId>,
        returned: &Returned,
    ) -> Result<Step<Reading>, RunError> {
        let policy = &directory.policy;
        let conclusion = async {
            if matches!(ledger.head.basis, Basis::Incremental { .. }) {
                let watched = watched(directory);
                self.load_watched(known, ledger, &watched).await?;
                read::conclude_changes(self.source, ledger, known, policy, watched, unread, returned).await
            } else {
                read::conclude_everything(self.source, ledger, known, policy, unread, returned).await
            }
        };
        match self.until_stopped(conclusion).await {
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
}

/// The links of a directory that is in step but for its new settings, when nobody has asked for more than to apply those.
/// What the tenant has changed meanwhile is for the next run that reads, unless the settings name a group that may be new.
fn links_to_keep(state: &SyncState, directory: &Directory, known: &Known, run: &Run) -> Option<DeltaLinks> {
    let is_in_step = state.hold.is_none() && !state.checkpoint && directory.published.is_some();
    let has = |group: &GroupId| known.groups.contains_key(group);
    let knows_listed_groups = !known.complete || directory.policy.listed_groups().all(has);
    if is_in_step && knows_listed_groups && !run.trigger.reads() { state.links.clone() } else { None }
}

/// The groups whose members this run reads besides the changes.
fn watched(directory: &Directory) -> Vec<GroupId> {
    let of = |published: &Published| -> BTreeSet<GroupId> {
        let watched = published.watched_groups.iter().flat_map(BTreeMap::keys);
        watched.chain(&published.uncompared_groups).chain(&published.groups_in_doubt).cloned().collect()
    };
    directory.published.iter().flat_map(of).collect()
}

fn note_reading(run: &mut Run, basis: &Basis) {
    (run.reading, run.full_reason) = match basis {
        Basis::Incremental { .. } => (Some(ReadingKind::Incremental), None),
        Basis::Full { reason, .. } => (Some(ReadingKind::Full), Some(*reason)),
    };
}
