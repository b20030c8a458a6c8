//! Lists the calls of a run. A call has an operation and the set of parameters that it passes.

use circleci_api::Client;
use circleci_api_tests::calls::{self, Answer};

/// Operations for which Prism rejects every request, each with the reason. Their calls use the document with the overlay
/// applied. Each run also checks that Prism still rejects the calls when it serves the vendored document.
pub const OVERLAID: [(&str, &str); 1] = [(
    "createContext",
    "the document closes `owner` (`additionalProperties: false`) beside the `oneOf` that names its properties, so that no owner is valid",
)];

/// The set of parameters and properties that a call passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Given {
    /// Only the required parameters and properties.
    Least,
    /// All parameters and properties.
    Most,
    /// All parameters and properties, but a different branch of the union in the body.
    Branch,
}

impl std::fmt::Display for Given {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Least => "least",
            Self::Most => "most",
            Self::Branch => "other branch",
        })
    }
}

/// A call of an operation.
#[derive(Clone, Copy)]
pub struct Case {
    pub id: &'static str,
    pub given: Given,
    pub call: fn(&Client) -> Answer,
}

/// Operations with a parameter that the document requires, although CircleCI's own client never sends it. Prism rejects a call
/// without this parameter.
const REQUIRES_MORE: [&str; 2] = ["listComponents", "listEnvironments"];

/// Returns all calls. Every documented operation is called with the required parameters and with all parameters. If its body has
/// a union, further calls use the other branches.
pub fn cases() -> Vec<Case> {
    let twice = calls::documented().into_iter().flat_map(|call| {
        let least = match REQUIRES_MORE.contains(&call.id) {
            true => call.most,
            false => call.least,
        };
        [(Given::Least, least), (Given::Most, call.most)].map(|(given, function)| Case {
            id: call.id,
            given,
            call: function,
        })
    });
    let branches = calls::other_branches().into_iter().map(|(id, call)| Case {
        id,
        given: Given::Branch,
        call,
    });
    twice.chain(branches).collect()
}

pub fn is_overlaid(id: &str) -> bool {
    OVERLAID.iter().any(|(known, _)| *known == id)
}
