//! Copies the variables of a `.env` file into a context on CircleCI.
//!
//! ```text
//! cargo run --example env_sync --features contexts                                a sample, into a context in this process
//! cargo run --example env_sync --features contexts -- .env                        your file, into the same: a dry run
//! cargo run --example env_sync --features contexts -- .env gh/acme deploy-prod    into CircleCI; needs CIRCLE_TOKEN
//! ```
//!
//! Values are never printed. Variables of the context that are not in the file do not change.

use std::collections::BTreeSet;
use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use circleci_api::secrecy::SecretString;
use circleci_api::{Client, OrgSlug};

#[allow(dead_code, reason = "the tour uses more of this module")]
#[path = "tour/server.rs"]
mod server;

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

const SAMPLE: &str = r#"
# Where to deploy.
REGION=eu-west-1          # a comment
export DEPLOY_KEY="first line\nsecond line"
GREETING='stays $as it \n is'
"#;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut out = io::stdout().lock();
    let result = match arguments[..] {
        [] => dry(SAMPLE, &mut out).await,
        [file] if !file.starts_with('-') => match std::fs::read_to_string(file) {
            Ok(text) => dry(&text, &mut out).await,
            Err(error) => Err(format!("{file}: {error}").into()),
        },
        [file, organization, context] => real(file, organization, context, &mut out).await,
        _ => Err("usage: env_sync [FILE [ORG-SLUG CONTEXT]]".into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("env_sync: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn real(file: &str, organization: &str, context: &str, out: &mut dyn Write) -> Result {
    let text = std::fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
    let circleci = Client::from_env()?;
    sync(&circleci, &organization.parse()?, context, &text, out).await
}

/// Sets the variables in a context of a server in this process. Nothing changes on CircleCI.
pub async fn dry(text: &str, out: &mut dyn Write) -> Result {
    writeln!(out, "A dry run with a small CircleCI in this process.")?;
    let server = server::SmallCircleCi::start().await?;
    let circleci = Client::builder()
        .host(server.url())
        .token(server::TOKEN)
        .build()?;
    sync(&circleci, &"gh/acme".parse()?, "deploy", text, out).await
}

async fn sync(
    circleci: &Client,
    organization: &OrgSlug,
    name: &str,
    text: &str,
    out: &mut dyn Write,
) -> Result {
    // If a part of the file cannot be parsed, no variable is set.
    let variables = parse(text)?;

    let mut contexts = circleci.list_contexts().owner_slug(organization).items();
    let context = loop {
        match contexts.try_next().await? {
            Some(context) if context.name == name => break context,
            Some(_) => {}
            None => return Err(format!("{organization} has no context {name:?}").into()),
        }
    };
    let there = circleci
        .list_environment_variables_from_context(context.id)
        .items()
        .into_vec()
        .await?;
    let there: BTreeSet<_> = there
        .into_iter()
        .map(|variable| variable.variable)
        .collect();

    let done = circleci
        .set_context_variables(context.id, variables)
        .send()
        .await;
    for (name, result) in done.results() {
        match result {
            Ok(()) if there.contains(name) => writeln!(out, "  {name}: changed")?,
            Ok(()) => writeln!(out, "  {name}: added")?,
            Err(error) => writeln!(out, "  {name}: {error}")?,
        }
    }
    match done.failed().count() {
        0 => Ok(writeln!(
            out,
            "{} variables set in {name}.",
            done.results().len()
        )?),
        failed => Err(format!("{failed} of {} variables are not set", done.results().len()).into()),
    }
}

/// Parses lines of the form `NAME=value` or `export NAME=value`. In double quotes, `\n`, `\t`, `\"` and `\\` are escapes. In
/// single quotes, there are no escapes. An error contains the number of the line, but not its text, which may be a secret.
pub fn parse(text: &str) -> Result<Vec<(String, SecretString)>> {
    let mut variables = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let line = line.strip_prefix("export ").unwrap_or(line);
        let wrong = |what: &str| format!("line {}: {what}", index + 1);
        let (name, value) = line.split_once('=').ok_or_else(|| wrong("no `=`"))?;
        let name = name.trim();
        let is_name = name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            && name
                .bytes()
                .next()
                .is_some_and(|byte| !byte.is_ascii_digit());
        if !is_name {
            return Err(wrong(
                "a name has only letters, digits and `_`, and does not start with a digit",
            )
            .into());
        }
        let value = unquote(value.trim()).ok_or_else(|| wrong("the quotes do not match"))?;
        variables.push((name.to_owned(), SecretString::from(value)));
    }
    Ok(variables)
}

fn unquote(text: &str) -> Option<String> {
    let quote = match text.chars().next() {
        Some(quote @ ('"' | '\'')) => quote,
        _ => {
            let end = text.find(" #").unwrap_or(text.len());
            return Some(text[..end].trim_end().to_owned());
        }
    };
    let mut value = String::new();
    let mut rest = text[1..].chars();
    loop {
        match rest.next()? {
            c if c == quote => break,
            '\\' if quote == '"' => value.push(match rest.next()? {
                'n' => '\n',
                't' => '\t',
                other => other,
            }),
            c => value.push(c),
        }
    }
    let rest = rest.as_str().trim_start();
    (rest.is_empty() || rest.starts_with('#')).then_some(value)
}
