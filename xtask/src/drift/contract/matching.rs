//! Finds the operation of the new document that belongs to each operation of the old one.

use crate::document::Operation;
use std::collections::BTreeMap;

/// Returns a path with its parameters as `{}`, and the names of the parameters.
pub fn template(path: &str) -> (String, Vec<&str>) {
    let (mut shape, mut names, mut rest) = (String::new(), Vec::new(), path);
    while let Some((before, after)) = rest.split_once('{') {
        let Some((name, after)) = after.split_once('}') else {
            break;
        };
        shape.push_str(before);
        shape.push_str("{}");
        names.push(name);
        rest = after;
    }
    shape.push_str(rest);
    (shape, names)
}

/// Returns the method and the path, such as `GET /thing/{id}`.
pub fn route(operation: &Operation<'_>) -> String {
    format!("{} {}", operation.method.to_uppercase(), operation.path)
}

/// Returns the operationId, or the route if there is none.
pub fn called(operation: &Operation<'_>) -> String {
    match operation.id() {
        "" => route(operation),
        id => id.to_owned(),
    }
}

pub type Matched<'a> = (Operation<'a>, Operation<'a>);

/// Pairs the operations of two documents. It pairs operations with the same method and path first, then those whose paths differ
/// only in the names of parameters, and then those with the same operationId. It also returns the operations that are left in
/// each document.
pub fn match_up<'a>(
    old: Vec<Operation<'a>>,
    new: Vec<Operation<'a>>,
) -> (Vec<Matched<'a>>, Vec<Operation<'a>>, Vec<Operation<'a>>) {
    let (mut matched, mut gone, mut came) = (Vec::new(), old, new);
    let keys: [fn(&Operation<'_>) -> Option<String>; 3] = [
        |operation| Some(route(operation)),
        |operation| {
            Some(format!(
                "{} {}",
                operation.method,
                template(operation.path).0
            ))
        },
        |operation| Some(operation.id().to_owned()).filter(|id| !id.is_empty()),
    ];
    for key in keys {
        let mut left: BTreeMap<String, Operation<'a>> = BTreeMap::new();
        let mut others = Vec::new();
        for operation in came {
            match key(&operation) {
                Some(key) if !left.contains_key(&key) => drop(left.insert(key, operation)),
                _ => others.push(operation),
            }
        }
        gone.retain(
            |operation| match key(operation).and_then(|key| left.remove(&key)) {
                Some(partner) => {
                    matched.push((*operation, partner));
                    false
                }
                None => true,
            },
        );
        others.extend(left.into_values());
        came = others;
    }
    (matched, gone, came)
}
