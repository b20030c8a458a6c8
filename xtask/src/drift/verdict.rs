//! Defines how severe a change is for users of the crate, and which version number it requires.

use serde::Serialize;
use std::fmt;

/// The effect of one change on a program that uses `circleci-api`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// Only descriptions, examples or the layout changed.
    Docs,
    /// Something was added, or a rule became looser. Programs work as before.
    Additive,
    /// The effect is unknown, and a maintainer must judge it. `--deny` treats it like a breaking change.
    Review,
    /// Some programs stop compiling or stop working.
    Breaking,
}

impl Class {
    pub fn word(self) -> &'static str {
        match self {
            Self::Docs => "docs",
            Self::Additive => "additive",
            Self::Review => "review",
            Self::Breaking => "breaking",
        }
    }
}

/// The effect of all changes together. The changes that need a review are counted separately.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    None,
    DocsOnly,
    Additive,
    Breaking,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::DocsOnly => "docs only",
            Self::Additive => "additive",
            Self::Breaking => "breaking",
        })
    }
}

impl Verdict {
    /// Returns the most severe of the effects. A change that needs a review counts as additive.
    pub fn of(classes: impl Iterator<Item = Class>) -> Self {
        let verdicts = classes.map(|class| match class {
            Class::Docs => Self::DocsOnly,
            Class::Additive | Class::Review => Self::Additive,
            Class::Breaking => Self::Breaking,
        });
        verdicts.max().unwrap_or(Self::None)
    }

    /// Returns the version that must follow `version`, or `None` if no release is required. Below 1.0, a breaking change
    /// increases the minor version.
    pub fn bump(self, version: &str) -> Option<String> {
        let numbers: Vec<u64> = version
            .split(['-', '+'])
            .next()?
            .split('.')
            .map(|number| number.parse().ok())
            .collect::<Option<_>>()?;
        let [major, minor, patch] = numbers.as_slice() else {
            return None;
        };
        match (self, *major) {
            // The next release includes the new descriptions anyway.
            (Self::None | Self::DocsOnly, _) => None,
            (Self::Breaking, 0) => Some(format!("0.{}.0", minor.checked_add(1)?)),
            (Self::Breaking, _) => Some(format!("{}.0.0", major.checked_add(1)?)),
            (Self::Additive, 1..) => Some(format!("{major}.{}.0", minor.checked_add(1)?)),
            (Self::Additive, _) => Some(format!("{major}.{minor}.{}", patch.checked_add(1)?)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Class, Verdict};

    #[test]
    fn below_one_the_second_number_breaks() {
        let bumps = |version| {
            [
                Verdict::None,
                Verdict::DocsOnly,
                Verdict::Additive,
                Verdict::Breaking,
            ]
            .map(|verdict| verdict.bump(version))
        };
        let some = |version: &str| Some(version.to_owned());
        assert_eq!(bumps("0.3.4"), [None, None, some("0.3.5"), some("0.4.0")]);
        assert_eq!(bumps("1.2.3"), [None, None, some("1.3.0"), some("2.0.0")]);
        assert_eq!(
            bumps("1.2.3-rc.1+circleci.2026"),
            [None, None, some("1.3.0"), some("2.0.0")]
        );
        assert_eq!(bumps("one"), [None, None, None, None]);
    }

    #[test]
    fn the_worst_counts_and_a_review_is_no_silence() {
        assert_eq!(Verdict::of([].into_iter()), Verdict::None);
        assert_eq!(
            Verdict::of([Class::Docs, Class::Review].into_iter()),
            Verdict::Additive
        );
        assert_eq!(
            Verdict::of([Class::Breaking, Class::Review].into_iter()),
            Verdict::Breaking
        );
    }
}
