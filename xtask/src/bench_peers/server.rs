//! The server that every client calls. It runs in its own process, keeps its responses in memory, and keeps connections
//! open.
//!
//! The responses conform to the document, because not every client can read the real API's responses.

use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::Arc,
};

/// Serves until stdin ends. stdin also ends when the parent process ends.
pub fn serve(out: &mut dyn Write) -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").context("cannot listen on loopback")?;
    writeln!(out, "{}", listener.local_addr()?)?;
    out.flush()?;
    let answers = Arc::new(Answers::new());
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answers = Arc::clone(&answers);
            // If the connection breaks, only this thread ends.
            std::thread::spawn(move || converse(stream, &answers));
        }
    });
    std::io::stdin()
        .read_to_end(&mut Vec::new())
        .context("cannot read stdin")?;
    Ok(())
}

struct Answers {
    project: String,
    created: String,
    workflows: String,
}

impl Answers {
    fn new() -> Self {
        Self {
            project: respond("200 OK", &project()),
            created: respond("201 Created", &created()),
            workflows: respond("200 OK", &workflows()),
        }
    }

    fn to(&self, head: &str) -> &str {
        if head.starts_with("POST ") {
            &self.created
        } else if head.starts_with("GET /api/v2/pipeline/") {
            &self.workflows
        } else {
            &self.project
        }
    }
}

fn converse(mut stream: TcpStream, answers: &Answers) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut request = Vec::new();
    let mut buffer = [0; 8192];
    loop {
        if let Some((head, length)) = complete(&request) {
            let answer = answers.to(&head);
            request.drain(..length);
            stream.write_all(answer.as_bytes())?;
        } else {
            match stream.read(&mut buffer)? {
                0 => return Ok(()),
                read => request.extend(buffer.iter().take(read)),
            }
        }
    }
}

/// Returns the head of the first request, and the length of the whole request with its body. Returns `None` if the request is
/// incomplete.
fn complete(request: &[u8]) -> Option<(String, usize)> {
    let end = request.windows(4).position(|bytes| bytes == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(request.get(..end)?).into_owned();
    let body = head
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, length)| length.trim().parse().ok())
        .unwrap_or(0);
    let length = end.checked_add(4)?.checked_add(body)?;
    (request.len() >= length).then_some((head, length))
}

fn respond(status: &str, body: &Value) -> String {
    let body = body.to_string();
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json;charset=utf-8\r\ndate: Sun, 01 Mar 2026 10:00:00 GMT\r\n\
         x-request-id: 7f2c5bd8-9c4c-4a43-8d55-2a3ef1d3f9a7\r\nx-route: /api/v2\r\n\
         strict-transport-security: max-age=15724800\r\nserver: nginx\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Returns the size in bytes of the page of workflows.
pub fn workflows_length() -> usize {
    workflows().to_string().len()
}

fn id(kind: u32, number: u32) -> String {
    format!("5034460f-{kind:04x}-4c43-9457-{number:012x}")
}

fn project() -> Value {
    json!({
        "slug": "gh/acme/web", "name": "web", "id": id(1, 1), "organization_name": "acme",
        "organization_slug": "gh/acme", "organization_id": id(2, 1),
        "vcs_info": {
            "vcs_url": "https://github.com/acme/web", "provider": "GitHub", "default_branch": "main",
        },
    })
}

fn created() -> Value {
    json!({ "number": 2518, "state": "pending", "id": id(3, 1), "created_at": "2026-03-01T10:00:00.123Z" })
}

/// Returns a page of 1,000 workflows. All of them have ended, because circulo requires `stopped_at`.
fn workflows() -> Value {
    let items: Vec<Value> = (0..1_000).map(workflow).collect();
    json!({ "next_page_token": null, "items": items })
}

fn workflow(number: u32) -> Value {
    let status = match number % 4 {
        0 => "failed",
        1 => "canceled",
        _ => "success",
    };
    let mut workflow = json!({
        "pipeline_id": id(3, 1), "id": id(4, number), "name": format!("build-and-test-{number}"),
        "project_slug": "gh/acme/web", "tag": null, "status": status, "started_by": id(5, number % 7),
        "pipeline_number": 2517, "created_at": time(number), "stopped_at": time(number + 461),
    });
    if status == "canceled" {
        workflow["canceled_by"] = id(5, number % 3).into();
    }
    workflow
}

fn time(second: u32) -> String {
    let (hour, minute, second) = (second / 3600 % 24, second / 60 % 60, second % 60);
    format!("2026-03-01T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_request_is_complete_with_its_body() {
        assert_eq!(complete(b"GET / HTTP/1.1\r\n"), None);
        assert_eq!(
            complete(b"GET /a HTTP/1.1\r\n\r\nGET /b"),
            Some(("GET /a HTTP/1.1".to_owned(), 19))
        );
        let post = b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}";
        let (head, length) = complete(post).expect("a request");
        assert!(head.starts_with("POST "));
        assert_eq!(length, post.len());
        assert_eq!(complete(&post[..post.len() - 1]), None);
        let long = b"POST / HTTP/1.1\r\ncontent-length: 18446744073709551615\r\n\r\n";
        assert_eq!(complete(long), None);
    }

    #[test]
    fn the_answers_are_what_the_document_says() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        let document =
            crate::document::read(&root.join("../openapi/openapi.json")).expect("a document");
        for (path, method, status, answer) in [
            ("/project/{project-slug}", "get", "200", project()),
            ("/project/{project-slug}/pipeline", "post", "201", created()),
            (
                "/pipeline/{pipeline-id}/workflow",
                "get",
                "200",
                workflows(),
            ),
        ] {
            let response = &document["paths"][path][method]["responses"][status];
            let schema = &response["content"]["application/json"]["schema"];
            agrees(&answer, schema, path);
        }
    }

    /// Checks that the response has all keys that the document requires, and no key that the document does not declare.
    fn agrees(answer: &Value, schema: &Value, place: &str) {
        match answer {
            Value::Object(fields) => {
                let known: BTreeSet<&String> = schema["properties"]
                    .as_object()
                    .expect(place)
                    .keys()
                    .collect();
                let got: BTreeSet<&String> = fields.keys().collect();
                assert!(got.is_subset(&known), "{place}: {got:?}");
                for required in schema["required"].as_array().expect(place) {
                    assert!(
                        fields.contains_key(required.as_str().expect(place)),
                        "{required}"
                    );
                }
                for (name, value) in fields {
                    agrees(value, &schema["properties"][name], name);
                }
            }
            Value::Array(items) => items
                .iter()
                .for_each(|item| agrees(item, &schema["items"], place)),
            Value::Null => assert_eq!(schema["x-nullable"], true, "{place}"),
            Value::String(word) => {
                let words = schema["enum"].as_array();
                assert!(
                    words.is_none_or(|words| words.contains(&json!(word))),
                    "{place}: {word}"
                );
            }
            _ => {}
        }
    }

    #[test]
    fn a_connection_stays_open() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        std::thread::spawn(move || {
            let (stream, _) = listener.accept().expect("a client");
            converse(stream, &Answers::new())
        });
        let mut stream = TcpStream::connect(address).expect("a connection");
        for (request, expected) in [
            (
                "GET /api/v2/project/gh/acme/web HTTP/1.1\r\n\r\n",
                "\"organization_slug\"",
            ),
            (
                "POST /api/v2/project/gh/acme/web/pipeline HTTP/1.1\r\ncontent-length: 2\r\n\r\n{}",
                "\"pending\"",
            ),
        ] {
            stream.write_all(request.as_bytes()).expect("sent");
            let mut buffer = vec![0; 4096];
            let read = stream.read(&mut buffer).expect("an answer");
            let answer = String::from_utf8_lossy(&buffer[..read]).into_owned();
            assert!(
                answer.starts_with("HTTP/1.1 20") && answer.contains(expected),
                "{answer}"
            );
        }
    }
}
