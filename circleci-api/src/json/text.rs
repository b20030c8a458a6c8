//! Mends text that is almost JSON. For each error in the text, at most one character is lost.

use std::borrow::Cow;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
const REPLACEMENT: &str = "\u{fffd}";

/// Returns the mended text, or `None` if nothing needs mending. A byte order mark is removed. Invalid UTF-8 and half surrogate
/// pairs become U+FFFD. Control characters in strings are escaped.
pub(super) fn mended(json: &[u8]) -> Option<String> {
    let bare = json.strip_prefix(BYTE_ORDER_MARK).unwrap_or(json);
    let text = utf8(bare);
    let escaped = strings(&text);
    match (bare.len() < json.len(), text, escaped) {
        (_, _, Some(escaped)) => Some(escaped),
        (_, Cow::Owned(text), None) => Some(text),
        (true, Cow::Borrowed(text), None) => Some(text.to_owned()),
        (false, Cow::Borrowed(_), None) => None,
    }
}

fn utf8(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    let mut text = String::with_capacity(bytes.len());
    // The number of bytes of the current surrogate that are still to come.
    let mut surrogate = 0;
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        if !chunk.valid().is_empty() {
            surrogate = 0;
        }
        match chunk.invalid() {
            [] => {}
            // Half a surrogate pair that was encoded like a character has three bytes, but counts as one error.
            [0x80..=0xbf] if surrogate > 0 => surrogate -= 1,
            [first, ..] => {
                text.push_str(REPLACEMENT);
                surrogate = if *first == 0xed { 2 } else { 0 };
            }
        }
    }
    Cow::Owned(text)
}

/// Returns the text with its strings mended, or `None` if all strings are valid.
fn strings(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let mut out: Option<String> = None;
    // The part of `text` before this position is already in `out`.
    let mut copied = 0;
    let mut replace = |range: std::ops::Range<usize>, with: &str| {
        let out = out.get_or_insert_with(|| String::with_capacity(text.len() + 16));
        out.push_str(&text[copied..range.start]);
        out.push_str(with);
        copied = range.end;
    };
    let (mut at, mut in_string) = (0, false);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => in_string = !in_string,
            b'\\' if in_string => {
                let length = match surrogate(&bytes[at..]) {
                    Surrogate::Half => {
                        replace(at..at + 6, "\\ufffd");
                        6
                    }
                    Surrogate::Pair => 12,
                    Surrogate::None => 2,
                };
                at += length;
                continue;
            }
            0..=0x1f if in_string => replace(at..at + 1, &format!("\\u{byte:04x}")),
            _ => {}
        }
        at += 1;
    }
    let mut out = out?;
    out.push_str(&text[copied..]);
    Some(out)
}

enum Surrogate {
    None,
    Half,
    Pair,
}

/// Checks whether the escape at the start of `bytes` is a surrogate pair or half of one.
fn surrogate(bytes: &[u8]) -> Surrogate {
    match (unit(bytes), bytes.get(6..).and_then(unit)) {
        (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => Surrogate::Pair,
        (Some(0xd800..=0xdfff), _) => Surrogate::Half,
        _ => Surrogate::None,
    }
}

/// Returns the number in an escape such as `\ud83d`.
fn unit(bytes: &[u8]) -> Option<u16> {
    let digits = bytes.strip_prefix(b"\\u")?.get(..4)?;
    let digits = std::str::from_utf8(digits).ok()?;
    digits
        .bytes()
        .all(|digit| digit.is_ascii_hexdigit())
        .then(|| u16::from_str_radix(digits, 16).ok())?
}

#[cfg(test)]
mod tests {
    use super::mended;

    #[test]
    fn each_fault_costs_one_character() {
        for (json, expected) in [
            (&b"\xef\xbb\xbf\"a\""[..], "a"),
            (b"\"a\xffb\"", "a\u{fffd}b"),
            (b"\"a\xc3\"", "a\u{fffd}"),
            (b"\"a\xed\xa0\xbdb\"", "a\u{fffd}b"),
            (b"\"a\xed\xa0\xbd\xed\xb8\x80b\"", "a\u{fffd}\u{fffd}b"),
            (br#""a\ud83d""#, "a\u{fffd}"),
            (br#""a\ud83db\ude00c""#, "a\u{fffd}b\u{fffd}c"),
            (br#""\ud83d\ud83d\ude00""#, "\u{fffd}\u{1f600}"),
            (br#""\\ud83d\ud83d""#, "\\ud83d\u{fffd}"),
            (b"\"a\tb\nc\x00\"", "a\tb\nc\0"),
            (b"\xef\xbb\xbf\"\xff\\ud800\t\"", "\u{fffd}\u{fffd}\t"),
        ] {
            assert!(serde_json::from_slice::<String>(json).is_err());
            let text = mended(json).unwrap();
            assert_eq!(serde_json::from_str::<String>(&text).unwrap(), expected);
        }
    }

    #[test]
    fn what_is_valid_stays_as_it_is() {
        for json in [
            "\n\t{ \"a\\\"\\\\\": \"\\ud83d\\ude00 \\u0041 \u{1f600}\" }\r\n",
            "",
            "\"",
            "\"\\",
            "\"\\u12",
        ] {
            assert_eq!(mended(json.as_bytes()), None, "{json}");
        }
    }
}
