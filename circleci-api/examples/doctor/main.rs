//! The program to run first when something does not work. It checks the token and its owner, the host and the clock. It also
//! makes a few calls, and lists everything in their responses that this crate does not know.
//!
//! ```text
//! cargo run --example doctor
//!     a small CircleCI in this process; needs no token
//! cargo run --example doctor -- gh/acme/web
//!     CircleCI itself; needs CIRCLE_TOKEN, sends GETs only
//! ```
//!
//! The report on the standard output contains no values from responses, no names, no ids and no secrets, so you can paste it into
//! an issue. The host and the login, which only the user should see, are written to the standard error.
//!
//! The exit code is 0 if the report finds no problem, 1 if it finds a problem, and 2 if the command line is wrong.

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::{Arc, Mutex};

use circleci_api::{Client, ClientBuilder, Environment, ProjectSlug};

pub mod examination;
pub mod findings;

#[allow(dead_code, reason = "the tour uses more of this module")]
#[path = "../tour/server.rs"]
pub mod server;

use examination::Examination;
use findings::Findings;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (mut out, mut aside) = (io::stdout(), io::stderr());
    let healthy = match &arguments[..] {
        [] => small(&mut out, &mut aside).await,
        [project] => match project.parse::<ProjectSlug>() {
            Ok(project) => real(&project, &mut out, &mut aside).await,
            Err(error) => {
                eprintln!("doctor: {error}");
                return ExitCode::from(2);
            }
        },
        _ => {
            eprintln!("usage: doctor [PROJECT-SLUG]");
            return ExitCode::from(2);
        }
    };
    match healthy {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("doctor: the report cannot be written: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Examines a server in this process.
pub async fn small(out: &mut dyn Write, aside: &mut dyn Write) -> io::Result<bool> {
    let server = server::SmallCircleCi::start().await?;
    let builder = Client::builder().host(server.url()).token(server::TOKEN);
    let project = match server::PROJECT.parse() {
        Ok(project) => project,
        Err(error) => return Err(io::Error::other(error)),
    };
    examine(builder, "from this program", &project, out, aside).await
}

/// Examines CircleCI with the token and the host of the environment.
async fn real(
    project: &ProjectSlug,
    out: &mut dyn Write,
    aside: &mut dyn Write,
) -> io::Result<bool> {
    let (environment, source) = watched(|name| std::env::var(name).ok());
    let builder = Client::builder().or_from(&environment);
    // Build a client only to make it read the environment, which records where the token comes from. `examine` builds the client
    // that makes the calls.
    let _ = builder.build();
    let builder = Client::builder().or_from(&environment);
    let source = source.lock().map_or(None, |source| source.clone());
    let source = source.unwrap_or_else(|| "~/.circleci/cli.yml".to_owned());
    examine(builder, &source, project, out, aside).await
}

/// Returns an environment that reads its variables from `lookup`, and a shared value. When the environment reads the token, it
/// stores the name of the token's variable in this value.
pub fn watched(
    lookup: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
) -> (Environment, Arc<Mutex<Option<String>>>) {
    let source = Arc::new(Mutex::new(None));
    let noted = Arc::clone(&source);
    let environment = Environment::from_fn(move |name| {
        let value = lookup(name)?;
        if name.ends_with("_TOKEN")
            && !value.trim().is_empty()
            && let Ok(mut noted) = noted.lock()
        {
            noted.get_or_insert_with(|| name.to_owned());
        }
        Some(value)
    });
    (environment, source)
}

/// Writes the report. Returns `true` if it contains no problem.
pub async fn examine(
    builder: ClientBuilder,
    token: &str,
    project: &ProjectSlug,
    out: &mut dyn Write,
    aside: &mut dyn Write,
) -> io::Result<bool> {
    let findings = Findings::default();
    writeln!(out, "circleci-api {}, doctor", env!("CARGO_PKG_VERSION"))?;
    writeln!(out)?;
    let client = match findings.listen(builder).build() {
        Ok(client) => client,
        Err(error) => {
            // The message says what is wrong with the setup, and never contains the token.
            writeln!(
                out,
                "setup         {}",
                error.message().unwrap_or("unusable")
            )?;
            return Ok(false);
        }
    };
    writeln!(out, "token         {token}")?;
    let mut examination = Examination::new(client, out, aside);
    examination.setup(project)?;
    let healthy = examination.calls(project).await?;
    let known = findings.write(out)?;
    Ok(healthy && known)
}
