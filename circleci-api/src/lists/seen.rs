//! Detects repeated pages.

use std::collections::VecDeque;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

/// A record, in bounded memory, of the page tokens that were already used. `latest` contains the hashes of the latest tokens, so
/// that a short loop is detected at once. `marker` contains the hash of one older token. To detect a loop of any length, the
/// marker is replaced after 1, 2, 4, 8 tokens, and so on (Brent's algorithm).
#[derive(Default)]
pub(super) struct Seen {
    latest: VecDeque<u64>,
    marker: u64,
    steps: u64,
    pub(super) repeated: bool,
}

impl Seen {
    const LATEST: usize = 256;

    pub(super) fn note(&mut self, token: &str) {
        let mut hasher = DefaultHasher::new();
        token.hash(&mut hasher);
        let hash = hasher.finish();
        self.repeated |= self.latest.contains(&hash) || (self.steps > 0 && self.marker == hash);
        self.steps += 1;
        if self.steps.is_power_of_two() {
            self.marker = hash;
        }
        if self.latest.len() == Self::LATEST {
            self.latest.pop_front();
        }
        self.latest.push_back(hash);
    }
}

#[cfg(test)]
mod tests {
    use super::Seen;

    fn repeats_at(tokens: impl IntoIterator<Item = usize>) -> Option<usize> {
        let mut seen = Seen::default();
        tokens.into_iter().position(|token| {
            seen.note(&token.to_string());
            seen.repeated
        })
    }

    #[test]
    fn a_loop_is_found_however_long() {
        assert_eq!(repeats_at(0..10_000), None);
        assert_eq!(repeats_at([0, 0]), Some(1));
        assert_eq!(repeats_at([0, 1, 0]), Some(2));
        assert_eq!(repeats_at((0..200).chain(100..200)), Some(200));
        let long = repeats_at((0..1000).cycle().take(10_000));
        assert!(long.is_some_and(|at| at < 4_000), "{long:?}");
    }
}
