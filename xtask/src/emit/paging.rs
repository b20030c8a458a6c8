//! Paging: found in the types, so that a new paged operation cannot be forgotten.

use super::{
    HEADER, Model, argument_of,
    operations::{Operation, Query, spell},
    type_name,
};
use anyhow::Result;
use std::collections::BTreeMap;

/// How an operation is paged.
enum Paging {
    /// The page is a struct with `items` and `next_page_token`.
    Token { page: String, item: String },
    /// The answer is a list, and the operation takes an `offset`.
    Offset { item: String },
}

pub fn emit(model: &Model<'_>, operations: &[Operation]) -> Result<String> {
    let structs = super::structs::find(model)?;
    let mut pages: BTreeMap<String, String> = BTreeMap::new();
    let mut paged = String::new();
    for operation in operations {
        match paging(&operation.output, &operation.query, &structs) {
            Some(Paging::Token { page, item }) => {
                paged += &format!(
                    "paged! {{ {}: {page} by Token \"page-token\" }}\n",
                    operation.builder
                );
                pages.insert(page, item);
            }
            Some(Paging::Offset { item }) => {
                paged += &format!(
                    "paged! {{ {}: Vec<{item}> by Offset \"offset\" }}\n",
                    operation.builder
                )
            }
            None => {}
        }
    }
    let pages: String = pages
        .iter()
        .map(|(page, item)| format!("page! {{ {page} of {item} }}\n"))
        .collect();
    Ok(format!(
        "{HEADER}\n//! What is paged: every operation whose response carries `next_page_token`, and those that take an `offset`.\n\n\
         use super::{{operations::*, types::*}};\nuse crate::lists::page::{{page, paged}};\n\n{pages}\n{paged}"
    ))
}

/// Whether an operation with this output and these parameters is paged.
pub fn is_paged(
    output: &syn::Type,
    query: &[Query],
    structs: &super::structs::Structs<'_>,
) -> bool {
    paging(output, query, structs).is_some()
}

fn paging(
    output: &syn::Type,
    query: &[Query],
    structs: &super::structs::Structs<'_>,
) -> Option<Paging> {
    if let Some(item) = argument_of(output, "Vec") {
        let offset = query.iter().any(|parameter| parameter.wire == "offset");
        return offset.then(|| Paging::Offset {
            item: spell(item).replace("types::", ""),
        });
    }
    let page = type_name(output)?;
    let item = items(structs.get(&page)?)?;
    Some(Paging::Token { page, item })
}

/// The item type of a page, where the struct is one.
fn items(page: &syn::ItemStruct) -> Option<String> {
    let field = |name: &str| {
        page.fields
            .iter()
            .find(|field| field.ident.as_ref().is_some_and(|ident| ident == name))
    };
    field("next_page_token")?;
    let ty = &field("items")?.ty;
    type_name(argument_of(argument_of(ty, "Option").unwrap_or(ty), "Vec")?)
}
