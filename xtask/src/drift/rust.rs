//! Lists the changes of the Rust API, which are the differences between two generated surfaces.

use super::{
    change::{Change, merge},
    verdict::Class,
};
use crate::lower::names::snake;
use crate::surface::{Field, Operation, Surface, Type};
use std::collections::{BTreeMap, BTreeSet};

/// Returns all changes that users can see, the worst first.
pub fn changes(old: &Surface, new: &Surface) -> Vec<Change> {
    let mut diff = Diff {
        old,
        new,
        renamed: BTreeMap::new(),
        changes: Vec::new(),
    };
    let matched = diff.match_operations();
    diff.find_renamed(&matched);
    diff.operations(&matched);
    diff.types();
    merge(diff.changes)
}

struct Diff<'a> {
    old: &'a Surface,
    new: &'a Surface,
    /// The renamed types. The key is the old name, and the value is the new name.
    renamed: BTreeMap<String, String>,
    changes: Vec<Change>,
}

type Matched<'a> = Vec<(&'a Operation, &'a Operation)>;
type Listed = [(String, String)];

/// Replaces each path parameter by `{}`, because its name has no effect on users: `GET /thing/{id}` becomes `GET /thing/{}`.
fn shape(route: &str) -> String {
    let mut shape = String::new();
    let mut inside = false;
    for c in route.chars() {
        if c == '}' {
            inside = false;
        }
        if !inside {
            shape.push(c);
        }
        inside |= c == '{';
    }
    shape
}

fn signature(operation: &Operation) -> String {
    let arguments: Vec<String> = operation
        .arguments
        .iter()
        .map(|(name, ty)| format!("{name}: {ty}"))
        .collect();
    format!("{}({})", operation.method, arguments.join(", "))
}

/// Returns the generated types that the text of a type mentions.
fn ours(ty: &str, types: &BTreeMap<String, Type>) -> Vec<String> {
    words(ty)
        .filter(|word| types.contains_key(*word))
        .map(str::to_owned)
        .collect()
}

/// Splits the text of a type into identifiers and the punctuation between them.
fn words(ty: &str) -> impl Iterator<Item = &str> {
    ty.split_inclusive(|c: char| !c.is_alphanumeric() && c != '_')
        .flat_map(|piece| {
            let end = piece
                .trim_end_matches(|c: char| !c.is_alphanumeric() && c != '_')
                .len();
            [&piece[..end], &piece[end..]]
        })
}

impl<'a> Diff<'a> {
    fn note(&mut self, class: Class, text: String) {
        self.changes.push(Change::new(class, text));
    }

    /// Returns the text of an old type, with each renamed type under its new name.
    fn translated(&self, ty: &str) -> String {
        words(ty)
            .map(|word| self.renamed.get(word).map_or(word, String::as_str))
            .collect()
    }

    fn same(&self, old: &str, new: &str) -> bool {
        self.translated(old) == new
    }

    // ---- operations ------------------------------------------------------------------------------------------------

    /// Pairs the operations of both surfaces, first by route and then by operationId. Reports the other operations as new or
    /// gone.
    fn match_operations(&mut self) -> Matched<'a> {
        let (old, new) = (self.old, self.new);
        let mut matched = Matched::new();
        let mut left: Vec<&Operation> = new.operations.iter().collect();
        let mut gone: Vec<&Operation> = old.operations.iter().collect();
        let keys: [fn(&Operation, &Operation) -> bool; 3] = [
            |a, b| a.route == b.route,
            |a, b| shape(&a.route) == shape(&b.route),
            |a, b| a.id == b.id,
        ];
        for same in keys {
            gone.retain(
                |operation| match left.iter().position(|other| same(operation, other)) {
                    Some(index) => {
                        matched.push((operation, left.remove(index)));
                        false
                    }
                    None => true,
                },
            );
        }
        for operation in gone {
            self.note(
                Class::Breaking,
                format!("`Client::{}` is gone", operation.method),
            );
        }
        for operation in left {
            self.note(
                Class::Additive,
                format!(
                    "new `Client::{}` -> `{}`",
                    signature(operation),
                    operation.output
                ),
            );
        }
        matched
    }

    fn operations(&mut self, matched: &Matched<'a>) {
        for (old, new) in matched {
            let name = format!("Client::{}", new.method);
            self.signature(&name, old, new);
            self.setters(&name, old, new);
            self.answer(&name, old, new);
            self.deprecated(&name, old.deprecated, new.deprecated);
            if old.tag != new.tag {
                let text = format!("`{name}` is listed under {}, was {}", new.tag, old.tag);
                self.note(Class::Docs, text);
            }
        }
    }

    fn signature(&mut self, name: &str, old: &Operation, new: &Operation) {
        if old.method != new.method {
            let text = format!("`{name}` was `Client::{}`", old.method);
            self.note(Class::Breaking, text);
        }
        let before = old.arguments.iter().map(|(_, ty)| self.translated(ty));
        let after = new.arguments.iter().map(|(_, ty)| ty);
        let text = format!("`Client::{}` was `{}`", signature(new), signature(old));
        if before.ne(after.cloned()) {
            self.note(Class::Breaking, text);
        } else if permuted(&old.arguments, &new.arguments) {
            self.note(
                Class::Breaking,
                format!("{text}: code that uses it still compiles, but means something else"),
            );
        }
        if shape(&old.route) != shape(&new.route) {
            let text = format!("`{name}` calls `{}`, was `{}`", new.route, old.route);
            self.note(Class::Additive, text);
        }
    }

    fn setters(&mut self, name: &str, old: &Operation, new: &Operation) {
        let by_name = |operation: &Operation| {
            operation
                .setters
                .iter()
                .cloned()
                .collect::<BTreeMap<_, _>>()
        };
        let (before, after) = (by_name(old), by_name(new));
        for (setter, ty) in &after {
            match before.get(setter) {
                None => self.note(
                    Class::Additive,
                    format!("new setter `{name}().{setter}({ty})`"),
                ),
                Some(old) if !self.same(old, ty) => self.note(
                    Class::Breaking,
                    format!("setter `{name}().{setter}({ty})` took `{old}`"),
                ),
                Some(_) => {}
            }
        }
        for setter in before.keys().filter(|setter| !after.contains_key(*setter)) {
            let required = new.arguments.iter().any(|(argument, _)| argument == setter);
            let now = if required {
                ", and is an argument now"
            } else {
                ""
            };
            let text = format!("setter `{name}().{setter}` is gone{now}");
            self.note(Class::Breaking, text);
        }
    }

    fn answer(&mut self, name: &str, old: &Operation, new: &Operation) {
        if !self.same(&old.output, &new.output) {
            let text = format!("`{name}` answers `{}`, was `{}`", new.output, old.output);
            self.note(Class::Breaking, text);
        }
        if old.replay != new.replay {
            let (before, after) = (&old.replay, &new.replay);
            let text =
                format!("`{name}` is tried again in other cases: replay {after}, was {before}");
            self.note(Class::Review, text);
        }
        match (&old.paged, &new.paged) {
            (None, Some((item, by))) => self.note(
                Class::Additive,
                format!("`{name}` can be followed page by page (`{item}`, by {by})"),
            ),
            (Some(_), None) => self.note(
                Class::Breaking,
                format!("`{name}` can no longer be followed page by page"),
            ),
            (Some((old, _)), Some((new, _))) if !self.same(old, new) => self.note(
                Class::Breaking,
                format!("`{name}` streams `{new}`, was `{old}`"),
            ),
            (Some((_, old)), Some((_, new))) if old != new => self.note(
                Class::Additive,
                format!("`{name}` is paged by {new}, was {old}"),
            ),
            _ => {}
        }
    }

    fn deprecated(&mut self, name: &str, before: bool, after: bool) {
        let now = if after { "is" } else { "is no longer" };
        if before != after {
            self.note(Class::Additive, format!("`{name}` {now} deprecated"));
        }
    }

    // ---- renamed types -----------------------------------------------------------------------------------------------

    /// Finds renamed types. A type counts as renamed if a new type takes its place somewhere, or if a new type has the same
    /// structure.
    fn find_renamed(&mut self, matched: &Matched<'a>) {
        let (old, new) = (self.old, self.new);
        let mut open: Vec<(String, String)> = Vec::new();
        for (before, after) in matched {
            open.push((before.output.clone(), after.output.clone()));
            pairs(&before.arguments, &after.arguments, &mut open);
            pairs(&before.setters, &after.setters, &mut open);
            if let (Some((old, _)), Some((new, _))) = (&before.paged, &after.paged) {
                open.push((old.clone(), new.clone()));
            }
        }
        for name in old
            .types
            .keys()
            .filter(|name| new.types.contains_key(*name))
        {
            members(&old.types[name], &new.types[name], &mut open);
        }
        loop {
            while let Some((before, after)) = open.pop() {
                // This handles only types that mention exactly one generated type, such as `Option<Old>` and `New`.
                let (before, after) = (ours(&before, &old.types), ours(&after, &new.types));
                if let ([one], [other]) = (before.as_slice(), after.as_slice()) {
                    self.rename(one, other, &mut open);
                }
            }
            match self.alike() {
                Some((one, other)) => self.rename(&one, &other, &mut open),
                None => break,
            }
        }
    }

    /// Returns a type that is gone, together with its new name, if exactly one new type is equal to it except for the name.
    fn alike(&self) -> Option<(String, String)> {
        let (old, new) = (&self.old.types, &self.new.types);
        let taken: BTreeSet<&String> = self.renamed.values().collect();
        let gone = old
            .keys()
            .filter(|name| !new.contains_key(*name) && !self.renamed.contains_key(*name));
        for name in gone {
            let entry = self.translated(&old[name].entry(""));
            let mut alike = new.iter().filter(|(other, ty)| {
                !old.contains_key(*other) && !taken.contains(other) && ty.entry("") == entry
            });
            if let (Some((other, _)), None) = (alike.next(), alike.next()) {
                return Some((name.clone(), other.clone()));
            }
        }
        None
    }

    fn rename(&mut self, one: &str, other: &str, open: &mut Vec<(String, String)>) {
        let free = !self.new.types.contains_key(one) && !self.old.types.contains_key(other);
        let taken =
            self.renamed.contains_key(one) || self.renamed.values().any(|name| name == other);
        let (before, after) = (&self.old.types[one], &self.new.types[other]);
        // A struct and an enum are never the same type under two names.
        if free && !taken && std::mem::discriminant(before) == std::mem::discriminant(after) {
            self.renamed.insert(one.to_owned(), other.to_owned());
            members(before, after, open);
        }
    }

    // ---- types -------------------------------------------------------------------------------------------------------

    fn types(&mut self) {
        let (old, new) = (self.old, self.new);
        for (one, other) in self.renamed.clone() {
            self.note(Class::Breaking, format!("type `{other}` was `{one}`"));
            self.type_(&other, &old.types[&one], &new.types[&other]);
        }
        for (name, before) in &old.types {
            match new.types.get(name) {
                Some(after) => self.type_(name, before, after),
                None if self.renamed.contains_key(name) => {}
                None => self.note(Class::Breaking, format!("type `{name}` is gone")),
            }
        }
        let came: BTreeSet<String> = self.renamed.values().cloned().collect();
        for name in new
            .types
            .keys()
            .filter(|name| !old.types.contains_key(*name) && !came.contains(*name))
        {
            self.note(Class::Additive, format!("new type `{name}`"));
        }
    }

    fn type_(&mut self, name: &str, old: &Type, new: &Type) {
        match (old, new) {
            (
                Type::Struct {
                    fields: before,
                    new: made,
                },
                Type::Struct {
                    fields: after,
                    new: makes,
                },
            ) => {
                self.fields(name, before, after);
                self.constructor(name, made.as_deref(), makes.as_deref());
            }
            (Type::Enum(before), Type::Enum(after)) => self.words(name, before, after),
            (Type::Union(before), Type::Union(after)) => self.variants(name, before, after),
            _ => {
                let kind = |ty: &Type| match ty {
                    Type::Struct { .. } => "struct",
                    Type::Enum(_) => "enum",
                    Type::Union(_) => "union",
                };
                self.note(
                    Class::Breaking,
                    format!("`{name}` is a {}, was a {}", kind(new), kind(old)),
                );
            }
        }
    }

    fn fields(&mut self, name: &str, before: &[Field], after: &[Field]) {
        let mut left: Vec<&Field> = after.iter().collect();
        for old in before {
            // A field with another name but the same key is a renamed field.
            let named = left.iter().position(|new| new.name == old.name);
            let index = named.or_else(|| left.iter().position(|new| new.key() == old.key()));
            match index {
                Some(index) => self.field(name, old, left.remove(index)),
                None => {
                    let text = format!("`{name}::{}: {}` is gone", old.name, old.ty);
                    self.note(Class::Breaking, text);
                }
            }
        }
        for new in left {
            let text = format!("new `{name}::{}: {}`", new.name, new.ty);
            self.note(Class::Additive, text);
        }
    }

    fn field(&mut self, owner: &str, old: &Field, new: &Field) {
        let name = format!("{owner}::{}", new.name);
        if old.name != new.name {
            self.note(Class::Breaking, format!("`{name}` was `{}`", old.name));
        }
        if !self.same(&old.ty, &new.ty) {
            let text = format!("`{name}: {}` was `{}`", new.ty, old.ty);
            self.note(Class::Breaking, text);
        }
        if old.key() != new.key() {
            let text = format!(
                "`{name}` is written as `{}`, was `{}`",
                new.key(),
                old.key()
            );
            self.note(Class::Additive, text);
        } else if old.wire != new.wire {
            let (before, after) = (old.wire.join("`, `"), new.wire.join("`, `"));
            let text = format!("`{name}` is read by `{after}`, was `{before}`");
            self.note(Class::Additive, text);
        }
        if old.decoder != new.decoder {
            let spelled = |field: &Field| {
                field.decoder.as_deref().map_or_else(
                    || "its type says".to_owned(),
                    |decoder| snake(decoder).replace('_', " "),
                )
            };
            let (before, after) = (spelled(old), spelled(new));
            let text = format!("`{name}` is decoded as {after}, was decoded as {before}");
            self.note(Class::Additive, text);
        }
        self.deprecated(&name, old.deprecated, new.deprecated);
    }

    /// Compares the arguments of `new`. Structs are `#[non_exhaustive]`, so users can build a struct only with `new`.
    fn constructor(&mut self, name: &str, old: Option<&Listed>, new: Option<&Listed>) {
        let spell = |list: &Listed| {
            list.iter()
                .map(|(argument, ty)| format!("{argument}: {ty}"))
                .collect::<Vec<_>>()
                .join(", ")
        };
        match (old, new) {
            (Some(old), Some(new)) => {
                let before: Vec<String> = old.iter().map(|(_, ty)| self.translated(ty)).collect();
                let after: Vec<&String> = new.iter().map(|(_, ty)| ty).collect();
                if before.iter().collect::<Vec<_>>() != after {
                    self.note(
                        Class::Breaking,
                        format!("`{name}::new({})` was `new({})`", spell(new), spell(old)),
                    );
                } else if permuted(old, new) {
                    self.note(Class::Breaking, format!("`{name}::new({})` was `new({})`: code that uses it still compiles, but means something else", spell(new), spell(old)));
                } else if old
                    .iter()
                    .map(|(argument, _)| argument)
                    .ne(new.iter().map(|(argument, _)| argument))
                {
                    // The types are the same, but an argument may have another meaning: for example, another property may have
                    // replaced the old one.
                    self.note(
                        Class::Review,
                        format!(
                            "`{name}::new({})` was `new({})`, with the same types",
                            spell(new),
                            spell(old)
                        ),
                    );
                }
            }
            (Some(_), None) => self.note(
                Class::Breaking,
                format!("`{name}::new` is gone: this type is now only in responses"),
            ),
            (None, Some(new)) => self.note(
                Class::Additive,
                format!("new `{name}::new({})`", spell(new)),
            ),
            (None, None) => {}
        }
    }

    fn words(&mut self, name: &str, before: &Listed, after: &Listed) {
        let by_word = |list: &Listed| {
            list.iter()
                .map(|(variant, word)| (word.clone(), variant.clone()))
                .collect::<BTreeMap<_, _>>()
        };
        let (before, after) = (by_word(before), by_word(after));
        for (word, variant) in &after {
            match before.get(word) {
                None => self.note(
                    Class::Additive,
                    format!("new variant `{name}::{variant}` (`{word}`), until now `Unknown`"),
                ),
                Some(old) if old != variant => self.note(
                    Class::Breaking,
                    format!("variant `{name}::{variant}` was `{old}`"),
                ),
                Some(_) => {}
            }
        }
        for (word, variant) in before.iter().filter(|(word, _)| !after.contains_key(*word)) {
            self.note(
                Class::Breaking,
                format!("variant `{name}::{variant}` (`{word}`) is gone"),
            );
        }
    }

    fn variants(&mut self, name: &str, before: &Listed, after: &Listed) {
        let by_name = |list: &Listed| list.iter().cloned().collect::<BTreeMap<_, _>>();
        let (before, after) = (by_name(before), by_name(after));
        // A variant that is gone and a new variant with the same content count as one renamed variant.
        let free = |list: &BTreeMap<String, String>, variant: &String| !list.contains_key(variant);
        let mut came: Vec<(&String, &String)> = after
            .iter()
            .filter(|(variant, _)| free(&before, variant))
            .collect();
        let mut renamed = BTreeSet::new();
        for (variant, ty) in before.iter().filter(|(variant, _)| free(&after, variant)) {
            if let Some(index) = came.iter().position(|(_, other)| self.same(ty, other)) {
                let (other, _) = came.remove(index);
                renamed.extend([variant, other]);
                self.note(
                    Class::Breaking,
                    format!("variant `{name}::{other}` was `{variant}`"),
                );
            }
        }
        for (variant, ty) in after
            .iter()
            .filter(|(variant, _)| !renamed.contains(variant))
        {
            match before.get(variant) {
                None => self.note(
                    Class::Additive,
                    format!("new variant `{name}::{variant}({ty})`"),
                ),
                Some(old) if !self.same(old, ty) => self.note(
                    Class::Breaking,
                    format!("variant `{name}::{variant}({ty})` held `{old}`"),
                ),
                Some(_) => {}
            }
        }
        for (variant, ty) in before
            .iter()
            .filter(|(variant, _)| !after.contains_key(*variant) && !renamed.contains(variant))
        {
            self.note(
                Class::Breaking,
                format!("variant `{name}::{variant}({ty})` is gone"),
            );
        }
    }
}

/// Checks whether two lists have the same names, but in another order.
fn permuted(old: &Listed, new: &Listed) -> bool {
    let names = |list: &Listed| {
        list.iter()
            .map(|(name, _)| name.clone())
            .collect::<Vec<_>>()
    };
    let (mut before, mut after) = (names(old), names(new));
    if before == after {
        return false;
    }
    before.sort();
    after.sort();
    before == after
}

/// For each name that is in both lists, adds its old and its new type to `open`.
fn pairs(before: &Listed, after: &Listed, open: &mut Vec<(String, String)>) {
    for (name, old) in before {
        if let Some((_, new)) = after.iter().find(|(other, _)| other == name) {
            open.push((old.clone(), new.clone()));
        }
    }
}

fn members(before: &Type, after: &Type, open: &mut Vec<(String, String)>) {
    match (before, after) {
        (Type::Struct { fields: before, .. }, Type::Struct { fields: after, .. }) => {
            let listed = |fields: &[Field]| {
                fields
                    .iter()
                    .map(|field| (field.name.clone(), field.ty.clone()))
                    .collect::<Vec<_>>()
            };
            pairs(&listed(before), &listed(after), open);
        }
        (Type::Union(before), Type::Union(after)) => {
            pairs(before, after, open);
            // If one variant is gone and one is new, the new one replaces the old one.
            let left = |list: &Listed, other: &Listed| {
                list.iter()
                    .filter(|(name, _)| !other.iter().any(|(known, _)| known == name))
                    .cloned()
                    .collect::<Vec<_>>()
            };
            if let ([(_, old)], [(_, new)]) = (
                left(before, after).as_slice(),
                left(after, before).as_slice(),
            ) {
                open.push((old.clone(), new.clone()));
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::{shape, words};

    #[test]
    fn a_type_is_words_and_what_is_between_them() {
        assert_eq!(
            words("Option<Vec<Thing_1>>").collect::<Vec<_>>(),
            ["Option", "<", "Vec", "<", "Thing_1", ">", "", ">"]
        );
        assert_eq!(words("&str").collect::<String>(), "&str");
    }

    #[test]
    fn a_route_has_a_shape() {
        assert_eq!(shape("GET /a/{b}/c/{d}"), "GET /a/{}/c/{}");
    }
}
