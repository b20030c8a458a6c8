//! The input describes an error response. Its first byte chooses the status, the first line after this byte is the content
//! type, the next line is the request id, and the rest is the body. The error must always contain the status of the response.

use super::stage::Stage;
use crate::server::answer;

const STATUS: [u16; 12] = [400, 401, 403, 404, 405, 409, 418, 422, 429, 500, 502, 599];

thread_local! {
    static STAGE: Stage = Stage::new();
}

pub fn run(bytes: &[u8]) {
    let [choice, rest @ ..] = bytes else { return };
    let status = STATUS[usize::from(*choice) % STATUS.len()];
    let (content_type, rest) = super::line(rest);
    let (request_id, body) = super::line(rest);
    let answer = answer(status, body)
        .header("content-type", super::header(content_type))
        .header("x-request-id", super::header(request_id));
    STAGE.with(|stage| {
        stage.say(answer);
        let sent = stage.client.get_current_user().send();
        let error = stage.run(sent).expect_err("a failure");
        assert_eq!(error.status().map(|it| it.as_u16()), Some(status));
        super::assert_presentable(&error);
        let excerpt = error.body_excerpt().unwrap_or_default();
        assert!(excerpt.len() < 8 * 1024, "{} bytes", excerpt.len());
    });
}
