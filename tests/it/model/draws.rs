//! The random generators of a story.

use rand::SeedableRng as _;
use rand::rngs::StdRng;

/// Where the hash of a text begins, and what it is multiplied with at each byte (FNV-1a, 64 bits).
const HASH: (u64, u64) = (0xcbf2_9ce4_8422_2325, 0x0100_0000_01b3);

/// A generator for each topic of a story, and for each step of it. One more draw in one of them leaves all others as they are.
#[derive(Debug, Clone, Copy)]
pub struct Draws(u64);

impl Draws {
    /// The generators of a seed.
    pub fn of(seed: u64) -> Self {
        Self(seed)
    }

    /// The generator of a topic, in a step of the story.
    pub fn topic(self, name: &str, step: u64) -> StdRng {
        StdRng::seed_from_u64(hash(&format!("{} {name} {step}", self.0)))
    }
}

/// A number that follows from a text.
pub fn hash(text: &str) -> u64 {
    let (begin, factor) = HASH;
    text.bytes().fold(begin, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(factor))
}

#[test]
fn topics_do_not_share_draws() {
    use rand::Rng as _;
    let first = |name, step| Draws::of(7).topic(name, step).random::<u64>();
    let all = [first("weather", 1), first("weather", 2), first("settings", 1)];
    assert_eq!(all, [first("weather", 1), first("weather", 2), first("settings", 1)]);
    assert!(all[0] != all[1] && all[0] != all[2] && all[1] != all[2]);
}
