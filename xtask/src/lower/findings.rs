//! Where a document and our tables do not fit together.

/// One line each.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    /// Actions, fixups and rows of tables that apply nowhere in the document.
    pub unused: Vec<String>,
    /// Places that need an action or a row, such as two types with one name.
    pub unsettled: Vec<String>,
}
