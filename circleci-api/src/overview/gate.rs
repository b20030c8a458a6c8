//! A limit on the number of simultaneous calls. All levels of a tree share it.

use std::future::Future;
use std::sync::Arc;

use tokio::sync::Semaphore;

/// Limits the number of simultaneous calls. Waiting calls start in the order in which they arrived. Clones share the limit.
#[derive(Clone)]
pub(super) struct Gate {
    calls: Arc<Semaphore>,
}

impl Gate {
    pub(super) fn new(at_once: usize) -> Self {
        Self {
            calls: Arc::new(Semaphore::new(at_once.clamp(1, Semaphore::MAX_PERMITS))),
        }
    }

    pub(super) async fn pass<T>(&self, call: impl Future<Output = T>) -> T {
        // The semaphore is never closed, so a permit always becomes available.
        let _permit = self.calls.acquire().await;
        call.await
    }
}
