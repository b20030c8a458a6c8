//! Tests that the client sends the token only to the configured origin, and never prints it.

use std::sync::Arc;

use crate::server::{Act, Ending, Server, TOKEN, answer};
use circleci_api::{Client, ClientBuilder, Environment, Error, ErrorKind, Scheme, Token, reqwest};
use tokio_rustls::rustls;

const ID: &str = "5034460f-c7c4-4c43-9457-de07e2029e7b";

fn redirect(status: u16, location: impl ToString) -> Act {
    answer(status, "moved").header("location", location).into()
}

fn ok() -> Act {
    answer(200, r#"{"items":[],"next_page_token":null}"#).into()
}

#[tokio::test]
async fn each_scheme_is_one_header() {
    for (scheme, name, value) in [
        (Scheme::CircleToken, "circle-token", TOKEN.to_owned()),
        (Scheme::Bearer, "authorization", format!("Bearer {TOKEN}")),
        (
            Scheme::Basic,
            "authorization",
            "Basic Q0NJUEFUX3MzY3IzdC10MGtlbjo=".to_owned(),
        ),
    ] {
        let server = Server::start(|_, _| ok()).await;
        let client = server.builder().0.scheme(scheme).build().unwrap();
        client.list_pipelines().send().await.unwrap();
        let seen = server.seen().remove(0);
        assert_eq!(seen.header(name), Some(value.as_str()));
        let other = if name == "circle-token" {
            "authorization"
        } else {
            "circle-token"
        };
        assert_eq!(seen.header(other), None);
        assert!(!seen.target.contains("token"), "{}", seen.target);
        assert_eq!(seen.header("api-version"), None);
        assert_eq!(seen.header("accept"), Some("application/json"));
    }
}

#[tokio::test]
async fn the_user_agent_names_the_crate_and_then_the_caller() {
    let server = Server::start(|_, _| ok()).await;
    let crate_name = format!("circleci-api/{}", env!("CARGO_PKG_VERSION"));
    server.client().list_pipelines().send().await.unwrap();
    let client = server
        .builder()
        .0
        .user_agent("bot/1.2 (ops)")
        .build()
        .unwrap();
    client.list_pipelines().send().await.unwrap();
    let seen = server.seen();
    assert_eq!(seen[0].header("user-agent"), Some(crate_name.as_str()));
    assert_eq!(
        seen[1].header("user-agent"),
        Some(format!("{crate_name} bot/1.2 (ops)").as_str())
    );
    let bad = Client::builder().token("t").user_agent("a\r\nb: c").build();
    assert_eq!(bad.unwrap_err().kind(), ErrorKind::Configuration);
}

#[tokio::test]
async fn a_redirect_to_another_origin_is_an_error_and_never_carries_the_token() {
    for status in [301, 302, 303, 307, 308] {
        for scheme in [Scheme::CircleToken, Scheme::Bearer, Scheme::Basic] {
            let thief = Server::start(|_, _| ok()).await;
            let other_host = Server::start_on("127.0.0.2", |_, _| ok()).await;
            for (location, origin) in [
                // The target has another port.
                (format!("{}/api/v2/pipeline", thief.url()), thief.url()),
                (format!("//{}/api/v2/pipeline", thief.address), thief.url()),
                (
                    format!("http://localhost:{}/", thief.address.port()),
                    format!("http://localhost:{}", thief.address.port()),
                ),
                (
                    format!("http://user:{TOKEN}@{}/", thief.address),
                    thief.url(),
                ),
                // The target has another host.
                (format!("{}/?{TOKEN}", other_host.url()), other_host.url()),
                // The target has another scheme.
                (
                    format!("https://{}/", thief.address),
                    format!("https://{}", thief.address),
                ),
            ] {
                let server = Server::start(move |_, _| redirect(status, &location)).await;
                let client = server.builder().0.scheme(scheme).build().unwrap();
                for error in [
                    client.list_pipelines().send().await.unwrap_err(),
                    client.delete_otel_exporter(ID).send().await.unwrap_err(),
                    client.cancel_workflow(ID).send().await.unwrap_err(),
                ] {
                    assert_eq!(error.kind(), ErrorKind::Redirect);
                    assert_eq!(error.status().unwrap().as_u16(), status);
                    assert_eq!(error.attempts(), 1);
                    let line = error.to_string();
                    assert!(
                        line.contains(&format!(
                            " to {origin}, and the client must not send the token there"
                        )),
                        "{line}"
                    );
                    assert_no_secret(&error);
                }
                assert_eq!(
                    (server.count(), thief.count(), other_host.count()),
                    (3, 0, 0)
                );
            }
        }
    }
}

#[tokio::test]
async fn a_redirect_at_home_is_followed_for_get_only_and_not_for_ever() {
    for status in [301, 302, 303, 307, 308] {
        let server = Server::start(move |_, seen| match seen.target.as_str() {
            "/api/v2/pipeline" => redirect(status, "/elsewhere?x=1"),
            "/elsewhere?x=1" => redirect(status, "there"),
            "/there" => ok(),
            _ => redirect(status, "/there"),
        })
        .await;
        let client = server.client();
        client.list_pipelines().send().await.unwrap();
        let seen = server.seen();
        assert_eq!(seen.len(), 3);
        assert!(
            seen.iter()
                .all(|seen| seen.header("circle-token") == Some(TOKEN))
        );
        for error in [
            client.cancel_workflow(ID).send().await.unwrap_err(),
            client.delete_otel_exporter(ID).send().await.unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::Redirect, "{error}");
        }
        assert_eq!(server.count(), 5);
    }
    let round = Server::start(|_, seen| redirect(302, &seen.target)).await;
    let error = round.client().list_pipelines().send().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Redirect);
    assert_eq!(
        error.to_string(),
        "listPipelines: redirect not followed: more than 5 redirects in a row"
    );
    assert_eq!(round.count(), 6);
}

fn tls() -> (tokio_rustls::TlsAcceptor, reqwest::Certificate) {
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(
        rustls::crypto::ring::default_provider(),
    ))
    .with_safe_default_protocol_versions()
    .unwrap()
    .with_no_client_auth()
    .with_single_cert(vec![made.cert.der().clone()], key)
    .unwrap();
    let root = reqwest::Certificate::from_der(made.cert.der()).unwrap();
    (Arc::new(config).into(), root)
}

#[tokio::test]
async fn from_https_nothing_leads_to_plain_http() {
    let thief = Server::start(|_, _| ok()).await;
    let (acceptor, root) = tls();
    let location = format!("{}/api/v2/pipeline", thief.url());
    let server = Server::start_tls(acceptor, move |index, seen| {
        if index == 0 {
            redirect(307, &location)
        } else {
            // The target has the same host and port, but another scheme.
            redirect(302, format!("http://{}/x", seen.header("host").unwrap()))
        }
    })
    .await;
    let http = reqwest::Client::builder()
        .tls_certs_merge([root])
        .no_proxy();
    let (builder, _) = server.builder();
    let client = builder
        .host(format!("https://{}", server.address))
        .http(http)
        .build()
        .unwrap();
    for _ in 0..2 {
        let error = client.list_pipelines().send().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Redirect, "{error}");
        assert!(
            error.to_string().contains(" to http://127.0.0.1:"),
            "{error}"
        );
    }
    assert_eq!((server.count(), thief.count()), (2, 0));
}

#[tokio::test]
async fn an_unknown_certificate_gets_no_token_and_no_second_try() {
    let (acceptor, _) = tls();
    let server = Server::start_tls(acceptor, |_, _| ok()).await;
    let (builder, waits) = server.builder();
    let client = builder
        .host(format!("https://{}", server.address))
        // The test does not use the CA certificates of the machine, because there may be none.
        .http(reqwest::Client::builder().tls_certs_only([]).no_proxy())
        .build()
        .unwrap();
    let error = client.list_pipelines().send().await.unwrap_err();
    assert_eq!(
        (error.kind(), error.attempts(), error.is_transient()),
        (ErrorKind::Connect, 1, false),
        "{error}"
    );
    assert_eq!((server.count(), waits.all().len()), (0, 0));
}

#[tokio::test]
async fn a_callers_own_http_client_cannot_leak_the_token() {
    let thief = Server::start(|_, _| ok()).await;
    let location = thief.url();
    let server = Server::start(move |_, _| redirect(302, &location)).await;
    let mut headers = reqwest::header::HeaderMap::new();
    headers.insert("circle-token", "another".parse().unwrap());
    headers.insert("x-theirs", "kept".parse().unwrap());
    let http = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::limited(10))
        .user_agent("theirs")
        .default_headers(headers)
        .no_proxy();
    let client = server.builder().0.http(http).build().unwrap();
    let error = client.list_pipelines().send().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Redirect);
    assert_eq!(thief.count(), 0);
    let seen = server.seen().remove(0);
    assert_eq!(seen.header("circle-token"), Some(TOKEN));
    assert_eq!(seen.header("x-theirs"), Some("kept"));
    assert!(
        seen.header("user-agent")
            .unwrap()
            .starts_with("circleci-api/")
    );
}

fn assert_no_secret(error: &Error) {
    let mut said = format!("{error} {error:?} {error:#?}");
    let mut source: Option<&dyn std::error::Error> = std::error::Error::source(error);
    while let Some(error) = source {
        said += &format!("{error} {error:?}");
        source = error.source();
    }
    said += error.body_excerpt().unwrap_or_default();
    for secret in [TOKEN, "Q0NJUEFUX3MzY3IzdC10MGtlbjo="] {
        assert!(!said.contains(secret), "{said}");
    }
}

#[tokio::test]
async fn nothing_that_is_printed_shows_the_token() {
    for scheme in [Scheme::CircleToken, Scheme::Bearer, Scheme::Basic] {
        // The server repeats the token and a header of the request in its answers.
        let server = Server::start(|index, seen| {
            let sent = format!("bad credential {} {TOKEN}", seen.headers[0].1);
            match index {
                0 => answer(401, sent).header("x-request-id", TOKEN),
                1 => answer(400, format!(r#"{{"message":"{{\"error\":\"{sent}\"}}"}}"#)),
                2 => answer(200, format!(r#"{{"items":"{sent}"}}"#)),
                _ => answer(200, sent),
            }
            .into()
        })
        .await;
        let (builder, _) = server.builder();
        let builder = builder.scheme(scheme);
        assert!(!format!("{builder:?} {builder:#?}").contains(TOKEN));
        let client = builder.build().unwrap();
        let call = client.list_pipelines().org_slug("gh/acme");
        let printed = format!(
            "{client:?} {call:?} {:?} {:?}",
            call.clone().items(),
            call.clone().send()
        );
        assert!(printed.contains("[redacted]"));
        assert!(!printed.contains(TOKEN), "{printed}");
        for _ in 0..4 {
            let error = call.clone().send().await.unwrap_err();
            assert_no_secret(&error);
            assert!(
                error.to_string().contains("[redacted]") || error.kind() == ErrorKind::Decode,
                "{error}"
            );
        }
    }
    let refused = Client::builder()
        .host(format!("http://{}", crate::server::refused().await))
        .token(TOKEN)
        .no_retries()
        .build()
        .unwrap();
    assert_no_secret(&refused.list_pipelines().send().await.unwrap_err());
    assert_eq!(format!("{:?}", Token::from(TOKEN)), "Token([redacted])");
}

#[tokio::test]
async fn a_body_with_a_secret_is_not_printed_either() {
    let client = Client::builder().token(TOKEN).build().unwrap();
    let body: circleci_api::types::CreateContextRequest = circleci_api::serde_json::from_value(
        circleci_api::serde_json::json!({ "name": "hunter2", "owner": { "id": ID, "type": "organization" } }),
    )
    .unwrap();
    assert!(!format!("{:?}", client.create_context(body)).contains("hunter2"));
}

/// A case: the environment variables, the explicit settings, and the expected client.
struct Case {
    variables: &'static [(&'static str, &'static str)],
    file: Option<&'static str>,
    explicit: fn(ClientBuilder) -> ClientBuilder,
    /// The token and the base URL that the client uses, or the beginning of the error.
    expected: Result<(&'static str, &'static str), &'static str>,
}

#[tokio::test]
async fn surroundings_fill_in_what_was_not_said() {
    const CLOUD: &str = "https://circleci.com/api/v2";
    let nothing: fn(ClientBuilder) -> ClientBuilder = |builder| builder;
    let cases = [
        Case {
            variables: &[("CIRCLE_TOKEN", "a")],
            file: None,
            explicit: nothing,
            expected: Ok(("a", CLOUD)),
        },
        Case {
            variables: &[("CIRCLECI_CLI_TOKEN", "b")],
            file: None,
            explicit: nothing,
            expected: Ok(("b", CLOUD)),
        },
        Case {
            variables: &[("CIRCLECI_TOKEN", "c")],
            file: None,
            explicit: nothing,
            expected: Ok(("c", CLOUD)),
        },
        Case {
            variables: &[
                ("CIRCLECI_TOKEN", "c"),
                ("CIRCLECI_CLI_TOKEN", "b"),
                ("CIRCLE_TOKEN", "a"),
            ],
            file: Some("token: d"),
            explicit: nothing,
            expected: Ok(("a", CLOUD)),
        },
        Case {
            variables: &[
                ("CIRCLE_TOKEN", " "),
                ("CIRCLECI_CLI_TOKEN", ""),
                ("CIRCLECI_TOKEN", "c\n"),
            ],
            file: None,
            explicit: nothing,
            expected: Ok(("c", CLOUD)),
        },
        Case {
            variables: &[
                ("CIRCLE_TOKEN", "a"),
                ("CIRCLE_HOST", "https://ci.example.com/api/v2/"),
                ("CIRCLECI_CLI_HOST", "x"),
            ],
            file: None,
            explicit: nothing,
            expected: Ok(("a", "https://ci.example.com/api/v2")),
        },
        Case {
            variables: &[
                ("CIRCLE_TOKEN", "a"),
                ("CIRCLECI_CLI_HOST", "ci.example.com"),
            ],
            file: Some("host: https://other.example.com"),
            explicit: nothing,
            expected: Ok(("a", "https://ci.example.com/api/v2")),
        },
        Case {
            variables: &[],
            file: Some(
                "host: https://ci.example.com\nendpoint: graphql-unstable\ntoken: d\nrest_endpoint: api/v2\n",
            ),
            explicit: nothing,
            expected: Ok(("d", "https://ci.example.com/api/v2")),
        },
        Case {
            variables: &[("CIRCLE_TOKEN", "a"), ("CIRCLE_HOST", "env.example.com")],
            file: Some("host: file.example.com\ntoken: d"),
            explicit: |builder| builder.token("explicit"),
            expected: Ok(("explicit", "https://env.example.com/api/v2")),
        },
        Case {
            variables: &[("CIRCLE_TOKEN", "a"), ("CIRCLE_HOST", "env.example.com")],
            file: None,
            explicit: |builder| builder.host("explicit.example.com"),
            expected: Ok(("a", "https://explicit.example.com/api/v2")),
        },
        Case {
            variables: &[
                ("CIRCLE_HOST", "http://env.example.com"),
                ("CIRCLE_TOKEN", "a\nb"),
            ],
            file: None,
            explicit: |builder| builder.token("explicit").host("explicit.example.com"),
            expected: Ok(("explicit", "https://explicit.example.com/api/v2")),
        },
        Case {
            variables: &[],
            file: None,
            explicit: nothing,
            expected: Err("cannot set up the client: no token"),
        },
        Case {
            variables: &[],
            file: Some("host: x"),
            explicit: nothing,
            expected: Err("cannot set up the client: no token"),
        },
        Case {
            variables: &[
                ("CIRCLE_TOKEN", "a"),
                ("CIRCLE_HOST", "http://env.example.com"),
            ],
            file: None,
            explicit: nothing,
            expected: Err("cannot set up the client: plain http to http://env.example.com"),
        },
        Case {
            variables: &[("CIRCLE_TOKEN", "a\nb")],
            file: None,
            explicit: nothing,
            expected: Err("cannot set up the client: the token is not a valid header value"),
        },
        Case {
            variables: &[("CIRCLE_TOKEN", "a")],
            file: None,
            explicit: |builder| builder.token(""),
            expected: Err("cannot set up the client: the token is empty"),
        },
    ];
    for (index, case) in cases.iter().enumerate() {
        let home =
            std::env::temp_dir().join(format!("circleci-api-{}-{index}", std::process::id()));
        if let Some(file) = case.file {
            std::fs::create_dir_all(home.join(".circleci")).unwrap();
            std::fs::write(home.join(".circleci/cli.yml"), file).unwrap();
        }
        let variables = case.variables;
        let at = home.to_str().unwrap().to_owned();
        let environment = Environment::from_fn(move |name| {
            if name == "HOME" {
                return Some(at.clone());
            }
            let (_, value) = variables.iter().find(|(known, _)| *known == name)?;
            Some((*value).to_owned())
        });
        // An explicit setting takes precedence over the environment, in either order of the calls.
        let before = (case.explicit)(Client::builder())
            .or_from(&environment)
            .build();
        let after = (case.explicit)(Client::builder().or_from(&environment)).build();
        for result in [before, after] {
            match (result, case.expected) {
                (Ok(client), Ok((_, url))) => assert_eq!(client.base_url(), url, "case {index}"),
                (Err(error), Err(start)) => {
                    assert_eq!(error.kind(), ErrorKind::Configuration);
                    assert!(
                        error.to_string().starts_with(start),
                        "case {index}: {error}"
                    );
                }
                (result, _) => panic!("case {index}: {result:?}"),
            }
        }
        // The token is visible only in a request, so the test sends one.
        if let Ok((token, _)) = case.expected {
            let server = Server::start(|_, _| ok()).await;
            let builder = (case.explicit)(Client::builder())
                .or_from(&environment)
                .host(server.url());
            builder
                .build()
                .unwrap()
                .list_pipelines()
                .send()
                .await
                .unwrap();
            assert_eq!(
                server.seen()[0].header("circle-token"),
                Some(token),
                "case {index}"
            );
        }
        let _ = std::fs::remove_dir_all(home);
    }
}

#[tokio::test]
async fn plain_http_is_for_this_machine_or_for_those_who_insist() {
    for host in [
        "http://circleci.com",
        "http://10.1.2.3:8080",
        "http://localhost.example.com",
        "HTTP://circleci.com",
    ] {
        let error = Client::builder()
            .token(TOKEN)
            .host(host)
            .build()
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        Client::builder()
            .token(TOKEN)
            .host(host)
            .allow_plain_http(true)
            .build()
            .unwrap();
    }
    for host in ["http://localhost:1", "http://127.0.0.1:1", "http://[::1]:1"] {
        Client::builder().token(TOKEN).host(host).build().unwrap();
    }
}

/// The client removes the token from a text before it cuts the text. In a text that is already cut, the client would not
/// recognize a token of which a part is missing.
#[tokio::test]
async fn a_token_is_taken_out_before_a_text_is_cut() {
    let often = format!("{TOKEN} ").repeat(3500);
    for (status, body) in [
        (200, often.clone()),
        (500, often.clone()),
        (400, format!("[\"{often}")),
    ] {
        for shift in (0..TOKEN.len()).step_by(3) {
            let body = format!("{}{body}", "x".repeat(shift));
            let server = Server::start(move |_, _| answer(status, body.clone()).into()).await;
            let client = server.builder().0.no_retries().build().unwrap();
            let error = client.list_pipelines().send().await.unwrap_err();
            assert_no_secret(&error);
            let said = format!("{error:#?}{}", error.body_excerpt().unwrap());
            // The output may contain no part of the token except the prefix that all tokens share.
            assert!(!said.contains(&TOKEN[..8]), "{status}, {shift}: {said}");
        }
    }
}

/// The server breaks the connection in the middle of the token.
#[tokio::test]
async fn a_part_of_a_token_at_the_end_of_a_broken_text_is_taken_out() {
    for body in [
        format!("no such token {TOKEN}"),
        format!("<html><title>{TOKEN}"),
    ] {
        for end in (body.len() - TOKEN.len() + 8..body.len()).step_by(3) {
            let broken = answer(500, body.clone()).ending(Ending::CutAt(end));
            let server = Server::start(move |_, _| broken.clone().into()).await;
            let client = server.builder().0.no_retries().build().unwrap();
            let error = client.list_pipelines().send().await.unwrap_err();
            let said = format!("{error} {error:#?} {:?}", error.body_excerpt());
            assert_eq!(error.status().unwrap(), 500);
            assert!(!said.contains(&TOKEN[..8]), "{end}: {said}");
        }
    }
}

#[tokio::test]
async fn a_long_id_of_a_request_is_cut_after_the_token_is_taken_out() {
    let id = format!("{}{TOKEN}", "i".repeat(115));
    let mut echoing = answer(404, "{}");
    echoing.headers = vec![("x-request-id".into(), id)];
    let server = Server::start(move |_, _| echoing.clone().into()).await;
    let error = server.client().list_pipelines().send().await.unwrap_err();
    assert!(error.request_id().unwrap().starts_with("iii"));
    assert!(!format!("{error:#?}").contains("CCIPAT"), "{error:#?}");
}

#[tokio::test]
async fn an_item_that_does_not_decode_does_not_print_the_token() {
    let body =
        format!(r#"{{"items":[{{"id":"{ID}","number":"{TOKEN}"}}],"next_page_token":null}}"#);
    let server = Server::start(move |_, _| answer(200, body.clone()).into()).await;
    let client = server.client();
    let page: circleci_api::Tolerant<circleci_api::types::PipelineList> =
        client.list_pipelines().send_as().await.unwrap();
    let items = client
        .list_pipelines()
        .tolerant_items()
        .into_vec()
        .await
        .unwrap();
    for bad in page.items.iter().chain(&items) {
        let bad = bad.as_ref().unwrap_err();
        let source = std::error::Error::source(bad).unwrap();
        let said = format!("{bad} {bad:?} {bad:#?} {source} {source:?}");
        assert!(
            said.contains("[redacted]") && !said.contains(TOKEN),
            "{said}"
        );
        assert!(bad.json().contains(TOKEN), "the item itself is as it came");
    }
}

#[tokio::test]
async fn an_answer_does_not_print_the_token_from_its_headers() {
    let server = Server::start(|_, _| ok_with_echo()).await;
    let response = server
        .client()
        .list_contexts()
        .send_for_response()
        .await
        .unwrap();
    assert!(!format!("{response:?}").contains(TOKEN), "{response:?}");
    assert_eq!(response.headers()["x-echo"], TOKEN);
}

fn ok_with_echo() -> Act {
    answer(200, r#"{"items":[]}"#)
        .header("x-echo", TOKEN)
        .into()
}

#[test]
fn a_token_or_host_that_is_a_mistake_is_refused_and_explained() {
    for (text, word) in [
        ("\"CCIPAT_xyz\"", "quotes"),
        ("null", "missing value"),
        ("undefined", "missing value"),
        ("***", "masked"),
        ("${CIRCLE_TOKEN}", "variable"),
        ("xxxx1a2b", "masked"),
    ] {
        for builder in [
            Client::builder().token(text),
            Client::builder().token("t").host(text),
            Client::builder().or_from(&Environment::from_fn(move |name| {
                (name == "CIRCLE_TOKEN").then(|| text.to_owned())
            })),
            Client::builder()
                .token("t")
                .or_from(&Environment::from_fn(move |name| {
                    (name == "CIRCLE_HOST").then(|| text.to_owned())
                })),
        ] {
            let error = builder.build().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Configuration);
            assert!(error.to_string().contains(word), "{text}: {error}");
            assert!(!error.to_string().contains(text), "{text}: {error}");
        }
    }
}
