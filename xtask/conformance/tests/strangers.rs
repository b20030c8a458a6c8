//! Tests the comparison of another client's requests with the requests of this crate.

use circleci_api::mock::Mock;
use circleci_api_conformance::strangers::client::Client;
use circleci_api_conformance::strangers::sent::{self, Sent};

#[tokio::test]
async fn each_difference_is_found_and_nothing_else() {
    let mock = Mock::start().await;
    let http = circleci_api_tests::plain_http().build().unwrap();
    let api = format!("{}/api/v2", mock.url());
    let id = "5034460f-c7c4-4c43-9457-de07e2029e7b";
    for request in [
        // This crate sends the same request.
        http.get(format!("{api}/pipeline?org-slug=gh%2Facme&mine=true")),
        // This crate does not send the parameter, the key and the header of the first three requests, or the project id of
        // the last one.
        http.get(format!("{api}/pipeline?page-size=5")),
        http.post(format!("{api}/project/gh%2Facme%2Fweb/envvar"))
            .body(r#"{"name":"A","value":"1","scope":"all"}"#),
        http.get(format!("{api}/workflow/{id}"))
            .header("x-other", "1"),
        http.get(format!("{api}/project/{id}")),
    ] {
        let answered = request.header("circle-token", "t").send().await.unwrap();
        assert!(answered.status().is_success(), "{answered:?}");
    }
    let mut theirs = Sent::default();
    theirs.add(Client::PyCircleCi, &mock.received());
    let differences = theirs.compare(&sent::ours().await.unwrap());
    let lines = differences.lines();
    for line in [
        "they send the query parameter page-size",
        "they send the key scope in the body",
        "they send the header x-other",
        "they name a project by its id",
    ] {
        assert!(lines.contains(&line), "{line} is not in {lines:?}");
    }
    assert!(
        !lines.iter().any(|line| line.contains("org-slug")),
        "{lines:?}"
    );
}
