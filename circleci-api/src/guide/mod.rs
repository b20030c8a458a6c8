//! Guides, a page each. Their programs are compiled and, against the mock, run by this crate's tests.
//!
//! | guide | for whoever wants to |
//! |---|---|
//! | [first call](first_call) | get a first answer, and find their way from CircleCI's docs to a method |
//! | [paging] | read lists: whole, in part, page by page, resumed, or with bad items in them |
//! | [errors and retries](errors) | know what failed, and what was sent again |
//! | `triggering` | trigger a pipeline and wait for what becomes of it |
//! | `webhooks` | receive CircleCI's webhooks |
//! | `everyday` | download artifacts, see failed tests and figures, set many variables, know what it costs; and what calls what |
//! | `overview` | see many pipelines at once, cancel old ones, find projects, and make many calls at a time |
//! | `testing` | test a program that talks to CircleCI |
//! | [undocumented] | call an endpoint that this crate does not know, or send a header of one call |
//! | [tracing] | see every call in the log |
//! | [daemons] | write a program that runs for weeks: rates, resuming, expired page tokens |
//! | [containers] | run in a container: certificates, proxies, custom roots |
//! | [statuses] | know what a status means at CircleCI, and which token and rate limit apply |
//! | [tls] | choose between the TLS libraries |
//! | [self-hosted Server](self_hosted) | talk to a CircleCI Server of their own |
//! | [blocking callers](blocking) | call without an async program around it |
//! | [from curl](from_curl), [from the CLI](from_cli), [from circulo](from_circulo) | bring along what they have |
//! | [deviations] | see where this crate does not believe CircleCI's document, and why |
//! | [operations] | look an operation up, all of them by CircleCI's name |
//!
//! Those without a link are there with the features `wait`, `webhooks` and `mock`, and `everyday` with `artifacts`, `insights`,
//! `contexts` and `usage`; `overview` with `overview` and `wait`.

// Nobody compiles this but rustdoc. What runs on the mock is no test where there is none.

#[cfg_attr(any(not(doctest), feature = "mock"), doc = include_str!("first_call.md"))]
pub mod first_call {}

#[doc = include_str!("undocumented.md")]
pub mod undocumented {}

#[cfg_attr(any(not(doctest), feature = "mock"), doc = include_str!("paging.md"))]
pub mod paging {}

#[cfg_attr(any(not(doctest), feature = "mock"), doc = include_str!("errors.md"))]
pub mod errors {}

#[cfg(feature = "wait")]
#[cfg_attr(any(not(doctest), feature = "mock"), doc = include_str!("triggering.md"))]
pub mod triggering {}

#[cfg(feature = "webhooks")]
#[doc = include_str!("webhooks.md")]
pub mod webhooks {}

#[cfg(all(
    feature = "artifacts",
    feature = "insights",
    feature = "contexts",
    feature = "usage"
))]
#[cfg_attr(any(not(doctest), feature = "mock"), doc = include_str!("everyday.md"))]
pub mod everyday {}

#[cfg(all(feature = "overview", feature = "wait"))]
#[cfg_attr(any(not(doctest), feature = "mock"), doc = include_str!("overview.md"))]
pub mod overview {}

#[doc = include_str!("tracing.md")]
pub mod tracing {}

#[cfg_attr(any(not(doctest), feature = "mock"), doc = include_str!("daemons.md"))]
pub mod daemons {}

#[cfg_attr(
    any(not(doctest), feature = "rustls", feature = "native-tls"),
    doc = include_str!("containers.md")
)]
pub mod containers {}

#[cfg_attr(any(not(doctest), feature = "mock"), doc = include_str!("statuses.md"))]
pub mod statuses {}

#[doc = include_str!("tls.md")]
pub mod tls {}

#[cfg(feature = "mock")]
#[doc = include_str!("testing.md")]
// A link needs somewhere to lead.
#[cfg_attr(
    not(all(
        feature = "artifacts",
        feature = "insights",
        feature = "contexts",
        feature = "usage"
    )),
    doc = "\n\n[everyday]: crate::guide"
)]
pub mod testing {}

#[cfg_attr(
    any(not(doctest), feature = "rustls-no-provider", feature = "native-tls"),
    doc = include_str!("self_hosted.md")
)]
pub mod self_hosted {}

#[cfg_attr(any(not(doctest), feature = "mock"), doc = include_str!("blocking.md"))]
pub mod blocking {}

#[cfg_attr(any(not(doctest), feature = "mock"), doc = include_str!("from_curl.md"))]
pub mod from_curl {}

#[cfg_attr(any(not(doctest), feature = "mock"), doc = include_str!("from_cli.md"))]
pub mod from_cli {}

#[cfg_attr(any(not(doctest), feature = "mock"), doc = include_str!("from_circulo.md"))]
pub mod from_circulo {}

#[doc = include_str!("deviations.md")]
pub mod deviations {}

pub use crate::generated::index as operations;
