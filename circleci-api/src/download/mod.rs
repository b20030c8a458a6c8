//! Downloads artifacts, the parts of a usage export, and the output of a step. These files are on other hosts than the API.
//!
//! Most URLs of these files are pre-signed: anyone who has the URL can read the file, without a token. Therefore, this module
//! prints no URL and sends no token. The only exceptions are the hosts that [`hosts`] describes: they receive the token.

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
