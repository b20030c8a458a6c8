//! Serves a mock of CircleCI on a port of this machine, for clients in any language:
//!
//! ```text
//! cargo run --example mock --features mock -- --port 8080
//! CIRCLE_HOST=http://127.0.0.1:8080 CIRCLE_TOKEN=any …
//! ```
//!
//! The mock plays a scenario (by default `examples/mock/scenario.json`), prints a line for each request, and stops on Ctrl-C.

use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;

use circleci_api::mock::Mock;
use circleci_api::mock::scenario::Scenario;
use circleci_api::serde_json;

const USAGE: &str = "usage: mock [--address 127.0.0.1] [--port 8080] [--scenario FILE] [--page-size ITEMS] [--rate-limit REQUESTS] [--quiet]

  --address    the address to listen on; default: 127.0.0.1
  --port       the port to listen on; 0 chooses a free port; default: 8080
  --scenario   a scenario in JSON; default: the one in examples/mock/scenario.json
  --page-size  the number of items on a page; default: 20
  --rate-limit after this many requests, refuse one with 429, and repeat; default: no limit
  --quiet      do not print a line for each request";

/// The maximum number of requests and the maximum number of pipelines that the mock keeps. They limit the memory of a mock that
/// runs for a long time.
const KEPT: usize = 1000;

struct Arguments {
    address: SocketAddr,
    scenario: Option<PathBuf>,
    page_size: Option<usize>,
    rate_limit: Option<usize>,
    quiet: bool,
}

fn arguments(mut words: impl Iterator<Item = String>) -> Result<Option<Arguments>, String> {
    let mut ip = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let mut port = 8080;
    let (mut scenario, mut page_size, mut rate_limit, mut quiet) = (None, None, None, false);
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("{word} needs a value"));
        match word.as_str() {
            "--address" => ip = parsed(&word, &value()?)?,
            "--port" => port = parsed(&word, &value()?)?,
            "--scenario" => scenario = Some(PathBuf::from(value()?)),
            "--page-size" => page_size = Some(parsed(&word, &value()?)?),
            "--rate-limit" => rate_limit = Some(parsed(&word, &value()?)?),
            "--quiet" => quiet = true,
            "--help" | "-h" => return Ok(None),
            _ => return Err(format!("unknown argument {word:?}")),
        }
    }
    Ok(Some(Arguments {
        address: SocketAddr::new(ip, port),
        scenario,
        page_size,
        rate_limit,
        quiet,
    }))
}

fn parsed<T: std::str::FromStr>(name: &str, value: &str) -> Result<T, String> {
    let wrong = |_| format!("{name} cannot be {value:?}");
    value.parse().map_err(wrong)
}

async fn run(arguments: Arguments) -> Result<(), String> {
    let (name, text) = match &arguments.scenario {
        None => (
            "the default scenario".to_owned(),
            include_str!("scenario.json").to_owned(),
        ),
        Some(path) => {
            let name = path.display().to_string();
            let text = std::fs::read_to_string(path);
            (
                name.clone(),
                text.map_err(|error| format!("cannot read {name}: {error}"))?,
            )
        }
    };
    let json: serde_json::Value =
        serde_json::from_str(&text).map_err(|error| format!("{name} is not JSON: {error}"))?;
    let mock = Mock::start_on(arguments.address).await;
    let mock = mock.map_err(|error| format!("cannot listen on {}: {error}", arguments.address))?;
    mock.keep(KEPT);
    let scenario = Scenario::load(&mock, &json).map_err(|error| format!("{name}: {error}"))?;
    scenario.real_time();
    scenario.keep(KEPT);
    if let Some(items) = arguments.page_size {
        scenario.page_size(items);
    }
    if let Some(requests) = arguments.rate_limit {
        scenario.rate_limit(requests);
    }
    if !arguments.quiet {
        mock.on_request(|request, status| {
            let operation = request.operation.map_or("-", |operation| operation.id);
            // Ignore the error, so that the server continues if its output is closed.
            let _ = writeln!(
                io::stdout(),
                "{status} {} {} {operation}",
                request.method,
                request.target
            );
        });
    }
    say(&format!("listening on {}", mock.url()))?;
    tokio::signal::ctrl_c()
        .await
        .map_err(|error| format!("cannot wait for Ctrl-C: {error}"))?;
    mock.stop().await;
    say("stopped")
}

fn say(line: &str) -> Result<(), String> {
    let mut out = io::stdout();
    let written = writeln!(out, "{line}").and_then(|()| out.flush());
    written.map_err(|error| format!("cannot write: {error}"))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let outcome = match arguments(std::env::args().skip(1)) {
        Ok(Some(arguments)) => run(arguments).await,
        Ok(None) => say(USAGE),
        Err(error) => Err(format!("{error}\n{USAGE}")),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
