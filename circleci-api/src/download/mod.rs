//! Files from other hosts: artifacts, the parts of a usage export, the output of a step.
//!
//! These hosts are not part of CircleCI's API. Most of their URLs are pre-signed, and anyone with such a URL can read the
//! file. For this reason no URL is printed, and the token is not sent. See [`hosts`] for the exceptions.

#[cfg(any(feature = "artifacts", feature = "usage"))]
pub(crate) mod draft;
pub(crate) mod flow;
#[cfg(any(feature = "usage", feature = "v1"))]
pub(crate) mod gunzip;
#[cfg(feature = "artifacts")]
pub(crate) mod hosts;
#[cfg(feature = "artifacts")]
pub(crate) mod safe_path;
pub(crate) mod transfer;

/// Without the feature `artifacts`, no download sends the token, so this type has no values.
#[cfg(not(feature = "artifacts"))]
pub(crate) mod hosts {
    pub(crate) enum TokenHosts {}

    impl TokenHosts {
        pub(crate) fn include(&self, _: &reqwest::Url, _: &crate::client::Client) -> bool {
            match *self {}
        }
    }
}
