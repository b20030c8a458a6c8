//! Tests which webhook requests are accepted, and how their events are read.

use circleci_api::ProjectSlug;
use circleci_api::webhook::{
    Deliveries, Event, EventType, Outcome, Payload, SIGNATURE_HEADER, Verifier, WebhookError,
};
use serde_json::{Value, json};

#[allow(dead_code, reason = "its `main` is for `cargo run`")]
#[path = "../circleci-api/examples/webhook_receiver.rs"]
mod webhook_receiver;

const GOOD: &str = "734cc62f32841568f45715aeb9f4d7891324e6d948e4c6c60c0621cdac48623a";
const BODY: &[u8] = b"hello world";

fn verify(header: &str) -> Result<(), WebhookError> {
    Verifier::new("secret").verify(header, BODY)
}

#[test]
fn the_documented_vector() {
    assert_eq!(SIGNATURE_HEADER, "circleci-signature");
    verify(&format!("v1={GOOD}")).unwrap();
    assert_eq!(
        Verifier::new("secret").sign(BODY).unwrap(),
        format!("v1={GOOD}")
    );
    // Like `GOOD`, these test vectors are from CircleCI's documentation.
    for (body, secret, signature) in [
        (
            "lalala",
            "another-secret",
            "daa220016c8f29a8b214fbfc3671aeec2145cfb1e6790184ffb38b6d0425fa00",
        ),
        (
            "an-important-request-payload",
            "hunter123",
            "9be2242094a9a8c00c64306f382a7f9d691de910b4a266f67bd314ef18ac49fa",
        ),
    ] {
        Verifier::new(secret)
            .verify(format!("v1={signature}"), body)
            .unwrap();
    }
}

#[test]
fn several_versions_and_several_signatures() {
    let forged = "0".repeat(64);
    for header in [
        format!("v1={GOOD},v2=abc"),
        format!("v2=abc,v1={GOOD}"),
        format!("v2=abc, v1={GOOD} , v3="),
        format!("v1={forged},v1={GOOD}"),
        format!("v1={}", GOOD.to_uppercase()),
    ] {
        verify(&header).unwrap_or_else(|error| panic!("{header}: {error}"));
    }
}

#[test]
fn what_is_truncated_forged_or_something_else_stays_out() {
    let forged = format!("f{}", &GOOD[1..]);
    for header in [
        format!("v1={}", &GOOD[..63]),
        format!("v1={}", &GOOD[..62]),
        format!("v1={}", &GOOD[..8]),
        format!("v1={GOOD}00"),
        format!("v1={forged}"),
        format!("v1={}", "0".repeat(64)),
        format!("v1={}é", &GOOD[..62]),
        format!("v1={} {}", &GOOD[..31], &GOOD[31..63]),
        format!("v1=+{}", &GOOD[1..]),
        "v1=".into(),
        // The verifier reads only the first 16 signatures of a header. The valid signature here is the 17th.
        format!("{}v1={GOOD}", "v1=00,".repeat(16)),
    ] {
        let error = verify(&header).unwrap_err();
        assert!(
            matches!(error, WebhookError::Mismatch),
            "{header}: {error:?}"
        );
        assert_eq!(error.status(), 401);
    }
    for header in [
        String::new(),
        GOOD.into(),
        format!("v2={GOOD}"),
        format!("V1={GOOD}"),
        format!("v11={GOOD}"),
        format!("v1:{GOOD}"),
        ",,,".into(),
    ] {
        let error = verify(&header).unwrap_err();
        assert!(
            matches!(error, WebhookError::NoSignature),
            "{header}: {error:?}"
        );
    }
    let header = format!("v1={GOOD}");
    for (secret, body) in [
        ("secret", &b"hello world\n"[..]),
        ("secret", b""),
        ("Secret", BODY),
    ] {
        let error = Verifier::new(secret).verify(&header, body).unwrap_err();
        assert!(matches!(error, WebhookError::Mismatch), "{error:?}");
    }
    // This header contains bytes that are not text.
    assert!(
        Verifier::new("secret")
            .verify([0xff, b',', 0], BODY)
            .is_err()
    );
}

#[test]
fn an_empty_secret_verifies_nothing() {
    // This is the signature for an empty secret, which everyone can compute.
    let signature = "v1=c2ea634c993f050482b4e6243224087f7c23bdd3c07ab1a45e9a21c62fad994e";
    let error = Verifier::new("").verify(signature, BODY).unwrap_err();
    assert!(matches!(error, WebhookError::NoSecret));
    assert_eq!(error.status(), 500);
    assert!(matches!(
        Verifier::new("").sign(BODY),
        Err(WebhookError::NoSecret)
    ));
    Verifier::new("")
        .or("secret")
        .verify(format!("v1={GOOD}"), BODY)
        .unwrap();
}

#[test]
fn a_secret_of_blanks_verifies_nothing_and_blanks_around_one_do_not_count() {
    for blank in ["", " ", "\n", "\t \r\n", "\u{a0}\u{3000}"] {
        let verifier = Verifier::new(blank).or(blank);
        // This is the signature for an empty secret. Anyone who guesses that the secret is blank can compute it.
        for signature in [
            "v1=c2ea634c993f050482b4e6243224087f7c23bdd3c07ab1a45e9a21c62fad994e",
            &format!("v1={GOOD}"),
        ] {
            let error = verifier.verify(signature, BODY).unwrap_err();
            assert!(matches!(error, WebhookError::NoSecret), "{blank:?}");
        }
        assert!(
            matches!(verifier.sign(BODY), Err(WebhookError::NoSecret)),
            "{blank:?}"
        );
    }
    for secret in ["secret\n", " secret", "\tsecret\r\n"] {
        Verifier::new(secret)
            .verify(format!("v1={GOOD}"), BODY)
            .unwrap();
        Verifier::new("other")
            .or(secret)
            .verify(format!("v1={GOOD}"), BODY)
            .unwrap();
        assert_eq!(
            Verifier::new(secret).sign(BODY).unwrap(),
            format!("v1={GOOD}")
        );
    }
    // Whitespace inside a secret is part of it.
    assert!(
        Verifier::new("sec ret")
            .verify(format!("v1={GOOD}"), BODY)
            .is_err()
    );
}

#[test]
fn a_secret_can_be_rotated_and_is_never_shown() {
    let both = Verifier::new("new-s3cr3t").or("secret");
    both.verify(format!("v1={GOOD}"), BODY).unwrap();
    both.verify(Verifier::new("new-s3cr3t").sign(BODY).unwrap(), BODY)
        .unwrap();
    let error = both
        .verify(format!("v1={}", "0".repeat(64)), BODY)
        .unwrap_err();
    let shown = format!("{both:?} {both:#?} {error} {error:?}");
    assert!(
        !shown.contains("s3cr3t") && !shown.contains("734cc62f"),
        "{shown}"
    );
}

#[test]
fn nothing_is_parsed_before_the_signature_is_good() {
    let verifier = Verifier::new("secret");
    assert!(matches!(
        verifier.read("v1=00", b"no json"),
        Err(WebhookError::Mismatch)
    ));
    let signature = verifier.sign(b"no json").unwrap();
    let error = verifier.read(signature, b"no json").unwrap_err();
    assert!(matches!(error, WebhookError::Body { .. }), "{error:?}");
    assert_eq!(error.status(), 400);
}

/// Returns an event of a GitHub project, from CircleCI's documentation.
fn workflow_completed() -> Value {
    json!({
        "id": "3888f21b-eaa7-38e3-8f3d-75a63bba8895",
        "type": "workflow-completed",
        "happened_at": "2026-03-01T22:49:34.317Z",
        "webhook": { "id": "cf8c4fdd-0587-4da1-b4ca-4846e9640af9", "name": "Sample Webhook" },
        "project": {
            "id": "84996744-a854-4f5e-aea3-04e2851dc1d2",
            "name": "web",
            "slug": "github/acme/web",
        },
        "organization": { "id": "f22b6566-597d-46d5-ba74-99ef5bb3d85c", "name": "acme" },
        "workflow": {
            "id": "fda08377-fe7e-46b1-8992-3a7aaecac9c3",
            "name": "build-test-deploy",
            "created_at": "2026-03-01T22:49:03.616Z",
            "stopped_at": "2026-03-01T22:49:34.170Z",
            "url": "https://app.circleci.com/pipelines/github/acme/web/130/workflows/fda08377",
            "status": "success",
        },
        "pipeline": {
            "id": "1285fe1d-d3a6-44fc-8886-8979558254c4",
            "number": 130,
            "created_at": "2026-03-01T22:49:03.544Z",
            "trigger": { "type": "webhook" },
            "vcs": {
                "provider_name": "github",
                "origin_repository_url": "https://github.com/jo/web",
                "target_repository_url": "https://github.com/acme/web",
                "revision": "1dc6aa69429bff4806ad6afe58d3d8f57e25973e",
                "commit": {
                    "subject": "Description of change",
                    "body": "More details",
                    "author": { "name": "Jo", "email": "jo@example.com" },
                    "authored_at": "2026-03-01T22:48:53Z",
                    "committer": { "name": "Jo", "email": "jo@example.com" },
                    "committed_at": "2026-03-01T22:48:53Z",
                },
                "branch": "main",
            },
        },
    })
}

fn read(json: &Value) -> Event {
    let body = serde_json::to_vec(json).unwrap();
    let verifier = Verifier::new("secret");
    let event = verifier.read(verifier.sign(&body).unwrap(), &body).unwrap();
    assert_eq!(event.json(), json, "nothing is lost");
    event
}

#[test]
fn a_workflow_is_completed() {
    let event = read(&workflow_completed());
    assert_eq!(event.id, "3888f21b-eaa7-38e3-8f3d-75a63bba8895");
    assert_eq!(event.type_(), EventType::WorkflowCompleted);
    assert_eq!(
        event.webhook.as_ref().unwrap().name.as_deref(),
        Some("Sample Webhook")
    );
    let happened = event.happened_at.as_ref().unwrap().utc().unwrap();
    assert_eq!(happened.to_rfc3339(), "2026-03-01T22:49:34.317+00:00");
    // The slug in the event is `github/acme/web`, the long form of `gh/acme/web`.
    let slug = event.project().unwrap().project_slug().unwrap();
    assert_eq!(slug, ProjectSlug::new("gh", "acme", "web").unwrap());
    let Payload::WorkflowCompleted(done) = &event.payload else {
        panic!("{event:?}")
    };
    assert_eq!(done.workflow.status, Some(Outcome::Success));
    assert_eq!(done.workflow.name, "build-test-deploy");
    let pipeline = event.pipeline().unwrap();
    assert_eq!((pipeline.branch(), pipeline.tag()), (Some("main"), None));
    assert_eq!(
        pipeline.revision(),
        Some("1dc6aa69429bff4806ad6afe58d3d8f57e25973e")
    );
    let commit = pipeline.vcs.as_ref().unwrap().commit.as_ref().unwrap();
    assert_eq!(commit.author.as_ref().unwrap().name.as_deref(), Some("Jo"));
}

#[test]
fn a_job_is_completed_and_its_workflow_has_no_status() {
    let mut json = workflow_completed();
    json["type"] = json!("job-completed");
    json["workflow"].as_object_mut().unwrap().remove("status");
    json["job"] = json!({
        "id": "8b91f9a8-7975-4e60-916c-f0152ccbc937", "name": "test", "number": 136, "status": "failed",
        "started_at": "2026-03-01T22:49:28.841Z", "stopped_at": "2026-03-01T22:49:34.170Z",
    });
    let event = read(&json);
    let Payload::JobCompleted(done) = &event.payload else {
        panic!("{event:?}")
    };
    assert_eq!(
        (done.job.name.as_str(), done.job.number),
        ("test", Some(136))
    );
    assert_eq!(done.job.status, Some(Outcome::Failed));
    assert_eq!(done.workflow.as_ref().unwrap().status, None);
    assert_eq!(event.project().unwrap().name.as_deref(), Some("web"));
}

#[test]
fn a_project_of_another_provider_has_trigger_parameters() {
    let mut json = workflow_completed();
    json["project"]["slug"] = json!("circleci/DdaVtNusHqi24D4YT3X4eu/6EkDPZoN4ZdMKKZtBkRodt");
    let pipeline = json["pipeline"].as_object_mut().unwrap();
    pipeline.remove("vcs");
    pipeline.insert(
        "trigger_parameters".into(),
        json!({
            "gitlab": {
                "branch": "other",
                "commit_sha": "ignored",
                "tag": "v1",
                "commit_timestamp": "2026-03-01T11:10:16+00:00",
                "total_commits_count": "1",
            },
            "git": { "tag": "", "checkout_sha": "850a1519", "ref": "refs/heads/main", "branch": "main" },
            "circleci": { "event_time": "2026-03-01 11:10:18.349 +0000 UTC", "event_type": "push" },
        }),
    );
    let event = read(&json);
    let pipeline = event.pipeline().unwrap();
    assert_eq!(pipeline.vcs, None);
    // A value that is empty in one map of `trigger_parameters` is read from the next map.
    let built = (pipeline.branch(), pipeline.tag(), pipeline.revision());
    assert_eq!(built, (Some("main"), Some("v1"), Some("850a1519")));
    let parameters = pipeline.trigger_parameters.as_ref().unwrap();
    assert_eq!(parameters["gitlab"]["total_commits_count"], "1");
    assert_eq!(
        event.project().unwrap().project_slug().unwrap().provider(),
        "circleci"
    );
}

#[test]
fn nulls_odd_dates_and_new_fields_cost_nothing() {
    let mut json = workflow_completed();
    json["happened_at"] = json!("Sunday afternoon");
    json["webhook"] = json!(null);
    json["organization"] = json!(null);
    json["brand_new"] = json!({ "deep": [1, { "er": null }] });
    json["project"]["slug"] = json!("forgejo/acme/web");
    json["workflow"]["status"] = json!("exploded");
    json["workflow"]["stopped_at"] = json!("2026-03-01 22:49:34 +0100 CET");
    json["workflow"]["created_at"] = json!(1772405343);
    json["workflow"]["auto_reruns"] = json!(2);
    json["pipeline"]["number"] = json!(null);
    json["pipeline"]["trigger"]["type"] = json!("carrier pigeon");
    json["pipeline"]["vcs"]["branch"] = json!(null);
    json["pipeline"]["vcs"]["tag"] = json!("v1.2.0");
    json["pipeline"]["vcs"]["commit"] = json!({
        "subject": null, "body": null, "author": null, "authored_at": null, "committer": {}, "committed_at": null,
    });
    let event = read(&json);
    assert_eq!(event.json()["brand_new"]["deep"][1]["er"], Value::Null);
    assert_eq!(event.json()["workflow"]["auto_reruns"], 2);
    let happened = event.happened_at.as_ref().unwrap();
    assert_eq!(
        (happened.as_str(), happened.utc()),
        ("Sunday afternoon", None)
    );
    assert!(event.project().unwrap().project_slug().is_err());
    let Payload::WorkflowCompleted(done) = &event.payload else {
        panic!("{event:?}")
    };
    assert_eq!(
        done.workflow.status,
        Some(Outcome::Unknown("exploded".into()))
    );
    let stopped = done.workflow.stopped_at.as_ref().unwrap().utc().unwrap();
    assert_eq!(stopped.to_rfc3339(), "2026-03-01T21:49:34+00:00");
    assert_eq!(
        done.workflow.created_at.as_ref().unwrap().as_str(),
        "1772405343"
    );
    let pipeline = event.pipeline().unwrap();
    assert_eq!((pipeline.branch(), pipeline.tag()), (None, Some("v1.2.0")));
}

#[test]
fn a_ping_and_what_is_not_known_yet() {
    let webhook = json!({ "id": "cf8c4fdd", "name": "Sample Webhook" });
    let ping = read(&json!({ "id": "1", "type": "ping", "happened_at": null, "webhook": webhook }));
    assert_eq!(
        (ping.type_(), ping.payload),
        (EventType::Ping, Payload::Ping)
    );

    let new = read(&json!({ "id": "2", "type": "approval-needed", "workflow": { "id": 7 } }));
    assert_eq!(new.type_(), EventType::Unknown("approval-needed".into()));
    assert_eq!(new.payload, Payload::Unknown("approval-needed".into()));
    assert_eq!(new.json()["workflow"]["id"], 7);
    assert!(new.project().is_none() && new.pipeline().is_none());
}

#[test]
fn what_is_no_event_says_where() {
    let mut bad_id = workflow_completed();
    bad_id["workflow"]["id"] = json!("no uuid");
    for (body, said) in [
        ("[]".to_owned(), "the webhook's body is not an event"),
        (
            r#"{"type":"ping"}"#.into(),
            "the webhook's body is not an event",
        ),
        (
            r#"{"id":"1","type":"job-completed"}"#.into(),
            "the webhook's body is not an event",
        ),
        (
            bad_id.to_string(),
            "the webhook's body is not an event: workflow.id",
        ),
    ] {
        let error = Event::from_slice(body.as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), said, "{body}");
        assert!(std::error::Error::source(&error).is_some());
    }
}

#[test]
fn a_delivery_is_new_once() {
    let deliveries = Deliveries::new(2);
    assert!(deliveries.is_empty());
    assert!(deliveries.is_new("a"));
    assert!(!deliveries.is_new("a"));
    deliveries.forget("a");
    deliveries.forget("never seen");
    assert!(deliveries.is_new("a"));
    assert!(deliveries.is_new("b"));
    // The list is full, so this id replaces the oldest one.
    assert!(deliveries.is_new("c"));
    assert_eq!(deliveries.len(), 2);
    assert!(!deliveries.is_new("b"));
    assert!(!deliveries.is_new("c"));
    assert!(deliveries.is_new("a"));
    assert_eq!(Deliveries::new(0).len(), 0);
}

#[test]
fn memory_is_bounded_and_two_at_once_are_one() {
    let deliveries = Deliveries::new(100);
    let threads = 8;
    let new: usize = std::thread::scope(|scope| {
        let spawned: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    (0..100)
                        .filter(|id| deliveries.is_new(&id.to_string()))
                        .count()
                })
            })
            .collect();
        spawned
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .sum()
    });
    assert_eq!(new, 100, "each of them for one thread only");
    for id in 0..10_000 {
        deliveries.is_new(&format!("{id}-{}", "long".repeat(100)));
    }
    assert_eq!(deliveries.len(), 100);
}

/// Tests the answers of the example program over real sockets.
#[tokio::test]
async fn the_receiver_answers_as_it_should() {
    webhook_receiver::demo().await.unwrap();
}
