//! Runs functions that recurse deeply, or that may panic on a document.

use std::{cell::Cell, panic, sync::Once, thread};

/// Runs a function on a thread with a large stack, because following references can recurse deeply. A panic becomes an error.
pub fn with_room<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, String> {
    thread::scope(|scope| {
        let room = thread::Builder::new().stack_size(256 << 20);
        let thread = room.spawn_scoped(scope, || quietly(work));
        let thread = thread.map_err(|error| format!("cannot start a thread: {error}"))?;
        let done = thread.join().ok().flatten();
        done.ok_or_else(|| "a step panicked".to_owned())
    })
}

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Runs a function that may panic. If it panics, nothing is printed and the result is `None`.
fn quietly<T>(run: impl FnOnce() -> T) -> Option<T> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let loud = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !QUIET.get() {
                loud(info);
            }
        }));
    });
    QUIET.set(true);
    let result = panic::catch_unwind(panic::AssertUnwindSafe(run));
    QUIET.set(false);
    result.ok()
}
