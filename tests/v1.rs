//! Tests reading the output of a job's steps, which version 1.1 of the API returns.

use std::io::Write;

use crate::server::{Ending, Server, TOKEN, answer};
use circleci_api::serde_json::{self, json};
use circleci_api::v1::{GetJobSteps, StepAction};
use circleci_api::{Client, ErrorKind};
use flate2::{Compression, write::GzEncoder};

fn action(url: &str) -> StepAction {
    serde_json::from_value(json!({ "name": "Test", "output_url": url })).unwrap()
}

fn pack(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn the_steps_and_what_they_have_printed() {
    let storage = Server::start(|_, _| {
        let parts = json!([
            { "message": "one\r\n", "type": "out", "time": "2026-05-06T09:14:09.000Z" },
            { "message": "a \"{brace}\" [and] \\", "type": "err", "time": null, "truncated": true, "new": { "a": ["}"] } },
            { "message": null },
        ]);
        answer(200, parts.to_string()).ending(Ending::Chunks).into()
    })
    .await;
    let signed = format!("{}/output?X-Sig=s1gned", storage.url());
    let circleci = Server::start(move |_, _| {
        let job = json!({
            "build_num": 1843, "status": "failed", "parallel": 2, "build_url": null, "all_commit_details": [],
            "steps": [
                { "name": "Spin up environment", "actions": [{ "index": 0, "step": 0, "status": "success", "has_output": false }] },
                { "name": "Test", "actions": [
                    { "index": 0, "step": 1, "name": "Test", "type": "test", "status": "failed", "exit_code": 101, "failed": true,
                      "output_url": signed, "run_time_millis": 4711, "start_time": "2026-05-06T09:14:09.123Z", "end_time": null },
                ] },
                { "name": null, "actions": null },
            ],
        });
        answer(200, job.to_string()).into()
    })
    .await;
    let client = circleci.client();
    let job = client
        .get_job_steps("gh/acme/web", 1843)
        .send()
        .await
        .unwrap();
    assert_eq!((job.build_num, job.steps.len()), (Some(1843), 3));
    let none = &job.steps[0].actions[0];
    assert!(
        client
            .step_output(none)
            .unwrap()
            .try_next()
            .await
            .unwrap()
            .is_none()
    );
    let test = &job.steps[1].actions[0];
    assert_eq!(
        (test.exit_code, test.failed, test.run_time_millis),
        (Some(101), Some(true), Some(4711))
    );
    assert!(!format!("{job:?} {test:#?}").contains("s1gned"));
    assert_eq!(storage.count(), 0);
    let mut output = client.step_output(test).unwrap();
    let mut parts = Vec::new();
    while let Some(part) = output.try_next().await.unwrap() {
        parts.push((part.message, part.type_.unwrap_or_default(), part.truncated));
    }
    let part = |message: &str, kind: &str, cut| (message.to_owned(), kind.to_owned(), cut);
    assert_eq!(
        parts,
        [
            part("one\r\n", "out", None),
            part("a \"{brace}\" [and] \\", "err", Some(true)),
            part("", "", None)
        ]
    );

    let (home, away) = (circleci.seen(), storage.seen());
    assert_eq!((home.len(), away.len()), (1, 1));
    assert_eq!(
        (home[0].method.as_str(), home[0].target.as_str()),
        ("GET", "/api/v1.1/project/gh/acme/web/1843")
    );
    assert_eq!(home[0].header("circle-token"), Some(TOKEN));
    assert_eq!(away[0].target, "/output?X-Sig=s1gned");
    assert!(
        !away[0]
            .headers
            .iter()
            .any(|(_, value)| value.contains(TOKEN))
    );
}

#[tokio::test]
async fn not_even_at_home_does_an_output_get_the_token() {
    let circleci =
        Server::start(|_, _| answer(200, pack(r#"[{"message":"a"},{"message":"b"}]"#)).into())
            .await;
    let output = circleci
        .client()
        .step_output(&action(&circleci.url()))
        .unwrap();
    assert_eq!(output.text().await.unwrap(), "ab");
    assert!(
        !circleci.seen()[0]
            .headers
            .iter()
            .any(|(_, value)| value.contains(TOKEN))
    );
}

#[tokio::test]
async fn a_slug_stays_in_its_place() {
    let circleci = Server::start(|_, _| answer(200, "{}").into()).await;
    let client = circleci.client();
    client
        .get_job_steps("circleci/org id/a?b", "7")
        .send()
        .await
        .unwrap();
    assert_eq!(
        circleci.seen()[0].target,
        "/api/v1.1/project/circleci/org%20id/a%3Fb/7"
    );
    for (slug, number) in [
        ("gh/acme", "7"),
        ("gh/../web", "7"),
        ("gh/acme/web", "../me"),
        ("gh/acme/web", ""),
        ("gh/acme/..", "7"),
    ] {
        let error = client.get_job_steps(slug, number).send().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{slug} {number}");
    }
    assert_eq!(circleci.count(), 1);
    assert_eq!(GetJobSteps::OPERATION.id, "getJobSteps");
    let below = Client::builder()
        .token(TOKEN)
        .host(format!("{}/ci", circleci.url()))
        .build()
        .unwrap();
    below.get_job_steps("gh/acme/web", 7).send().await.unwrap();
    assert_eq!(
        circleci.seen()[1].target,
        "/ci/api/v1.1/project/gh/acme/web/7"
    );
}

#[tokio::test]
async fn an_output_that_breaks_goes_on_and_one_that_is_none_is_an_error() {
    let whole = r#"[{"message":"äöü"},{"message":"b"}]"#;
    // The body breaks off in the middle of a character.
    let circleci = Server::script([
        answer(200, whole).ending(Ending::CutAt(14)).into(),
        answer(200, whole).into(),
    ])
    .await;
    let output = circleci
        .client()
        .step_output(&action(&circleci.url()))
        .unwrap();
    assert_eq!(output.text().await.unwrap(), "äöüb");
    assert_eq!(circleci.count(), 2);
    for body in [
        "<html>",
        "\"text\"",
        r#"[{"message":"a""#,
        "[null]",
        "not JSON",
    ] {
        let circleci = Server::script([answer(200, body).into()]).await;
        let output = circleci
            .client()
            .step_output(&action(&circleci.url()))
            .unwrap();
        assert_eq!(
            output.text().await.unwrap_err().kind(),
            ErrorKind::Decode,
            "{body}"
        );
    }
    // An invalid message does not make the rest of the output unreadable, because the message is optional.
    let circleci = Server::script([answer(200, r#"[{"message":1},{"message":"b"}]"#).into()]).await;
    let mut output = circleci
        .client()
        .step_output(&action(&circleci.url()))
        .unwrap();
    let part = output.try_next().await.unwrap().unwrap();
    assert_eq!(
        (part.message.as_str(), &part.extra()["message"]),
        ("", &json!(1))
    );
    assert_eq!(output.text().await.unwrap(), "b");
    // An empty body does not mean an empty output. It means that the output was cut off before its first byte.
    let circleci = Server::script([answer(200, "").into()]).await;
    let output = circleci
        .client()
        .step_output(&action(&circleci.url()))
        .unwrap();
    assert_eq!(output.text().await.unwrap_err().kind(), ErrorKind::Decode);
    for empty in ["[]", " [ ]\n", "\u{feff}[]"] {
        let circleci = Server::script([answer(200, empty).into()]).await;
        assert_eq!(
            circleci
                .client()
                .step_output(&action(&circleci.url()))
                .unwrap()
                .text()
                .await
                .unwrap(),
            ""
        );
    }
    let secure = Client::builder().token(TOKEN).build().unwrap();
    assert_eq!(
        secure
            .step_output(&action("http://example.com/x"))
            .unwrap_err()
            .kind(),
        ErrorKind::InvalidArgument
    );
}

#[tokio::test]
async fn what_is_not_one_whole_array_is_an_error_that_keeps_what_was_read() {
    for (body, kept, word) in [
        (r#"[{"message":"a"},{"message":"b"}"#, "ab", "cut off"),
        (r#"[{"message":"a"},"#, "a", "cut off"),
        (r#"[{"message":"a"},{"mess"#, "a", "cut off"),
        ("[", "", "cut off"),
        (r#"{"message":"a"}"#, "", "not a JSON array"),
        (r#"{"message":"a"},{"message":"b"}"#, "", "not a JSON array"),
        (
            r#"[{"message":"a"}][{"message":"b"}]"#,
            "a",
            "data after the output",
        ),
        (
            r#"[{"message":"a"}]{"message":"internal error"}"#,
            "a",
            "data after the output",
        ),
        (r#"[{"message":"a"}] x"#, "a", "data after the output"),
        (
            r#"[{"message":"a"}{"message":"b"}]"#,
            "a",
            "not a JSON array",
        ),
        (r#"[{"message":"a"},]"#, "a", "not a JSON array"),
        (r#"[{"message":"a"}}"#, "a", "not a JSON array"),
        (r#"[,{"message":"a"}]"#, "", "not a JSON array"),
        (r#"[[{"message":"a"}]]"#, "", "not a JSON array"),
        (r#"[{"message":"a"},null]"#, "a", "not a JSON array"),
        (r#"[{"message":"a"},{"message" 7}]"#, "a", "expected"),
        ("", "", "empty"),
        (" \r\n", "", "empty"),
        ("\u{feff}", "", "empty"),
    ] {
        // The server sends the body unchanged, compressed, and in chunks. If the test case is about a body that is cut off, the
        // server also sends the compressed body without its last bytes.
        let packed = pack(body);
        let mut answers = vec![
            answer(200, body),
            answer(200, packed.clone()),
            answer(200, body).ending(Ending::Chunks),
        ];
        if word == "cut off" {
            answers.push(answer(200, &packed[..packed.len() - 4]));
        }
        for act in answers {
            let circleci = Server::start(move |_, _| act.clone().into()).await;
            let mut text = String::new();
            let mut output = circleci
                .client()
                .step_output(&action(&circleci.url()))
                .unwrap();
            let error = output.read_to(&mut text).await.unwrap_err();
            assert_eq!((error.kind(), &*text), (ErrorKind::Decode, kept), "{body}");
            let line = error.to_string();
            assert!(
                line.contains(word) || line.contains("corrupt") || line.contains("unexpected end"),
                "{body}: {line}"
            );
            assert_eq!(circleci.count(), 1, "{body}");
            // The stream returns an error only once. Then it ends.
            assert!(output.try_next().await.unwrap().is_none());
        }
    }
}
