//! Reads the generated files with syn and lists their public API. The list is short enough to be reviewed. The snapshots in
//! `tests/` contain the list, and `cargo xtask surface` prints it.

use anyhow::{Context, Result, anyhow, bail};
use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs, io,
    path::Path,
};

/// The contents of the files, by their path below `generated/`.
type Files = BTreeMap<String, String>;

/// An operation, as a caller sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    pub tag: String,
    /// The name of the method, such as `list_contexts`.
    pub method: String,
    /// The operationId, such as `listContexts`.
    pub id: String,
    /// The HTTP method and the path, such as `GET /context`.
    pub route: String,
    /// The names and types of the method's arguments.
    pub arguments: Vec<(String, String)>,
    /// The names and types of the optional setters.
    pub setters: Vec<(String, String)>,
    pub output: String,
    /// When a failed request may be sent again: `safe`, `cancel` or `never`.
    pub replay: String,
    /// The type of the items, and the kind of paging (`token` or `offset`). `None` if the operation has no pages.
    pub paged: Option<(String, &'static str)>,
    pub deprecated: bool,
}

/// A public type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Type {
    Struct {
        fields: Vec<Field>,
        /// The names and types of the arguments of `new`. Only a type that callers send has this constructor.
        new: Option<Vec<(String, String)>>,
    },
    /// The variants, each with its enum value.
    Enum(Vec<(String, String)>),
    /// The variants, each with its type.
    Union(Vec<(String, String)>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    pub name: String,
    pub ty: String,
    /// The JSON keys from which the field is read. The first one is used for writing.
    pub wire: Vec<String>,
    /// The decoder of the field, if it is not the default decoder of its type.
    pub decoder: Option<String>,
    pub deprecated: bool,
}

/// All public items in the generated code.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Surface {
    pub operations: Vec<Operation>,
    pub types: BTreeMap<String, Type>,
    lines: usize,
}

/// Runs the command: prints the public API of the files below `dir`, or its statistics. Returns the exit code.
pub fn run(dir: &Path, stats: bool, out: &mut dyn io::Write) -> Result<u8> {
    let surface = Surface::of(&read_files(dir)?)?;
    match stats {
        true => writeln!(out, "{}", surface.stats())?,
        false => writeln!(
            out,
            "{}\n{}",
            surface.list_operations(),
            surface.list_types()
        )?,
    }
    Ok(0)
}

/// Reads the files below `dir`. The result has the same form as the output of `regen`.
pub fn read_files(dir: &Path) -> Result<Files> {
    let mut files = Files::new();
    for folder in ["", "operations", "types"] {
        let path = dir.join(folder);
        for entry in
            fs::read_dir(&path).with_context(|| format!("cannot list generated/{folder}"))?
        {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                let name = entry.file_name().to_string_lossy().into_owned();
                let text = fs::read_to_string(entry.path())
                    .with_context(|| format!("cannot read generated/{folder}/{name}"))?;
                files.insert(
                    if folder.is_empty() {
                        name
                    } else {
                        format!("{folder}/{name}")
                    },
                    text,
                );
            }
        }
    }
    Ok(files)
}

impl Surface {
    pub fn of(files: &Files) -> Result<Self> {
        let mut surface = Self {
            lines: files.values().map(|text| text.lines().count()).sum(),
            ..Self::default()
        };
        let paged = files
            .get("paging.rs")
            .map(|text| paging(text))
            .transpose()?
            .unwrap_or_default();
        for (path, text) in files {
            let file =
                syn::parse_file(text).with_context(|| format!("generated/{path} is not Rust"))?;
            match path.split_once('/') {
                Some(("operations", _)) => surface
                    .operations
                    .extend(operations(&file, &paged).with_context(|| path.clone())?),
                Some(("types", _)) => surface
                    .types
                    .extend(types(&file).with_context(|| path.clone())?),
                _ => {}
            }
        }
        surface
            .operations
            .sort_by(|a, b| (&a.tag, &a.route, &a.method).cmp(&(&b.tag, &b.route, &b.method)));
        Ok(surface)
    }

    /// Returns the list of operations, grouped by tag.
    pub fn list_operations(&self) -> String {
        let mut text = String::new();
        let mut tag = "";
        for operation in &self.operations {
            if operation.tag != tag {
                tag = &operation.tag;
                let _ = writeln!(text, "{}## {tag}", if text.is_empty() { "" } else { "\n" });
            }
            let _ = writeln!(text, "{}", operation.line());
        }
        text
    }

    /// Returns the list of public types.
    pub fn list_types(&self) -> String {
        let mut text = String::new();
        for (name, ty) in &self.types {
            let _ = writeln!(text, "{}", ty.entry(name));
        }
        text
    }

    pub fn stats(&self) -> Stats {
        let count = |wanted: fn(&Type) -> bool| self.types.values().filter(|ty| wanted(ty)).count();
        Stats {
            operations: self.operations.len(),
            paged: self
                .operations
                .iter()
                .filter(|operation| operation.paged.is_some())
                .count(),
            structs: count(|ty| matches!(ty, Type::Struct { .. })),
            enums: count(|ty| matches!(ty, Type::Enum(_))),
            unions: count(|ty| matches!(ty, Type::Union(_))),
            longest: self
                .types
                .keys()
                .max_by_key(|name| name.len())
                .cloned()
                .unwrap_or_default(),
            unnamed: self
                .types
                .keys()
                .filter(|name| is_unnamed(name))
                .cloned()
                .collect(),
            lines: self.lines,
        }
    }
}

/// Returns whether a name looks like one that a generator invented.
fn is_unnamed(name: &str) -> bool {
    let twice = |part: &str| name.matches(part).count() > 1;
    let numbered = name.trim_end_matches(|c: char| c.is_ascii_digit()).len() < name.len();
    name.ends_with("Item")
        || name.ends_with("Value")
        || name.contains("Variant")
        || name.contains("Subtype")
        || twice("Response")
        || numbered
}

/// The statistics that `surface --stats` prints.
#[derive(Clone, Debug)]
pub struct Stats {
    pub operations: usize,
    pub paged: usize,
    pub structs: usize,
    pub enums: usize,
    pub unions: usize,
    pub longest: String,
    pub unnamed: BTreeSet<String>,
    pub lines: usize,
}

impl std::fmt::Display for Stats {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(
            f,
            "operations          {} ({} paged)",
            self.operations, self.paged
        )?;
        writeln!(f, "structs             {}", self.structs)?;
        writeln!(
            f,
            "enums               {} (and {} unions)",
            self.enums, self.unions
        )?;
        writeln!(
            f,
            "longest type name   {} ({})",
            self.longest.len(),
            self.longest
        )?;
        writeln!(f, "invented names      {}", self.unnamed.len())?;
        self.unnamed
            .iter()
            .try_for_each(|name| writeln!(f, "  {name}"))?;
        write!(f, "generated lines     {}", self.lines)
    }
}

impl Operation {
    pub fn line(&self) -> String {
        let list = |list: &[(String, String)], mark: &str| {
            list.iter()
                .map(|(name, ty)| format!("{name}{mark}: {ty}"))
                .collect::<Vec<_>>()
        };
        let mut parameters = list(&self.arguments, "");
        parameters.extend(list(&self.setters, "?"));
        let mut marks = vec![format!("replay {}", self.replay)];
        if let Some((item, by)) = &self.paged {
            marks.push(format!("paged by {by}: {item}"));
        }
        if self.deprecated {
            marks.push("deprecated".into());
        }
        format!(
            "{} [{}]\n    {}({}) -> {} ! Error [{}]",
            self.route,
            self.id,
            self.method,
            parameters.join(", "),
            self.output,
            marks.join("; ")
        )
    }
}

impl Type {
    pub fn entry(&self, name: &str) -> String {
        let pairs = |pairs: &[(String, String)], by: &str| {
            pairs
                .iter()
                .map(|(a, b)| format!("{a}{by}{b}"))
                .collect::<Vec<_>>()
                .join(", ")
        };
        match self {
            Self::Enum(words) => format!(
                "enum {name}\n    {}\n",
                words
                    .iter()
                    .map(|(variant, word)| format!("{variant} {word:?}"))
                    .collect::<Vec<_>>()
                    .join(" | ")
            ),
            Self::Union(variants) => format!(
                "union {name}\n    {}\n",
                variants
                    .iter()
                    .map(|(variant, ty)| format!("{variant}({ty})"))
                    .collect::<Vec<_>>()
                    .join(" | ")
            ),
            Self::Struct { fields, new } => {
                let mut text = match new {
                    Some(arguments) => format!("struct {name}::new({})\n", pairs(arguments, ": ")),
                    None => format!("struct {name}\n"),
                };
                for field in fields {
                    let _ = writeln!(text, "    {}", field.line());
                }
                text
            }
        }
    }
}

impl Field {
    /// Returns the JSON key that is used for writing the field.
    pub fn key(&self) -> &str {
        self.wire.first().map_or("", String::as_str)
    }

    pub fn line(&self) -> String {
        let mut line = format!("{}: {}", self.name, self.ty);
        if self.wire != [self.name.clone()] {
            let _ = write!(line, " = {}", self.wire.join(" | "));
        }
        if let Some(decoder) = &self.decoder {
            let _ = write!(
                line,
                " (as {})",
                crate::lower::names::snake(decoder).replace('_', " ")
            );
        }
        if self.deprecated {
            line.push_str(" [deprecated]");
        }
        line
    }
}

// ---- reading -------------------------------------------------------------------------------------------------------

/// Formats code as a person would write it: without `types::` and trailing commas.
fn spell(tokens: &impl ToTokens) -> String {
    let mut text = String::new();
    spell_into(tokens.to_token_stream(), &mut text);
    text
}

fn spell_into(tokens: TokenStream, text: &mut String) {
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Ident(ident) if ident == "types" => {
                tokens.next();
                tokens.next();
            }
            TokenTree::Ident(_) | TokenTree::Literal(_) => {
                if text.ends_with(|c: char| c.is_alphanumeric() || c == '_') {
                    text.push(' ');
                }
                text.push_str(&token.to_string());
            }
            TokenTree::Punct(punct) if punct.as_char() == '=' => text.push_str(" = "),
            TokenTree::Punct(punct) if punct.as_char() == ',' => match tokens.peek() {
                None => {}
                Some(TokenTree::Punct(next)) if next.as_char() == '>' => {}
                Some(_) => text.push_str(", "),
            },
            TokenTree::Punct(punct) => text.push(punct.as_char()),
            TokenTree::Group(group) => {
                text.push('(');
                spell_into(group.stream(), text);
                text.push(')');
            }
        }
    }
}

/// Writes the type of an argument in a simple form: `impl Into<String>` becomes `String`, and an iterator becomes a list.
fn spell_argument(ty: &syn::Type) -> String {
    let mut text = spell(ty);
    for bound in ["impl Into<", "impl Borrow<"] {
        while let Some(at) = text.find(bound) {
            let Some(end) = text[at..].find('>').map(|length| at + length) else {
                break;
            };
            text = format!(
                "{}{}{}",
                &text[..at],
                &text[at + bound.len()..end],
                &text[end + 1..]
            );
        }
    }
    let item = text.strip_prefix("impl IntoIterator<Item = ");
    match item.and_then(|rest| rest.strip_suffix('>')) {
        Some(item) => format!("[{item}]"),
        None => text,
    }
}

fn is_deprecated(attributes: &[syn::Attribute]) -> bool {
    attributes
        .iter()
        .any(|attribute| attribute.path().is_ident("deprecated"))
}

fn impls(file: &syn::File) -> impl Iterator<Item = (String, &syn::ItemImpl)> {
    file.items.iter().filter_map(|item| match item {
        syn::Item::Impl(item) if item.trait_.is_none() => Some((spell(&item.self_ty), item)),
        _ => None,
    })
}

fn functions(item: &syn::ItemImpl) -> impl Iterator<Item = &syn::ImplItemFn> {
    item.items.iter().filter_map(|item| match item {
        syn::ImplItem::Fn(function) => Some(function),
        _ => None,
    })
}

fn arguments(function: &syn::ImplItemFn) -> Vec<(String, String)> {
    let typed = function.sig.inputs.iter().filter_map(|input| match input {
        syn::FnArg::Typed(typed) => Some((spell(&typed.pat), spell_argument(&typed.ty))),
        syn::FnArg::Receiver(_) => None,
    });
    typed.collect()
}

fn macros<'a>(file: &'a syn::File, name: &'a str) -> impl Iterator<Item = &'a TokenStream> {
    file.items.iter().filter_map(move |item| match item {
        syn::Item::Macro(item) if item.mac.path.is_ident(name) => Some(&item.mac.tokens),
        _ => None,
    })
}

/// Returns the tokens of a macro call without the doc comments and attributes.
fn undocumented(tokens: &TokenStream) -> Vec<TokenTree> {
    let mut plain = Vec::new();
    let mut tokens = tokens.clone().into_iter().peekable();
    while let Some(token) = tokens.next() {
        match &token {
            TokenTree::Punct(punct) if punct.as_char() == '#' => drop(tokens.next()),
            _ => plain.push(token),
        }
    }
    plain
}

fn literal(token: &TokenTree) -> Result<String> {
    Ok(syn::parse2::<syn::LitStr>(token.clone().into())?.value())
}

/// What `operation!` contains about an operation.
struct Described {
    output: String,
    id: String,
    route: String,
    replay: String,
}

fn described(tokens: &TokenStream) -> Result<(String, Described)> {
    let tokens = undocumented(tokens);
    let semicolon = tokens
        .iter()
        .position(|token| token.to_string() == ";")
        .context("operation! without `;`")?;
    let builder = tokens
        .first()
        .context("operation! without a name")?
        .to_string();
    let output: TokenStream = tokens
        .get(3..semicolon)
        .context("operation! without an output")?
        .iter()
        .cloned()
        .collect();
    let [id, method, path, _, replay] = tokens.get(semicolon + 1..).unwrap_or_default() else {
        bail!("operation! {builder} is not as expected")
    };
    let route = format!("{method} {}", literal(path)?);
    Ok((
        builder,
        Described {
            output: spell(&output),
            id: literal(id)?,
            route,
            replay: replay.to_string().to_lowercase(),
        },
    ))
}

fn operations(
    file: &syn::File,
    paged: &BTreeMap<String, (String, &'static str)>,
) -> Result<Vec<Operation>> {
    let tag = file
        .attrs
        .iter()
        .find_map(doc_text)
        .context("a file of operations does not name its tag")?;
    let described: BTreeMap<String, Described> = macros(file, "operation")
        .map(described)
        .collect::<Result<_>>()?;
    let mut operations = Vec::new();
    for (_, client) in impls(file).filter(|(name, _)| name == "Client") {
        for function in functions(client) {
            let syn::ReturnType::Type(_, builder) = &function.sig.output else {
                bail!("{} answers nothing", function.sig.ident)
            };
            let builder = spell(builder);
            let builder = builder
                .strip_prefix("Request<")
                .and_then(|rest| rest.strip_suffix('>'))
                .with_context(|| format!("{builder} is no Request"))?;
            let builder = builder.to_owned();
            let about = described
                .get(&builder)
                .with_context(|| format!("{builder} has no operation!"))?;
            let setters = impls(file)
                .filter(|(name, _)| *name == format!("Request<{builder}>"))
                .flat_map(|(_, item)| functions(item));
            let setters = setters
                .filter_map(|setter| arguments(setter).pop())
                .collect();
            operations.push(Operation {
                tag: tag.trim().trim_end_matches('.').to_owned(),
                method: function.sig.ident.to_string(),
                id: about.id.clone(),
                route: about.route.clone(),
                arguments: arguments(function),
                setters,
                output: about.output.clone(),
                replay: about.replay.clone(),
                paged: paged.get(&builder).cloned(),
                deprecated: is_deprecated(&function.attrs),
            });
        }
    }
    if operations.len() != described.len() {
        bail!(
            "{} operations, but {} methods",
            described.len(),
            operations.len()
        );
    }
    Ok(operations)
}

fn doc_text(attribute: &syn::Attribute) -> Option<String> {
    let syn::Meta::NameValue(meta) = &attribute.meta else {
        return None;
    };
    match &meta.value {
        syn::Expr::Lit(syn::ExprLit {
            lit: syn::Lit::Str(text),
            ..
        }) if meta.path.is_ident("doc") => Some(text.value()),
        _ => None,
    }
}

/// Returns the item type and the kind of paging (`token` or `offset`) of each builder. Reads them from the macros
/// `page! { Page of Item }` and `paged! { Builder: Page by Token "page-token" }`.
fn paging(text: &str) -> Result<BTreeMap<String, (String, &'static str)>> {
    let file = syn::parse_file(text).context("generated/paging.rs is not Rust")?;
    let words = |tokens: &TokenStream| {
        tokens
            .clone()
            .into_iter()
            .map(|token| token.to_string())
            .collect::<Vec<_>>()
    };
    let mut pages = BTreeMap::new();
    for tokens in macros(&file, "page") {
        let [page, _, item] = words(tokens)
            .try_into()
            .map_err(|_| anyhow!("page! is not as expected"))?;
        pages.insert(page, item);
    }
    let mut paged = BTreeMap::new();
    for tokens in macros(&file, "paged") {
        let words = words(tokens);
        let entry = match words
            .iter()
            .map(String::as_str)
            .collect::<Vec<_>>()
            .as_slice()
        {
            [builder, ":", page, "by", "Token", _] => (
                builder.to_string(),
                (
                    pages
                        .get(*page)
                        .with_context(|| format!("{page} is not a page"))?
                        .clone(),
                    "token",
                ),
            ),
            [builder, ":", "Vec", "<", item, ">", "by", "Offset", _] => {
                (builder.to_string(), (item.to_string(), "offset"))
            }
            _ => bail!("paged! is not as expected: {}", words.join(" ")),
        };
        paged.insert(entry.0, entry.1);
    }
    Ok(paged)
}

fn types(file: &syn::File) -> Result<BTreeMap<String, Type>> {
    let mut types = BTreeMap::new();
    for tokens in macros(file, "object") {
        let object: Object = syn::parse2(tokens.clone()).context("object! is not as expected")?;
        let new = impls(file)
            .filter(|(name, _)| object.name == name)
            .flat_map(|(_, item)| functions(item))
            .find(|function| function.sig.ident == "new");
        types.insert(
            object.name.to_string(),
            Type::Struct {
                fields: object.fields,
                new: new.map(arguments),
            },
        );
    }
    for tokens in macros(file, "one_of") {
        let tokens = undocumented(tokens);
        let [name, TokenTree::Group(variants)] = tokens.as_slice() else {
            bail!("one_of! is not as expected")
        };
        let variants: TokenStream = undocumented(&variants.stream()).into_iter().collect();
        let item: syn::ItemEnum = syn::parse2(quote::quote!(enum #name { #variants }))?;
        let variants = item.variants.iter().map(|variant| {
            (
                variant.ident.to_string(),
                variant
                    .fields
                    .iter()
                    .map(|field| spell(&field.ty))
                    .collect(),
            )
        });
        types.insert(name.to_string(), Type::Union(variants.collect()));
    }
    for tokens in macros(file, "open_enum") {
        let tokens = undocumented(tokens);
        let [name, TokenTree::Group(words)] = tokens.as_slice() else {
            bail!("open_enum! is not as expected")
        };
        let words: Vec<TokenTree> = undocumented(&words.stream());
        let words = words
            .split(|token| token.to_string() == ",")
            .filter(|word| !word.is_empty());
        let words = words
            .map(|word| {
                Ok((
                    word[0].to_string(),
                    literal(word.get(2).context("a variant without a value")?)?,
                ))
            })
            .collect::<Result<_>>()?;
        types.insert(name.to_string(), Type::Enum(words));
    }
    Ok(types)
}

/// The content of `object!`, such as `Name requires "a" { field: Type = required(0) "a" | "b", … }`.
struct Object {
    name: syn::Ident,
    fields: Vec<Field>,
}

impl syn::parse::Parse for Object {
    fn parse(input: syn::parse::ParseStream<'_>) -> syn::Result<Self> {
        input.call(syn::Attribute::parse_outer)?;
        let name = input.parse()?;
        while !input.peek(syn::token::Brace) {
            input.parse::<TokenTree>()?;
        }
        let body;
        syn::braced!(body in input);
        let mut fields = Vec::new();
        while !body.is_empty() {
            fields.push(field(&body)?);
        }
        Ok(Self { name, fields })
    }
}

fn field(input: syn::parse::ParseStream<'_>) -> syn::Result<Field> {
    let deprecated = is_deprecated(&input.call(syn::Attribute::parse_outer)?);
    let name: syn::Ident = input.parse()?;
    input.parse::<syn::Token![:]>()?;
    let ty: syn::Type = input.parse()?;
    input.parse::<syn::Token![=]>()?;
    let kind: syn::Ident = input.parse()?;
    let mut argument = None;
    if input.peek(syn::token::Paren) {
        let inner;
        syn::parenthesized!(inner in input);
        argument = Some(inner.parse::<TokenStream>()?.to_string());
    }
    let keys =
        syn::punctuated::Punctuated::<syn::LitStr, syn::Token![|]>::parse_separated_nonempty(
            input,
        )?;
    input.parse::<syn::Token![,]>()?;
    Ok(Field {
        name: name.to_string(),
        ty: spell(&ty),
        wire: keys.iter().map(syn::LitStr::value).collect(),
        decoder: argument.filter(|_| kind == "with"),
        deprecated,
    })
}
