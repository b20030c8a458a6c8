//! Code that the benches share: bodies, equal closed structs, a server on loopback, and both kinds of calls.
#![allow(dead_code, reason = "each bench uses its part")]

pub mod bodies;
pub mod calls;
pub mod plain;
pub mod server;

/// The runtime of every measured call, ours or by hand.
pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
}
