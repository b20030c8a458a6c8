//! Finds the paged operations, so that a new paged operation is not missed.

use super::model::{HEADER, Model, Paging};
use std::collections::BTreeMap;

pub fn emit(model: &Model<'_>) -> String {
    let mut pages: BTreeMap<&str, String> = BTreeMap::new();
    let mut paged = String::new();
    for operation in &model.operations {
        let builder = &operation.builder;
        match &operation.paging {
            Some(Paging::Token { page, item }) => {
                paged += &format!("paged! {{ {builder}: {page} by Token \"page-token\" }}\n");
                pages.insert(page, format!("page! {{ {page} of {item} }}\n"));
            }
            Some(Paging::Offset { item }) => {
                paged += &format!("paged! {{ {builder}: Vec<{item}> by Offset \"offset\" }}\n")
            }
            None => {}
        }
    }
    let pages: String = pages.into_values().collect();
    format!(
        "{HEADER}\n//! The operations with pages: those whose response has `next_page_token`, and those that take an `offset`.\n\n\
         use super::{{operations::*, types::*}};\nuse crate::lists::page::{{page, paged}};\n\n{pages}\n{paged}"
    )
}
