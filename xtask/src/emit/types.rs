//! Writes the types. Each CircleCI tag has its own file, and the types that several tags use are in `shared.rs`.

use super::{
    enums,
    imports::{self, Imports},
    model::{Files, HEADER, Model},
    structs, unions,
};
use crate::lower::{hoist::Named, names};
use anyhow::Result;
use std::collections::BTreeMap;

pub fn emit(model: &Model<'_>, files: &mut Files) -> Result<()> {
    let mut by_file: BTreeMap<String, (Imports, Vec<String>)> = BTreeMap::new();
    for named in model.types {
        let schema = model.schema(&named.name)?;
        let (uses, items) = by_file.entry(file_of(named)).or_default();
        uses.add(imports::OTHER_TYPES);
        items.push(if schema.get("enum").is_some() {
            enums::emit(model, &named.name, schema, uses)?
        } else if schema.get("oneOf").is_some() {
            unions::emit(model, &named.name, schema, uses)?
        } else {
            structs::emit(model, named, schema, uses)?
        });
    }
    // A single `impl` for all boxes is not possible, so each boxed type gets its own `impl`.
    for named in model.types {
        if model.rust.is_boxed(&named.name) {
            let (_, items) = by_file.entry(file_of(named)).or_default();
            items.push(format!(
                "impl crate::json::object::Blank for Box<{}> {{\n    fn blank() -> Self {{\n        Box::new(crate::json::object::Blank::blank())\n    }}\n}}\n",
                named.name
            ));
        }
    }
    let mut index = format!(
        "{HEADER}\n//! The types of requests and responses, one file per CircleCI tag.\n\n"
    );
    for file in by_file.keys() {
        index += &format!("mod {file};\n");
    }
    index.push('\n');
    index += &if_type(model);
    for (file, (uses, items)) in &by_file {
        index += &format!("pub use {file}::*;\n");
        files.insert(
            format!("types/{file}.rs"),
            format!("{HEADER}\n{}\n{}", uses.lines(), items.join("\n")),
        );
    }
    files.insert("types/mod.rs".into(), index);
    Ok(())
}

/// Types that handwritten code uses with the default features, although older documents do not have them.
const OPTIONAL: [&str; 2] = ["PipelineRunConfig", "UsageExportJobState"];

/// Returns the macro `if_type`. Handwritten code for an optional type is inside this macro, which keeps the code only if the
/// document has the type.
fn if_type(model: &Model<'_>) -> String {
    let mut text =
        "/// Expands to the code if CircleCI's document has the type.\nmacro_rules! if_type {\n"
            .to_owned();
    for name in OPTIONAL {
        let has = model.types.iter().any(|named| named.name == name);
        let code = if has { "{ $($code)* }" } else { "{}" };
        text += &format!("    ({name} => $($code:tt)*) => {code};\n");
    }
    text + "}\npub(crate) use if_type;\n\n"
}

fn file_of(named: &Named) -> String {
    match named.tags.iter().collect::<Vec<_>>().as_slice() {
        [tag] => names::file(tag),
        _ => "shared".into(),
    }
}
