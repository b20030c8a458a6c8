//! Tests of pipeline parameters: the values that the client accepts, and the values that it rejects before it sends a request.

use circleci_api::types::{
    AttributionActor, ContinuePipelineRequest, CreateScheduleRequest, Timetable,
    TriggerPipelineRequest, TriggerPipelineRunRequest,
};
use circleci_api::{
    ErrorKind, ParameterError, ParameterValue, PipelineParameters, params, serde_json,
};
use serde_json::json;

use crate::server::{Server, answer};

#[test]
fn types_are_kept() {
    let environment = String::from("staging");
    let parameters = params! {
        "environment" => environment,
        "deploy" => true,
        "retries" => 2,
        "build" => i64::MAX,
        "looks-like-one" => "true",
    }
    .unwrap();
    let request = TriggerPipelineRunRequest::new().parameters(parameters.clone());
    assert_eq!(
        serde_json::to_value(&request).unwrap()["parameters"],
        json!({
            "build": i64::MAX, "deploy": true, "environment": "staging", "looks-like-one": "true", "retries": 2,
        })
    );
    // The parameters are sorted by name.
    let names: Vec<&str> = parameters.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "build",
            "deploy",
            "environment",
            "looks-like-one",
            "retries"
        ]
    );
    assert_eq!(
        parameters.get("deploy"),
        Some(&ParameterValue::Boolean(true))
    );
    assert!(params! {}.unwrap().is_empty());
    let twice = params! { "a" => 1, "a" => 2 }.unwrap();
    assert_eq!(
        (twice.len(), twice.get("a").unwrap().as_i64()),
        (1, Some(2))
    );
}

#[test]
fn every_request_with_parameters_takes_them() {
    let parameters = params! { "deploy" => true }.unwrap();
    let _ = TriggerPipelineRequest::new().parameters(parameters.clone());
    let _ = TriggerPipelineRunRequest::new().parameters(parameters.clone());
    let _ = ContinuePipelineRequest::new("key", "version: 2.1").parameters(parameters.clone());
    let _ = |when: Timetable, who: AttributionActor| {
        CreateScheduleRequest::new("nightly", when, who, parameters)
    };
}

#[test]
fn limits_are_of_characters_and_of_both_sides() {
    let fits = |name: &str, value: &str| PipelineParameters::new().with(name, value).map(drop);
    let long_name = "ä".repeat(129);
    assert_eq!(fits(&"ä".repeat(128), &"é".repeat(512)), Ok(()));
    assert_eq!(
        fits(&long_name, "v"),
        Err(ParameterError::Name(long_name.clone()))
    );
    assert_eq!(fits("", "v"), Err(ParameterError::Name(String::new())));
    assert_eq!(
        fits("token", &"é".repeat(513)),
        Err(ParameterError::Value("token".into()))
    );
    // The client rejects all other kinds of JSON values.
    for other in [
        json!(1.5),
        json!([1]),
        json!({}),
        json!(null),
        json!(u64::MAX),
    ] {
        assert_eq!(
            params! { "odd" => other },
            Err(ParameterError::Kind("odd".into()))
        );
    }

    let mut hundred = PipelineParameters::new();
    for number in 0..100 {
        hundred = hundred.with(format!("p{number}"), number).unwrap();
    }
    assert_eq!(hundred.len(), 100);
    assert!(hundred.clone().with("p7", "again").is_ok());
    assert_eq!(
        hundred.with("p100", 100),
        Err(ParameterError::TooMany("p100".into()))
    );
}

#[test]
fn an_error_shows_no_value() {
    let secret = "s3cr3t".repeat(100);
    let error = params! { "token" => secret }.unwrap_err();
    assert_eq!(
        error.to_string(),
        r#"the value of parameter "token" has more than 512 characters"#
    );
    assert!(!format!("{error:?}").contains("s3cr3t"));
}

#[tokio::test]
async fn nothing_is_sent_with_one_that_does_not_fit() {
    let server = Server::start(|_, _| answer(201, "{}").into()).await;
    let client = server.client();
    let trigger = async {
        let parameters = params! { "" => true }?;
        let request = TriggerPipelineRequest::new().parameters(parameters);
        let trigger = client.trigger_pipeline("gh/acme/web").body(request);
        trigger.send().await
    };
    let error: circleci_api::Error = trigger.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert_eq!(
        error.to_string(),
        "invalid argument: a parameter has no name"
    );
    assert_eq!(server.count(), 0);
}
