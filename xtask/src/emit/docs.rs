//! Converts CircleCI's descriptions to rustdoc: each paragraph is one line, and the first line is one sentence.

use super::{escape, words::capitalised};
use crate::document::Operation;

/// The page on which CircleCI publishes its document. Links in descriptions lead to places on this page.
pub const REFERENCE: &str = "https://circleci.com/docs/api/v2/index.html";

/// Returns the URL where CircleCI's page describes an operation.
pub fn address(operation: &Operation<'_>) -> String {
    format!(
        "{REFERENCE}#tag/{}/operation/{}",
        escape::part_of_url(&operation.tag().replace(' ', "-")),
        escape::part_of_url(operation.id())
    )
}

/// Returns whether the overlay adds the operation because CircleCI's document lacks it.
pub fn is_undocumented(operation: &Operation<'_>) -> bool {
    operation.value["x-undocumented"] == true
}

/// Returns the lines of a description. The first sentence is on its own line, because rustdoc shows it in lists of items.
pub fn lines(text: &str) -> Vec<String> {
    let mut lines = paragraphs(text);
    let first = lines.first().filter(|first| !first.starts_with('|'));
    if let Some((first, rest)) = first.and_then(|first| split(first)) {
        lines.splice(0..1, [first, String::new(), rest]);
    }
    lines
}

/// Returns the lines of a description in a form that is safe for rustdoc: without accidental links, HTML tags or doctests, and
/// with an empty line between paragraphs.
pub fn paragraphs(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut kind = Kind::Blank;
    for line in text.trim().lines() {
        // Removes the indent, because rustdoc would treat indented text as a code block and run it as a test. Invisible
        // characters are removed first, because they could hide the indent.
        let line = escape::visible(line);
        let line = line.trim();
        let next = Kind::of(line, kind);
        match (kind, next) {
            (_, Kind::Blank) => {}
            (Kind::Code, Kind::Code) => lines.push(escape::code_line(line)),
            (_, Kind::Code) => {
                separate(&mut lines);
                lines.push("```text".into());
            }
            (Kind::Code, Kind::CodeEnd) => lines.push("```".into()),
            (Kind::Prose | Kind::Item, Kind::Prose)
                if lines.last().is_some_and(|last| !last.is_empty()) =>
            {
                if let Some(last) = lines.last_mut() {
                    last.push(' ');
                    last.push_str(line);
                }
            }
            (Kind::Item, Kind::Item) | (Kind::Row, Kind::Row) => lines.push(line.to_owned()),
            _ => {
                separate(&mut lines);
                lines.push(line.to_owned());
            }
        }
        kind = next;
    }
    if kind == Kind::Code {
        lines.push("```".into());
    }
    finish(lines)
}

/// The kind of a line of Markdown.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Blank,
    Prose,
    Item,
    Row,
    Code,
    CodeEnd,
}

impl Kind {
    fn of(line: &str, before: Self) -> Self {
        let numbered = || {
            line.trim_start_matches(|c: char| c.is_ascii_digit())
                .starts_with(". ")
                && line.starts_with(|c: char| c.is_ascii_digit())
        };
        match before {
            Self::Code if line.starts_with("```") => Self::CodeEnd,
            Self::Code => Self::Code,
            _ if line.starts_with("```") => Self::Code,
            _ if line.is_empty() => Self::Blank,
            _ if line.starts_with('|') => Self::Row,
            _ if line.starts_with("* ")
                || line.starts_with("- ")
                || line.starts_with("+ ")
                || numbered() =>
            {
                Self::Item
            }
            _ => Self::Prose,
        }
    }
}

fn separate(lines: &mut Vec<String>) {
    if lines.last().is_some_and(|last| !last.is_empty()) {
        lines.push(String::new());
    }
}

/// Escapes each line and turns prose into sentences: single spaces between words, a capital letter at the beginning of the text,
/// and a full stop at the end of each paragraph.
fn finish(lines: Vec<String>) -> Vec<String> {
    let mut fenced = false;
    let mut finished = Vec::with_capacity(lines.len());
    for (index, line) in lines.into_iter().enumerate() {
        if line.starts_with("```") {
            fenced = line == "```text";
            finished.push(line);
            continue;
        }
        if fenced || line.is_empty() {
            finished.push(line);
            continue;
        }
        if line.starts_with('|') {
            finished.push(escape::row_with_links(&line, REFERENCE));
            continue;
        }
        let line = escaped(&line.split_whitespace().collect::<Vec<_>>().join(" "));
        let item = Kind::of(&line, Kind::Blank) == Kind::Item;
        let line = if index == 0 { capitalised(&line) } else { line };
        let open = !item
            && line.ends_with(|c: char| c.is_alphanumeric() || matches!(c, ')' | '`' | '"' | '>'));
        // If the line ends with a whole sentence in brackets, the full stop of the sentence is already inside the brackets.
        let bracketed =
            line.ends_with(".)") && line.rfind(" (").is_some_and(|at| line[..at].ends_with('.'));
        finished.push(if open && !bracketed {
            format!("{line}.")
        } else {
            line
        });
    }
    finished
}

fn escaped(line: &str) -> String {
    escape::prose_with_links(line, REFERENCE)
}

/// Splits an escaped line after its first sentence. Never splits inside code.
fn split(line: &str) -> Option<(String, String)> {
    let (mut code, mut depth, mut escaped) = (false, 0_usize, false);
    for (at, c) in line.char_indices() {
        let plain = escaped;
        escaped = c == '\\' && !code && !plain;
        match c {
            _ if plain => {}
            '`' => code = !code,
            '(' | '[' if !code => depth += 1,
            ')' | ']' if !code => depth = depth.saturating_sub(1),
            '.' if !code
                && depth == 0
                && line[at..].starts_with(". ")
                && !is_abbreviation(&line[..at]) =>
            {
                return Some((line[..=at].to_owned(), line[at + 2..].to_owned()));
            }
            _ => {}
        }
    }
    None
}

fn is_abbreviation(before: &str) -> bool {
    let word = before.rsplit(' ').next().unwrap_or_default();
    matches!(word, "e.g" | "i.e" | "eg" | "ie" | "etc" | "vs")
}

/// Returns whether two sentences have the same words. Ignores capitals, punctuation and an "s" at the end of a word. For example,
/// "Create a webhook." and "Creates a webhook" have the same words.
pub fn same(one: &str, other: &str) -> bool {
    let gist = |text: &str| {
        let words = text
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty());
        words
            .map(|word| word.to_lowercase().trim_end_matches('s').to_owned())
            .collect::<Vec<_>>()
    };
    gist(one) == gist(other)
}

/// Formats the lines as a `///` comment with an indent.
pub fn comment(lines: &[String], indent: &str) -> String {
    lines
        .iter()
        .map(|line| {
            if line.is_empty() {
                format!("{indent}///\n")
            } else {
                format!("{indent}/// {}\n", escape::visible(line))
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_paragraph_is_a_line_and_the_first_sentence_stands_alone() {
        assert_eq!(
            lines("the slug of a project\nin two lines. More (e.g. this. and that) of it"),
            [
                "The slug of a project in two lines.",
                "",
                "More (e.g. this. and that) of it."
            ]
        );
        assert_eq!(
            lines("One (e.g. GitHub, Bitbucket)"),
            ["One (e.g. GitHub, Bitbucket)."]
        );
        assert_eq!(lines("With `a. b` in it."), ["With `a. b` in it."]);
        assert_eq!(lines("A name, e.g. this"), ["A name, e.g. this."]);
        assert_eq!(
            paragraphs("It depends. (It always does.)"),
            ["It depends. (It always does.)"]
        );
        assert!(lines("").is_empty());
    }

    #[test]
    fn lists_and_code_stay_as_they_are() {
        assert_eq!(
            paragraphs("The set:\n\n* one\n* two\n  goes on\nlast"),
            ["The set:", "", "* one", "* two goes on last"]
        );
        assert_eq!(
            paragraphs("So:\n```json\n{ \"a\": [1] }\n```\ndone"),
            ["So:", "", "```text", "{ \"a\": [1] }", "```", "", "done."]
        );
    }

    #[test]
    fn what_is_no_link_is_escaped_and_links_are_mended() {
        assert_eq!(
            paragraphs("a pull/<number>/head [x] here"),
            ["A pull/\\<number>/head \\[x] here."]
        );
        assert_eq!(
            paragraphs(
                "**[It is superseded by the [new one](#tag/A/operation/b), which is new.]** So."
            ),
            [format!(
                "**\\[It is superseded by the [new one]({REFERENCE}#tag/A/operation/b), which is new.]** So."
            )]
        );
        assert_eq!(
            paragraphs("Use the [List](https://example.com/a#b] endpoint."),
            ["Use the [List](https://example.com/a#b) endpoint."]
        );
        assert_eq!(
            paragraphs("See https://example.com/x. Without https:// in it"),
            ["See <https://example.com/x>. Without `https://` in it."]
        );
    }

    #[test]
    fn the_same_said_twice() {
        assert!(same(
            "Create an outbound webhook.",
            "Creates an outbound webhook"
        ));
        assert!(!same("Get a webhook.", "Get an outbound webhook by id."));
    }
}
