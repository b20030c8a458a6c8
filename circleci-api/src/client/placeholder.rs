//! Recognizes placeholder text that was passed instead of a token or a host.

/// Returns a description of the placeholder that `text` looks like, or `None` if `text` looks like a real value. The
/// description completes a sentence such as "the token looks like …", and never contains `text`.
pub(crate) fn looks_like(text: &str) -> Option<&'static str> {
    let quotes = ['"', '\'', '`', '“', '”', '‘', '’'];
    if text.starts_with(quotes) || text.ends_with(quotes) {
        return Some("text in quotes: remove the quotes");
    }
    const MISSING: [&str; 9] = [
        "null",
        "(null)",
        "undefined",
        "none",
        "nil",
        "<nil>",
        "nan",
        "[object object]",
        "~",
    ];
    if MISSING.contains(&text.to_lowercase().as_str()) {
        return Some("a missing value written as text");
    }
    // CircleCI masks a secret as `xxxx`, followed by the last four characters of the secret.
    let masked = text.strip_prefix("xxxx").is_some_and(|end| end.len() <= 4);
    if masked || text.starts_with("**") || text.chars().all(|c| matches!(c, '*' | '•' | '●')) {
        return Some("a masked value");
    }
    let between = |start: &str, end: &str| {
        text.len() > start.len() + end.len() && text.starts_with(start) && text.ends_with(end)
    };
    if text.starts_with('$') || between("{", "}") || between("<", ">") || between("%", "%") {
        return Some("a variable that was not replaced by its value");
    }
    let name = text.split_once('=').map_or("", |(name, _)| name);
    let name = name.trim_start_matches("export").trim();
    if !name.is_empty() && name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_') {
        return Some("a whole assignment: pass only the part after the equals sign");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_what_the_text_looks_like() {
        for (word, texts) in [
            (
                "quotes",
                &["\"abc\"", "'abc'", "`abc`", "“abc”", "\"abc", "abc'", "\""][..],
            ),
            (
                "missing",
                &[
                    "null",
                    "NULL",
                    "undefined",
                    "None",
                    "nil",
                    "(null)",
                    "<nil>",
                ],
            ),
            (
                "masked",
                &["***", "*", "****1234", "xxxx", "xxxx1a2b", "••••"],
            ),
            (
                "variable",
                &[
                    "${CIRCLE_TOKEN}",
                    "$CIRCLE_TOKEN",
                    "$(cat token)",
                    "${{ secrets.TOKEN }}",
                    "{{token}}",
                    "<token>",
                    "<< pipeline.parameters.token >>",
                    "%CIRCLE_TOKEN%",
                ],
            ),
            (
                "assignment",
                &["CIRCLE_TOKEN=abc", "export CIRCLE_HOST=ci.example.com"],
            ),
        ] {
            for text in texts {
                let what = looks_like(text);
                assert!(
                    what.is_some_and(|what| what.contains(word)),
                    "{text}: {what:?}"
                );
            }
        }
    }

    #[test]
    fn a_token_and_a_host_are_left_alone() {
        for text in [
            "t",
            "CCIPAT_xyz",
            "CCIPRJ_AbC_0123456789abcdef",
            "0123456789abcdef0123456789abcdef01234567",
            "a$b=",
            "x=",
            "abc==",
            "xxxxx-is-long-enough",
            "circleci.com",
            "https://ci.example.com:8443/api/v2",
            "[::1]",
            "null.example.com",
            "none-of-these",
        ] {
            assert_eq!(looks_like(text), None, "{text}");
        }
    }
}
