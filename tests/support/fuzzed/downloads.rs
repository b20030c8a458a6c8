//! Downloads a file from a server that breaks off its answers, lies about ranges, and changes the file. The result must be an
//! error or one complete version of the file.
//!
//! The first two bytes of the input choose the sizes of the versions. The third byte chooses how many bytes all versions have
//! in common. After that, three bytes choose the answer to each request. After the last byte, the server is honest. The
//! server never tells a lie that a client cannot detect: versions with different bytes have different strong tags, and an
//! announced total size is never reached before the file is complete.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use circleci_api::types::Artifact;
use serde_json::json;

use super::stage::Stage;
use crate::server::{Answer, Ending, Seen, answer};

const VERSIONS: usize = 3;

thread_local! {
    static STAGE: Stage = Stage::with_attempts(8);
}

struct Script {
    versions: Vec<Vec<u8>>,
    current: usize,
    choices: VecDeque<u8>,
}

pub fn run(bytes: &[u8]) {
    let [size, more, same, choices @ ..] = bytes else {
        return;
    };
    let same = usize::from(*same);
    let versions: Vec<Vec<u8>> = (0..VERSIONS)
        .map(|version| {
            let size = 1 + usize::from(*size) + version * usize::from(*more) % 97;
            let byte = |at: usize| match at < same {
                true => at * 7,
                false => at * 31 + version * 101 + at / 256,
            };
            (0..size).map(|at| byte(at) as u8).collect()
        })
        .collect();
    let script = Arc::new(Mutex::new(Script {
        versions: versions.clone(),
        current: 0,
        choices: choices.iter().copied().collect(),
    }));
    STAGE.with(|stage| {
        stage.play(move |seen| Some(script.lock().expect("the script").answer(seen)));
        let url = format!("{}/file", stage.server.url());
        let artifact = json!({ "path": "file", "node_index": 0, "url": url });
        let artifact: Artifact = serde_json::from_value(artifact).expect("an artifact");
        let read = async {
            let mut stream = stage.client.download_artifact(&artifact).stream().await?;
            let mut read = Vec::new();
            while let Some(piece) = stream.try_next().await? {
                read.extend_from_slice(&piece);
            }
            Ok(read)
        };
        match stage.run(read) {
            Ok(read) => assert!(versions.contains(&read), "none of the versions: {bytes:?}"),
            Err(error) => super::assert_presentable(&error),
        }
    });
}

impl Script {
    fn answer(&mut self, seen: &Seen) -> Answer {
        let mut choose = || self.choices.pop_front().map_or(0, usize::from);
        let (what, how, end) = (choose(), choose(), choose());
        if what % 4 == 3 {
            self.current = (self.current + 1) % VERSIONS;
        }
        let file = &self.versions[self.current];
        let tag = format!("\"v{}\"", self.current);
        let asked = seen.header("range").and_then(|range| {
            range
                .strip_prefix("bytes=")?
                .strip_suffix('-')?
                .parse()
                .ok()
        });
        let answer = match (what / 4 % 8, asked) {
            (6, _) => answer([416, 503, 202, 500][how % 4], "<html>"),
            (0..4, Some(start)) if seen.header("if-range") == Some(&tag) => {
                part(file, start, how, end)
            }
            // The server sends a range without checking the `If-Range` condition of the request.
            (4 | 5, Some(start)) => part(file, start, how, end),
            _ => answer(200, file.clone()),
        };
        let answer = match how / 16 % 8 {
            0..5 => answer.header("etag", tag),
            5 => answer.header("etag", format!("W/{tag}")),
            _ => answer,
        };
        let answer = match how / 128 {
            0 => answer,
            _ => answer.header("content-encoding", "gzip"),
        };
        let cut = end / 4 * answer.body.len() / 64;
        let ending = match end % 4 {
            0 => Ending::Length,
            1 => Ending::Chunks,
            // An empty chunk would mark the end of the body, so `cut` must not be 0.
            2 if cut > 0 => Ending::ChunksCutAt(cut),
            _ => Ending::CutAt(cut),
        };
        answer.ending(ending)
    }
}

/// Returns a part of the file that begins at or near `start`. Its `content-range` may be wrong.
fn part(file: &[u8], start: usize, how: usize, end: usize) -> Answer {
    let start = match how % 16 {
        1 => start.saturating_sub(1),
        2 => start + 1,
        3 => 0,
        _ => start,
    };
    if start >= file.len() {
        return answer(416, "").header("content-range", format!("bytes */{}", file.len()));
    }
    // The part may end before the end of the file.
    let last = match how % 16 {
        4..8 => start + end % (file.len() - start),
        _ => file.len() - 1,
    };
    let said = match how % 16 {
        8 => last + 1,
        9 => last.saturating_sub(1),
        _ => last,
    };
    let total = match how % 16 {
        5 | 10 => "*".to_owned(),
        // A wrong total must not be the end of the range, because the client would then consider the file complete.
        6 | 11 if said != file.len() => (file.len() + 1).to_string(),
        7 | 12 if last + 1 == file.len() => (file.len() - 1).to_string(),
        _ => file.len().to_string(),
    };
    let part = answer(206, &file[start..=last]);
    match how % 16 {
        13 => part,
        _ => part.header("content-range", format!("bytes {start}-{said}/{total}")),
    }
}
