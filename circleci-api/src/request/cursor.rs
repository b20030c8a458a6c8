//! The ways in which a list is requested page by page.

/// The way in which a list requests its next page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(hidden)]
pub enum Cursor {
    /// By page token. The query parameter with this name holds the page token from the previous answer.
    Token(&'static str),
    /// By offset. The query parameter with this name holds the number of items that have been received so far.
    Offset(&'static str),
}

impl Cursor {
    /// The cursor of all lists in API v2 that use page tokens.
    pub(crate) const V2: Self = Self::Token("page-token");

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Token(name) | Self::Offset(name) => name,
        }
    }
}
