//! Changes a small document in ways that the input chooses. The generator must either write files for the changed document,
//! or return an error that names the place of the fault.

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
