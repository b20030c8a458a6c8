//! The code that all programs of `cargo xtask bench-peers` share. Each client brings its own `client.rs`.

mod client;

pub use client::Peer;

use std::hint::black_box;

pub type Answer<T> = Result<T, Box<dyn std::error::Error>>;

/// The number of calls before the measurement starts. They make sure that connections and buffers already exist.
const WARM_UP: u64 = 20;

/// Runs a future on a single thread. All clients are measured in this way.
pub fn block_on<T>(work: impl Future<Output = Answer<T>>) -> Answer<T> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(work)
}

/// Makes the calls that the program's arguments name, and prints what they cost. The arguments are the call, how many times to
/// make it, and the server.
pub fn measure(allocated: fn() -> (u64, u64)) -> Answer<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [call, times, server] = &arguments[..] else {
        return Err("usage: <call> <times> <server>".into());
    };
    let times: u64 = times.parse()?;
    block_on(async {
        let peer = Peer::new(server)?;
        for _ in 0..WARM_UP {
            make(&peer, call).await?;
        }
        let (user, system) = cpu();
        let (allocations, bytes) = allocated();
        for _ in 0..times {
            make(&peer, call).await?;
        }
        let (user_after, system_after) = cpu();
        let (allocations_after, bytes_after) = allocated();
        println!(
            "calls={times} user_us={} system_us={} allocations={} bytes={}",
            user_after - user,
            system_after - system,
            allocations_after - allocations,
            bytes_after - bytes,
        );
        Ok(())
    })
}

async fn make(peer: &Peer, call: &str) -> Answer<()> {
    match call {
        "project" => drop(black_box(peer.project().await?)),
        "trigger" => drop(black_box(peer.trigger().await?)),
        "workflows" => drop(black_box(peer.workflows().await?)),
        _ => return Err(format!("unknown call: {call}").into()),
    }
    Ok(())
}

/// Returns the user time and the system time that this process has used, in microseconds.
fn cpu() -> (i64, i64) {
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: `usage` is valid memory for a `rusage`, and a `rusage` of zeros is a valid value.
    let usage = unsafe {
        libc::getrusage(libc::RUSAGE_SELF, usage.as_mut_ptr());
        usage.assume_init()
    };
    let micros = |time: libc::timeval| time.tv_sec * 1_000_000 + time.tv_usec;
    (micros(usage.ru_utime), micros(usage.ru_stime))
}
