//! Code that the benches share: response bodies, structs as one would write them by hand, a server on loopback, and the
//! measured calls.
#![allow(dead_code, reason = "each bench uses only a part of this module")]

pub mod bodies;
pub mod calls;
pub mod plain;
pub mod server;

/// Returns a new runtime. All measured calls run on this kind of runtime, whether they use this crate or are written by hand.
pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
}
