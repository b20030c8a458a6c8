//! Applies `openapi/overlay.yaml`, action by action, so that each one is held to account.

use anyhow::{Context, Result};
use roas_overlay::{apply::Apply, v1_1::Overlay};
use serde_json::Value;

/// How often one action or fixup applied.
#[derive(Clone, Debug)]
pub struct Applied {
    pub name: String,
    pub matches: usize,
}

/// Applies every action of the overlay `text` to `document` and says how many places each one matched. In a document other
/// than the vendored one (`lenient`) an action may find text where it expects an object; then it applies nowhere.
pub fn apply(document: &mut Value, text: &str, lenient: bool) -> Result<Vec<Applied>> {
    let overlay: Overlay =
        serde_yaml_ng::from_str(text).context("overlay.yaml is not an Overlay document")?;
    let mut report = Vec::new();
    for (index, action) in overlay.actions.iter().enumerate() {
        let name = name(action.description.as_deref(), index);
        let mut single = overlay.clone();
        single.actions = vec![action.clone()];
        let matches = match single.apply(document, Default::default()) {
            Ok(applied) => applied.actions.iter().map(|outcome| outcome.matched).sum(),
            Err(_) if lenient => 0,
            Err(error) => return Err(error).with_context(|| format!("overlay action \"{name}\"")),
        };
        report.push(Applied { name, matches });
    }
    Ok(report)
}

/// An action is called by the first sentence of its reason.
fn name(description: Option<&str>, index: usize) -> String {
    match description
        .and_then(|text| text.split(['.', ':']).next())
        .map(str::trim)
    {
        Some(first) if !first.is_empty() => first.to_owned(),
        _ => format!("number {} (which gives no reason)", index + 1),
    }
}
