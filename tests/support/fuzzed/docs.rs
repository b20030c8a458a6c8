//! A hostile document uses the input as a description, a tag and a path. The test parses the comments that the generator
//! makes from them with the Markdown parser of rustdoc.

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag};
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
        judge(&docs::comment(&lines, "    "));
    }
}

/// Checks that a comment runs no code, links only to `https` URLs, and contains no hidden characters.
fn judge(comment: &str) {
    let mut markdown = String::new();
    for line in comment.lines() {
        let line = line.strip_prefix("    ///").expect("a line of a comment");
        markdown += line.strip_prefix(' ').unwrap_or(line);
        markdown.push('\n');
    }
    let hidden = |c: char| {
        (c.is_control() && c != '\n')
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    assert!(!markdown.contains(hidden), "{markdown:?}");
    // rustdoc knows no formulas, and in a formula a backtick begins no code.
    let options = Options::all() - Options::ENABLE_MATH;
    for event in Parser::new_ext(&markdown, options) {
        match event {
            Event::Html(html) | Event::InlineHtml(html) => panic!("HTML: {html:?} in {markdown:?}"),
            Event::Start(Tag::HtmlBlock) => panic!("HTML in {markdown:?}"),
            Event::Start(Tag::Image { dest_url, .. }) => panic!("a picture: {dest_url}"),
            Event::Start(Tag::Link { dest_url, .. }) => {
                assert!(
                    dest_url.starts_with("https://"),
                    "{dest_url:?} in {markdown:?}"
                );
            }
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(language))) => {
                assert_eq!(&*language, "text", "{markdown:?}");
            }
            Event::Start(Tag::CodeBlock(CodeBlockKind::Indented)) => {
                panic!("a block of code that would be a test: {markdown:?}");
            }
            _ => {}
        }
    }
}
