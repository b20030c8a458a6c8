//! Checks the order of the rooms (the top-level modules). A room imports only from rooms that are below it in the order, and no
//! imports form a cycle.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use proc_macro2::{TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

/// The rooms of `circleci-api/src`, from top to bottom. A row is one level: the rooms in a row do not import each other.
const CRATE: &[&[&str]] = &[
    &["mock", "guide"],
    &["v1", "artifacts", "usage", "overview"],
    &["wait", "contexts", "insights", "webhook", "download"],
    &["lists"],
    &["request"],
    &["transport"],
    &["client"],
    &["retry"],
    &["json"],
    &["values"],
    &["error"],
    &["operation"],
];

/// The rooms of `xtask/src`, from top to bottom.
const XTASK: &[&[&str]] = &[
    &["main"],
    &["update", "bench_peers", "conformance"],
    &["drift"],
    &["regen"],
    &["surface", "emit"],
    &["lower"],
    &["document"],
];

/// The names that the generated code imports from the rooms. The generated code itself is in no room, and every room may
/// import it.
const GENERATED: &[&str] = &[
    "client::Client",
    "json",
    "lists::page",
    "operation::Example",
    "request",
    "values::argument",
    "values::parameters::ParameterValue",
];

/// The source of each module of a crate, by the path of the module (such as `transport::call`).
struct House {
    modules: BTreeMap<String, String>,
}

/// An import: the importing module, the imported module, and the path as it is written in the source.
struct Import {
    from: String,
    to: String,
    path: String,
}

impl House {
    fn read(source: &str) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("..")
            .join(source);
        let mut modules = BTreeMap::new();
        read_folder(&root, &mut Vec::new(), &mut modules);
        Self { modules }
    }

    #[cfg(test)]
    fn of(files: &[(&str, &str)]) -> Self {
        let modules = files
            .iter()
            .map(|(at, text)| ((*at).into(), (*text).into()));
        Self {
            modules: modules.collect(),
        }
    }

    fn imports(&self) -> Vec<Import> {
        let mut imports = Vec::new();
        for (from, source) in &self.modules {
            let file = syn::parse_file(source).unwrap_or_else(|error| panic!("{from}: {error}"));
            let mut paths = BTreeSet::new();
            for item in &file.items {
                if !is_test(item) {
                    collect(quote::ToTokens::to_token_stream(item), &mut paths);
                }
            }
            for path in paths {
                let Some(path) = absolute(from, &path) else {
                    continue;
                };
                let to = self.module_of(&path);
                if to != *from && !to.is_empty() {
                    let path = path.join("::");
                    imports.push(Import {
                        from: from.clone(),
                        to,
                        path,
                    });
                }
            }
        }
        imports
    }

    /// Returns the longest prefix of a path that is a module with its own file.
    fn module_of(&self, path: &[String]) -> String {
        let lengths = (1..=path.len()).rev();
        let mut modules = lengths.map(|length| path[..length].join("::"));
        modules
            .find(|module| self.modules.contains_key(module))
            .unwrap_or_default()
    }

    /// Returns the imports that violate the order, one line for each.
    fn faults(&self, order: &[&[&str]]) -> Vec<String> {
        let level = |room: &str| order.iter().position(|rooms| rooms.contains(&room));
        let mut faults = Vec::new();
        let imports = self.imports();
        for import in &imports {
            let (from, to) = (room(&import.from), room(&import.to));
            if from == "generated" {
                if to != from && !GENERATED.iter().any(|known| starts(&import.path, known)) {
                    faults.push(format!(
                        "{} imports {}, which generated code is not told of",
                        import.from, import.path
                    ));
                }
                continue;
            }
            if from == to || to == "generated" {
                continue;
            }
            match (level(from), level(to)) {
                (Some(above), Some(below)) if above < below => {}
                (None, _) => faults.push(format!("{from} is a room that the order does not list")),
                (_, None) => faults.push(format!("{to} is a room that the order does not list")),
                _ => faults.push(format!(
                    "{} imports {} from a room that is not below it",
                    import.from, import.path
                )),
            }
        }
        faults.extend(circles(&imports));
        faults.sort();
        faults.dedup();
        faults
    }
}

fn read_folder(folder: &Path, at: &mut Vec<String>, modules: &mut BTreeMap<String, String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            at.push(stem);
            read_folder(&path, at, modules);
            at.pop();
        } else if path.extension().is_some_and(|it| it == "rs") && !(at.is_empty() && stem == "lib")
        {
            let mut module = at.clone();
            if stem != "mod" {
                module.push(stem);
            }
            modules.insert(module.join("::"), std::fs::read_to_string(&path).unwrap());
        }
    }
}

fn room(module: &str) -> &str {
    module.split("::").next().unwrap_or_default()
}

fn starts(path: &str, with: &str) -> bool {
    path.strip_prefix(with)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

fn is_test(item: &syn::Item) -> bool {
    let syn::Item::Mod(it) = item else {
        return false;
    };
    // A module in its own file is checked when that file is read.
    it.content.is_none()
        || it.attrs.iter().any(|attribute| {
            attribute.path().is_ident("cfg")
                && quote::ToTokens::to_token_stream(&attribute.meta)
                    .to_string()
                    .contains("test")
        })
}

/// Collects every path in the tokens that begins with `crate`, `super` or `self`, including paths in expressions and macros.
fn collect(tokens: TokenStream, paths: &mut BTreeSet<Vec<String>>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut index = 0;
    while index < tokens.len() {
        match &tokens[index] {
            TokenTree::Ident(first) if ["crate", "super", "self"].iter().any(|it| first == it) => {
                index = follow(&tokens, index, Vec::new(), paths);
            }
            TokenTree::Group(group) => {
                collect(group.stream(), paths);
                index += 1;
            }
            _ => index += 1,
        }
    }
}

/// Reads one path, including all branches of a `use` tree. Returns the index of the token after the path.
fn follow(
    tokens: &[TokenTree],
    mut index: usize,
    mut path: Vec<String>,
    paths: &mut BTreeSet<Vec<String>>,
) -> usize {
    loop {
        match tokens.get(index) {
            Some(TokenTree::Ident(ident)) => path.push(ident.to_string()),
            Some(TokenTree::Group(group)) => {
                let inside: Vec<TokenTree> = group.stream().into_iter().collect();
                for branch in inside
                    .split(|token| matches!(token, TokenTree::Punct(it) if it.as_char() == ','))
                {
                    follow(branch, 0, path.clone(), paths);
                }
                return index + 1;
            }
            _ => break,
        }
        let colon =
            |at: usize| matches!(tokens.get(at), Some(TokenTree::Punct(it)) if it.as_char() == ':');
        if !(colon(index + 1) && colon(index + 2)) {
            index += 1;
            break;
        }
        index += 3;
    }
    if path.len() > 1 {
        paths.insert(path);
    }
    index
}

/// Returns a path from the root of the crate. The modules inside a file count as the file itself.
fn absolute(from: &str, path: &[String]) -> Option<Vec<String>> {
    let (first, rest) = path.split_first()?;
    let own = from.split("::").map(str::to_owned);
    let mut base: Vec<String> = match first.as_str() {
        "crate" => Vec::new(),
        _ => own.collect(),
    };
    let mut rest = rest.iter();
    if first == "super" {
        base.pop();
    }
    let mut tail: Vec<String> = Vec::new();
    for word in rest.by_ref() {
        match word.as_str() {
            "super" if tail.is_empty() => drop(base.pop()),
            "self" => {}
            _ => tail.push(word.clone()),
        }
    }
    base.extend(tail);
    Some(base)
}

/// Returns the import cycles between files, one line for each.
fn circles(imports: &[Import]) -> Vec<String> {
    let mut next: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for import in imports {
        // The file of a folder declares the modules in that folder. A declaration is not an import.
        if !starts(&import.to, &import.from) {
            next.entry(&import.from).or_default().insert(&import.to);
        }
    }
    let mut faults = Vec::new();
    let (mut done, mut way) = (BTreeSet::new(), Vec::new());
    for start in next.keys() {
        walk(start, &next, &mut done, &mut way, &mut faults);
    }
    faults
}

fn walk<'m>(
    at: &'m str,
    next: &BTreeMap<&'m str, BTreeSet<&'m str>>,
    done: &mut BTreeSet<&'m str>,
    way: &mut Vec<&'m str>,
    faults: &mut Vec<String>,
) {
    if let Some(begin) = way.iter().position(|known| *known == at) {
        faults.push(format!("a circle: {} -> {at}", way[begin..].join(" -> ")));
        return;
    }
    if !done.insert(at) {
        return;
    }
    way.push(at);
    for to in next.get(at).into_iter().flatten() {
        walk(to, next, done, way, faults);
    }
    way.pop();
}

#[track_caller]
fn assert_in_order(source: &str, order: &[&[&str]]) {
    let house = House::read(source);
    assert!(
        house.modules.len() > 20,
        "{source}: {} modules",
        house.modules.len()
    );
    let faults = house.faults(order);
    assert!(faults.is_empty(), "{source}:\n{}", faults.join("\n"));
}

#[test]
fn the_rooms_of_the_crate_are_in_order() {
    assert_in_order("circleci-api/src", CRATE);
}

#[test]
fn the_rooms_of_the_xtask_are_in_order() {
    assert_in_order("xtask/src", XTASK);
}

/// The functions that may be longer than [`LONGEST`] because they are tables. Each has a description of its table.
const TABLES: &[(&str, &str)] = &[];

/// The maximum length of a function, in lines.
const LONGEST: usize = 60;

struct Lengths {
    long: Vec<(String, usize)>,
}

impl Lengths {
    fn note(&mut self, name: &syn::Ident, body: &syn::Block) {
        let lines = body.span().end().line - body.span().start().line + 1;
        if lines > LONGEST {
            self.long.push((name.to_string(), lines));
        }
    }
}

impl<'ast> Visit<'ast> for Lengths {
    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        if module.ident != "tests" {
            visit::visit_item_mod(self, module);
        }
    }

    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.note(&function.sig.ident, &function.block);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.note(&function.sig.ident, &function.block);
        visit::visit_impl_item_fn(self, function);
    }
}

#[test]
fn no_function_is_long_but_a_table() {
    let mut long = Vec::new();
    for source in [
        "circleci-api/src",
        "xtask/src",
        "xtask/conformance/src",
        "xtask/reality/src",
    ] {
        for (module, text) in House::read(source).modules {
            let mut lengths = Lengths { long: Vec::new() };
            lengths.visit_file(&syn::parse_file(&text).unwrap());
            let named = lengths.long.into_iter();
            long.extend(named.map(|(name, lines)| (format!("{source}: {module}::{name}"), lines)));
        }
    }
    for (name, _) in TABLES {
        assert!(
            long.iter().any(|(known, _)| known == name),
            "{name} is not long any more"
        );
    }
    long.retain(|(name, _)| !TABLES.iter().any(|(table, _)| table == name));
    assert!(long.is_empty(), "{long:#?}");
}

#[test]
fn an_import_from_above_is_named() {
    let house = House::of(&[
        ("client", "use crate::retry::Policy;"),
        ("retry", "fn f() { let _ = super::client::Client::new(); }"),
    ]);
    assert_eq!(
        house.faults(&[&["client"], &["retry"]]),
        [
            "a circle: client -> retry -> client",
            "retry imports client::Client::new from a room that is not below it"
        ]
    );
}

#[test]
fn a_circle_within_a_room_is_found_wherever_the_path_stands() {
    let house = House::of(&[
        ("lists::page", "use super::{items::Items, seen};"),
        (
            "lists::items",
            "macro_rules! page { () => { $crate::lists::page::Page }; }",
        ),
        (
            "lists::seen",
            "#[cfg(test)] mod tests { use crate::lists::page::Page; }",
        ),
    ]);
    assert_eq!(
        house.faults(&[&["lists"]]),
        ["a circle: lists::items -> lists::page -> lists::items"]
    );
}

#[test]
fn generated_code_knows_only_what_it_is_told_of() {
    let house = House::of(&[
        (
            "generated::operations",
            "use crate::client::Client; use crate::client::auth::Token;",
        ),
        ("client::auth", "use crate::generated::types::User;"),
        ("client", ""),
    ]);
    assert_eq!(
        house.faults(&[&["client"]]),
        ["generated::operations imports client::auth::Token, which generated code is not told of"]
    );
}

#[test]
fn contributing_shows_the_same_order() {
    let text = include_str!("../CONTRIBUTING.md");
    for (name, order) in [("circleci-api/src", CRATE), ("xtask/src", XTASK)] {
        let rows: Vec<String> = order.iter().map(|rooms| rooms.join(", ")).collect();
        let shown = rows.join("\n");
        assert!(
            text.contains(&shown),
            "CONTRIBUTING.md does not show the rooms of {name}:\n{shown}"
        );
    }
}
