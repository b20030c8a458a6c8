//! Changes to a small document, of which the generator makes files or says what is wrong and where.

use crate::documents::mutate::{self, Bytes};

pub fn run(bytes: &[u8]) {
    let [choice, changes @ ..] = bytes else {
        return;
    };
    let document = mutate::changed_by(*choice, &mut Bytes(changes));
    if let Err(fault) = mutate::judge(&document) {
        panic!("{fault}\n{document}");
    }
}
