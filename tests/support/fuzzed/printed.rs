//! The first byte of the input chooses whether to compress the rest. The rest is the output of a step in the format of API
//! version 1.1.

use circleci_api::v1::StepAction;
use serde_json::json;

use super::stage::Stage;
use crate::server::answer;

thread_local! {
    static STAGE: Stage = Stage::new();
}

pub fn run(bytes: &[u8]) {
    let [choice, output @ ..] = bytes else {
        return;
    };
    let output = super::perhaps_packed(*choice, output);
    STAGE.with(|stage| {
        stage.say(answer(200, output));
        let url = format!("{}/output", stage.server.url());
        let action = json!({ "index": 0, "step": 1, "has_output": true, "output_url": url });
        let action: StepAction = serde_json::from_value(action).expect("an action");
        stage.run(async {
            let mut output = stage.client.step_output(&action).expect("a place");
            loop {
                match output.try_next().await {
                    Ok(Some(part)) => drop(format!("{part:?}")),
                    Ok(None) => break,
                    Err(error) => break super::assert_presentable(&error),
                }
            }
        });
    });
}
