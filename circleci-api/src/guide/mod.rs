//! The guides to this crate, one page each. The tests of the crate compile the programs in the guides and run them against the
//! mock.
//!
//! | guide | read it to |
//! |---|---|
//! | [first call](first_call) | make your first call, and find the method for an operation in CircleCI's docs |
//! | [paging] | read lists: as a whole, in part, page by page, from a saved position, or despite items that cannot be decoded |
//! | [errors and retries](errors) | know what failed, and which requests are retried |
//! | [triggering] | trigger a pipeline and wait for its result |
//! | [webhooks] | receive CircleCI's webhooks, with axum or hyper |
//! | [everyday] | download artifacts, see failed tests and metrics, set many variables, export usage, and look up which operations each method calls |
//! | [overview] | see many pipelines at once, cancel old pipelines, list an organization's projects, and make many calls at a time |
//! | [testing] | test a program that talks to CircleCI |
//! | [undocumented] | call an endpoint that this crate does not know, or send an extra header with a call |
//! | [tracing] | see every call in the log |
//! | [daemons] | write a program that runs for weeks: rate limits, restarts, expired page tokens |
//! | [containers] | run in a container: certificates, proxies, custom root certificates |
//! | [statuses] | know what each of CircleCI's statuses means, and which tokens and rate limits apply |
//! | [tls] | choose between the TLS libraries |
//! | [self-hosted Server](self_hosted) | use the client with a self-hosted CircleCI Server |
//! | [blocking callers](blocking) | use the client in a program that is not async |
//! | [from curl](from_curl), [from the CLI](from_cli), [from circulo](from_circulo) | move from another tool or client |
//! | [programs] | see the output of the example programs `tour` and `doctor`, which you should run first |
//! | [deviations] | see where this crate departs from CircleCI's document, and why |
//! | [operations] | look up an operation by CircleCI's name |

// Only rustdoc reads these pages. Without the feature `mock`, examples that need the mock are not run as tests.

#[cfg_attr(any(not(doctest), feature = "mock"), doc = include_str!("first_call.md"))]
pub mod first_call {}

#[doc = include_str!("undocumented.md")]
pub mod undocumented {}

#[cfg_attr(any(not(doctest), feature = "mock"), doc = include_str!("paging.md"))]
pub mod paging {}

#[cfg_attr(any(not(doctest), feature = "mock"), doc = include_str!("errors.md"))]
pub mod errors {}

#[cfg_attr(all(feature = "wait", any(not(doctest), feature = "mock")), doc = include_str!("triggering.md"))]
#[cfg_attr(
    not(feature = "wait"),
    doc = "To read this guide, enable the feature `wait`."
)]
pub mod triggering {}

#[cfg_attr(feature = "webhooks", doc = include_str!("webhooks.md"))]
#[cfg_attr(
    not(feature = "webhooks"),
    doc = "To read this guide, enable the feature `webhooks`."
)]
pub mod webhooks {}

#[cfg_attr(all(feature = "artifacts", feature = "insights", feature = "contexts", feature = "usage", any(not(doctest), feature = "mock")), doc = include_str!("everyday.md"))]
#[cfg_attr(
    not(all(
        feature = "artifacts",
        feature = "insights",
        feature = "contexts",
        feature = "usage"
    )),
    doc = "To read this guide, enable the features `artifacts`, `insights`, `contexts` and `usage`."
)]
pub mod everyday {}

#[cfg_attr(all(feature = "overview", feature = "wait", any(not(doctest), feature = "mock")), doc = include_str!("overview.md"))]
#[cfg_attr(
    not(all(feature = "overview", feature = "wait")),
    doc = "To read this guide, enable the features `overview` and `wait`."
)]
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

#[cfg_attr(feature = "mock", doc = include_str!("testing.md"))]
#[cfg_attr(
    not(feature = "mock"),
    doc = "To read this guide, enable the feature `mock`."
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
