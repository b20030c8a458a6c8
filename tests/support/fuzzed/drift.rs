//! Changes two documents, and compares them with `drift`.

use xtask::drift::{self, Deny, Format, source::Document};

use crate::documents::{
    self,
    mutate::{self, Bytes},
};

pub fn run(bytes: &[u8]) {
    let [choice, changes @ ..] = bytes else {
        return;
    };
    let (one, other) = changes.split_at(changes.len() / 2);
    let document =
        |changes, name: &str| Document::new(name, mutate::changed_by(*choice, &mut Bytes(changes)));
    let (old, new) = (document(one, "old"), document(other, "new"));
    let report = drift::compare(&old, &new, &documents::overlay(), "0.1.0");
    for format in [Format::Text, Format::Markdown, Format::Json] {
        for all in [false, true] {
            let mut page = Vec::new();
            report.write(format, all, &mut page).expect("memory");
            assert!(String::from_utf8(page).is_ok());
        }
    }
    let same = drift::compare(&old, &old, &documents::overlay(), "0.1.0");
    assert_eq!(same.exit_code(Some(Deny::Any)), 0);
}
