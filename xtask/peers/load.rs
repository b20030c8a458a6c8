//! Makes a call so many times, for CPU time and for callgrind.

fn main() -> std::process::ExitCode {
    match peer::measure(|| (0, 0)) {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            std::process::ExitCode::FAILURE
        }
    }
}
