//! Deliveries that have come before.

use std::collections::{HashSet, VecDeque};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use sha2::{Digest, Sha256};

/// Remembers the ids of the latest deliveries: CircleCI sends one again when it saw no answer, and sometimes without a
/// reason. To be shared by whatever receives; of any two deliveries with one id, only one is new.
///
/// An id takes less than 150 bytes, however long it is, and the oldest one makes room for the newest.
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
/// // What could not be dealt with is to be sent again.
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
    /// Remembers so many ids, and at least one.
    pub fn new(capacity: usize) -> Self {
        Self {
            capacity: capacity.max(1),
            known: Mutex::default(),
        }
    }

    /// Whether the id has not been seen, or was [forgotten](Self::forget). From now on it has been seen.
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

    /// Takes the id back, so that the same delivery is new when it comes again: for one that could not be dealt with,
    /// and was answered with an error.
    pub fn forget(&self, id: &str) {
        let id = digest(id);
        let mut known = self.known();
        if known.ids.remove(&id) {
            known.order.retain(|other| *other != id);
        }
    }

    /// How many ids are remembered.
    pub fn len(&self) -> usize {
        self.known().order.len()
    }

    /// Whether no id is remembered.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // A panic elsewhere leaves at worst an id that is not in both collections.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Deliveries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Deliveries({} of {})", self.len(), self.capacity)
    }
}

/// Of one length, whatever the sender calls it.
fn digest(id: &str) -> [u8; 32] {
    Sha256::digest(id.as_bytes()).into()
}
