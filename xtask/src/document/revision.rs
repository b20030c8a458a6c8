//! Reads the document at a revision of the repository.

use std::{path::Path, process::Command};

/// Returns the abbreviated commit id of a revision, and the document in that commit. An error is a single line.
pub fn document_at(root: &Path, revision: &str) -> Result<(String, Vec<u8>), String> {
    // This runs first, so that a missing repository and a missing revision give different errors.
    git(root, &["rev-parse", "--git-dir"])?;
    // git must read the argument as a revision, even if it looks like an option.
    let arguments = [
        "rev-parse",
        "--verify",
        "--quiet",
        "--short",
        "--end-of-options",
        &format!("{revision}^{{commit}}"),
    ];
    let commit = git(root, &arguments).map_err(|why| {
        let unknown = "is not a revision of this repository (a shallow clone has only the newest)";
        match why.as_str() {
            SILENT => unknown.to_owned(),
            _ => why,
        }
    })?;
    let commit = String::from_utf8_lossy(&commit).trim().to_owned();
    let document = format!("{commit}:./openapi/openapi.json");
    let bytes = git(root, &["cat-file", "blob", &document])
        .map_err(|why| format!("has no openapi/openapi.json ({why})"))?;
    Ok((commit, bytes))
}

/// The error of [`git`] if git fails without a message.
const SILENT: &str = "git failed and did not say why";

/// Variables of the caller that select another repository, or change what git reads in it.
const NOT_FOR_GIT: &[&str] = &[
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_COMMON_DIR",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_GRAFT_FILE",
    "GIT_SHALLOW_FILE",
    "GIT_REPLACE_REF_BASE",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
    "GIT_CEILING_DIRECTORIES",
];

/// Returns the output of git, or an error with its message in one line. git does not see those variables and settings of the
/// caller that could select another repository or run other programs.
fn git(root: &Path, arguments: &[&str]) -> Result<Vec<u8>, String> {
    let mut command = Command::new("git");
    for variable in NOT_FOR_GIT {
        command.env_remove(variable);
    }
    // These variables add lines to git's messages.
    for (variable, _) in std::env::vars_os() {
        if variable.to_string_lossy().starts_with("GIT_TRACE") {
            command.env_remove(variable);
        }
    }
    // So does a trace that the user's settings turn on.
    for variable in ["GIT_TRACE2", "GIT_TRACE2_PERF", "GIT_TRACE2_EVENT"] {
        command.env(variable, "0");
    }
    let output = command
        .args([
            "-c",
            "core.hooksPath=/dev/null",
            "-c",
            "core.fsmonitor=false",
            "-c",
            "core.abbrev=auto",
        ])
        .args(["--no-pager", "--no-replace-objects", "-C"])
        .arg(root)
        .args(arguments)
        .env("LC_ALL", "C")
        .output()
        .map_err(|error| format!("cannot run git: {error}"))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    // git says what to do about a repository of another user in the lines after the first.
    let said = String::from_utf8_lossy(&output.stderr);
    let words: Vec<&str> = said.split_whitespace().collect();
    Err(match words.as_slice() {
        [] => SILENT.to_owned(),
        _ => format!("git says: {}", words.join(" ")),
    })
}
