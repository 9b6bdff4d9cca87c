//! Where requests wait for their turn: all those of one tenant draw from one quota, so they share one gate.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::budget::{Budget, Era, Said};
use crate::clock::Clock;

/// Lets as many requests through as the [`Budget`] allows, in the order in which they came.
pub(super) struct Gate {
    clock: Arc<dyn Clock>,
    /// No wait goes on beyond.
    stop_at: Timestamp,
    /// One for each request that may be under way.
    turns: Semaphore,
    state: Mutex<State>,
}

struct State {
    budget: Budget,
    /// How many turns there are, taken ones included: more than the budget allows until enough of them come back.
    turns: usize,
}

/// The right to have one request under way, until it is dropped.
pub(super) struct Turn<'gate> {
    gate: &'gate Gate,
    permit: Option<SemaphorePermit<'gate>>,
    era: Era,
}

/// All requests would have to rest for longer than there is time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooLong(pub(super) Duration);

impl Gate {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        let budget = Budget::new();
        let turns = budget.at_once();
        Self {
            clock,
            stop_at: Timestamp::MAX,
            turns: Semaphore::new(turns),
            state: Mutex::new(State { budget, turns }),
        }
    }

    /// The same gate, at which nobody waits beyond a time.
    pub(super) fn stopping_at(self, stop_at: Timestamp) -> Self {
        Self { stop_at, ..self }
    }

    /// Waits for a turn, and for the end of a rest that Graph asked for.
    pub(super) async fn turn(&self) -> Result<Turn<'_>, TooLong> {
        // Never closed, so there always is a permit.
        let permit = self.turns.acquire().await.ok();
        let mut turn = Turn { gate: self, permit, era: self.lock().budget.era() };
        loop {
            let rest = self.lock().budget.rest_until();
            let now = self.clock.now();
            match rest {
                Some(until) if now < until => {
                    let wait = Duration::try_from(until.duration_since(now)).unwrap_or_default();
                    if !self.has_time_for(wait) {
                        return Err(TooLong(wait));
                    }
                    self.clock.sleep(wait).await;
                    self.lock().budget.rested_until(until);
                }
                _ => break,
            }
        }
        turn.era = self.lock().budget.era();
        Ok(turn)
    }

    /// Whether a wait that begins now ends in time.
    pub(super) fn has_time_for(&self, wait: Duration) -> bool {
        wait < self.time_left()
    }

    /// How much time there is.
    pub(super) fn time_left(&self) -> Duration {
        Duration::try_from(self.stop_at.duration_since(self.clock.now())).unwrap_or_default()
    }

    /// How long all requests have waited because Graph asked for it or was about to.
    pub(super) fn rested(&self) -> Duration {
        self.lock().budget.rested()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn<'_> {
    /// Takes in what the answer said of the budget, and lets the next one through.
    pub(super) fn answered(self, said: Said) {
        let now = self.gate.clock.now();
        let mut state = self.gate.lock();
        state.budget.hear(said, self.era, now);
        let allowed = state.budget.at_once();
        if state.turns < allowed {
            self.gate.turns.add_permits(allowed - state.turns);
            state.turns = allowed;
        } else {
            state.turns -= self.gate.turns.forget_permits(state.turns - allowed);
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut state = self.gate.lock();
        if state.turns > state.budget.at_once()
            && let Some(permit) = self.permit.take()
        {
            permit.forget();
            state.turns -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;
    use crate::graph::tests::stage::ManualClock;

    const SECOND: Duration = Duration::from_secs(1);

    fn gate() -> (Arc<ManualClock>, Gate) {
        let clock = Arc::new(ManualClock::new());
        (clock.clone(), Gate::new(clock))
    }

    /// Takes as many turns as there are without waiting.
    fn take_all(gate: &Gate) -> Vec<Turn<'_>> {
        std::iter::from_fn(|| gate.turn().now_or_never().map(Result::unwrap)).collect()
    }

    #[test]
    fn no_more_are_under_way_than_the_budget_allows() {
        let (_, gate) = gate();
        let turns = take_all(&gate);
        assert_eq!(turns.len(), 24);
        drop(turns);
        assert_eq!(take_all(&gate).len(), 24, "turns given back unanswered are not lost");
        for turn in take_all(&gate) {
            turn.answered(Said::Plenty);
        }
        assert_eq!(take_all(&gate).len(), 25);
    }

    #[test]
    fn after_a_reduction_as_many_have_to_come_back_before_the_next_one_goes() {
        let (_, gate) = gate();
        let mut turns = take_all(&gate);
        turns.pop().unwrap().answered(Said::Wait(SECOND));
        for _ in 0..11 {
            turns.pop().unwrap().answered(Said::Plenty);
            assert!(take_all(&gate).is_empty());
        }
        turns.pop().unwrap().answered(Said::Plenty);
        assert_eq!(take_all(&gate).len(), 1);
        drop(turns);
        assert_eq!(take_all(&gate).len(), 12);
    }

    #[test]
    fn all_requests_rest_and_none_begins_to_wait_beyond_the_end() {
        let (clock, gate) = gate();
        let gate = gate.stopping_at(clock.now() + 10 * SECOND);
        gate.turn().now_or_never().unwrap().unwrap().answered(Said::Wait(7 * SECOND));
        assert_eq!(take_all(&gate).len(), 12);
        assert_eq!((clock.waits(), gate.rested()), (vec![7 * SECOND], 7 * SECOND));
        gate.turn().now_or_never().unwrap().unwrap().answered(Said::Wait(7 * SECOND));
        assert_eq!(gate.turn().now_or_never().unwrap().err(), Some(TooLong(7 * SECOND)));
        assert_eq!(clock.waits().len(), 1);
    }
}
