//! The first byte of the input chooses an operation. The rest is the body of the answer. If the call succeeds, its result
//! must be equal after it is serialized and read again.

use super::stage::Stage;
use crate::calls::{self, Call};
use crate::server::answer;

thread_local! {
    static STAGE: (Stage, Vec<Call>) = (Stage::new(), calls::all());
}

pub fn run(bytes: &[u8]) {
    let [choice, body @ ..] = bytes else { return };
    STAGE.with(|(stage, calls)| {
        stage.say(answer(200, body));
        let call = &calls[usize::from(*choice) % calls.len()];
        // The call itself serializes its result and reads it again.
        match stage.run((call.least)(&stage.client)) {
            Ok(read) => drop(read),
            Err(error) => {
                super::assert_presentable(&error);
                assert_eq!(error.status().map(|it| it.as_u16()), Some(200));
            }
        }
    });
}
