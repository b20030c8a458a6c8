//! A limit for calls at several levels of a tree.

use std::future::Future;
use std::sync::Arc;

use tokio::sync::Semaphore;

/// Limits the number of simultaneous calls, first come, first served. Clones share the limit.
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
        // It is never closed, so a permit always becomes available.
        let _permit = self.calls.acquire().await;
        call.await
    }
}
