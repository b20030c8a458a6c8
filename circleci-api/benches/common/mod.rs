//! Code that the benches share: response bodies, structs as one would write them by hand, a server on loopback, and the
//! measured calls.
#![allow(dead_code, reason = "each bench uses only a part of this module")]

pub mod bodies;
pub mod calls;
pub mod plain;
pub mod server;

/// Returns a runtime of the kind that runs every measured call, with this crate or by hand.
pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
}
