//! Collects the mismatches between a document and the overlay, the fixups and the tables.

/// The mismatches. Each one is one line of text.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    /// Overlay actions, fixups and table rows that no longer match anything in the document.
    pub unused: Vec<String>,
    /// Places in the document that need an overlay action or a table row, for example because two types would have the same name.
    pub unsettled: Vec<String>,
}
