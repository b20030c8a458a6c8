//! Input: an overlay. The target applies it to a small document.

use xtask::document::overlay;

use crate::documents;

pub fn run(bytes: &[u8]) {
    let [choice, text @ ..] = bytes else { return };
    let Ok(text) = std::str::from_utf8(text) else {
        return;
    };
    let mut document = documents::base();
    if let Err(error) = overlay::apply(&mut document, text, choice.is_multiple_of(2)) {
        assert!(!format!("{error:#}").is_empty());
    }
}
