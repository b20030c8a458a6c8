//! Judges a call by the violations that the server reports and by the result that the client returns.

use circleci_api::{Error, ErrorKind};
use serde_json::Value;

use crate::relay::Exchange;

/// The kind of a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// The server reports that the request violates the document.
    Request,
    /// The client cannot read the response that the server generated from the document.
    Response,
    /// Any other failure, such as an error status, no response, or more than one request.
    Status,
}

/// The kind of the failure of a call, and its details.
#[derive(Clone, Debug)]
pub struct Finding {
    pub fault: Fault,
    pub what: String,
    pub exchange: Option<Exchange>,
}

/// How a call ended for the client: with an answer, an error or a panic.
pub enum Outcome {
    Answered,
    Failed(Error),
    Panicked(String),
}

/// Returns why the call failed, or `None` if it succeeded.
pub fn judge(exchanges: &[Exchange], outcome: &Outcome) -> Option<Finding> {
    let finding = |fault, what: String| {
        Some(Finding {
            fault,
            what,
            exchange: exchanges.last().cloned(),
        })
    };
    let [exchange] = exchanges else {
        let why = match outcome {
            Outcome::Failed(error) => format!(": {error}"),
            _ => String::new(),
        };
        return finding(
            Fault::Status,
            format!("expected one request, got {}{why}", exchanges.len()),
        );
    };
    let violations = request_violations(exchange);
    if !violations.is_empty() {
        return finding(Fault::Request, violations.join("; "));
    }
    match outcome {
        Outcome::Panicked(message) => finding(Fault::Response, message.clone()),
        Outcome::Failed(error) if error.kind() == ErrorKind::Decode => {
            finding(Fault::Response, error.to_string())
        }
        Outcome::Failed(error) => finding(Fault::Status, error.to_string()),
        Outcome::Answered if !(200..300).contains(&exchange.status) => finding(
            Fault::Status,
            format!("{} counted as a success", exchange.status),
        ),
        Outcome::Answered => None,
    }
}

/// Returns the violations in the request, which Prism reports in a header or in the body of the response. Skips violations in
/// Prism's own response, because the client checks a response by decoding it.
fn request_violations(exchange: &Exchange) -> Vec<String> {
    let beside = exchange
        .violations
        .iter()
        .filter(|violation| violation["location"][0] != "response");
    let problem: Value = match exchange.status {
        400..500 => serde_json::from_slice(&exchange.received).unwrap_or_default(),
        _ => Value::Null,
    };
    let within = problem["validation"].as_array().into_iter().flatten();
    let mut all: Vec<String> = beside.chain(within).map(sentence).collect();
    all.sort();
    all.dedup();
    // Some rejections have only a text and no list of violations. An example is the rejection of the credentials.
    if all.is_empty()
        && problem["type"]
            .as_str()
            .is_some_and(|kind| kind.contains("prism/errors") && !kind.contains("NO_PATH"))
    {
        all.push(
            problem["detail"]
                .as_str()
                .or(problem["title"].as_str())
                .unwrap_or("refused")
                .to_owned(),
        );
    }
    all
}

fn sentence(violation: &Value) -> String {
    match violation["message"].as_str() {
        Some(message) => message.to_owned(),
        None => violation.to_string(),
    }
}
