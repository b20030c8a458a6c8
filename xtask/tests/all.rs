//! Contains all tests of this package in one program, because each separate test program would have to link the generator and its
//! dependencies.

mod advice;
mod ci;
mod common;
mod dialect;
mod drift;
mod fetch;
mod kinds;
mod mutations;
mod order;
mod page;
mod precheck;
mod regen;
mod told;
mod unite;
mod update;

#[test]
fn every_file_is_a_module_of_this_program() {
    let program = include_str!("all.rs");
    let mut files = 0;
    for entry in std::fs::read_dir(common::root().join("xtask/tests")).expect("listed") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.file_stem().expect("a name").to_string_lossy();
            assert!(
                name == "all" || program.contains(&format!("\nmod {name};")),
                "all.rs does not name {name}"
            );
            files += 1;
        }
    }
    assert!(files > 5, "{files}");
}
