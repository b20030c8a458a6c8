//! Handles requests that CircleCI refuses although its document allows them. Before such a request is sent, it is fixed or
//! reported as an error.
//!
//! These cases were tested against the live API in August 2026.

use serde_json::{Map, Value};

use crate::values::argument::QueryValue;

/// A function that changes a body to the form that the operation accepts, or returns an error.
pub(super) type Adjust = fn(&mut Map<String, Value>) -> Result<(), &'static str>;

/// Returns the function that adjusts the body of an operation, or `None` if the body needs no change.
pub(super) fn of_body(operation: &str) -> Option<Adjust> {
    match operation {
        "patchProjectSettings" => Some(project_settings),
        _ => None,
    }
}

/// Removes `oss`, which CircleCI sends in answers but refuses in an update ("Unexpected field"). Returns an error if `advanced`
/// is then empty, because CircleCI refuses that too.
fn project_settings(body: &mut Map<String, Value>) -> Result<(), &'static str> {
    if let Some(Value::Object(advanced)) = body.get_mut("advanced") {
        advanced.remove("oss");
        if advanced.is_empty() {
            return Err(
                "`advanced` has no field that CircleCI accepts: set a field other than `oss`",
            );
        }
    }
    Ok(())
}

/// Returns the reason why CircleCI would refuse the query of an operation, or `None` if CircleCI accepts the query.
pub(super) fn refusal<'q>(
    operation: &str,
    query: impl Fn(&str) -> Option<&'q QueryValue>,
) -> Option<&'static str> {
    match operation {
        // CircleCI answers 400 if the query parameter `claims` names no claims.
        "DeleteOrgClaims" | "DeleteProjectClaims" => {
            let names = query("claims").map_or("", QueryValue::as_str);
            let unnamed = names.split(',').all(|name| name.trim().is_empty());
            unnamed.then_some(
                "claims must name the claims to delete: `audience`, `ttl` or `audience,ttl`",
            )
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generated::operations::{
        DeleteOrgClaims, DeleteProjectClaims, PatchProjectSettings,
    };

    #[test]
    fn the_operations_are_there() {
        assert!(of_body(PatchProjectSettings::OPERATION.id).is_some());
        for operation in [DeleteOrgClaims::OPERATION, DeleteProjectClaims::OPERATION] {
            assert!(refusal(operation.id, |_| None).is_some());
        }
    }
}
