//! Detects repeated deliveries.

use std::collections::{HashSet, VecDeque};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use sha2::{Digest, Sha256};

/// A detector of repeated deliveries. It remembers the ids of the latest deliveries. CircleCI repeats a delivery if it
/// got no answer, and sometimes for no visible reason.
///
/// Share one instance among all threads and tasks that receive deliveries. If several deliveries have the same id,
/// exactly one of them counts as new. Each id takes less than 150 bytes of memory, regardless of its length. When the
/// capacity is reached, a new id replaces the oldest one.
///
/// ```
/// use circleci_api::webhook::Deliveries;
///
/// let deliveries = Deliveries::new(1_000);
/// assert!(deliveries.is_empty());
/// assert!(deliveries.is_new("3888f21b"));
/// assert!(!deliveries.is_new("3888f21b"));
/// assert_eq!(deliveries.len(), 1);
///
/// // Processing failed, so the next delivery of this event must count as new.
/// deliveries.forget("3888f21b");
/// assert!(deliveries.is_new("3888f21b"));
/// ```
pub struct Deliveries {
    capacity: usize,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    ids: HashSet<[u8; 32]>,
    order: VecDeque<[u8; 32]>,
}

impl Deliveries {
    /// Creates an instance that remembers this many ids. 0 counts as 1.
    pub fn new(capacity: usize) -> Self {
        Self {
            capacity: capacity.max(1),
            known: Mutex::default(),
        }
    }

    /// Remembers the id, and returns true if it was not remembered before. After [`forget`](Self::forget), an id is new
    /// again.
    pub fn is_new(&self, id: &str) -> bool {
        let id = digest(id);
        let mut known = self.known();
        if !known.ids.insert(id) {
            return false;
        }
        if known.order.len() == self.capacity
            && let Some(oldest) = known.order.pop_front()
        {
            known.ids.remove(&oldest);
        }
        known.order.push_back(id);
        true
    }

    /// Forgets the id, so that the delivery counts as new when CircleCI repeats it. Call this method when processing
    /// failed and the receiver answers with an error.
    pub fn forget(&self, id: &str) {
        let id = digest(id);
        let mut known = self.known();
        if known.ids.remove(&id) {
            known.order.retain(|other| *other != id);
        }
    }

    /// Returns the number of remembered ids.
    pub fn len(&self) -> usize {
        self.known().order.len()
    }

    /// Returns true if no id is remembered.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // The lock may be used after a panic elsewhere. At worst, one id is then in only one of the two collections.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Deliveries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Deliveries({} of {})", self.len(), self.capacity)
    }
}

/// Returns a digest of fixed length, because the sender may choose an id of any length.
fn digest(id: &str) -> [u8; 32] {
    Sha256::digest(id.as_bytes()).into()
}
