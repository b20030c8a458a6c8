//! Lists the flakiest tests of a project, the worst first.
//!
//! ```text
//! cargo run --example flaky_tests --features insights                   of a project in this process; needs no token
//! cargo run --example flaky_tests --features insights -- gh/acme/web    of yours; needs CIRCLE_TOKEN
//! ```

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use circleci_api::types::FlakyTest;
use circleci_api::{Client, ProjectSlug};

#[allow(
    dead_code,
    reason = "the example `deploy_dashboard` uses more of this module"
)]
#[path = "support/insights.rs"]
mod server;

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

#[tokio::main]
async fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let mut out = io::stdout().lock();
    let result = match (arguments.next(), arguments.next()) {
        (None, _) => small(&mut out).await,
        (Some(slug), None) if !slug.starts_with('-') => real(&slug, &mut out).await,
        _ => Err("usage: flaky_tests [PROJECT-SLUG]".into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("flaky_tests: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Reports on a project of a server in this process.
pub async fn small(out: &mut dyn Write) -> Result {
    let server = server::start().await;
    let circleci = Client::builder().host(server.uri()).token("any").build()?;
    report(&circleci, &server::PROJECT.parse()?, out).await
}

async fn real(slug: &str, out: &mut dyn Write) -> Result {
    report(&Client::from_env()?, &slug.parse()?, out).await
}

async fn report(circleci: &Client, project: &ProjectSlug, out: &mut dyn Write) -> Result {
    let tests = circleci.insights(project).flakiest_tests().await?;
    if tests.is_empty() {
        return Ok(writeln!(
            out,
            "{project} has had no flaky tests in two weeks."
        )?);
    }
    writeln!(out, "{project}: {} flaky tests in two weeks\n", tests.len())?;
    let mut rows = vec![["#", "flaked", "job", "test", "where"].map(str::to_owned)];
    rows.extend(
        tests
            .iter()
            .enumerate()
            .map(|(index, test)| row(index + 1, test)),
    );
    let mut widths = [0; 5];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    for [rank, flaked, job, name, file] in &rows {
        let [r, f, j, n, _] = widths;
        writeln!(
            out,
            "{rank:>r$}  {flaked:>f$}  {job:<j$}  {name:<n$}  {file}"
        )?;
    }
    Ok(())
}

fn row(rank: usize, test: &FlakyTest) -> [String; 5] {
    let job = match test.job_number {
        Some(number) => format!("{} {number}", text(&test.job_name)),
        None => text(&test.job_name),
    };
    let name = match test.classname.as_deref() {
        Some(class) if !class.is_empty() => {
            printable(&format!("{class}::{}", text(&test.test_name)))
        }
        _ => text(&test.test_name),
    };
    let flaked = test
        .times_flaked
        .map_or("?".into(), |times| format!("{times}x"));
    [rank.to_string(), flaked, job, name, text(&test.file)]
}

fn text(field: &Option<String>) -> String {
    field.as_deref().map_or("-".into(), printable)
}

/// Replaces control characters, because the name of a test may contain commands for the terminal.
fn printable(text: &str) -> String {
    text.replace(|c: char| c.is_control(), "?")
}
