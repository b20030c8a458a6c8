//! Removes secrets from text before the text is printed or shortened. All text that comes from a server or a library passes
//! through this module.

use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};

/// The text that replaces a secret.
pub(crate) const REDACTED: &str = "[redacted]";

/// A secret with fewer bytes than this is replaced only where it is a whole word. Otherwise, a token `t` would make the message
/// `invalid character` unreadable.
const SHORT: usize = 8;

/// The shortest beginning of a secret, in bytes, that is redacted at the end of a text that was cut off.
const PART: usize = 4;

/// Secrets, in every form in which a text may contain them.
#[derive(Clone, Default)]
pub(crate) struct Secrets(Arc<[SecretString]>);

impl Secrets {
    pub(crate) fn new(secrets: impl IntoIterator<Item = String>) -> Self {
        let mut secrets: Vec<String> = secrets.into_iter().filter(|it| !it.is_empty()).collect();
        // Longer forms come first, so that a form is replaced before any shorter form that it contains.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        secrets.dedup();
        Self(secrets.into_iter().map(SecretString::from).collect())
    }

    /// Returns the text with its secrets redacted.
    pub(crate) fn hide<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut text = Cow::Borrowed(text);
        for secret in self.0.iter() {
            let secret = secret.expose_secret();
            if let Some(hidden) = replace(&text, secret) {
                text = Cow::Owned(hidden);
            }
        }
        text
    }

    /// Returns the text with its secrets redacted, including an incomplete secret at its end.
    pub(crate) fn hide_in_part<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut text = self.hide(text);
        for secret in self.0.iter() {
            let secret = secret.expose_secret();
            if let Some(kept) = before_part(&text, secret) {
                text = Cow::Owned(format!("{}{REDACTED}", &text[..kept]));
            }
        }
        text
    }

    /// Checks whether a text contains a secret.
    pub(crate) fn are_in(&self, text: &str) -> bool {
        matches!(self.hide(text), Cow::Owned(_))
    }

    /// Calls `run`. During this call, [`hide_current`] redacts these secrets. Use this method for code that creates errors from
    /// a response but does not know the secrets.
    pub(crate) fn during<T>(&self, run: impl FnOnce() -> T) -> T {
        let _restore = Restore(CURRENT.replace(self.clone()));
        run()
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

thread_local! {
    static CURRENT: RefCell<Secrets> = RefCell::default();
}

struct Restore(Secrets);

impl Drop for Restore {
    fn drop(&mut self) {
        CURRENT.replace(std::mem::take(&mut self.0));
    }
}

/// Redacts the secrets of the call whose response this thread is decoding. Outside of [`Secrets::during`], the text stays
/// unchanged.
pub(crate) fn hide_current(text: &str) -> Cow<'_, str> {
    CURRENT.with_borrow(|secrets| secrets.hide(text))
}

/// Returns the text with the secret redacted, or `None` if there is nothing to redact.
fn replace(text: &str, secret: &str) -> Option<String> {
    if !text.contains(secret) {
        return None;
    }
    if secret.len() >= SHORT {
        return Some(text.replace(secret, REDACTED));
    }
    let mut hidden = String::with_capacity(text.len());
    let mut kept = 0;
    for (at, _) in text.match_indices(secret) {
        let end = at + secret.len();
        if !continues_before(&text[..at]) && !text[end..].starts_with(is_in_word) {
            hidden.push_str(&text[kept..at]);
            hidden.push_str(REDACTED);
            kept = end;
        }
    }
    hidden.push_str(&text[kept..]);
    (kept > 0).then_some(hidden)
}

/// Checks whether `before` ends inside a word, which the text after `before` then continues. An apostrophe can be a part of a
/// word (for example, of `can't`).
fn continues_before(before: &str) -> bool {
    let before = before.strip_suffix('\'').unwrap_or(before);
    before.ends_with(is_in_word)
}

fn is_in_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Returns the position where an incomplete secret at the end of the text begins.
fn before_part(text: &str, secret: &str) -> Option<usize> {
    if secret.len() < SHORT {
        return None;
    }
    secret
        .char_indices()
        .rev()
        .map(|(at, _)| at)
        .take_while(|at| *at >= PART)
        .find(|at| text.ends_with(&secret[..*at]))
        .map(|at| text.len() - at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(secrets: &[&str]) -> Secrets {
        Secrets::new(secrets.iter().map(|secret| (*secret).to_owned()))
    }

    #[test]
    fn a_short_secret_is_hidden_as_a_whole_word_only() {
        for (secret, text, hidden) in [
            (
                "t",
                "invalid character, can't read t",
                "invalid character, can't read [redacted]",
            ),
            (
                "t",
                "bad token 't', (t) and \"t\"",
                "bad token '[redacted]', ([redacted]) and \"[redacted]\"",
            ),
            ("ess", "a mess", "a mess"),
            ("abc", "abc_d abc abcd", "abc_d [redacted] abcd"),
            ("seven77", "seven777 =seven77", "seven777 =[redacted]"),
            ("eight888", "xeight888x", "x[redacted]x"),
            ("aa", "aaa aa", "aaa [redacted]"),
            ("ü", "über ü", "über [redacted]"),
        ] {
            assert_eq!(secrets(&[secret]).hide(text), hidden);
        }
    }

    #[test]
    fn a_text_may_end_in_the_middle_of_a_secret() {
        let token = secrets(&["CCIPAT_s3cr3t-t0ken"]);
        for (text, hidden) in [
            ("bad CCIPAT_s3cr3t-t0ke", "bad [redacted]"),
            ("bad CCIP", "bad [redacted]"),
            ("bad CCI", "bad CCI"),
            ("CCIPAT_s3cr3t-t0kenCCIPAT_s3", "[redacted][redacted]"),
        ] {
            assert_eq!(token.hide_in_part(text), hidden);
        }
        assert_eq!(token.hide("bad CCIPAT_s3"), "bad CCIPAT_s3");
        assert_eq!(secrets(&["short"]).hide_in_part("shor"), "shor");
    }

    #[test]
    fn the_longer_form_goes_first_and_nothing_is_hidden_without_secrets() {
        let both = secrets(&["password", "password\\\"x", ""]);
        assert_eq!(both.hide("a password\\\"x"), "a [redacted]");
        assert_eq!(Secrets::default().hide("a password"), "a password");
        assert_eq!(format!("{both:?}"), "[redacted]");
    }

    #[test]
    fn the_current_secrets_end_with_what_they_are_for() {
        let inside = secrets(&["password"]).during(|| hide_current("a password").into_owned());
        assert_eq!(inside, "a [redacted]");
        assert_eq!(hide_current("a password"), "a password");
    }
}
