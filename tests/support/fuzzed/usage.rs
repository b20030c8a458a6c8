//! The first byte of the input chooses whether to compress the rest. The rest is the only part of a usage export. The client
//! reads the export as rows and as CSV.

use super::stage::Stage;
use crate::server::answer;

const ID: &str = "5034460f-c7c4-4c43-9457-de07e2029e7b";

thread_local! {
    static STAGE: Stage = Stage::new();
}

pub fn run(bytes: &[u8]) {
    let [choice, part @ ..] = bytes else { return };
    let part = super::perhaps_packed(*choice, part);
    STAGE.with(|stage| {
        let state = format!(
            r#"{{"usage_export_job_id":"{ID}","state":"completed","download_urls":["{}/part"]}}"#,
            stage.server.url()
        );
        stage.play(move |seen| {
            Some(match seen.target.as_str() {
                "/part" => answer(200, part.clone()),
                _ => answer(200, state.clone()),
            })
        });
        let job = || [ID.parse().expect("an id")];
        let export = || {
            stage
                .client
                .resume_usage_export(ID, job())
                .max_bytes(1 << 24)
        };
        stage.run(async {
            let mut rows = export().rows().expect("a request");
            loop {
                match rows.try_next().await {
                    Ok(Some(row)) => {
                        drop(format!("{row:?}"));
                        assert!(row.iter().count() > 0);
                    }
                    Ok(None) => break,
                    Err(error) => break super::assert_presentable(&error),
                }
            }
            let mut csv = export().csv().expect("a request");
            loop {
                match csv.try_next().await {
                    Ok(Some(_)) => {}
                    Ok(None) => break,
                    Err(error) => break super::assert_presentable(&error),
                }
            }
        });
    });
}
