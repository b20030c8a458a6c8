//! Tests of downloads (the hosts that get the token, the paths of the files, and broken connections), and of reading failed
//! tests.

use std::fs;
use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use crate::server::{Act, Answer, Ending, Seen, Server, TOKEN, answer};
use circleci_api::artifacts::TokenHosts;
use circleci_api::serde_json::{self, Value, json};
use circleci_api::types::Artifact;
use circleci_api::uuid::Uuid;
use circleci_api::{Client, ErrorKind};
use futures_util::FutureExt;

const WORKFLOW: &str = "fda08377-fe7e-46b1-8992-3a7aaecac9c3";

fn artifact(path: &str, url: &str) -> Artifact {
    serde_json::from_value(json!({ "path": path, "node_index": 0, "url": url })).unwrap()
}

/// Returns the paths of all files and folders below a folder.
fn below(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            found.push(
                path.strip_prefix(folder)
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .replace('\\', "/"),
            );
            if path.is_dir() && !path.is_symlink() {
                folders.push(path);
            }
        }
    }
    found.sort();
    found
}

fn has_token(seen: &Seen) -> bool {
    seen.headers.iter().any(|(_, value)| value.contains(TOKEN))
}

async fn read(client: &Client, artifact: &Artifact) -> Result<Vec<u8>, circleci_api::Error> {
    let mut stream = client.download_artifact(artifact).stream().await?;
    let mut content = Vec::new();
    while let Some(piece) = stream.try_next().await? {
        content.extend_from_slice(&piece);
    }
    assert!(stream.try_next().await?.is_none());
    Ok(content)
}

#[tokio::test]
async fn a_redirect_to_storage_goes_without_the_token() {
    let storage = Server::script([answer(200, "hello").into()]).await;
    let signed = format!("{}/bucket/x?X-Amz-Signature=s1gned", storage.url());
    let circleci =
        Server::start(move |_, _| answer(302, "").header("location", &signed).into()).await;
    let found = artifact("x.txt", &format!("{}/output/x.txt", circleci.url()));
    assert_eq!(read(&circleci.client(), &found).await.unwrap(), b"hello");
    let (home, away) = (circleci.seen(), storage.seen());
    assert_eq!((home.len(), away.len()), (1, 1));
    assert!(has_token(&home[0]));
    assert!(!has_token(&away[0]));
    assert_eq!(away[0].target, "/bucket/x?X-Amz-Signature=s1gned");
    for name in ["circle-token", "authorization", "cookie", "referer"] {
        assert_eq!(away[0].header(name), None);
    }
}

#[tokio::test]
async fn a_redirect_gets_no_token_even_where_the_token_may_go_and_none_on_the_way_back() {
    let home = Server::start(|_, _| answer(500, "").into()).await;
    let back = format!("{}/back", home.url());
    let other = Server::start(move |_, seen| match seen.target.as_str() {
        "/first" => answer(302, "").header("location", "/second").into(),
        "/second" => answer(302, "").header("location", &back).into(),
        _ => answer(418, "").into(),
    })
    .await;
    let client = home.builder().0.no_retries().build().unwrap();
    let hosts = TokenHosts::new().allow(&other.address.to_string()).unwrap();
    let found = artifact("x", &format!("{}/first", other.url()));
    let error = client
        .download_artifact(&found)
        .token_hosts(hosts)
        .stream()
        .await
        .unwrap_err();
    assert_eq!(error.status().unwrap(), 500);
    // The token stays in the request when the origin of the file redirects to itself. It is not sent when that origin
    // redirects to the client's own host.
    assert_eq!(
        other.seen().iter().map(has_token).collect::<Vec<_>>(),
        [true, true]
    );
    assert_eq!(
        home.seen().iter().map(has_token).collect::<Vec<_>>(),
        [false]
    );
}

#[tokio::test]
async fn a_foreign_host_gets_the_token_only_if_it_was_allowed() {
    let circleci = Server::script([]).await;
    let files = Server::start(|_, seen| match has_token(seen) {
        true => answer(200, "private").into(),
        false => answer(404, r#"{"message":"not here"}"#).into(),
    })
    .await;
    let found = artifact("x", &format!("{}/x?signature=s1gned", files.url()));
    let client = circleci.client();
    let error = client.download_artifact(&found).stream().await.unwrap_err();
    assert!(error.is_not_found());
    let line = error.to_string();
    assert!(
        line.starts_with(
            "downloadArtifact: 404 Not Found: not here (the token was not sent to http://127.0.0.1:"
        ),
        "{line}"
    );
    assert!(!has_token(&files.seen()[0]));
    let hosts = TokenHosts::new().allow(&files.address.to_string()).unwrap();
    let stream = client
        .download_artifact(&found)
        .token_hosts(hosts)
        .stream()
        .await
        .unwrap();
    assert_eq!(stream.length(), Some(7));
    assert!(has_token(&files.seen()[1]));
    // With `TokenHosts::none()`, even the client's own host does not get the token.
    let home = artifact("x", &format!("{}/x", circleci.url()));
    let error = client
        .download_artifact(&home)
        .token_hosts(TokenHosts::none())
        .stream()
        .await
        .unwrap_err();
    assert_eq!(error.status().unwrap(), 418);
    assert!(!has_token(&circleci.seen()[0]));
}

#[tokio::test]
async fn a_signed_url_is_in_no_error() {
    let body = "<?xml version=\"1.0\"?><Error><Code>SignatureDoesNotMatch</Code><Message>no: X-Sig=s1gned</Message>\
                <StringToSign>s1gned</StringToSign></Error>";
    let circleci = Server::start(move |_, _| answer(403, body).into()).await;
    let found = artifact("x", &format!("{}/x?X-Sig=s1gned", circleci.url()));
    let client = circleci.client();
    let error = client.download_artifact(&found).stream().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "downloadArtifact: 403 Forbidden: SignatureDoesNotMatch: no: [redacted] (request req-403)"
    );
    assert!(!format!("{error:#?} {:?}", client.download_artifact(&found)).contains("s1gned"));
    let nobody = format!("http://{}", crate::server::refused().await);
    let found = artifact("x", &format!("{nobody}/x?X-Sig=s1gned"));
    let error = client.download_artifact(&found).stream().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect);
    assert!(!format!("{error:#?} {error}").contains("s1gned"));
}

#[tokio::test]
async fn what_is_no_safe_url_is_not_asked_for() {
    let secure = Client::builder().token(TOKEN).build().unwrap();
    for url in [
        "",
        "x",
        "/x",
        "file:///etc/passwd",
        "ftp://example.com/x",
        "http://output.circle-artifacts.com/x",
        "http://127.0.0.1/x",
    ] {
        let error = secure
            .download_artifact(&artifact("x", url))
            .stream()
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{url}");
    }
    let circleci = Server::start(|_, _| {
        answer(302, "")
            .header("location", "file:///etc/passwd")
            .into()
    })
    .await;
    let error = read(&circleci.client(), &artifact("x", &circleci.url()))
        .await
        .unwrap_err();
    assert_eq!((error.kind(), circleci.count()), (ErrorKind::Redirect, 1));
    let circleci = Server::start(|_, _| answer(302, "").header("location", "/again").into()).await;
    let error = read(&circleci.client(), &artifact("x", &circleci.url()))
        .await
        .unwrap_err();
    assert_eq!((error.kind(), circleci.count()), (ErrorKind::Redirect, 6));
}

#[tokio::test]
async fn a_hostile_path_is_refused_before_anything_happens() {
    let circleci = Server::script([]).await;
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path().join("a/b/c");
    for path in [
        "../../etc/x",
        "/etc/x",
        "a/../../x",
        "..",
        ".",
        "",
        "a/..",
        "x/",
        "a\0b",
        "a\nb",
        "..\\..\\x",
        "\\\\server\\share\\x",
        "\\\\?\\C:\\x",
        "C:\\x",
        "C:x",
        "c:/x",
        "//server/share/x",
    ] {
        let found = artifact(path, &format!("{}/x", circleci.url()));
        let error = circleci
            .client()
            .download_artifact(&found)
            .into_folder(&folder)
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::File, "{path:?}");
        assert!(!error.to_string().contains('\0'), "{error}");
    }
    assert_eq!(circleci.count(), 0);
    assert_eq!(below(outer.path()), [""; 0]);
}

#[cfg(unix)]
#[tokio::test]
async fn a_link_leads_nowhere() {
    let circleci = Server::start(|_, _| answer(200, "new").into()).await;
    let outer = tempfile::tempdir().unwrap();
    let (folder, elsewhere) = (outer.path().join("in"), outer.path().join("out"));
    fs::create_dir_all(folder.join("real")).unwrap();
    fs::create_dir(&elsewhere).unwrap();
    fs::write(elsewhere.join("kept"), "old").unwrap();
    std::os::unix::fs::symlink(&elsewhere, folder.join("link")).unwrap();
    std::os::unix::fs::symlink(elsewhere.join("kept"), folder.join("real/kept")).unwrap();
    let (client, url) = (circleci.client(), format!("{}/x", circleci.url()));
    for path in ["link/kept", "link/deep/er"] {
        let error = client
            .download_artifact(&artifact(path, &url))
            .into_folder(&folder)
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::File);
    }
    assert_eq!(circleci.count(), 0);
    // If a link already has the name of the file, the download replaces the link and does not follow it.
    client
        .download_artifact(&artifact("real/kept", &url))
        .into_folder(&folder)
        .await
        .unwrap();
    assert_eq!(fs::read(elsewhere.join("kept")).unwrap(), b"old");
    assert_eq!(fs::read(folder.join("real/kept")).unwrap(), b"new");
    assert!(!folder.join("real/kept").is_symlink());
    assert_eq!(below(&elsewhere), ["kept"]);
}

#[tokio::test]
async fn a_file_is_there_when_it_is_whole() {
    let acts: [Act; 4] = [
        answer(200, "a whole one").into(),
        answer(200, "half a one").ending(Ending::CutAt(4)).into(),
        answer(404, "").into(),
        answer(200, "stalls").ending(Ending::StallAt(3)).into(),
    ];
    let circleci = Server::script(acts).await;
    let client = circleci.builder().0.no_retries().build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let found = artifact("deep/er/x.txt", &format!("{}/x", circleci.url()));
    let file = client
        .download_artifact(&found)
        .into_folder(folder.path())
        .await
        .unwrap();
    assert_eq!(
        (file.bytes, &file.path),
        (11, &folder.path().join("deep/er/x.txt"))
    );
    let whole = || assert_eq!(fs::read(&file.path).unwrap(), b"a whole one");
    whole();
    let error = client
        .download_artifact(&found)
        .to_file(&file.path)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Transport);
    whole();
    assert!(
        client
            .download_artifact(&found)
            .to_file(&file.path)
            .await
            .unwrap_err()
            .is_not_found()
    );
    whole();
    let (began, begun) = tokio::sync::oneshot::channel();
    let task = tokio::spawn({
        let (client, path) = (client.clone(), file.path.clone());
        async move {
            let writing = client.download_artifact(&found).to_file(path);
            let _ = began.send(());
            writing.await
        }
    });
    begun.await.unwrap();
    while below(folder.path()).len() < 4 {
        tokio::task::yield_now().await;
    }
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    whole();
    assert_eq!(below(folder.path()), ["deep", "deep/er", "deep/er/x.txt"]);
}

/// Returns an answer that breaks off after `at` bytes of the file.
fn cut(content: &str, at: usize) -> Answer {
    answer(200, content)
        .header("etag", "\"v1\"")
        .ending(Ending::CutAt(at))
}

#[tokio::test]
async fn a_broken_download_goes_on_where_it_broke() {
    let acts: [Act; 3] = [
        cut("0123456789", 4).into(),
        answer(206, "4567xx")
            .header("etag", "\"v1\"")
            .header("content-range", "bytes 4-9/10")
            .ending(Ending::CutAt(3))
            .into(),
        answer(206, "789")
            .header("etag", "\"v1\"")
            .header("content-range", "bytes 7-9/10")
            .into(),
    ];
    let circleci = Server::script(acts).await;
    let (builder, waits) = circleci.builder();
    let folder = tempfile::tempdir().unwrap();
    let found = artifact("x", &format!("{}/x", circleci.url()));
    let file = builder
        .build()
        .unwrap()
        .download_artifact(&found)
        .into_folder(folder.path())
        .await
        .unwrap();
    assert_eq!(fs::read_to_string(file.path).unwrap(), "0123456789");
    let seen = circleci.seen();
    let asked: Vec<_> = seen
        .iter()
        .map(|seen| (seen.header("range"), seen.header("if-range")))
        .collect();
    assert_eq!(
        asked,
        [
            (None, None),
            (Some("bytes=4-"), Some("\"v1\"")),
            (Some("bytes=7-"), Some("\"v1\""))
        ]
    );
    assert!(
        seen.iter()
            .all(|seen| seen.header("accept-encoding") == Some("identity") && has_token(seen))
    );
    assert_eq!(waits.all().len(), 2);
}

#[tokio::test]
async fn without_ranges_a_broken_download_is_read_again_and_compared() {
    let weak = |at| {
        answer(200, "0123456789")
            .header("etag", "W/\"v1\"")
            .ending(Ending::CutAt(at))
    };
    for (acts, ranges, outcome) in [
        // The server ignores the range.
        (
            vec![cut("0123456789", 4), answer(200, "0123456789")],
            1,
            Ok("0123456789"),
        ),
        // The first answer has no strong `ETag`, so the client cannot request a range.
        (
            vec![weak(4), weak(2), weak(6), answer(200, "0123456789")],
            0,
            Ok("0123456789"),
        ),
        // The server sends a wrong range or no range. The client requests the whole file again.
        (
            vec![
                cut("0123456789", 4),
                answer(206, "56789").header("content-range", "bytes 5-9/10"),
                answer(200, "0123456789"),
            ],
            1,
            Ok("0123456789"),
        ),
        (
            vec![
                cut("0123456789", 4),
                answer(206, "4567").header("content-range", "bytes 4-7/8"),
                answer(200, "0123456789"),
            ],
            1,
            Ok("0123456789"),
        ),
        (
            vec![
                cut("0123456789", 4),
                answer(206, "456789"),
                answer(200, "0123456789"),
            ],
            1,
            Ok("0123456789"),
        ),
        (
            vec![
                cut("0123456789", 4),
                answer(416, ""),
                answer(200, "0123456789"),
            ],
            1,
            Ok("0123456789"),
        ),
        // The second answer contains a different file.
        (
            vec![cut("0123456789", 4), answer(200, "012x456789")],
            1,
            Err(2),
        ),
        (vec![cut("0123456789", 4), answer(200, "012")], 1, Err(2)),
        (
            vec![
                cut("0123456789", 4),
                answer(200, "012").ending(Ending::Chunks),
            ],
            1,
            Err(2),
        ),
    ] {
        let count = acts.len();
        let circleci = Server::script(acts.into_iter().map(Act::from)).await;
        let got = read(&circleci.client(), &artifact("x", &circleci.url())).await;
        match (got, outcome) {
            (Ok(got), Ok(expected)) => assert_eq!(got, expected.as_bytes()),
            (Err(error), Err(attempts)) => {
                assert_eq!(
                    (error.kind(), error.attempts()),
                    (ErrorKind::Transport, attempts)
                );
                assert!(!error.is_transient());
            }
            (got, expected) => panic!("{got:?} {expected:?}"),
        }
        assert_eq!(circleci.count(), count);
        assert_eq!(
            circleci
                .seen()
                .iter()
                .filter(|seen| seen.header("range").is_some())
                .count(),
            ranges
        );
    }
}

fn part(content: &str, tag: Option<&str>, range: &str) -> Answer {
    let part = answer(206, content).header("content-range", range);
    match tag {
        Some(tag) => part.header("etag", tag),
        None => part,
    }
}

/// Downloads a file from a server that gives these answers. Returns the result, and the range of each request.
async fn play(acts: Vec<Answer>) -> (Result<String, circleci_api::Error>, Vec<Option<String>>) {
    let count = acts.len();
    let circleci = Server::script(acts.into_iter().map(Act::from)).await;
    let got = read(&circleci.client(), &artifact("x", &circleci.url())).await;
    assert_eq!(circleci.count(), count, "{got:?}");
    let range = |seen: Seen| seen.header("range").map(str::to_owned);
    (
        got.map(|bytes| String::from_utf8(bytes).unwrap()),
        circleci.seen().into_iter().map(range).collect(),
    )
}

fn asked(ranges: &[Option<String>]) -> Vec<&str> {
    ranges
        .iter()
        .map(|it| it.as_deref().unwrap_or("-"))
        .collect()
}

/// RFC 9110, section 15.3.7.3, says when a client may join parts of a file.
#[tokio::test]
async fn two_files_are_never_joined() {
    let whole = |content: &str, tag: &str| answer(200, content).header("etag", tag);
    // The rest of the file comes with a different tag, a weak tag or no tag.
    for tag in [Some("\"v2\""), Some("W/\"v1\""), None] {
        let first = || cut("0123456789", 4);
        let rest = || part("ABCDEF", tag, "bytes 4-9/10");
        let (got, ranges) = play(vec![first(), rest(), whole("0123ABCDEF", "\"v2\"")]).await;
        // The new version of the file begins with the bytes that were already received, so the download succeeds.
        assert_eq!(got.unwrap(), "0123ABCDEF", "{tag:?}");
        assert_eq!(asked(&ranges), ["-", "bytes=4-", "-"]);
        let (got, _) = play(vec![first(), rest(), whole("zzzzABCDEF", "\"v2\"")]).await;
        let error = got.unwrap_err();
        assert_eq!(
            (error.kind(), error.is_transient()),
            (ErrorKind::Transport, false)
        );
    }
    // The file changes. The connection breaks again before the client has compared all received bytes with the new version.
    let second = whole("zzzzABCDEF", "\"v2\"").ending(Ending::CutAt(2));
    let (got, ranges) = play(vec![
        cut("0123456789", 4),
        second.clone(),
        whole("zzzzABCDEF", "\"v2\""),
    ])
    .await;
    assert!(!got.unwrap_err().is_transient());
    assert_eq!(asked(&ranges), ["-", "bytes=4-", "-"]);
    // The new version begins with the bytes that were already received, so the next request uses the tag of the new version.
    let second = whole("0123ABCDEF", "\"v2\"").ending(Ending::CutAt(6));
    let third = part("CDEF", Some("\"v2\""), "bytes 6-9/10");
    let (got, ranges) = play(vec![cut("0123456789", 4), second, third]).await;
    assert_eq!(got.unwrap(), "0123ABCDEF");
    assert_eq!(asked(&ranges), ["-", "bytes=4-", "bytes=6-"]);
}

#[tokio::test]
async fn what_a_range_lacks_is_asked_for() {
    let v1 = Some("\"v1\"");
    let first = || cut("0123456789", 4);
    // The server may omit the total size, because the client knows it from the first answer.
    for (one, two) in [
        ("bytes 4-5/10", "bytes 6-8/10"),
        ("bytes 4-5/*", "bytes 6-8/*"),
    ] {
        let acts = vec![
            first(),
            part("45", v1, one),
            part("678", v1, two),
            part("9", v1, "bytes 9-9/10"),
        ];
        let (got, ranges) = play(acts).await;
        assert_eq!(got.unwrap(), "0123456789");
        assert_eq!(asked(&ranges), ["-", "bytes=4-", "bytes=6-", "bytes=9-"]);
    }
    // An answer with only a part of the file does not count as a failed attempt, however many parts there are.
    let mut acts = vec![
        answer(200, "x".repeat(50))
            .header("etag", "\"v1\"")
            .ending(Ending::CutAt(20)),
    ];
    acts.extend((20..50).map(|at| part("x", v1, &format!("bytes {at}-{at}/50"))));
    assert_eq!(play(acts).await.0.unwrap(), "x".repeat(50));
    // The size of the file is unknown, and the first answer breaks off.
    let unknown = cut("0123456789", 4).ending(Ending::ChunksCutAt(4));
    let (got, ranges) = play(vec![unknown.clone(), part("456789", v1, "bytes 4-9/10")]).await;
    assert_eq!(got.unwrap(), "0123456789");
    assert_eq!(asked(&ranges), ["-", "bytes=4-"]);
    let (got, _) = play(vec![
        unknown,
        part("456", v1, "bytes 4-6/*"),
        answer(200, "0123456789"),
    ])
    .await;
    assert_eq!(got.unwrap(), "0123456789");
}

#[tokio::test]
async fn a_range_that_contradicts_itself_is_not_taken() {
    let v1 = Some("\"v1\"");
    for range in [
        "bytes 4-9/9",
        "bytes 4-9/11",
        "bytes 4-8/10",
        "bytes 4-10/10",
        "bytes 4-18446744073709551615/10",
        "bytes 9-4/10",
        "bytes 4-9",
        "bytes */10",
        "items 4-9/10",
    ] {
        let acts = vec![
            cut("0123456789", 4),
            part("456789", v1, range),
            answer(200, "0123456789"),
        ];
        let (got, ranges) = play(acts).await;
        assert_eq!(got.unwrap(), "0123456789", "{range}");
        assert_eq!(asked(&ranges), ["-", "bytes=4-", "-"], "{range}");
    }
    // The body is longer or shorter than the announced range.
    for body in ["456789+", "45678"] {
        let lying = part(body, v1, "bytes 4-9/10").ending(Ending::Chunks);
        let mut acts = vec![cut("0123456789", 4), lying];
        acts.push(match body.len() {
            5 => part("9", v1, "bytes 9-9/10"),
            _ => answer(200, "0123456789"),
        });
        assert_eq!(play(acts).await.0.unwrap(), "0123456789", "{body}");
    }
    // An answer with the status 202 contains no file.
    let (got, _) = play(vec![answer(202, r#"{"message":"come back later"}"#)]).await;
    let error = got.unwrap_err();
    assert_eq!(error.status().unwrap(), 202);
    assert_eq!(error.request_id(), Some("req-202"));
    let (got, _) = play(vec![answer(204, "")]).await;
    assert_eq!(got.unwrap(), "");
}

/// In this build, reqwest can decompress bodies itself, because xtask enables reqwest's feature `gzip` for the whole
/// workspace. The client must not let reqwest decompress files.
#[tokio::test]
async fn a_stored_file_is_kept_byte_for_byte() {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut packed, &[b'x'; 5000]).unwrap();
    let packed = packed.finish().unwrap();
    // The build of this test has reqwest's features `gzip` and `deflate`. Without a setting, reqwest would unpack these files.
    for encoding in ["gzip", "deflate"] {
        let whole = answer(200, packed.clone())
            .header("content-encoding", encoding)
            .header("etag", "\"v1\"");
        let rest = answer(206, &packed[9..])
            .header("etag", "\"v1\"")
            .header("content-encoding", encoding)
            .header(
                "content-range",
                format!("bytes 9-{}/{}", packed.len() - 1, packed.len()),
            );
        let acts = [whole.clone(), whole.ending(Ending::CutAt(9)), rest];
        let circleci = Server::script(acts.map(Act::from)).await;
        let found = artifact("x.tar.gz", &circleci.url());
        let stream = circleci
            .client()
            .download_artifact(&found)
            .stream()
            .await
            .unwrap();
        assert_eq!(stream.length(), Some(packed.len() as u64));
        let folder = tempfile::tempdir().unwrap();
        let file = circleci
            .client()
            .download_artifact(&found)
            .into_folder(folder.path())
            .await
            .unwrap();
        assert_eq!(fs::read(file.path).unwrap(), packed, "{encoding}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_file_that_is_replaced_keeps_its_mode() {
    use std::os::unix::fs::PermissionsExt;

    let circleci = Server::start(|_, _| answer(200, "new").into()).await;
    let folder = tempfile::tempdir().unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    let fresh = folder.path().join("fresh");
    fs::write(&fresh, "made by anybody").unwrap();
    let usual = mode(&fresh);
    fs::remove_file(&fresh).unwrap();
    let client = circleci.client();
    for (name, before, after) in [
        ("private", Some(0o600), 0o600),
        ("read_only", Some(0o444), 0o444),
        ("program", Some(0o755), 0o755),
        // The new file loses the set-user-ID bit, because the user granted it only to the old content.
        ("set_uid", Some(0o4755), 0o755),
        ("fresh", None, usual),
    ] {
        let path = folder.path().join(name);
        if let Some(before) = before {
            fs::write(&path, "old").unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(before)).unwrap();
        }
        let found = artifact(name, &circleci.url());
        client
            .download_artifact(&found)
            .to_file(&path)
            .await
            .unwrap();
        assert_eq!(
            (fs::read(&path).unwrap(), mode(&path)),
            (b"new".to_vec(), after),
            "{name}"
        );
        client
            .download_artifact(&found)
            .into_folder(folder.path())
            .await
            .unwrap();
        assert_eq!(mode(&path), after, "{name}");
    }
}

/// A download that was dropped changes no file, no matter when it was dropped.
#[test]
fn a_cancelled_download_does_not_rename_its_file() {
    type Download = Pin<Box<dyn Future<Output = ()>>>;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        // With a single thread for file operations, a task runs only after all earlier writes.
        .max_blocking_threads(1)
        .build()
        .unwrap();
    runtime.block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        let storage = Server::start(|_, _| answer(200, "new\n").into()).await;
        let url = storage.url();
        let items = json!([{ "path": "x", "node_index": 0, "url": url }]);
        let list = json!({ "items": items, "next_page_token": null, "usage_export_job_id": Uuid::nil(), "state": "completed", "download_urls": [url] });
        let circleci = Server::start(move |_, _| answer(200, list.to_string()).into()).await;
        let client = circleci.client();
        let found = artifact("x", &url);
        let one = || -> Download {
            let download = client.download_artifact(&found).to_file(path.clone());
            Box::pin(download.map(|it| drop(it.unwrap())))
        };
        let all = || -> Download {
            let download = client.download_artifacts("gh/acme/web", 1);
            let download = download.into_folder(folder.path().to_owned());
            Box::pin(download.map(|it| assert_eq!(it.unwrap().failed().count(), 0)))
        };
        let usage = || -> Download {
            let export = client.resume_usage_export(Uuid::nil(), [Uuid::nil()]);
            Box::pin(export.to_file(path.clone()).map(|it| assert_eq!(it.unwrap(), 4)))
        };
        let kinds: [(&str, &dyn Fn() -> Download); 3] =
            [("one", &one), ("all", &all), ("usage", &usage)];
        for (kind, download) in kinds {
            let (mut cancelled, mut finished, mut polls) = (0, 0, 0);
            // A download does not always need the same number of polls, so the test tries each number several times.
            while finished < 20 {
                fs::write(&path, "old").unwrap();
                let mut download = download();
                let mut count = 0;
                let done = std::future::poll_fn(|cx| {
                    count += 1;
                    if count > polls / 10 {
                        return Poll::Ready(None);
                    }
                    download.as_mut().poll(cx).map(Some)
                })
                .await;
                drop(download);
                // When this task has run, the thread for file operations has finished all earlier tasks.
                tokio::task::spawn_blocking(|| ()).await.unwrap();
                let content = fs::read_to_string(&path).unwrap();
                let expected = if done.is_some() { "new\n" } else { "old" };
                assert_eq!(content, expected, "{kind}, after {} polls", polls / 10);
                assert_eq!(below(folder.path()), ["x"], "{kind}");
                polls += 1;
                match done {
                    Some(()) => finished += 1,
                    None => cancelled += 1,
                }
            }
            assert!(cancelled > 20, "{kind}: {cancelled} {finished}");
        }
    });
}

#[tokio::test]
async fn a_download_is_tried_as_often_as_a_call() {
    let circleci = Server::start(|_, _| answer(503, "").header("retry-after", 2).into()).await;
    let (builder, waits) = circleci.builder();
    let client = builder.build().unwrap();
    let error = read(&client, &artifact("x", &circleci.url()))
        .await
        .unwrap_err();
    assert_eq!((error.attempts(), circleci.count()), (6, 6));
    assert_eq!(waits.all().len(), 5);
    assert!(
        waits
            .all()
            .iter()
            .all(|wait| *wait >= Duration::from_secs(2))
    );
    // The client gives up although each attempt gets one byte more than the attempt before.
    let circleci =
        Server::start(|index, _| cut("0123456789abcdef", index.min(15) + 1).into()).await;
    let error = read(&circleci.client(), &artifact("x", &circleci.url()))
        .await
        .unwrap_err();
    assert_eq!((error.kind(), circleci.count()), (ErrorKind::Transport, 6));
}

#[tokio::test]
async fn a_file_larger_than_the_bound_is_not_kept() {
    for (ending, status) in [
        (Ending::Length, 200),
        (Ending::Chunks, 200),
        (
            Ending::Flood {
                bytes: 1 << 30,
                announced: false,
            },
            200,
        ),
    ] {
        let circleci =
            Server::script([answer(status, vec![b'x'; 101]).ending(ending).into()]).await;
        let folder = tempfile::tempdir().unwrap();
        let found = artifact("x", &format!("{}/x", circleci.url()));
        let error = circleci
            .client()
            .download_artifact(&found)
            .max_bytes(100)
            .into_folder(folder.path())
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TooLarge);
        assert_eq!(
            error.to_string(),
            "downloadArtifact: the body is too large: more than 100 bytes"
        );
        assert_eq!(below(folder.path()), [""; 0]);
        assert_eq!(circleci.count(), 1);
    }
    let circleci = Server::script([answer(200, vec![b'x'; 100]).into()]).await;
    let found = artifact("x", &circleci.url());
    let folder = tempfile::tempdir().unwrap();
    let file = circleci
        .client()
        .download_artifact(&found)
        .max_bytes(100)
        .into_folder(folder.path())
        .await
        .unwrap();
    assert_eq!(file.bytes, 100);
}

fn page(items: Value, next: Option<&str>) -> Act {
    answer(
        200,
        json!({ "items": items, "next_page_token": next }).to_string(),
    )
    .into()
}

#[tokio::test]
async fn all_artifacts_of_a_job_come_some_at_a_time() {
    let at_once = Arc::new((AtomicUsize::new(0), AtomicUsize::new(0)));
    let base = Arc::new(Mutex::new(String::new()));
    let shared = Arc::clone(&base);
    let circleci = Server::start(move |_, seen| {
        let url = shared.lock().unwrap().clone();
        let item = |path: &str, node: u32| json!({ "path": path, "node_index": node, "url": format!("{url}/file/{node}/{path}") });
        match seen.target.as_str() {
            "/api/v2/project/gh/acme/web/1843/artifacts" => page(
                json!([item("a/one.txt", 0), item("a/one.txt", 1), item("../evil", 0), item("skip.bin", 1)]),
                Some("next"),
            ),
            "/api/v2/project/gh/acme/web/1843/artifacts?page-token=next" => {
                page(json!([item("gone", 1), item("a/one.txt", 1), item("b", 0)]), None)
            }
            "/file/1/gone" => answer(404, "").into(),
            file => answer(200, file.to_owned()).into(),
        }
    })
    .await;
    *base.lock().unwrap() = circleci.url();
    let folder = tempfile::tempdir().unwrap();
    let told = Arc::new(Mutex::new(Vec::new()));
    let (listener, most) = (Arc::clone(&told), Arc::clone(&at_once));
    let done = circleci
        .client()
        .download_artifacts("gh/acme/web", 1843)
        .filter(|artifact| artifact.path != "skip.bin")
        .at_once(2)
        .on_progress(move |progress| {
            // `most.0` counts the downloads that have started and have not ended yet.
            if progress.received == 0 && !progress.finished {
                let now = most.0.fetch_add(1, Ordering::SeqCst) + 1;
                most.1.fetch_max(now, Ordering::SeqCst);
            }
            // The transfer of this file has ended, but the client may still be writing the file to disk.
            if progress.length == Some(progress.received) && !progress.finished {
                most.0.fetch_sub(1, Ordering::SeqCst);
            }
            if progress.finished {
                let told = (
                    progress.index,
                    progress.count,
                    progress.received,
                    progress.length,
                );
                listener.lock().unwrap().push(told);
            }
        })
        .into_folder(folder.path())
        .await
        .unwrap();
    assert_eq!(
        below(folder.path()),
        ["0", "0/a", "0/a/one.txt", "0/b", "1", "1/a", "1/a/one.txt"]
    );
    assert_eq!(
        fs::read_to_string(folder.path().join("1/a/one.txt")).unwrap(),
        "/file/1/a/one.txt"
    );
    let failed: Vec<_> = done
        .failed()
        .map(|failed| (failed.artifact.path.as_str(), failed.error.kind()))
        .collect();
    assert_eq!(
        failed,
        [
            ("../evil", ErrorKind::File),
            ("gone", ErrorKind::Status),
            ("a/one.txt", ErrorKind::File)
        ]
    );
    assert_eq!((done.files().count(), done.bytes()), (3, 17 + 17 + 9));
    let results = done.into_results();
    assert_eq!(
        results.iter().map(Result::is_ok).collect::<Vec<_>>(),
        [true, true, false, false, false, true]
    );
    let mut told = told.lock().unwrap().clone();
    told.sort_unstable();
    assert_eq!(
        told,
        [
            (0, 6, 17, Some(17)),
            (1, 6, 17, Some(17)),
            (5, 6, 9, Some(9))
        ]
    );
    assert!(at_once.1.load(Ordering::SeqCst) <= 2);
    // The client requests two pages, and then each selected file once. It requests no file that the filter excludes or whose path
    // is rejected.
    let mut targets: Vec<_> = circleci
        .seen()
        .into_iter()
        .map(|seen| seen.target)
        .skip(2)
        .collect();
    targets.sort_unstable();
    assert_eq!(
        targets,
        [
            "/file/0/a/one.txt",
            "/file/0/b",
            "/file/1/a/one.txt",
            "/file/1/gone"
        ]
    );
}

#[tokio::test]
async fn one_run_needs_no_number() {
    let base = Arc::new(Mutex::new(String::new()));
    let shared = Arc::clone(&base);
    let circleci = Server::start(move |index, _| match index {
        0 => page(json!([{ "path": "x", "node_index": 3, "url": format!("{}/x", shared.lock().unwrap()) }]), None),
        _ => answer(200, "x").into(),
    })
    .await;
    *base.lock().unwrap() = circleci.url();
    let folder = tempfile::tempdir().unwrap();
    circleci
        .client()
        .download_artifacts("gh/acme/web", 1)
        .into_folder(folder.path())
        .await
        .unwrap();
    assert_eq!(below(folder.path()), ["x"]);
    // A list that the client cannot read is an error.
    let circleci = Server::start(|_, _| answer(404, "").into()).await;
    let error = circleci
        .client()
        .download_artifacts("gh/acme/web", 1)
        .into_folder(folder.path())
        .await
        .unwrap_err();
    assert_eq!(error.operation(), Some("getJobArtifacts"));
}

#[tokio::test]
async fn failed_tests_come_from_all_jobs() {
    let job = |name: &str, number: Option<u32>, slug: Option<&str>| json!({ "id": WORKFLOW, "name": name, "job_number": number, "project_slug": slug, "status": "success" });
    let jobs = [
        page(
            json!([
                job("lint", Some(1), Some("gh/acme/web")),
                job("approve", None, Some("gh/acme/web"))
            ]),
            Some("more"),
        ),
        page(
            json!([job("test", Some(2), None), job("e2e", Some(3), None)]),
            None,
        ),
    ];
    let test = |name: &str, result: Value| json!({ "name": name, "result": result });
    let circleci = Server::start(move |_, seen| match seen.target.as_str() {
        target if target.starts_with("/api/v2/workflow/") && target.ends_with("/job") => {
            jobs[0].clone()
        }
        target if target.ends_with("/job?page-token=more") => jobs[1].clone(),
        target if target.starts_with("/api/v2/workflow/") => answer(
            200,
            json!({ "name": "w", "project_slug": "gh/acme/web" }).to_string(),
        )
        .into(),
        "/api/v2/project/gh/acme/web/1/tests" => page(json!([]), None),
        // The same test failed in two runs of the job. An empty page comes between the two results.
        "/api/v2/project/gh/acme/web/2/tests" => page(
            json!([
                test("adds", json!("success")),
                test("rounds", json!("failure"))
            ]),
            Some("a"),
        ),
        "/api/v2/project/gh/acme/web/2/tests?page-token=a" => page(json!([]), Some("b")),
        "/api/v2/project/gh/acme/web/2/tests?page-token=b" => page(
            json!([test("rounds", json!("failure")), test("odd", Value::Null)]),
            None,
        ),
        "/api/v2/project/gh/acme/web/3/tests" => page(
            json!([
                test("opens", json!("error")),
                test("later", json!("skipped"))
            ]),
            None,
        ),
        _ => answer(418, "").into(),
    })
    .await;
    let nobodys = Server::start(|_, seen| match seen.target.ends_with("/job") {
        true => page(
            json!([{ "id": WORKFLOW, "name": "test", "job_number": 1 }]),
            None,
        ),
        false => answer(200, json!({ "id": WORKFLOW, "name": "build" }).to_string()).into(),
    })
    .await;
    let error = nobodys
        .client()
        .failed_tests(WORKFLOW)
        .send()
        .await
        .unwrap_err();
    assert_eq!(error.operation(), Some("getWorkflowById"), "{error}");

    let failed = circleci
        .client()
        .failed_tests(WORKFLOW)
        .at_once(1)
        .send()
        .await
        .unwrap();
    let failed: Vec<_> = failed
        .iter()
        .map(|failed| (failed.job.name.as_str(), failed.test.name.as_str()))
        .collect();
    assert_eq!(
        failed,
        [("test", "rounds"), ("test", "rounds"), ("e2e", "opens")]
    );
    let targets: Vec<_> = circleci
        .seen()
        .into_iter()
        .map(|seen| seen.target.replace("/api/v2", "").replace(WORKFLOW, "W"))
        .collect();
    let tests = |rest: &str| format!("/project/gh/acme/web/{rest}");
    assert_eq!(
        targets,
        [
            "/workflow/W/job".to_owned(),
            "/workflow/W/job?page-token=more".to_owned(),
            "/workflow/W".to_owned(),
            tests("1/tests"),
            tests("2/tests"),
            tests("2/tests?page-token=a"),
            tests("2/tests?page-token=b"),
            tests("3/tests"),
        ]
    );
}

#[tokio::test]
async fn one_job_whose_tests_are_missing_costs_no_other() {
    let job = |name: &str, number: u32, kind: &str| json!({ "id": WORKFLOW, "name": name, "job_number": number, "type": kind, "project_slug": "gh/acme/web" });
    let jobs = page(
        json!([
            job("approve", 1, "approval"),
            job("lint", 2, "build"),
            job("broken", 3, "build"),
            job("torn", 4, "build"),
            job("test", 5, "build"),
        ]),
        None,
    );
    let failed = |name: &str, next| page(json!([{ "name": name, "result": "failure" }]), next);
    let circleci = Server::start(move |_, seen| {
        let target = seen.target.replace("%2F", "/");
        match target.trim_start_matches("/api/v2/project/gh/acme/web/") {
            "2/tests" | "1/tests" => answer(404, r#"{"message":"Job not found"}"#).into(),
            "3/tests" => answer(403, r#"{"message":"no"}"#).into(),
            "4/tests" => failed("first", Some("more")),
            // This 404 is an error, because the first page shows that the job has tests.
            "4/tests?page-token=more" => answer(404, "").into(),
            "5/tests" => failed("rounds", None),
            _ => jobs.clone(),
        }
    })
    .await;
    let found = circleci
        .client()
        .failed_tests(WORKFLOW)
        .send()
        .await
        .unwrap();
    let names: Vec<_> = found
        .iter()
        .map(|it| (&*it.job.name, &*it.test.name))
        .collect();
    assert_eq!(names, [("torn", "first"), ("test", "rounds")]);
    let unread: Vec<_> = found.unread().iter().map(ToString::to_string).collect();
    assert_eq!(unread.len(), 2, "{unread:?}");
    assert!(
        unread[0].starts_with("\"broken\": getTests: 403"),
        "{unread:?}"
    );
    assert!(
        unread[1].starts_with("\"torn\": getTests: 404"),
        "{unread:?}"
    );
    assert!(
        !circleci
            .seen()
            .iter()
            .any(|seen| seen.target.ends_with("/1/tests"))
    );
    assert!(found.into_result().unwrap_err().is_forbidden());
}
