//! How a list is requested page by page.

/// How the next page is requested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(hidden)]
pub enum Cursor {
    /// With the token of the last answer, in this query parameter.
    Token(&'static str),
    /// With the number of items so far, in this query parameter.
    Offset(&'static str),
}

impl Cursor {
    /// How every list of API v2 with tokens takes them.
    pub(crate) const V2: Self = Self::Token("page-token");

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Token(name) | Self::Offset(name) => name,
        }
    }
}
