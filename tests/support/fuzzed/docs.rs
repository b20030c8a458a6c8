//! A hostile document uses the input as a description, a tag and a path. The test parses the comments that the generator
//! makes from them with the Markdown parser of rustdoc.

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};
use xtask::emit::{docs, escape};

pub fn run(bytes: &[u8]) {
    let text = &*String::from_utf8_lossy(bytes);
    let row = format!(
        "| [{}](https://example.com/#{}) | {} |",
        escape::code_in_table(text),
        escape::part_of_url(text),
        escape::code_in_table(text)
    );
    for lines in [
        docs::lines(text),
        docs::paragraphs(text),
        vec![format!("- `a`: {}", docs::paragraphs(text).join(" "))],
        vec![format!("# {}", escape::text(text))],
        vec![format!(
            "{}, CircleCI's [{}](https://example.com/#{}).",
            escape::code(text),
            escape::code(text),
            escape::part_of_url(text)
        )],
        vec!["| a | b |".into(), "|---|---|".into(), row],
    ] {
        comments(&docs::comment(&lines, "    ")).for_each(|comment| judge(&comment, None));
    }
}

/// Checks all doc comments in a generated file, whose document is hostile. The generator's own examples are code, so the code of
/// the document must contain `mark`.
pub fn judge_file(file: &str, mark: &str) {
    comments(file).for_each(|comment| judge(&comment, Some(mark)));
}

/// Returns the text of each doc comment.
fn comments(file: &str) -> impl Iterator<Item = String> {
    let lines: Vec<Option<&str>> = file
        .lines()
        .map(|line| {
            let line = line.trim_start();
            line.strip_prefix("///").or(line.strip_prefix("//!"))
        })
        .collect();
    let comments: Vec<String> = lines
        .split(Option::is_none)
        .map(|lines| {
            let line = |line: &str| line.strip_prefix(' ').unwrap_or(line).to_owned() + "\n";
            lines.iter().flatten().map(|text| line(text)).collect()
        })
        .collect();
    comments.into_iter()
}

/// Checks that the text of a comment runs no code, links only to `https` URLs, and contains no hidden characters. If there is a
/// `mark`, links to items of the crate and code without the mark are the generator's own.
fn judge(markdown: &str, mark: Option<&str>) {
    let mut in_code = false;
    let hidden = |c: char| {
        (c.is_control() && c != '\n')
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    assert!(!markdown.contains(hidden), "{markdown:?}");
    // rustdoc knows no formulas, and in a formula a backtick begins no code.
    let options = Options::all() - Options::ENABLE_MATH;
    for event in Parser::new_ext(markdown, options) {
        match event {
            Event::Html(html) | Event::InlineHtml(html) => panic!("HTML: {html:?} in {markdown:?}"),
            Event::Start(Tag::HtmlBlock) => panic!("HTML in {markdown:?}"),
            Event::Start(Tag::Image { dest_url, .. }) => panic!("a picture: {dest_url}"),
            Event::Start(Tag::Link { dest_url, .. }) => {
                let name = |part: &str| part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
                let ours = mark.is_some() && dest_url.split("::").all(name);
                assert!(
                    ours || dest_url.starts_with("https://"),
                    "{dest_url:?} in {markdown:?}"
                );
            }
            Event::Start(Tag::CodeBlock(kind)) => {
                in_code = !matches!(kind, CodeBlockKind::Fenced(language) if &*language == "text");
                assert!(
                    !in_code || mark.is_some(),
                    "a block of code that would be a test: {markdown:?}"
                );
            }
            Event::Text(text) if in_code && mark.is_some_and(|mark| text.contains(mark)) => {
                panic!("the document's text would be a test: {markdown:?}");
            }
            Event::End(TagEnd::CodeBlock) => in_code = false,
            _ => {}
        }
    }
}
