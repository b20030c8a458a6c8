//! Escapes the texts of CircleCI's document for comments and docs. Every text of the document passes through this module. The
//! result is harmless: it contains no test that `cargo test` would run, no HTML, no image, no link other than an https link, and
//! no character that hides or reverses the text after it.
//!
//! The running time of every function is linear in the length of the text.

/// Escapes a text of the document for use in prose or in a heading.
pub fn text(words: &str) -> String {
    prose(&one_line(words))
}

/// Formats a text of the document as code between backticks.
pub fn code(words: &str) -> String {
    // A backtick would end the code. Inside code, a backslash does not escape it.
    format!("`{}`", one_line(words).replace('`', "'"))
}

/// Formats a text as code for a table. Escapes each `|`, which would end the cell.
pub fn code_in_table(words: &str) -> String {
    // With a backslash before it, the escape would itself be escaped.
    code(words).replace("\\|", "\\ |").replace('|', "\\|")
}

/// Percent-encodes the special characters in a part of a URL, so that a link does not end at one of them.
pub fn part_of_url(words: &str) -> String {
    let mut out = String::with_capacity(words.len());
    for byte in words.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// Makes a line safe inside a code block, so that it can neither end the block nor hide text.
pub fn code_line(line: &str) -> String {
    let line = visible(line);
    let mut out = String::with_capacity(line.len());
    for run in runs(&line) {
        match is_run(run) && run.len() >= FENCE {
            true => out.extend(run.chars().map(|_| '\'')),
            false => out.push_str(run),
        }
    }
    out
}

fn is_run(piece: &str) -> bool {
    piece.starts_with('`') || piece.starts_with("~~~")
}

/// The smallest number of backticks or tildes that begins a code block.
const FENCE: usize = 3;

/// Splits the text into runs of backticks, runs of tildes that could begin a code block, and the pieces between the runs.
fn runs(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let begins = |rest: &str| rest.starts_with('`') || rest.starts_with("~~~");
        let end = match begins(rest) {
            true => rest.find(|c| c != first),
            false => rest
                .char_indices()
                .map(|(at, _)| at)
                .find(|at| begins(&rest[*at..])),
        };
        let (run, after) = rest.split_at(end.unwrap_or(rest.len()));
        rest = after;
        Some(run)
    })
}

/// Puts the text on one line, and removes control characters and invisible characters.
pub fn one_line(words: &str) -> String {
    let visible = visible(words);
    visible.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Removes invisible characters and characters that change the direction of text, and replaces each control character with a
/// space. Whoever reads a diff must see the whole text.
pub fn visible(words: &str) -> String {
    words
        .chars()
        .filter(|c| !is_hidden(*c))
        .map(|c| match c {
            _ if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') => ' ',
            _ => c,
        })
        .collect()
}

fn is_hidden(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}'
        | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e007f}')
}

/// Returns whether a link may lead to `address`.
pub fn is_safe_address(address: &str) -> bool {
    address
        .strip_prefix("https://")
        .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphanumeric()))
        && !address.contains(|c: char| {
            c.is_whitespace()
                || c.is_control()
                || matches!(
                    c,
                    '<' | '>' | '"' | '\'' | '`' | '\\' | '(' | ')' | '[' | ']'
                )
        })
}

/// Escapes a line of Markdown prose, but keeps emphasis, inline code and https links.
///
/// If the address of a link begins with `#`, writes `page` before the address.
pub fn prose_with_links(line: &str, page: &str) -> String {
    let line = visible(line);
    let mut out = String::with_capacity(line.len() + 16);
    // A line that begins with `>` would be a quotation, which could contain a code block.
    if line.trim_start().starts_with('>') {
        out.push('\\');
    }
    inline(&line, page, &mut out);
    out
}

fn inline(line: &str, page: &str, out: &mut String) {
    let pieces: Vec<&str> = runs(line).collect();
    let closing = closing(&pieces);
    let mut at = 0;
    while let Some(piece) = pieces.get(at) {
        match (is_run(piece), closing[at]) {
            (true, Some(end)) => {
                // The code must not contain a backtick, because the function that splits sentences counts backticks to find where
                // code ends.
                let inside = pieces[at + 1..end].concat().replace(['`', '~'], "'");
                out.push_str(&format!("`{inside}`"));
                at = end;
            }
            // If the text before the run ends in a backslash, this backslash already escapes the first backtick of the run.
            (true, None) => piece.chars().for_each(|c| {
                if !escapes(out) {
                    out.push('\\');
                }
                out.push(c);
            }),
            (false, _) => between(piece, page, out),
        }
        at += 1;
    }
}

/// Escapes a row of a Markdown table like [`prose_with_links`]. A `|` ends a cell even inside code or a link, so each cell is
/// escaped on its own.
pub fn row_with_links(row: &str, page: &str) -> String {
    let mut out = String::with_capacity(row.len() + 16);
    for (index, cell) in cells(row).into_iter().enumerate() {
        if index > 0 {
            // Not all parsers agree on whether a backslash before the `|` escapes it.
            out.push_str(if out.ends_with('\\') { " |" } else { "|" });
        }
        match index {
            0 => out.push_str(&prose_with_links(cell, page)),
            _ => inline(&visible(cell), page, &mut out),
        }
    }
    out
}

/// Splits a row of a table at each `|` that is not escaped.
fn cells(row: &str) -> Vec<&str> {
    let (mut cells, mut begin, mut escaped) = (Vec::new(), 0, false);
    for (at, c) in row.char_indices() {
        if c == '|' && !escaped {
            cells.push(&row[begin..at]);
            begin = at + 1;
        }
        escaped = c == '\\' && !escaped;
    }
    cells.push(&row[begin..]);
    cells
}

/// Finds the runs of one or two backticks that begin code. For each of them, returns the index of the run that ends the code,
/// which is the next run of the same length.
fn closing(pieces: &[&str]) -> Vec<Option<usize>> {
    let mut next = [None; FENCE];
    let mut closing = vec![None; pieces.len()];
    for (at, piece) in pieces.iter().enumerate().rev() {
        if piece.starts_with('`') && piece.len() < FENCE {
            closing[at] = next[piece.len()].replace(at);
            // A backslash before the run makes its first backtick plain text. The rest of the run is shorter, so the end that was
            // found does not match it.
            if at > 0 && escapes(pieces[at - 1]) {
                closing[at] = None;
            }
        }
    }
    closing
}

/// Returns whether the text ends in a backslash that escapes the next character.
fn escapes(text: &str) -> bool {
    let backslashes = text.bytes().rev().take_while(|byte| *byte == b'\\').count();
    !backslashes.is_multiple_of(2)
}

/// Escapes a piece of prose that contains no code.
fn between(text: &str, page: &str, out: &mut String) {
    let mut rest = text;
    while let Some(at) = rest.find(['\\', '<', '[', '!', 'h']) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let length = match rest.as_bytes()[0] {
            // An escaped character in the text stays escaped.
            b'\\' => {
                match rest[1..].chars().next() {
                    Some(next) if !next.is_ascii_punctuation() => {
                        // It must not escape what is written next.
                        out.push_str("\\\\");
                        1
                    }
                    next => {
                        let length = 1 + next.map_or(0, char::len_utf8);
                        out.push_str(&rest[..length]);
                        length
                    }
                }
            }
            b'<' => {
                out.push_str("\\<");
                1
            }
            b'!' => {
                let image = rest[1..].starts_with('[');
                out.push_str(if image { "\\!" } else { "!" });
                1
            }
            b'[' => bracket(rest, page, out),
            _ if rest.starts_with("http://") || rest.starts_with("https://") => address(rest, out),
            _ => {
                out.push('h');
                1
            }
        };
        rest = &rest[length..];
    }
    out.push_str(rest);
}

/// Writes the opening bracket, or the whole link that begins with the bracket. Returns the length of the part of `text` that was
/// read.
fn bracket(text: &str, page: &str, out: &mut String) -> usize {
    // An address can end in a `!`, which would make an image of the link.
    if out.ends_with('!') && !escapes(&out[..out.len() - 1]) {
        out.insert(out.len() - 1, '\\');
    }
    if let Some((length, words, target)) = link(text) {
        let target = match target.starts_with('#') {
            true => format!("{page}{target}"),
            false => target.to_owned(),
        };
        if is_safe_address(&target) {
            out.push('[');
            words.chars().for_each(|c| {
                if matches!(c, '<' | '!' | '\\') {
                    out.push('\\');
                }
                out.push(c);
            });
            out.push_str(&format!("]({target})"));
            return length;
        }
    }
    out.push_str("\\[");
    1
}

/// Parses a link `[words](target)` at the beginning of the text. Also accepts the typing error `[words](target]`. Returns the
/// length of the link, its words and its target.
fn link(text: &str) -> Option<(usize, &str, &str)> {
    let end = 1 + text[1..].find(['[', ']'])?;
    let target = text[end..].strip_prefix("](")?;
    let length = target.find(|c: char| c.is_whitespace() || matches!(c, ')' | ']'))?;
    let closed = target[length..].starts_with([')', ']']);
    closed.then(|| (end + 2 + length + 1, &text[1..end], &target[..length]))
}

/// Writes the address at the beginning of the text. Returns the length of the address.
fn address(text: &str, out: &mut String) -> usize {
    let end = text.find(|c: char| {
        c.is_whitespace() || matches!(c, ')' | '<' | '>' | '"' | '\'' | ']' | '[' | '\\')
    });
    let whole = &text[..end.unwrap_or(text.len())];
    let url = whole.trim_end_matches(['.', ',']);
    // A `<` directly after the address begins a placeholder of a path, such as `<vcs>`, and not a tag.
    let placeholder = text[whole.len()..].starts_with('<');
    if out.ends_with('<') || placeholder {
        out.push_str(url);
    } else if is_safe_address(url) {
        out.push_str(&format!("<{url}>"));
    } else {
        out.push_str(&format!("`{url}`"));
    }
    url.len()
}

/// Escapes a line of prose so that none of it is Markdown.
fn prose(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    for c in line.chars() {
        if c.is_ascii_punctuation()
            && !matches!(
                c,
                '.' | ',' | ':' | ';' | '\'' | '"' | '(' | ')' | '/' | '-'
            )
        {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "https://example.com/api";

    #[test]
    fn what_is_harmless_stays() {
        for (line, escaped) in [
            ("a `b` *c* _d_, 1 > 0", "a `b` *c* _d_, 1 > 0"),
            ("``a ` b`` c", "`a ' b` c"),
            ("https://b.c/~d", "<https://b.c/~d>"),
            ("a pull/<number>/head [x]", "a pull/\\<number>/head \\[x]"),
            ("[a](https://b.c/d)", "[a](https://b.c/d)"),
            ("[a](https://b.c/d] e", "[a](https://b.c/d) e"),
            ("[a](#tag/A)", "[a](https://example.com/api#tag/A)"),
            ("see https://b.c/d.", "see <https://b.c/d>."),
            ("at https://b.c/<vcs>/x", "at https://b.c/\\<vcs>/x"),
            ("without https:// in it", "without `https://` in it"),
            ("~5 minutes, 50!", "~5 minutes, 50!"),
        ] {
            assert_eq!(prose_with_links(line, PAGE), escaped, "{line}");
        }
    }

    #[test]
    fn what_is_not_becomes_text() {
        for (line, escaped) in [
            ("~~~", "\\~\\~\\~"),
            ("```rust", "\\`\\`\\`rust"),
            ("- ~~~~", "- \\~\\~\\~\\~"),
            ("> quoted", "\\> quoted"),
            ("a `b <script>", "a \\`b \\<script>"),
            ("\\`<script>\\`", "\\`\\<script>\\`"),
            ("\\``<b>`", "\\`\\`\\<b>\\`"),
            ("`a`` <b> `", "`a'' <b> `"),
            ("``a` <b>", "\\`\\`a\\` \\<b>"),
            ("![x](https://b.c/d)", "\\![x](https://b.c/d)"),
            ("[a](javascript:x)", "\\[a](javascript:x)"),
            ("[a](JavaScript:x)", "\\[a](JavaScript:x)"),
            ("[a](data:text/html,x)", "\\[a](data:text/html,x)"),
            ("[a](http://b.c)", "\\[a](`http://b.c`)"),
            ("[a](<javascript:x>)", "\\[a](\\<javascript:x>)"),
            ("[a](crate::x)", "\\[a](crate::x)"),
            ("[a]: https://b.c", "\\[a]: <https://b.c>"),
            ("[<b>](https://b.c)", "[\\<b>](https://b.c)"),
            ("https://b.c<script>", "https://b.c\\<script>"),
            ("\\http://b.c `<script>`", "\\\\`http://b.c` `<script>`"),
            ("a\\https://b.c", "a\\\\<https://b.c>"),
            ("c:\\dir\\", "c:\\\\dir\\"),
            (
                "<https://b!![a](https://b.c/i.png)",
                "\\<https://b!\\![a](https://b.c/i.png)",
            ),
            ("a\u{202e}b\u{200b}c\td\u{7}", "abc d "),
        ] {
            assert_eq!(prose_with_links(line, PAGE), escaped, "{line}");
        }
        assert_eq!(
            text("<b> `x` [y](z) # 1"),
            "\\<b\\> \\`x\\` \\[y\\](z) \\# 1"
        );
        assert_eq!(code("a`b\n`c"), "`a'b 'c`");
        assert_eq!(code_in_table("a|b"), "`a\\|b`");
        assert_eq!(code_in_table("a\\|b"), "`a\\ \\|b`");
        assert_eq!(code_line("a ``` ~~~~ ` ~~"), "a ''' '''' ` ~~");
        assert_eq!(part_of_url("A b)(`<"), "A%20b%29%28%60%3C");
    }

    #[test]
    fn a_cell_ends_code_and_links() {
        for (row, escaped) in [
            (
                "| `a` | [b](#c) |",
                "| `a` | [b](https://example.com/api#c) |",
            ),
            ("| ` [x](y) | ` |", "| \\` \\[x](y) | \\` |"),
            ("| ``a ` [x](y) | `` |", "| \\`\\`a \\` \\[x](y) | \\`\\` |"),
            ("| [a|b](https://b.c) |", "| \\[a|b](<https://b.c>) |"),
            ("| `a\\|b` \\| c |", "| `a\\|b` \\| c |"),
            (
                "| > 1 | \\https:// `<b>` |",
                "| > 1 | \\\\`https://` `<b>` |",
            ),
            ("> 1 | 2", "\\> 1 | 2"),
            ("| `a\\\\|b` |", "| \\`a\\\\ |b\\` |"),
        ] {
            assert_eq!(row_with_links(row, PAGE), escaped, "{row}");
        }
    }

    #[test]
    fn it_takes_time_in_proportion_to_the_length() {
        for piece in [
            "[", "](", "`", "``a", "\\", "<", "![", "~~~", "https://", "[a](", "h", "> ", "|",
            "\\|",
        ] {
            let long = piece.repeat(400_000 / piece.len());
            let begun = std::time::Instant::now();
            let escaped = prose_with_links(&long, PAGE)
                + &row_with_links(&long, PAGE)
                + &text(&long)
                + &code_in_table(&long)
                + &code_line(&long);
            assert!(escaped.len() < 50 * long.len());
            // A quadratic algorithm would take minutes for half a million characters.
            assert!(begun.elapsed().as_secs() < 30, "{piece}");
        }
    }
}
