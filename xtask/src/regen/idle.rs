//! Explains why an overlay action matches nothing: either it never matched anything, or it stopped matching.

use super::build::{Built, prepared, unmatched};
use crate::document::overlay;
use serde_json::Value;

/// For each overlay action that matches nothing, counts its matches in an older document, and adds the count to the line about
/// the action. `name` is the name of the older document in this line.
pub fn explain(built: &mut Built, base: &Value, name: &str, overlay: &str) {
    let mut base = prepared(base.clone());
    let Ok(before) = overlay::apply(&mut base, overlay, true) else {
        return;
    };
    let now = built.report.iter().zip(&before).enumerate();
    for (index, (now, before)) in now.filter(|(_, (now, _))| now.matches == 0) {
        let line = unmatched("overlay action", &now.name);
        let Some(line) = built.unused.iter_mut().find(|it| **it == line) else {
            continue;
        };
        line.push_str(&match before.matches {
            0 => format!(", nor in {name}: correct its target"),
            count => format!(
                " any more ({} in {name}): delete it if CircleCI has fixed the cause, or else correct its target",
                if count == 1 { "1 place".to_owned() } else { format!("{count} places") }
            ),
        });
        if let Some(reached) = overlay::reached(&built.overlaid, overlay, index) {
            line.push_str(&format!(", of which only {reached} is there"));
        }
    }
}
