//! Writes open enums, with one line for each variant.

use super::{
    docs, escape,
    imports::{self, Imports},
    model::Model,
};
use crate::lower::names;
use anyhow::{Result, bail};
use serde_json::Value;
use std::collections::BTreeMap;

pub fn emit(model: &Model<'_>, name: &str, schema: &Value, uses: &mut Imports) -> Result<String> {
    uses.add(imports::OPEN_ENUM);
    let words: Vec<&str> = schema["enum"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let mut variants: BTreeMap<String, &str> = BTreeMap::new();
    let mut body = String::new();
    for word in words {
        let variant = names::variant(word);
        if let Some(other) = variants.insert(variant.clone(), word) {
            bail!("{name}: the words {other:?} and {word:?} would both be called {variant}");
        }
        // The macro shows the value as code in the docs, where a backtick or a line break would end the code.
        let shown = escape::code(word);
        let shown = match shown == format!("`{word}`") {
            true => String::new(),
            false => format!(" as {shown:?}"),
        };
        body += &format!("        {variant} = {word:?}{shown},\n");
    }
    Ok(format!(
        "open_enum! {{\n{}    {name} {{\n{body}    }}\n}}\n",
        docs::comment(&model.described(name, schema), "    ")
    ))
}
