//! Writes unions as untagged enums. The decoder tries the variants in order.

use super::{
    docs,
    imports::{self, Imports},
    model::Model,
};
use crate::lower::{names, rust::Rust};
use anyhow::Result;
use serde_json::Value;

pub fn emit(model: &Model<'_>, name: &str, schema: &Value, uses: &mut Imports) -> Result<String> {
    uses.add(imports::ONE_OF);
    let mut body = String::new();
    for alternative in model.rust.fields(name)? {
        let ty = alternative.present();
        uses.add_type(&ty);
        let variant = names::union_variant(name, word(&alternative.ty));
        let about = match (model.words.of_variant(name, &variant), &alternative.ty) {
            (Some(words), _) => words,
            (None, Rust::Named(component)) => model
                .described(component, model.schema(component)?)
                .into_iter()
                .next()
                .unwrap_or_default(),
            (None, _) => format!("As `{ty}`."),
        };
        body += &format!("        /// {about}\n        {variant}({ty}),\n");
    }
    Ok(format!(
        "one_of! {{\n{}    {name} {{\n{body}    }}\n}}\n",
        docs::comment(&model.described(name, schema), "    ")
    ))
}

/// Returns the name of an alternative that has this type.
pub fn word(ty: &Rust) -> &str {
    match ty {
        Rust::Named(name) => name,
        Rust::List(_) => "List",
        Rust::Map(_) | Rust::JsonObject => "Map",
        Rust::String | Rust::Uuid | Rust::DateTime => "Text",
        Rust::I64 => "Integer",
        Rust::F64 => "Number",
        Rust::Bool => "Boolean",
        Rust::ParameterValue => "ParameterValue",
        Rust::Json | Rust::Unit | Rust::Option(_) | Rust::Boxed(_) => "Other",
    }
}
