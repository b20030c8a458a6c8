//! Tests that every public item of the handwritten code has an example, refers to an example, or says why it has none.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::TokenStream;
use syn::parse::ParseStream;
use syn::{Attribute, Expr, Ident, ImplItem, Item, Lit, Meta, TraitItem, Type, Visibility};

/// The docs of an item: their text, and the code of their examples.
#[derive(Clone, Default)]
struct Docs {
    text: String,
    code: String,
}

impl Docs {
    fn of(attributes: &[Attribute]) -> Self {
        let mut docs = Self::default();
        let mut within = None;
        for line in attributes.iter().filter_map(doc) {
            for line in line.lines().map(str::trim) {
                match (line.strip_prefix("```"), within) {
                    (Some(kind), None) => within = Some(!kind.starts_with("text")),
                    (Some(_), Some(_)) => within = None,
                    (None, Some(true)) => docs.code += &format!("{line}\n"),
                    (None, _) => docs.text += &format!("{line} "),
                }
            }
        }
        docs
    }

    /// If the text refers to the example of another item, returns the last part of that item's name.
    fn referred(&self) -> Option<&str> {
        let name = match self.text.split_once(" has an example") {
            Some((before, _)) => before.rsplit("[`").next(),
            None => Some(self.text.split_once("example of [`")?.1),
        };
        name?.split('`').next()?.rsplit("::").next()
    }
}

/// Returns the text of a doc attribute. If the attribute is in a `cfg_attr`, returns the text for the enabled feature.
fn doc(attribute: &Attribute) -> Option<String> {
    let named = match &attribute.meta {
        Meta::NameValue(named) => named.clone(),
        Meta::List(list) if list.path.is_ident("cfg_attr") => {
            let parts = list.parse_args_with(
                syn::punctuated::Punctuated::<Meta, syn::Token![,]>::parse_terminated,
            );
            let parts: Vec<Meta> = parts.ok()?.into_iter().collect();
            match &parts[..] {
                [condition, Meta::NameValue(named)] if !condition.path().is_ident("not") => {
                    named.clone()
                }
                _ => return None,
            }
        }
        _ => return None,
    };
    match (named.path.is_ident("doc"), named.value) {
        // An example that needs the mock begins with this macro.
        (true, Expr::Macro(call)) if call.mac.path.is_ident("mock_example") => {
            Some("```".to_owned())
        }
        (true, Expr::Lit(literal)) => match literal.lit {
            Lit::Str(text) => Some(text.value()),
            _ => None,
        },
        _ => None,
    }
}

#[derive(Default)]
struct Pages {
    /// For each type and trait, the code of all examples on its page. The key is the name of the type or trait.
    code: BTreeMap<String, String>,
    /// The modules that have an example.
    modules: Vec<String>,
    /// The public items. Each has the page that it is on, its name, and its docs.
    items: Vec<(Option<String>, String, Docs)>,
}

impl Pages {
    fn note(&mut self, page: Option<&str>, name: &dyn ToString, attributes: &[Attribute]) {
        if attributes.iter().any(is_hidden) {
            return;
        }
        let docs = Docs::of(attributes);
        if let Some(page) = page {
            *self.code.entry(page.to_owned()).or_default() += &docs.code;
        }
        self.items
            .push((page.map(str::to_owned), name.to_string(), docs));
    }

    fn read(&mut self, items: Vec<Item>) {
        for item in items {
            match item {
                Item::Struct(it) if is_public(&it.vis) => self.note_type(&it.ident, &it.attrs),
                Item::Enum(it) if is_public(&it.vis) => self.note_type(&it.ident, &it.attrs),
                Item::Trait(it) if is_public(&it.vis) => {
                    self.note_type(&it.ident, &it.attrs);
                    let page = it.ident.to_string();
                    for part in it.items {
                        match part {
                            TraitItem::Fn(it) => self.note(Some(&page), &it.sig.ident, &it.attrs),
                            TraitItem::Const(it) => self.note(Some(&page), &it.ident, &it.attrs),
                            TraitItem::Type(it) => self.note(Some(&page), &it.ident, &it.attrs),
                            _ => {}
                        }
                    }
                }
                Item::Fn(it) if is_public(&it.vis) => self.note(None, &it.sig.ident, &it.attrs),
                Item::Const(it) if is_public(&it.vis) => self.note(None, &it.ident, &it.attrs),
                Item::Macro(it) if it.attrs.iter().any(|it| it.path().is_ident("macro_export")) => {
                    self.note(None, &it.ident.expect("a name"), &it.attrs);
                }
                Item::Macro(it) if it.ident.is_none() => {
                    if let Ok((attributes, name)) = it.mac.parse_body_with(made)
                        && !attributes.is_empty()
                    {
                        self.note_type(&name, &attributes);
                    }
                }
                Item::Impl(it) if it.trait_.is_none() => {
                    let Type::Path(of) = &*it.self_ty else {
                        continue;
                    };
                    let page = of.path.segments.last().expect("a name").ident.to_string();
                    *self.code.entry(page.clone()).or_default() += &Docs::of(&it.attrs).code;
                    for part in it.items {
                        if let ImplItem::Fn(it) = part
                            && is_public(&it.vis)
                        {
                            self.note(Some(&page), &it.sig.ident, &it.attrs);
                        }
                    }
                }
                Item::Mod(it) => {
                    if let Some((_, items)) = it.content
                        && !it.attrs.iter().any(|it| it.path().is_ident("cfg"))
                    {
                        self.read(items);
                    }
                }
                _ => {}
            }
        }
    }

    fn note_type(&mut self, name: &dyn ToString, attributes: &[Attribute]) {
        self.note(Some(&name.to_string()), name, attributes);
    }
}

/// Returns the docs and the name of the type that a macro call defines. They are the first tokens of the call.
fn made(input: ParseStream<'_>) -> syn::Result<(Vec<Attribute>, Ident)> {
    let attributes = input.call(Attribute::parse_outer)?;
    let name: Ident = input.parse()?;
    input.parse::<TokenStream>()?;
    match name.to_string().starts_with(char::is_uppercase) {
        true => Ok((attributes, name)),
        false => Err(input.error("no type")),
    }
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

fn is_hidden(attribute: &Attribute) -> bool {
    matches!(&attribute.meta, Meta::List(list) if list.path.is_ident("doc") && list.tokens.to_string() == "hidden")
}

/// Checks whether the code contains `.name` or `::name` where the name is not the beginning of a longer name.
fn is_used(code: &str, name: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(name).any(|(at, _)| {
        code[..at].ends_with(['.', ':']) && !code[at + name.len()..].starts_with(part)
    })
}

/// Collects the source files of the crate, except the generated files.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .expect("a name");
        match path.is_dir() {
            true if name != "generated" => files(&path, found),
            false if name.ends_with(".rs") => found.push(path),
            _ => {}
        }
    }
}

/// The types that are `pub`, although no public path leads to them.
const UNREACHABLE: [&str; 3] = ["Board", "Head", "Reply"];

#[test]
fn every_public_item_has_an_example_or_says_why_not() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../circleci-api/src");
    let (mut found, mut pages) = (Vec::new(), Pages::default());
    files(&source, &mut found);
    for file in &found {
        let text = fs::read_to_string(file).expect("a file");
        let source = syn::parse_file(&text).expect("Rust");
        if !Docs::of(&source.attrs).code.is_empty() {
            let path = file.with_extension("");
            let mut names = path.iter().rev().filter_map(|name| name.to_str());
            pages
                .modules
                .extend(names.find(|name| *name != "mod").map(str::to_owned));
        }
        pages.read(source.items);
    }
    assert!(pages.items.len() > 250, "{} items", pages.items.len());
    let shown = |page: &Option<String>, name: &str| {
        let page = page.as_deref().filter(|page| *page != name);
        page.and_then(|page| pages.code.get(page))
            .is_some_and(|code| is_used(code, name))
    };
    // An item has an example if its docs contain one, or if an example on its page uses the item.
    let shows = |name: &str| {
        let mut items = pages.items.iter().filter(|(_, known, _)| known == name);
        pages.modules.iter().any(|module| module == name)
            || pages.code.get(name).is_some_and(|code| !code.is_empty())
            || items.any(|(page, _, docs)| !docs.code.is_empty() || shown(page, name))
    };
    let unreachable = |name: &str| UNREACHABLE.contains(&name);
    for name in UNREACHABLE {
        assert!(
            pages.items.iter().any(|(_, known, _)| known == name),
            "{name} is gone"
        );
    }
    let missing = pages.items.iter().filter(|(page, name, docs)| {
        let enough = !docs.code.is_empty()
            || docs.text.contains("No example: ")
            || shown(page, name)
            || docs.referred().is_some_and(shows);
        !enough && !unreachable(name)
    });
    let missing: Vec<String> = missing
        .map(|(page, name, _)| format!("{} {name}", page.as_deref().unwrap_or("function")))
        .collect();
    assert!(missing.is_empty(), "{}: {missing:#?}", missing.len());
}
