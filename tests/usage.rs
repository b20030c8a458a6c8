//! Tests usage exports: creating and polling them, reading their parts as one CSV, and their limits, failures and
//! deadlines.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::server::{Act, Ending, Seen, Server, TOKEN, answer};
use circleci_api::chrono::{DateTime, Utc};
use circleci_api::serde_json::{self, Value, json};
use circleci_api::types::UsageExportJobState;
use circleci_api::usage::{UsageExport, UsageLimits, UsageRow, WhenLimited};
use circleci_api::uuid::Uuid;
use circleci_api::{Client, Error, ErrorKind};
use flate2::{Compression, write::GzEncoder};

const ORG: &str = "1f8d8f9e-9c4e-4c52-8c3e-0d4d6c3a2b1a";
const HOUR: Duration = Duration::from_secs(3600);

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// Returns the id of an export. The id ends in the given number.
fn job(number: usize) -> Uuid {
    format!("5034460f-c7c4-4c43-9457-{number:012}")
        .parse()
        .unwrap()
}

fn pack(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn ordered(number: usize) -> Act {
    let body = json!({ "usage_export_job_id": job(number), "state": "created", "start": null, "end": null, "download_urls": null });
    answer(201, body.to_string()).into()
}

fn state(number: usize, state: &str, urls: Value) -> Act {
    let body = json!({ "usage_export_job_id": job(number), "state": state, "download_urls": urls, "error_reason": null });
    answer(200, body.to_string()).into()
}

/// Starts a storage server that serves each part at its path. The server answers the n-th request for a part with the n-th act
/// of that part. After the last act, it repeats that act.
async fn storage(parts: Vec<(&'static str, Vec<Act>)>) -> Server {
    let counts = Mutex::new(vec![0; parts.len()]);
    Server::start(move |_, seen| {
        let path = seen.target.split('?').next().unwrap();
        let Some(place) = parts.iter().position(|(known, _)| *known == path) else {
            return answer(404, "").into();
        };
        let count = &mut counts.lock().unwrap()[place];
        *count += 1;
        let acts = &parts[place].1;
        acts[(*count - 1).min(acts.len() - 1)].clone()
    })
    .await
}

async fn whole(export: UsageExport) -> Result<String, Error> {
    let mut csv = export.csv()?;
    let mut text = Vec::new();
    while let Some(piece) = csv.try_next().await? {
        text.extend_from_slice(&piece);
    }
    assert!(csv.try_next().await?.is_none());
    Ok(String::from_utf8(text).unwrap())
}

fn january(client: &Client) -> UsageExport {
    client.usage_export(ORG, at("2026-01-01T00:00:00Z"), at("2026-01-31T23:59:59Z"))
}

fn calls(server: &Server) -> Vec<String> {
    let call = |seen: Seen| {
        let target = seen
            .target
            .replace(&format!("/api/v2/organizations/{ORG}/usage_export_job"), "");
        format!(
            "{} {}",
            seen.method,
            target.trim_start_matches("/5034460f-c7c4-4c43-9457-00000000000")
        )
    };
    server
        .seen()
        .into_iter()
        .map(call)
        .map(|call| call.trim().to_owned())
        .collect()
}

fn assert_no_token(server: &Server) {
    for seen in server.seen() {
        assert!(!seen.headers.iter().any(
            |(name, value)| value.contains(TOKEN) || name.eq_ignore_ascii_case("circle-token")
        ));
    }
}

#[tokio::test]
async fn eight_parts_of_which_one_fails_once_are_one_csv() {
    let head = "organization_id,job_name,total_credits";
    let mut parts: Vec<(&'static str, Vec<Act>)> = Vec::new();
    for (number, path) in ["/0", "/1", "/2", "/3", "/4", "/5", "/6", "/7"]
        .into_iter()
        .enumerate()
    {
        let text = match number {
            // One part has CRLF lines and a byte order mark. Two parts have no newline at the end, two have only the header,
            // and one is empty.
            1 => format!("\u{feff}{head}\r\no,job-1,1\r\n"),
            2 => format!("{head}\no,job-2,2"),
            3 => format!("{head}\n"),
            4 => head.to_owned(),
            5 => String::new(),
            _ => format!("{head}\no,\"job\n{number}\",{number}\n"),
        };
        let mut acts = vec![answer(200, pack(&text)).into()];
        if number == 6 {
            acts.insert(0, answer(503, "slow down").into());
        }
        parts.push((path, acts));
    }
    let storage = storage(parts).await;
    let urls: Vec<_> = (0..8)
        .map(|number| format!("{}/{number}?X-Sig=s1gned", storage.url()))
        .collect();
    let circleci = Server::script([
        ordered(1),
        state(1, "created", Value::Null),
        state(1, "processing", Value::Null),
        state(1, "cooling down", Value::Null),
        state(1, "completed", json!(urls)),
    ])
    .await;
    let (builder, waits) = circleci.builder();
    let changes = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&changes);
    let export = january(&builder.build().unwrap()).on_change(move |change| {
        assert_eq!((change.window, change.windows, change.job), (0, 1, job(1)));
        told.lock()
            .unwrap()
            .push((change.state.clone(), change.parts));
    });
    let expected =
        format!("{head}\no,\"job\n0\",0\no,job-1,1\r\no,job-2,2\no,\"job\n6\",6\no,\"job\n7\",7\n");
    assert_eq!(whole(export).await.unwrap(), expected);

    assert_eq!(
        calls(&circleci),
        ["POST", "GET 1", "GET 1", "GET 1", "GET 1"]
    );
    let body: Value = serde_json::from_slice(&circleci.seen()[0].body).unwrap();
    assert_eq!(
        body,
        json!({ "start": "2026-01-01T00:00:00Z", "end": "2026-01-31T23:59:59Z" })
    );
    // The client requests all parts at the same time, so the test sorts the requests.
    let mut asked: Vec<_> = storage
        .seen()
        .into_iter()
        .map(|seen| seen.target.replace("?X-Sig=s1gned", ""))
        .collect();
    asked.sort_unstable();
    assert_eq!(
        asked,
        ["/0", "/1", "/2", "/3", "/4", "/5", "/6", "/6", "/7"]
    );
    assert_no_token(&storage);
    // The first four waits come before polls. They start at 15 seconds and double, and each is extended by at most a quarter.
    // The fifth wait comes before the retry of the failed part.
    let waits = waits.all();
    assert_eq!(waits.len(), 5);
    for (wait, seconds) in waits.iter().zip([15.0, 30.0, 60.0, 120.0]) {
        assert!(
            (1.0..=1.25).contains(&(wait.as_secs_f64() / seconds)),
            "{waits:?}"
        );
    }
    use UsageExportJobState::{Completed, Created, Processing, Unknown};
    assert_eq!(
        *changes.lock().unwrap(),
        [
            (Created, 0),
            (Created, 0),
            (Processing, 0),
            (Unknown("cooling down".to_owned()), 0),
            (Completed, 8)
        ]
    );
}

#[tokio::test]
async fn a_part_that_breaks_in_the_middle_goes_on() {
    let text = format!("total_credits\n{}", "1\n".repeat(5000));
    let packed = pack(&text);
    let cut = answer(200, packed.clone()).ending(Ending::CutAt(20));
    let storage = storage(vec![
        (
            "/tagged",
            vec![
                cut.clone().header("etag", "\"v1\"").into(),
                answer(206, &packed[20..])
                    // The client accepts these bytes only if they have the same `ETag` as the first response. Otherwise they
                    // may belong to another file (RFC 9110, 15.3.7.3).
                    .header("etag", "\"v1\"")
                    .header(
                        "content-range",
                        format!("bytes 20-{}/{}", packed.len() - 1, packed.len()),
                    )
                    .into(),
            ],
        ),
        (
            "/plain",
            vec![cut.into(), answer(200, packed.clone()).into()],
        ),
    ])
    .await;
    let urls = ["tagged", "plain"].map(|path| format!("{}/{path}", storage.url()));
    let circleci = Server::script([ordered(1), state(1, "completed", json!(urls))]).await;
    let rows = "1\n".repeat(10000);
    assert_eq!(
        whole(january(&circleci.client())).await.unwrap(),
        format!("total_credits\n{rows}")
    );
    let seen = storage.seen();
    let ranges = |part: &str| {
        let seen = seen.iter().filter(|seen| seen.target == part);
        seen.map(|seen| seen.header("range")).collect::<Vec<_>>()
    };
    assert_eq!(ranges("/tagged"), [None, Some("bytes=20-")]);
    assert_eq!(ranges("/plain"), [None, None]);
}

#[tokio::test]
async fn a_longer_span_is_several_exports_and_one_csv() {
    let storage = storage(vec![
        ("/a", vec![answer(200, pack("c\n1\n")).into()]),
        // The storage server sends this part uncompressed.
        ("/b", vec![answer(200, "c\n3\n").into()]),
    ])
    .await;
    let urls = |path: &str| json!([format!("{}/{path}", storage.url())]);
    let circleci = Server::script([
        ordered(1),
        ordered(2),
        ordered(3),
        state(1, "completed", urls("a")),
        // This export has no parts, because there was no usage.
        state(2, "completed", Value::Null),
        state(3, "processing", Value::Null),
        state(3, "completed", urls("b")),
    ])
    .await;
    let (builder, waits) = circleci.builder();
    let shared = job(9);
    let (from, to) = (at("2026-01-01T00:00:00Z"), at("2026-03-31T23:59:59Z"));
    let export = builder
        .build()
        .unwrap()
        .usage_export(ORG, from, to)
        .shared_org_ids([shared]);
    assert_eq!(whole(export).await.unwrap(), "c\n1\n3\n");
    assert_eq!(
        calls(&circleci),
        ["POST", "POST", "POST", "GET 1", "GET 2", "GET 3", "GET 3"]
    );
    let bodies: Vec<Value> = circleci.seen()[..3]
        .iter()
        .map(|seen| serde_json::from_slice(&seen.body).unwrap())
        .collect();
    let window =
        |start: &str, end: &str| json!({ "start": start, "end": end, "shared_org_ids": [shared] });
    assert_eq!(
        bodies,
        [
            window("2026-01-01T00:00:00Z", "2026-01-31T23:59:59.999Z"),
            window("2026-02-01T00:00:00Z", "2026-03-03T23:59:59.999Z"),
            window("2026-03-04T00:00:00Z", "2026-03-31T23:59:59Z"),
        ]
    );
    // The later exports are ready soon after the first, so they add few waits.
    assert_eq!(waits.all().len(), 2);
}

#[tokio::test]
async fn ten_orders_an_hour_are_all_there_are() {
    let year = |client: &Client| {
        // The server's date is 2026-03-01. CircleCI exports no usage older than 366 days.
        client.usage_export(ORG, at("2025-03-01T00:00:00Z"), at("2026-02-28T23:59:59Z"))
    };
    let answers = |_: usize, seen: &Seen| match seen.method.as_str() {
        "POST" => ordered(1),
        _ => state(1, "completed", Value::Null),
    };
    let circleci = Server::start(answers).await;
    let (builder, waits) = circleci.builder();
    let client = builder.build().unwrap();
    let limits = UsageLimits::new();
    assert_eq!(whole(year(&client).limits(&limits)).await.unwrap(), "");
    // The client creates and polls ten exports at once. It creates the other two an hour later.
    let sent = calls(&circleci);
    let expected: Vec<_> = [("POST", 10), ("GET 1", 10), ("POST", 2), ("GET 1", 2)]
        .into_iter()
        .flat_map(|(call, times)| vec![call; times])
        .collect();
    assert_eq!(sent, expected);
    let long: Vec<_> = waits
        .all()
        .into_iter()
        .filter(|wait| *wait > Duration::from_secs(60))
        .collect();
    assert!(
        matches!(long[..], [wait] if wait > HOUR - Duration::from_secs(60)),
        "{long:?}"
    );
    assert!(waits.all().iter().sum::<Duration>() < HOUR + Duration::from_secs(60));

    // The limits allow no more exports now. Both of these calls must return an error and must not wait.
    for impatient in [
        january(&client)
            .limits(&limits)
            .when_limited(WhenLimited::Fail),
        january(&client)
            .limits(&limits)
            .deadline(Duration::from_secs(600)),
    ] {
        let before = circleci.count();
        let error = whole(impatient).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.operation()),
            (ErrorKind::RateLimited, Some("usageExport"))
        );
        assert!(error.retry_after().unwrap() > HOUR - Duration::from_secs(60));
        assert_eq!(circleci.count(), before);
    }
}

#[tokio::test]
async fn a_refusal_is_waited_out() {
    let refused = |wait: u32| Act::from(answer(429, "Rate limited.").header("retry-after", wait));
    let circleci = Server::script([
        refused(1800),
        ordered(1),
        state(1, "processing", Value::Null),
        refused(600),
        state(1, "completed", Value::Null),
    ])
    .await;
    let (builder, waits) = circleci.builder();
    let client = builder.build().unwrap();
    assert_eq!(whole(january(&client)).await.unwrap(), "");
    assert_eq!(
        calls(&circleci),
        ["POST", "POST", "GET 1", "GET 1", "GET 1"]
    );
    assert_eq!(
        waits
            .all()
            .iter()
            .map(Duration::as_secs)
            .filter(|wait| *wait > 60)
            .collect::<Vec<_>>(),
        [1800, 600]
    );
    // With `WhenLimited::Fail`, the caller gets an error when CircleCI refuses to create the export.
    let circleci = Server::script([refused(1800)]).await;
    let error = whole(january(&circleci.client()).when_limited(WhenLimited::Fail))
        .await
        .unwrap_err();
    assert_eq!(
        (error.operation(), error.retry_after()),
        (Some("createUsageExport"), Some(Duration::from_secs(1800)))
    );
    assert_eq!(circleci.count(), 1);
}

#[tokio::test]
async fn an_export_may_fail_or_take_too_long() {
    let failed = json!({ "usage_export_job_id": job(1), "state": "failed", "error_reason": "query timeout", "download_urls": null });
    let circleci = Server::script([ordered(1), answer(200, failed.to_string()).into()]).await;
    let error = whole(january(&circleci.client())).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Failed);
    assert_eq!(
        error.to_string(),
        format!(
            "usageExport: CircleCI could not complete it: export {}: query timeout",
            job(1)
        )
    );

    let circleci = Server::start(|_, seen| match seen.method.as_str() {
        "POST" => ordered(1),
        _ => state(1, "processing", Value::Null),
    })
    .await;
    let (builder, waits) = circleci.builder();
    let client = builder.build().unwrap();
    let error = whole(january(&client).deadline(HOUR)).await.unwrap_err();
    assert!(error.is_timeout());
    assert!(error.to_string().contains(&job(1).to_string()), "{error}");
    assert!(waits.all().iter().sum::<Duration>() <= HOUR);
    assert!(circleci.count() <= 11, "{}", circleci.count());

    // An export that already exists can be read later. The client does not create another one.
    let storage = storage(vec![("/a", vec![answer(200, pack("c\n1\n")).into()])]).await;
    let circleci = Server::script([state(
        1,
        "completed",
        json!([format!("{}/a", storage.url())]),
    )])
    .await;
    let (builder, waits) = circleci.builder();
    let client = builder.build().unwrap();
    assert_eq!(
        whole(client.resume_usage_export(ORG, [job(1)]))
            .await
            .unwrap(),
        "c\n1\n"
    );
    assert_eq!(calls(&circleci), ["GET 1"]);
    assert!(waits.all().is_empty(), "it is looked at at once");
}

#[tokio::test]
async fn what_is_no_export_is_an_error() {
    let client = Client::builder().token(TOKEN).build().unwrap();
    let error = client
        .usage_export(ORG, at("2026-01-02T00:00:00Z"), at("2026-01-01T00:00:00Z"))
        .csv()
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);

    let packed = pack("c\n1\n");
    let mut bad = packed.clone();
    let end = bad.len() - 6;
    bad[end] ^= 1;
    let bomb = pack(&format!("c\n{}", "0".repeat(50_000_000)));
    for (part, kind, word) in [
        (pack("d\n1\n"), ErrorKind::Decode, "different columns"),
        (bad, ErrorKind::Decode, "unpacked"),
        (
            packed[..packed.len() - 4].to_vec(),
            ErrorKind::Decode,
            "unpacked",
        ),
        (vec![b'c'; 70_000], ErrorKind::Decode, "no header"),
        (bomb, ErrorKind::TooLarge, "more than 1000000 bytes"),
    ] {
        let storage = storage(vec![
            ("/a", vec![answer(200, packed.clone()).into()]),
            ("/b", vec![answer(200, part).into()]),
        ])
        .await;
        let urls = ["a", "b"].map(|path| format!("{}/{path}?X-Sig=s1gned", storage.url()));
        let circleci = Server::script([ordered(1), state(1, "completed", json!(urls))]).await;
        let error = whole(january(&circleci.client()).max_bytes(1_000_000))
            .await
            .unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(word), "{error}");
        assert!(!format!("{error:#?}").contains("s1gned"));
    }
    // If a URL has expired, the client requests new URLs only once. If the new ones have expired too, the error says so.
    let expired = "<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>";
    let storage = storage(vec![("/a", vec![answer(403, expired).into()])]).await;
    let completed = || state(1, "completed", json!([format!("{}/a", storage.url())]));
    let circleci = Server::script([ordered(1), completed(), completed()]).await;
    let error = whole(january(&circleci.client())).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "usageExport: 403 Forbidden: AccessDenied: Request has expired (request req-403)"
    );
    assert_eq!((storage.count(), circleci.count()), (2, 3));
}

#[tokio::test]
async fn a_file_is_written_when_it_is_complete() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("usage.csv");
    let storage = storage(vec![
        ("/a", vec![answer(200, pack("c\n1\n")).into()]),
        ("/b", vec![answer(404, "").into()]),
    ])
    .await;
    let done = |paths: &[&str]| {
        let urls: Vec<_> = paths
            .iter()
            .map(|path| format!("{}/{path}", storage.url()))
            .collect();
        state(1, "completed", json!(urls))
    };
    let circleci = Server::script([
        ordered(1),
        done(&["a"]),
        ordered(1),
        done(&["a", "b"]),
        ordered(1),
        state(1, "completed", Value::Null),
    ])
    .await;
    let client = circleci.client();
    assert_eq!(january(&client).to_file(&path).await.unwrap(), 4);
    assert!(
        january(&client)
            .to_file(&path)
            .await
            .unwrap_err()
            .is_not_found()
    );
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "c\n1\n");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    assert_eq!(january(&client).to_file(&path).await.unwrap(), 0);
    let missing = folder.path().join("no/usage.csv");
    let circleci = Server::script([ordered(1), done(&["a"])]).await;
    assert_eq!(
        january(&circleci.client())
            .to_file(&missing)
            .await
            .unwrap_err()
            .kind(),
        ErrorKind::File
    );
}

#[tokio::test]
async fn rows_have_types_and_forgive() {
    let columns = UsageRow::COLUMNS.join(",");
    let full: Vec<String> = UsageRow::COLUMNS
        .iter()
        .enumerate()
        .map(|(place, column)| match *column {
            "job_name" => "\"a \"\"quoted\"\", job\nof two lines\"".to_owned(),
            "is_workflow_successful" => "Y".to_owned(),
            "is_unregistered_user" => "false".to_owned(),
            "job_run_started_at" => "2026-01-05 12:03:22.5".to_owned(),
            "organization_created_date" => "2020-02-29".to_owned(),
            "median_cpu_utilization_pct" => "\\N".to_owned(),
            "parallelism" => "many".to_owned(),
            _ => place.to_string(),
        })
        .collect();
    let long = "x".repeat(9000);
    let text = format!("{columns},carbon_grams\n{},7\n\no,{long}\n", full.join(","));
    let storage = storage(vec![(
        "/a",
        vec![answer(200, pack(&text)).ending(Ending::Chunks).into()],
    )])
    .await;
    let circleci = Server::script([
        ordered(1),
        state(1, "completed", json!([format!("{}/a", storage.url())])),
    ])
    .await;
    let mut rows = january(&circleci.client()).rows().unwrap();
    let row = rows.try_next().await.unwrap().unwrap();
    assert_eq!(row.job_name(), Some("a \"quoted\", job\nof two lines"));
    assert_eq!(
        (row.is_workflow_successful(), row.is_unregistered_user()),
        (Some(true), Some(false))
    );
    assert_eq!(row.job_run_started_at(), Some(at("2026-01-05T12:03:22.5Z")));
    assert_eq!(
        row.organization_created_date(),
        Some(at("2020-02-29T00:00:00Z"))
    );
    assert_eq!(
        (
            row.median_cpu_utilization_pct(),
            row.parallelism(),
            row.get("parallelism")
        ),
        (None, None, Some("many"))
    );
    assert_eq!(
        (row.total_credits(), row.pipeline_number()),
        (Some(47.0), Some(12))
    );
    assert_eq!(
        (row.get("carbon_grams"), row.get("nonsense")),
        (Some("7"), None)
    );
    assert_eq!(row.iter().count(), 49);
    // A row with missing fields is an error. Filling them with empty text would hide the missing data.
    let error = rows.try_next().await.unwrap_err();
    assert_eq!(
        (error.kind(), error.path()),
        (ErrorKind::Decode, Some("row 2"))
    );
    assert!(!error.to_string().contains("xxx"), "{error}");
    assert!(rows.try_next().await.unwrap().is_none());
}

/// Returns a client whose export has these parts, and the two servers that it calls.
async fn export(parts: &[&[u8]]) -> (Server, Server, Client) {
    let paths = ["/a", "/b", "/c", "/d"];
    let parts: Vec<_> = paths
        .into_iter()
        .zip(parts)
        .map(|(path, part)| (path, vec![answer(200, *part).into()]))
        .collect();
    let urls: Vec<_> = parts.iter().map(|(path, _)| path.to_string()).collect();
    let storage = storage(parts).await;
    let urls: Vec<_> = urls
        .iter()
        .map(|path| format!("{}{path}", storage.url()))
        .collect();
    let circleci = Server::start(move |_, seen| match seen.method.as_str() {
        "POST" => ordered(1),
        _ => state(1, "completed", json!(urls)),
    })
    .await;
    let client = circleci.client();
    (storage, circleci, client)
}

/// Returns the rows that the stream yields, and the error that ended it. A row is a list of (column, text) pairs.
async fn read_rows(client: &Client) -> (Vec<Vec<(String, String)>>, Option<Error>) {
    let mut rows = january(client).rows().unwrap();
    let mut read = Vec::new();
    loop {
        match rows.try_next().await {
            Ok(Some(row)) => read.push(
                row.iter()
                    .map(|(a, b)| (a.to_owned(), b.to_owned()))
                    .collect(),
            ),
            Ok(None) => return (read, None),
            Err(error) => return (read, Some(error)),
        }
    }
}

fn row(fields: &[(&str, &str)]) -> Vec<(String, String)> {
    fields
        .iter()
        .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
        .collect()
}

#[tokio::test]
async fn a_header_is_what_it_means_and_not_how_it_is_written() {
    let parts: [&[u8]; 4] = [
        b"a,\"b\nc\"\n1,2\n",
        b"\xef\xbb\xbf\"a\",\"b\nc\"\r\n3,4\r\n",
        b"\r\n\na,\"b\nc\"\n5,\"6\n7\"",
        b"\r\n",
    ];
    let (_storage, _circleci, client) = export(&parts).await;
    assert_eq!(
        whole(january(&client)).await.unwrap(),
        "a,\"b\nc\"\n1,2\n3,4\r\n5,\"6\n7\"\n"
    );
    let (rows, error) = read_rows(&client).await;
    assert!(error.is_none(), "{error:?}");
    let expected = [("1", "2"), ("3", "4"), ("5", "6\n7")];
    assert_eq!(rows, expected.map(|(a, b)| row(&[("a", a), ("b\nc", b)])));
}

#[tokio::test]
async fn columns_may_differ_between_exports_where_they_are_read_by_name() {
    let (_storage, _circleci, client) =
        export(&[b"a,b\n1,2\n", b"b,new,a\n4,5,3\n", b"a\n6\n"]).await;
    let (rows, error) = read_rows(&client).await;
    assert!(error.is_none(), "{error:?}");
    assert_eq!(
        rows,
        [
            row(&[("a", "1"), ("b", "2")]),
            row(&[("b", "4"), ("new", "5"), ("a", "3")]),
            row(&[("a", "6")])
        ]
    );
    let error = whole(january(&client)).await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("two parts have different columns"),
        "{error}"
    );
}

/// A span of two months needs two exports. CircleCI can add a column between the first one and the second one.
#[tokio::test]
async fn the_second_export_may_have_a_column_more() {
    let parts = [("/1", "a,b\n1,2\n"), ("/2", "a,b,new\n3,4,5\n")];
    let parts = parts.map(|(path, part)| (path, vec![answer(200, part).into()]));
    let storage = storage(parts.to_vec()).await;
    let url = storage.url();
    let circleci = Server::start(move |_, seen| {
        let number = seen.target[seen.target.len() - 1..].parse().unwrap();
        state(number, "completed", json!([format!("{url}/{number}")]))
    })
    .await;
    let client = circleci.client();
    let export = || client.resume_usage_export(ORG, [job(1), job(2)]);
    let mut rows = export().rows().unwrap();
    let mut read = Vec::new();
    while let Some(row) = rows.try_next().await.unwrap() {
        read.push(["a", "b", "new"].map(|column| row.get(column).map(str::to_owned)));
    }
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(
        read,
        [
            [text("1"), text("2"), None],
            [text("3"), text("4"), text("5")]
        ]
    );
    let error = whole(export()).await.unwrap_err().to_string();
    assert!(
        error.contains("two parts have different columns"),
        "{error}"
    );
}

#[tokio::test]
async fn a_row_of_another_length_is_an_error() {
    for (part, word) in [
        ("a,b\n1,2\n3\n", "row 2: the row has 1 fields"),
        ("a,b\n1,2\n3,4,5\n6,7\n", "row 2: the row has 3 fields"),
        ("a,b\n1,2\n\n\r\n3\n", "row 2: the row has 1 fields"),
        (
            "a,b\n1,2\n3,\"4\n",
            "row 2: a part ends inside a quoted field",
        ),
        ("a,b\n1,2\n\"", "row 2: a part ends inside a quoted field"),
    ] {
        // The invalid row is either in the last part, or in a part that another part follows. The following part must not
        // continue the row.
        for parts in [
            vec![part.as_bytes()],
            vec![part.as_bytes(), b"a,b\n\"8\",9\n"],
        ] {
            let (_storage, _circleci, client) = export(&parts).await;
            let (rows, error) = read_rows(&client).await;
            assert_eq!(rows, [row(&[("a", "1"), ("b", "2")])], "{part:?}");
            let error = error.unwrap_or_else(|| panic!("{part:?}")).to_string();
            assert!(error.contains(word), "{error}");
            let error = whole(january(&client)).await.unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        }
    }
    // The row numbers continue across parts. An invalid byte is replaced by one replacement character.
    let (_storage, _circleci, client) = export(&[b"a,b\n1,\xff2\n", b"a,b\n3,4\n5\n"]).await;
    let (rows, error) = read_rows(&client).await;
    assert_eq!(rows[0], row(&[("a", "1"), ("b", "\u{fffd}2")]));
    assert!(error.unwrap().to_string().contains("row 3"));
}

#[tokio::test]
async fn a_part_may_be_padded_and_packed_more_than_once() {
    let padded = [pack("a\n1\n"), pack("2\n"), vec![0; 700]].concat();
    let (_storage, _circleci, client) = export(&[&padded, &pack("a\n3\n")]).await;
    assert_eq!(whole(january(&client)).await.unwrap(), "a\n1\n2\n3\n");
    let garbage = [pack("a\n1\n"), b"\0\0garbage".to_vec()].concat();
    let (_storage, _circleci, client) = export(&[&garbage]).await;
    let error = whole(january(&client)).await.unwrap_err();
    assert!(
        error.to_string().contains("there is data after the end"),
        "{error}"
    );
    // The storage server also declares the compression in a header.
    let part = answer(200, pack("a\n1\n")).header("content-encoding", "gzip");
    let storage = storage(vec![("/a", vec![part.into()])]).await;
    let urls = json!([format!("{}/a", storage.url())]);
    let circleci = Server::script([ordered(1), state(1, "completed", urls)]).await;
    assert_eq!(whole(january(&circleci.client())).await.unwrap(), "a\n1\n");
}

/// The URLs expire twice: while the client reads the second of three parts, and again before it reads the third part.
#[tokio::test]
async fn urls_that_expire_are_asked_for_anew() {
    for status in [401, 403] {
        let text = format!("a\n{}", "2\n".repeat(3000));
        let packed = pack(&text);
        let size = packed.len();
        let rest = packed.clone();
        // The signature in a URL is the number of the poll that returned it.
        let asked = Mutex::new(BTreeMap::new());
        let storage = Server::start(move |_, seen| {
            let expired =
                "<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>";
            let mut asked = asked.lock().unwrap();
            let times = asked.entry(seen.target.clone()).or_insert(0);
            *times += 1;
            match (seen.target.as_str(), *times) {
                ("/1?sig=1", 1) => answer(200, pack("a\n1\n")).into(),
                ("/2?sig=1", 1) => answer(200, rest.clone())
                    .header("etag", "\"v1\"")
                    .ending(Ending::CutAt(15))
                    .into(),
                ("/2?sig=1", 2) => answer(status, expired).into(),
                ("/2?sig=2", 1) => answer(206, &rest[15..])
                    .header("etag", "\"v1\"")
                    .header("content-range", format!("bytes 15-{}/{size}", size - 1))
                    .into(),
                // The first URL of this part expires before the client reads the part. The URL from the second poll expires
                // too.
                ("/3?sig=1" | "/3?sig=2", 1) => answer(status, expired).into(),
                ("/3?sig=3", 1) => answer(200, pack("a\n3\n")).into(),
                _ => answer(418, "").into(),
            }
        })
        .await;
        let url = storage.url();
        let looks = Mutex::new(0);
        let circleci = Server::start(move |_, seen| {
            if seen.method == "POST" {
                return ordered(1);
            }
            let mut looks = looks.lock().unwrap();
            *looks += 1;
            // The second poll returns the URLs in reverse order, because CircleCI does not promise an order.
            let order = if *looks == 2 { [3, 2, 1] } else { [1, 2, 3] };
            state(
                1,
                "completed",
                json!(order.map(|part| format!("{url}/{part}?sig={looks}"))),
            )
        })
        .await;
        let text = whole(january(&circleci.client())).await.unwrap();
        assert_eq!(text, format!("a\n1\n{}3\n", "2\n".repeat(3000)), "{status}");
        assert_eq!(calls(&circleci), ["POST", "GET 1", "GET 1", "GET 1"]);
        let seen = storage.seen();
        let second = seen.iter().filter(|seen| seen.target.starts_with("/2"));
        let ranges: Vec<_> = second.map(|seen| seen.header("range")).collect();
        assert_eq!(ranges, [None, Some("bytes=15-"), Some("bytes=15-")]);
        assert_no_token(&storage);
    }
    // If a part is missing, the client does not poll for new URLs. If it polls but gets no new URLs, it returns the first
    // error.
    let storage = Server::start(|_, _| answer(404, "").into()).await;
    let urls = json!([format!("{}/a", storage.url())]);
    let circleci = Server::script([ordered(1), state(1, "completed", urls)]).await;
    assert!(
        whole(january(&circleci.client()))
            .await
            .unwrap_err()
            .is_not_found()
    );
    let storage = Server::start(|_, _| answer(403, "").into()).await;
    let urls = json!([format!("{}/a", storage.url())]);
    // The client polls once for new URLs, and not again if storage refuses them too.
    for second in [Value::Null, urls.clone()] {
        let circleci = Server::script([
            ordered(1),
            state(1, "completed", urls.clone()),
            state(1, "completed", second),
            state(1, "completed", urls.clone()),
        ])
        .await;
        let refused = whole(january(&circleci.client())).await;
        assert!(refused.unwrap_err().is_forbidden());
        assert_eq!(calls(&circleci), ["POST", "GET 1", "GET 1"]);
    }
}

/// The URLs of all eight parts expire before the client reads the first part. The client polls for new URLs only once.
#[tokio::test]
async fn parts_that_expire_together_are_asked_for_once() {
    let storage = Server::start_slow(|_, seen| match seen.target.split_once("?sig=") {
        Some((_, "1")) => answer(403, "").into(),
        Some((part, _)) => answer(200, format!("a\n{}\n", &part[1..])).into(),
        None => answer(418, "").into(),
    })
    .await;
    let url = storage.url();
    let looks = Mutex::new(0);
    let circleci = Server::start(move |_, _| {
        let mut looks = looks.lock().unwrap();
        *looks += 1;
        let urls = (1..=8).map(|part| format!("{url}/{part}?sig={looks}"));
        state(1, "completed", json!(urls.collect::<Vec<_>>()))
    })
    .await;
    let export = circleci.client().resume_usage_export(ORG, [job(1)]);
    assert_eq!(whole(export).await.unwrap(), "a\n1\n2\n3\n4\n5\n6\n7\n8\n");
    assert_eq!(calls(&circleci), ["GET 1", "GET 1"]);
    assert_eq!((storage.count(), storage.most()), (16, 8));
}

/// The client polls the later exports while it reads the first one. At most 8 parts are open at the same time, and at most 18
/// parts are started. If the first of these parts stalls, the client starts no more parts.
#[tokio::test]
async fn exports_and_parts_are_read_ahead_within_bounds() {
    let storage = Server::start_slow(|_, seen| match seen.target.as_str() {
        "/1/0" => answer(200, "a\n1\n").ending(Ending::StallAt(2)).into(),
        _ => answer(200, "a\n1\n").into(),
    })
    .await;
    let url = storage.url();
    let circleci = Server::start_slow(move |_, seen| {
        let number = seen.target[seen.target.len() - 1..].parse().unwrap();
        let urls: Vec<_> = (0..10)
            .map(|part| format!("{url}/{number}/{part}"))
            .collect();
        state(number, "completed", json!(urls))
    })
    .await;
    let client = circleci.client();
    let mut csv = client
        .resume_usage_export(ORG, (1..=3).map(job))
        .csv()
        .unwrap();
    assert_eq!((circleci.count(), storage.count()), (0, 0));
    tokio::select! {
        _ = async { while csv.try_next().await.unwrap().is_some() {} } => panic!("a part stalls"),
        () = async {
            while storage.count() < 18 { tokio::task::yield_now().await }
            // Gives the client time to send more requests. It must send none.
            for _ in 0..2000 { tokio::task::yield_now().await }
        } => {}
    }
    assert_eq!((storage.count(), storage.most()), (18, 8));
    assert_eq!((circleci.count(), circleci.most()), (3, 3));
}

/// The client polls later exports in advance. If such a poll fails, the client polls again when it reaches that export. The
/// other exports are not affected.
#[tokio::test]
async fn a_look_ahead_that_fails_is_repeated_in_its_turn() {
    let storage = storage(vec![("/a", vec![answer(200, "c\n1\n").into()])]).await;
    let urls = json!([format!("{}/a", storage.url())]);
    let looks = Mutex::new(BTreeMap::new());
    let circleci = Server::start(move |_, seen| {
        let mut looks = looks.lock().unwrap();
        let times = looks.entry(seen.target.clone()).or_insert(0);
        *times += 1;
        match (&seen.target[seen.target.len() - 1..], *times) {
            ("2", 1) => answer(403, "{}").into(),
            ("3", 1) => answer(429, "").header("retry-after", 600).into(),
            _ => state(1, "completed", urls.clone()),
        }
    })
    .await;
    let (builder, waits) = circleci.builder();
    let client = builder.build().unwrap();
    let export = client.resume_usage_export(ORG, [1, 2, 3].map(job));
    assert_eq!(whole(export).await.unwrap(), "c\n1\n1\n1\n");
    assert_eq!(circleci.count(), 5);
    assert!(waits.all().is_empty(), "{:?}", waits.all());
}

/// The caller learns the id of each created export at once, even while the creation of another export is still pending. With
/// the ids, the caller can resume the exports.
#[tokio::test]
async fn an_order_is_told_without_a_wait_for_the_others() {
    let circleci = Server::start(|_, seen| {
        let body: Value = serde_json::from_slice(&seen.body).unwrap();
        match body["start"].as_str().unwrap() {
            "2026-01-01T00:00:00Z" => ordered(1),
            "2026-02-01T00:00:00Z" => Act::Stall,
            _ => ordered(3),
        }
    })
    .await;
    let changes = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&changes);
    let (from, to) = (at("2026-01-01T00:00:00Z"), at("2026-03-31T23:59:59Z"));
    let export = circleci
        .client()
        .usage_export(ORG, from, to)
        .on_change(move |change| told.lock().unwrap().push((change.window, change.job)));
    tokio::select! {
        _ = whole(export) => panic!("an order gets no answer"),
        () = async { while changes.lock().unwrap().len() < 2 { tokio::task::yield_now().await } } => {}
    }
    let mut changes = changes.lock().unwrap().clone();
    changes.sort_unstable();
    assert_eq!(changes, [(0, job(1)), (2, job(3))]);
}

#[tokio::test]
async fn a_refusal_without_a_wait_costs_one_place() {
    let refused = answer(429, "Rate limited.").header("retry-after", 0);
    let circleci = Server::start(move |_, _| refused.clone().into()).await;
    let client = circleci.client();
    let limits = UsageLimits::new();
    let fail = || {
        january(&client)
            .limits(&limits)
            .when_limited(WhenLimited::Fail)
    };
    for sent in 1..=10 {
        let error = whole(fail()).await.unwrap_err();
        assert_eq!(
            (error.operation(), circleci.count()),
            (Some("createUsageExport"), sent)
        );
        assert!(error.is_rate_limited() && error.retry_after().is_some_and(|wait| !wait.is_zero()));
    }
    // The server can also reject a poll with a 429 that asks for no wait.
    let refused = answer(429, "Rate limited.").header("retry-after", 0);
    let circleci = Server::start(move |_, _| refused.clone().into()).await;
    let client = circleci.client();
    let error = whole(
        client
            .resume_usage_export(ORG, [job(1)])
            .when_limited(WhenLimited::Fail),
    )
    .await
    .unwrap_err();
    assert_eq!(
        (error.operation(), circleci.count()),
        (Some("getUsageExport"), 1)
    );
    // If the client may wait, it must not send its next request immediately, even if the 429 asks for no wait.
    let error = whole(client.resume_usage_export(ORG, [job(1)]).deadline(HOUR))
        .await
        .unwrap_err();
    assert!(error.is_rate_limited());
    assert!(circleci.count() <= 12, "{}", circleci.count());
}

/// CircleCI's servers do not all know a new export at once, and one of them may be unavailable for a while.
#[tokio::test]
async fn an_export_survives_a_404_and_a_server_that_is_away() {
    for (missing, status) in [(vec![1, 2], 404), (vec![1, 3], 404), (vec![1, 2, 3], 503)] {
        let storage = storage(vec![("/a", vec![answer(200, "c\n1\n").into()])]).await;
        let urls = json!([format!("{}/a", storage.url())]);
        let circleci = Server::start(move |index, seen| match seen.method.as_str() {
            "POST" => ordered(1),
            _ if missing.contains(&index) => answer(status, "{}").into(),
            _ if index < 4 => state(1, "processing", Value::Null),
            _ => state(1, "completed", urls.clone()),
        })
        .await;
        let client = circleci.builder().0.no_retries().build().unwrap();
        assert_eq!(whole(january(&client)).await.unwrap(), "c\n1\n");
    }
    // An export that stays unknown is an error.
    let circleci = Server::start(|_, seen| match seen.method.as_str() {
        "POST" => ordered(1),
        _ => answer(404, "{}").into(),
    })
    .await;
    let error = whole(january(&circleci.client())).await.unwrap_err();
    assert!(error.is_not_found() && circleci.count() < 6, "{error}");
}

/// A year needs twelve exports. After the first refusal, no further one is ordered.
#[tokio::test]
async fn a_refusal_ends_the_orders_of_an_export_that_must_not_wait() {
    let refused = answer(429, "Rate limited.").header("retry-after", 0);
    let circleci = Server::start(move |_, _| refused.clone().into()).await;
    let (from, to) = (at("2025-03-05T00:00:00Z"), at("2026-02-28T00:00:00Z"));
    let year = circleci.client().usage_export(ORG, from, to);
    let error = whole(year.when_limited(WhenLimited::Fail))
        .await
        .unwrap_err();
    assert!(error.is_rate_limited(), "{error}");
    assert_eq!(circleci.count(), 1);
}

#[tokio::test]
async fn a_file_that_cannot_be_written_is_found_before_anything_is_ordered() {
    let circleci = Server::start(|_, _| ordered(1)).await;
    let folder = tempfile::tempdir().unwrap();
    for path in [
        folder.path().to_owned(),
        folder.path().join("missing/usage.csv"),
        folder.path().join("usage.csv/"),
    ] {
        let error = january(&circleci.client())
            .to_file(&path)
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::File, "{error}");
    }
    assert_eq!(circleci.count(), 0);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

/// Each attempt counts towards CircleCI's hourly limit, so each retry takes a place of its own.
#[tokio::test]
async fn a_retry_takes_a_place_of_the_hour() {
    let circleci = Server::start(|number, _| match number {
        0..=2 => answer(502, "Bad gateway").into(),
        _ => state(1, "processing", Value::Null),
    })
    .await;
    let client = circleci.client();
    let error = whole(
        client
            .resume_usage_export(ORG, [job(1)])
            .when_limited(WhenLimited::Fail),
    )
    .await
    .unwrap_err();
    assert!(error.is_rate_limited(), "{error}");
    assert_eq!(circleci.count(), 10);
}

#[tokio::test]
async fn usage_older_than_a_year_is_not_ordered() {
    // The server's time is noon on 2026-03-01.
    let circleci = Server::start(|_, seen| match seen.method.as_str() {
        "POST" => ordered(1),
        _ => state(1, "completed", Value::Null),
    })
    .await;
    let client = circleci.client();
    let end = at("2026-02-28T00:00:00Z");
    for start in [
        "2025-02-28T11:59:59.999Z",
        "2024-01-01T00:00:00Z",
        "-200000-01-01T00:00:00Z",
    ] {
        let Ok(start) = start.parse() else { continue };
        for error in [
            client
                .usage_export(ORG, start, end)
                .csv()
                .map(drop)
                .unwrap_err(),
            client
                .usage_export(ORG, start, end)
                .rows()
                .map(drop)
                .unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::InvalidArgument);
            assert!(error.to_string().contains("366 days"), "{error}");
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("usage.csv");
    let old = client.usage_export(ORG, at("2024-01-01T00:00:00Z"), end);
    assert_eq!(
        old.to_file(&path).await.unwrap_err().kind(),
        ErrorKind::InvalidArgument
    );
    assert!(!path.exists());
    assert_eq!(circleci.count(), 0);
    let year = client.usage_export(ORG, at("2025-02-28T12:00:00Z"), end);
    assert_eq!(whole(year).await.unwrap(), "");
}

#[cfg(unix)]
#[tokio::test]
async fn an_export_keeps_the_mode_of_the_file_that_it_replaces() {
    use std::os::unix::fs::PermissionsExt;

    let (_storage, _circleci, client) = export(&[b"a\n1\n"]).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("usage.csv");
    std::fs::write(&path, "old").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(january(&client).to_file(&path).await.unwrap(), 4);
    assert_eq!(
        std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
}

/// The columns of `UsageRow` must be those that the document lists.
#[test]
fn the_rows_have_the_columns_of_the_document() {
    let document = crate::document::Document::read().root;
    let tags = document["tags"].as_array().unwrap();
    let usage = tags.iter().find(|tag| tag["name"] == "Usage").unwrap();
    let described = usage["description"].as_str().unwrap();
    let columns: Vec<_> = described
        .lines()
        .filter_map(|line| line.strip_prefix('|')?.split('|').nth(1))
        .map(str::trim)
        .filter(|column| !column.is_empty() && *column != "Field" && !column.starts_with('-'))
        .collect();
    assert_eq!(columns, UsageRow::COLUMNS);
}

#[allow(dead_code, reason = "its `main` is for a terminal")]
#[path = "../circleci-api/examples/usage_report.rs"]
mod usage_report;

/// Returns the content of every `<text>` element of an SVG picture.
fn texts(svg: &str) -> Vec<String> {
    let texts = svg.split("<text ").skip(1);
    let text = |it: &str| it[it.find('>').unwrap() + 1..it.find("</text>").unwrap()].to_owned();
    texts.map(text).collect()
}

#[tokio::test]
async fn the_picture_has_its_total_and_readable_figures() {
    let folder = tempfile::tempdir().unwrap();
    let name = folder.path().join("report");
    usage_report::small(name.to_str().unwrap()).await.unwrap();
    let svg = std::fs::read_to_string(name.with_extension("svg")).unwrap();
    let texts = texts(&svg);
    let bare = |text: &str| {
        text.split(|c: char| !c.is_ascii_digit())
            .map(str::len)
            .max()
    };
    for text in texts.iter().filter(|text| !text.contains(" to ")) {
        assert!(bare(text) <= Some(3), "no separators in {text}");
    }
    let total = texts
        .iter()
        .position(|text| text == "391\u{202f}450 credits");
    assert_eq!(total, Some(2), "{texts:?}");
    assert!(texts[3].starts_with("Most: ios, "), "{texts:?}");
    assert!(
        texts
            .iter()
            .any(|text| text == "data-pipeline-with-a-long-name"),
        "{texts:?}"
    );
    assert!(
        svg.contains("<title>web, large: 39\u{202f}140 credits</title>"),
        "{svg}"
    );
    let csv = std::fs::read_to_string(name.with_extension("csv")).unwrap();
    assert!(csv.contains("\nweb,large,412,"), "{csv}");
}

#[test]
fn a_picture_of_nothing_says_so() {
    let end = "2026-03-01T00:00:00Z".parse().unwrap();
    let svg = usage_report::picture(&usage_report::Usage::new(), end, 30).unwrap();
    assert!(
        svg.contains("Nothing was used.") && !svg.contains("NaN"),
        "{svg}"
    );
    assert!(svg.contains("30 January 2026 to 1 March 2026"), "{svg}");
}

/// Anyone who has the URL of a part can read the part for hours. No output may therefore show the URL.
#[tokio::test]
async fn no_url_of_a_part_is_shown() {
    let status = json!({ "usage_export_job_id": job(1), "state": "completed", "download_urls": ["https://s.example/1?X-Sig=s1gned"] });
    let status: circleci_api::types::UsageExportJobStatus = serde_json::from_value(status).unwrap();
    assert_eq!(status.download_urls.len(), 1);
    let ordered = json!({ "usage_export_job_id": job(1), "state": "created", "download_urls": ["https://s.example/1?X-Sig=s1gned"] });
    let ordered: circleci_api::types::UsageExportJob = serde_json::from_value(ordered).unwrap();
    let shown = format!("{status:?} {status:#?} {ordered:?}");
    // A stream does not show its URLs, and an error about an invalid URL does not show the URL either.
    let circleci = Server::script([state(1, "completed", json!(["http//s1gned"]))]).await;
    let client = circleci.client();
    let mut csv = client.resume_usage_export(ORG, [job(1)]).csv().unwrap();
    let error = csv.try_next().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    let shown = format!("{shown} {csv:?} {error} {error:#?}");
    assert!(!shown.contains("s1gned"), "{shown}");
}
