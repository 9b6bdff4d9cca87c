//! What can go wrong between us and Microsoft, at random.

use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use tenant::{DeltaReset, Fault, Matcher, RequestKind, What};

/// The requests of a run.
const REQUESTS: [RequestKind; 8] = [
    RequestKind::UsersDelta,
    RequestKind::GroupsDelta,
    RequestKind::Users,
    RequestKind::Groups,
    RequestKind::Members,
    RequestKind::GroupsOf,
    RequestKind::Count,
    RequestKind::Refresh,
];
/// The ways of saying that a delta link is of no use any more.
const RESETS: [DeltaReset; 3] =
    [DeltaReset::ResyncRequired, DeltaReset::StateNotFoundGone, DeltaReset::StateNotFoundBadRequest];

/// A fault that passes: it meets one to six requests of a kind, from the first or a later one on.
/// A list that is cut short goes unnoticed when its counter `lags` by as much, so these do not come together.
pub fn fault(rng: &mut StdRng, lags: bool) -> Fault {
    let kind = *REQUESTS.choose(rng).unwrap();
    let when = Matcher::on(kind).after(rng.random_range(0..4)).times(rng.random_range(1..=6));
    let what = match what(kind, rng) {
        What::EmptyPageNoLink if lags => What::MissingValue,
        what => what,
    };
    Fault::new(when, what)
}

/// Whether only runs that read everything make such requests.
pub fn is_of_full_runs(kind: RequestKind) -> bool {
    matches!(kind, RequestKind::Users | RequestKind::Groups | RequestKind::Members | RequestKind::Count)
}

/// What goes wrong at requests of this kind. Answers that lie without any sign of it are not among it, such as a 200 with
/// objects that are not as they are: nobody could tell.
fn what(kind: RequestKind, rng: &mut StdRng) -> What {
    let status = |code, retry_after| What::Status { code, retry_after, body: None };
    let general = [
        status(429, Some(rng.random_range(0..=5))),
        status(500, None),
        status(502, None),
        status(503, Some(1)),
        status(504, None),
        What::Disconnect,
        What::BrokenBody,
        What::TruncatedBody,
        What::NonJson,
    ];
    let of_lists = [
        What::MissingValue,
        What::EmptyPageNoLink,
        What::EmptyPageWithLink,
        What::SelfLoopNextLink,
        What::ForeignOriginNextLink,
        What::Replay,
        What::Duplicate,
        What::PageTokenExpired,
    ];
    match kind {
        RequestKind::UsersDelta | RequestKind::GroupsDelta if rng.random_ratio(1, 5) => {
            What::DeltaReset { answer: *RESETS.choose(rng).unwrap() }
        }
        kind if kind.is_list() && rng.random_bool(0.5) => of_lists.choose(rng).unwrap().clone(),
        _ => general.choose(rng).unwrap().clone(),
    }
}
