//! Each line of the input is the path of an artifact of a job. The client must not write a file outside of the folder that
//! the caller chose.

use std::fs;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::stage::Stage;
use crate::server::answer;

thread_local! {
    static STAGE: (Stage, TempDir) = (Stage::new(), tempfile::tempdir().expect("a folder"));
}

pub fn run(bytes: &[u8]) {
    STAGE.with(|(stage, around)| {
        let url = format!("{}/file", stage.server.url());
        let artifact = |path: &[u8]| json!({ "path": String::from_utf8_lossy(path), "node_index": 0, "url": url });
        let items: Vec<Value> = bytes.split(|byte| *byte == b'\n').take(4).map(artifact).collect();
        let list = json!({ "items": items, "next_page_token": null }).to_string();
        stage.play(move |seen| {
            Some(match seen.target.as_str() {
                "/file" => answer(200, "x"),
                _ => answer(200, list.clone()),
            })
        });
        let inside = around.path().join("a/b/c/inside");
        let done = stage.client.download_artifacts("gh/acme/web", 1).into_folder(&inside);
        match stage.run(done) {
            Ok(done) => {
                let files = done.files().count();
                assert_eq!(files + done.failed().count(), items.len());
            }
            Err(error) => super::assert_presentable(&error),
        }
        // Each folder above the target folder contains only the next folder.
        for (folder, only) in [("", "a"), ("a", "b"), ("a/b", "c"), ("a/b/c", "inside")] {
            for entry in fs::read_dir(around.path().join(folder)).into_iter().flatten() {
                let name = entry.expect("an entry").file_name();
                assert_eq!(name, only, "{:?}", String::from_utf8_lossy(bytes));
            }
        }
        let _ = fs::remove_dir_all(around.path().join("a"));
    });
}
