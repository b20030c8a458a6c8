//! Collects the mismatches between a document and the overlay, the fixups and the tables.

/// The mismatches, one line each.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    /// Overlay actions, fixups and table rows that match nothing in the document.
    pub unused: Vec<String>,
    /// Places that need an overlay action or a table row, such as two types with the same name.
    pub unsettled: Vec<String>,
}
