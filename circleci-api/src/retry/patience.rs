//! Decides whether to look at an object again after a failed look.

use std::time::Duration;

use crate::error::Error;

/// The time in which a 404 can mean that an object is too new.
const NEW: Duration = Duration::from_secs(60);

/// The looks at one object.
#[derive(Default)]
pub(crate) struct Patience {
    /// Whether the last look ended with a 404.
    missed: bool,
}

impl Patience {
    /// Records a successful look.
    #[cfg(feature = "wait")]
    pub(crate) fn found(&mut self) {
        self.missed = false;
    }

    /// Records a failed look, and checks whether to look again. `watched` is the time since the first look.
    pub(crate) fn goes_on(&mut self, failure: &Error, watched: Duration) -> bool {
        if !failure.is_not_found() {
            self.missed = false;
            return failure.is_transient();
        }
        // CircleCI's servers do not all know a new object at once. Even after a successful look, a request may reach a server
        // that is not up to date.
        let missed = std::mem::replace(&mut self.missed, true);
        !missed || watched < NEW
    }
}
