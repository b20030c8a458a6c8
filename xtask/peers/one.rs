//! Makes one call: the program whose size and build time are measured.

use std::hint::black_box;

fn main() -> std::process::ExitCode {
    let server = std::env::args().nth(1).unwrap_or_default();
    let call = async {
        let peer = peer::Peer::new(&server)?;
        drop(black_box(peer.project().await?));
        Ok(())
    };
    match peer::block_on(call) {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            std::process::ExitCode::FAILURE
        }
    }
}
