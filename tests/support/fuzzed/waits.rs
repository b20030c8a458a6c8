//! The first byte of the input chooses the status. After it, there is one line for each header that can make a client wait.
//! The clock of the stage checks that no wait is longer than the client's retry budget.

use super::stage::Stage;
use crate::server::answer;

const STATUS: [u16; 4] = [200, 429, 503, 500];
const HEADERS: [&str; 5] = [
    "retry-after",
    "ratelimit-reset",
    "x-ratelimit-reset",
    "ratelimit-remaining",
    "ratelimit-limit",
];

thread_local! {
    static STAGE: Stage = Stage::new();
}

pub fn run(bytes: &[u8]) {
    let [choice, lines @ ..] = bytes else {
        return;
    };
    let mut rest = lines;
    let status = STATUS[usize::from(*choice) % STATUS.len()];
    let mut answer = answer(status, "[]");
    for name in HEADERS {
        let (value, next) = super::line(rest);
        rest = next;
        if !value.is_empty() {
            answer = answer.header(name, super::header(value));
        }
    }
    STAGE.with(|stage| {
        stage.say(answer);
        let sent = stage.client.get_collaborations().send_for_response();
        match stage.run(sent) {
            Ok(response) => drop(format!("{:?}", response.rate_limit())),
            Err(error) => {
                super::assert_presentable(&error);
                let _ = error.retry_after();
            }
        }
    });
}
