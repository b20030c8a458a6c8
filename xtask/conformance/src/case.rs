//! The calls: of which operation, with how much of what it takes, on which document.

use circleci_api::Client;
use circleci_api_tests::calls::{self, Answer};

/// Operations that Prism refuses whatever is sent, and why. They are called on the document with our overlay applied, and
/// each run proves that the document as it stands still refuses them.
pub const OVERLAID: [(&str, &str); 1] = [(
    "createContext",
    "the document closes `owner` (`additionalProperties: false`) beside the `oneOf` that names its properties, so that no owner is valid",
)];

/// How much of what an operation takes is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Given {
    /// What is required.
    Least,
    /// Everything.
    Most,
    /// Everything, in another branch of the body.
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

/// Operations with a parameter that the document requires and CircleCI's own client never sends. Prism refuses a call without it.
const REQUIRES_MORE: [&str; 2] = ["listComponents", "listEnvironments"];

/// Every call of an operation of the document.
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
