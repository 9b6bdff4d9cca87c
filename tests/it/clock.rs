//! The clock of all tests. It moves only by what happens in a test, never with the machine's, so that a busy machine changes
//! nothing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use shared::clock::Clock;
use tokio::sync::oneshot;

/// Where it begins. Later than any machine's clock, because the embedded table forgets by the machine's what has expired.
const START: i64 = 1_893_488_400;
/// What a look at it takes. No two moments are the same, as in life, and ids that contain the time sort by it.
const TICK: SignedDuration = SignedDuration::from_millis(1);
/// How often a sleeper lets others have their turn, so that those who sleep at the same time begin at the same time.
const TURNS: usize = 8;

/// A clock that moves by a tick when it is looked at, to the end of a sleep when somebody sleeps, and when a test says so.
#[derive(Debug)]
pub struct TestClock(Mutex<State>);

#[derive(Debug)]
struct State {
    now: Timestamp,
    alarms: BTreeMap<(Timestamp, usize), oneshot::Sender<()>>,
    set: usize,
}

impl Default for TestClock {
    fn default() -> Self {
        Self::starting_at(Timestamp::from_second(START).unwrap())
    }
}

impl TestClock {
    /// A clock that begins at a time.
    pub fn starting_at(now: Timestamp) -> Self {
        Self(Mutex::new(State { now, alarms: BTreeMap::new(), set: 0 }))
    }

    /// Lets time pass.
    pub fn pass(&self, time: SignedDuration) {
        let mut state = self.state();
        let now = state.now + time;
        state.move_to(now);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }
}

impl State {
    /// Moves to a time, unless it is past, and rings the alarms until then.
    fn move_to(&mut self, time: Timestamp) {
        self.now = self.now.max(time);
        while let Some(alarm) = self.alarms.first_entry()
            && alarm.key().0 <= self.now
        {
            // Whoever set it may have given up.
            let _ = alarm.remove().send(());
        }
    }
}

#[async_trait]
impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        let mut state = self.state();
        let now = state.now + TICK;
        state.move_to(now);
        now
    }

    async fn sleep(&self, duration: Duration) {
        let end = self.state().now.checked_add(duration).unwrap_or(Timestamp::MAX);
        for _ in 0..TURNS {
            tokio::task::yield_now().await;
        }
        self.state().move_to(end);
    }

    async fn alarm(&self, at: Timestamp) {
        let (ring, rings) = oneshot::channel();
        {
            let mut state = self.state();
            state.set += 1;
            let set = state.set;
            state.alarms.insert((at, set), ring);
            let now = state.now;
            state.move_to(now);
        }
        // A clock that is gone never rings.
        if rings.await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// The pause between two looks at a process of its own, such as a browser: those live by the machine's clock, and nothing else
/// tells when they are ready.
#[expect(clippy::disallowed_methods, reason = "other processes live by the machine's clock")]
pub async fn pause_for_process() {
    tokio::time::sleep(PAUSE).await;
}

/// How long [`pause_for_process`] takes.
pub const PAUSE: Duration = Duration::from_millis(100);

#[tokio::test]
async fn time_moves_by_looks_sleeps_and_orders_alone() {
    let clock = std::sync::Arc::new(TestClock::default());
    let start = clock.now();
    assert_eq!(clock.now(), start + TICK);
    let alarm = tokio::spawn({
        let clock = clock.clone();
        async move { clock.alarm(start + SignedDuration::from_mins(2)).await }
    });
    // Two who sleep at the same time wait for the longer one only.
    futures::join!(clock.sleep(Duration::from_secs(30)), clock.sleep(Duration::from_secs(50)));
    let slept = clock.now().duration_since(start);
    assert!((50..51).contains(&slept.as_secs()), "{slept:?}");
    assert!(!alarm.is_finished());
    clock.pass(SignedDuration::from_secs(70));
    alarm.await.unwrap();
}

/// Tests that start the real binaries, which have no other clock.
const OF_BINARIES: [&str; 2] = ["clock.rs", "lambda.rs"];

#[test]
fn tests_of_one_process_never_ask_the_machines_clock() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("it");
    let mut found = Vec::new();
    let mut open = vec![folder.clone()];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(path.read_dir().unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name: PathBuf = path.strip_prefix(&folder).unwrap().to_owned();
            let text = std::fs::read_to_string(&path).unwrap();
            let asks = text.contains("SystemClock") || text.contains("tokio::time");
            if asks && !OF_BINARIES.iter().any(|allowed| name == Path::new(allowed)) {
                found.push(name);
            }
        }
    }
    assert!(found.is_empty(), "take the time from `TestClock` in {found:?}");
}
