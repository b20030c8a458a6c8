//! What is wrong with one call, from what the server and the client have to say about it.

use circleci_api::{Error, ErrorKind};
use serde_json::Value;

use crate::relay::Exchange;

/// How a call can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// The server says that the request is not what the document asks for.
    Request,
    /// The client cannot read what the server made from the document.
    Response,
    /// Neither: another status than a success, no answer, more requests than one.
    Status,
}

/// A call that failed: how, and all that there is to know about it.
#[derive(Clone, Debug)]
pub struct Finding {
    pub fault: Fault,
    pub what: String,
    pub exchange: Option<Exchange>,
}

/// How a call ended for the client; a panic while it decoded is told by its message.
pub enum Outcome {
    Answered,
    Failed(Error),
    Panicked(String),
}

/// What is wrong, if anything.
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

/// What Prism finds wrong with a request: in a header beside an answer, or in the answer itself. What it finds wrong
/// with its own answers is beside the point, for it is the client that has to read them.
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
    // A refusal in words, such as one of the credentials.
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
