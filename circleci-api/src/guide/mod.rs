//! Guides, one page each. This crate's tests compile the programs in them, and run them against the mock.
//!
//! | guide | read it to |
//! |---|---|
//! | [first call](first_call) | get a first response, and find the method for an operation in CircleCI's docs |
//! | [paging] | read lists: all of it, a part, page by page, resumed, or with items that do not decode |
//! | [errors and retries](errors) | know what failed, and which requests are retried |
//! | `triggering` | trigger a pipeline and wait for its result |
//! | `webhooks` | receive CircleCI's webhooks, with axum or hyper |
//! | `everyday` | download artifacts, see failed tests and metrics, set many variables, read usage; and see which operations each method calls |
//! | `overview` | see many pipelines at once, cancel old ones, find projects, and make many calls at a time |
//! | `testing` | test a program that talks to CircleCI |
//! | [undocumented] | call an endpoint that this crate does not know, or send a header with one call |
//! | [tracing] | see every call in the log |
//! | [daemons] | write a program that runs for weeks: rates, resuming, expired page tokens |
//! | [containers] | run in a container: certificates, proxies, custom root certificates |
//! | [statuses] | know what a status means at CircleCI, and which token and rate limit apply |
//! | [tls] | choose between the TLS libraries |
//! | [self-hosted Server](self_hosted) | talk to a self-hosted CircleCI Server |
//! | [blocking callers](blocking) | call from a program that is not async |
//! | [from curl](from_curl), [from the CLI](from_cli), [from circulo](from_circulo) | move from another tool or client |
//! | [programs] | see the output of the tour and the doctor, two programs to run first |
//! | [deviations] | see where this crate departs from CircleCI's document, and why |
//! | [operations] | look up an operation by CircleCI's name |
//!
//! A guide without a link needs features: `triggering` needs `wait`, `webhooks` needs `webhooks`, and `testing` needs `mock`.
//! `everyday` needs `artifacts`, `insights`, `contexts` and `usage`. `overview` needs `overview` and `wait`.

// Only rustdoc reads these pages. Without the feature `mock`, examples that need the mock are not run as tests.

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

#[doc = include_str!("programs.md")]
pub mod programs {}

#[doc = include_str!("tracing.md")]
pub mod tracing {}

#[cfg_attr(any(not(doctest), feature = "mock"), doc = include_str!("daemons.md"))]
pub mod daemons {}

#[cfg_attr(
    any(not(doctest), feature = "ring", feature = "rustls", feature = "native-tls"),
    doc = include_str!("containers.md")
)]
pub mod containers {}

#[cfg_attr(any(not(doctest), feature = "mock"), doc = include_str!("statuses.md"))]
pub mod statuses {}

#[doc = include_str!("tls.md")]
pub mod tls {}

#[cfg(feature = "mock")]
#[doc = include_str!("testing.md")]
// The link `[everyday]` needs a target when that guide is absent.
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
