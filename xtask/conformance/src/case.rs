//! Defines the calls: the operation, the parameters that the call sets, and the document.

use circleci_api::Client;
use circleci_api_tests::calls::{self, Answer};

/// Operations whose every request Prism rejects, and why. Their calls use the document with the overlay applied, and
/// each run proves that Prism still rejects them for the vendored document.
pub const OVERLAID: [(&str, &str); 1] = [(
    "createContext",
    "the document closes `owner` (`additionalProperties: false`) beside the `oneOf` that names its properties, so that no owner is valid",
)];

/// The parameters and properties that a call sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Given {
    /// Only the required ones.
    Least,
    /// All of them.
    Most,
    /// All of them, with another branch of the union in the body.
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

/// Operations with a parameter that the document requires and CircleCI's own client never sends. Prism rejects a call without it.
const REQUIRES_MORE: [&str; 2] = ["listComponents", "listEnvironments"];

/// Returns every call of an operation of the document.
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
