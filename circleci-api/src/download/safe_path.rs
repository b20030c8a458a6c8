//! Checks that a path from a server does not lead outside a local folder.

use std::path::{Path, PathBuf};

/// Returns `path` in a form that can be appended to a folder, or says why the path is refused. Backslashes and drive letters are
/// refused on every system, so that a path has the same meaning everywhere. If `windows` is set, names that only Windows treats
/// specially are refused too.
pub(crate) fn below(path: &str, windows: bool) -> Result<PathBuf, &'static str> {
    if path.contains('\0') || path.contains(char::is_control) {
        return Err("it contains a control character");
    }
    if path.starts_with('/') {
        return Err("it is absolute");
    }
    if path.contains('\\') {
        return Err("it contains a backslash");
    }
    let mut parts = PathBuf::new();
    for part in path.split('/') {
        match part {
            // These parts do not change the path.
            "" | "." => continue,
            ".." => return Err("it leads outside its folder"),
            _ => {}
        }
        let bytes = part.as_bytes();
        if parts.as_os_str().is_empty()
            && bytes.len() > 1
            && bytes[0].is_ascii_alphabetic()
            && bytes[1] == b':'
        {
            return Err("it starts with a drive letter");
        }
        if windows && !is_windows_name(part) {
            return Err("it contains a name that is not valid on Windows");
        }
        parts.push(part);
    }
    if parts.as_os_str().is_empty() || path.ends_with('/') {
        return Err("it does not name a file");
    }
    // Let the standard library check the result again.
    let plain = Path::new(&parts)
        .components()
        .all(|part| matches!(part, std::path::Component::Normal(_)));
    if plain {
        Ok(parts)
    } else {
        Err("it leads outside its folder")
    }
}

fn is_windows_name(part: &str) -> bool {
    const DEVICES: [&str; 6] = ["con", "prn", "aux", "nul", "conin$", "conout$"];
    let stem = part
        .split('.')
        .next()
        .unwrap_or(part)
        .trim_end()
        .to_ascii_lowercase();
    let numbered = (stem.starts_with("com") || stem.starts_with("lpt"))
        && matches!(
            stem[3..].chars().collect::<Vec<_>>()[..],
            ['0'..='9' | '¹' | '²' | '³']
        );
    !part.contains(['<', '>', ':', '"', '|', '?', '*'])
        && !part.ends_with(['.', ' '])
        && !numbered
        && !DEVICES.contains(&&*stem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_stays_below_its_folder_or_is_none() {
        for (path, expected) in [
            ("junit.xml", Some("junit.xml")),
            ("coverage/index.html", Some("coverage/index.html")),
            ("./a//b/./c", Some("a/b/c")),
            ("logs/12:00.txt", Some("logs/12:00.txt")),
            (" spaced / name.txt", Some(" spaced / name.txt")),
            ("...", Some("...")),
            ("a..b/..c", Some("a..b/..c")),
            ("größe/日本.txt", Some("größe/日本.txt")),
            ("%2e%2e/x", Some("%2e%2e/x")),
            ("", None),
            (".", None),
            ("./", None),
            ("/", None),
            ("dir/", None),
            ("..", None),
            ("../../etc/x", None),
            ("a/../../x", None),
            ("a/..", None),
            ("/etc/passwd", None),
            ("//server/share/x", None),
            ("a\0b", None),
            ("a/\0", None),
            ("a\nb", None),
            ("..\\..\\x", None),
            ("a\\b", None),
            ("\\\\server\\share\\x", None),
            ("\\\\?\\C:\\x", None),
            ("C:x", None),
            ("c:/x", None),
            ("./C:/x", None),
        ] {
            assert_eq!(
                below(path, false).ok().as_deref(),
                expected.map(Path::new),
                "{path:?}"
            );
        }
    }

    #[test]
    fn windows_has_names_of_its_own() {
        for name in [
            "NUL", "nul.txt", "a/con", "COM1", "lpt9.log", "com².x", "aux .x", "a.", "a ", "x/a:b",
            "a?", "CONIN$",
        ] {
            assert!(below(name, true).is_err(), "{name}");
            assert!(below(name, false).is_ok(), "{name}");
        }
        for name in [
            "null", "common/x", "com10", "comx", "com", "a.b.c", "nul_/x",
        ] {
            assert!(below(name, true).is_ok(), "{name}");
        }
    }
}
