//! A daemon that checks many projects once a minute, and reports each new pipeline once.
//!
//! ```text
//! CIRCLE_TOKEN=… cargo run -p circleci-api-services --bin watch -- state.json gh/acme/web gh/acme/docs …
//! ```
//!
//! - All calls share one [`Pacing`], so that even with fifty projects the daemon stays below the rate limit.
//! - Every line of the log contains the project. The span `circleci` also contains the id of the request.
//! - The daemon saves its progress in a file after each project, so that it can continue from there after a restart. An
//!   interrupted list continues at the saved page token. If the token has expired, CircleCI answers 400. Then the daemon reads
//!   the list from the beginning, but skips the pipelines that it has already reported.
//! - Ctrl-C ends the daemon as soon as the current round is complete.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Duration;

use circleci_api::http::StatusCode;
use circleci_api::types::Pipeline;
use circleci_api::{Client, Many, Pacing};
use serde_json::{Value, json};
use tracing::{Instrument, info, info_span, warn};

const EVERY: Duration = Duration::from_secs(60);
/// The number of pages that are read for a new project. The pipelines on later pages are old and are not reported.
const FIRST_PAGES: usize = 1;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::INFO)
        .init();
    let mut arguments = std::env::args().skip(1);
    let file = arguments
        .next()
        .ok_or("usage: watch STATE.json PROJECT-SLUG…")?;
    let circleci = Client::builder()
        .or_from(&circleci_api::Environment::process())
        .pacing(Pacing::per_minute(120))
        .build()?;
    let mut watch = Watch::load(circleci, PathBuf::from(file), arguments)?;
    let mut clock = tokio::time::interval(EVERY);
    let stop = tokio::signal::ctrl_c();
    tokio::pin!(stop);
    loop {
        tokio::select! {
            biased;
            stopped = &mut stop => return Ok(stopped?),
            _ = clock.tick() => {}
        }
        // A round that has started is finished, so that nothing is reported twice or lost.
        watch.round().await?;
    }
}

/// How far the pipelines of a project have been read and reported.
#[derive(Clone, Debug, Default, PartialEq)]
struct Place {
    /// The highest pipeline number that counts as reported. Pipelines with this number or a lower one are not reported again.
    told: i64,
    /// The state of the list of pipelines, if reading it was interrupted.
    left: Option<Left>,
}

/// The state of an interrupted list. The pipelines whose numbers are in `ranges` (each `(first, last)`, inclusive) were already
/// reported. `token` is the token of the next page to read.
#[derive(Clone, Debug, Default, PartialEq)]
struct Left {
    ranges: Vec<(i64, i64)>,
    token: Option<String>,
}

impl Left {
    fn has(&self, number: i64) -> bool {
        let mut ranges = self.ranges.iter();
        ranges.any(|(first, last)| (*first..=*last).contains(&number))
    }

    fn add(&mut self, number: i64) {
        match self
            .ranges
            .iter_mut()
            .find(|(first, _)| *first - 1 == number)
        {
            Some((first, _)) => *first = number,
            None => self.ranges.push((number, number)),
        }
    }
}

struct Watch {
    circleci: Client,
    file: PathBuf,
    places: BTreeMap<String, Place>,
}

impl Watch {
    fn load(
        circleci: Client,
        file: PathBuf,
        projects: impl Iterator<Item = String>,
    ) -> Result<Self, Box<dyn Error>> {
        let kept: Value = match std::fs::read(&file) {
            Ok(bytes) => serde_json::from_slice(&bytes)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Value::Null,
            Err(error) => return Err(error.into()),
        };
        let place = |project: String| {
            let place = Place::read(&kept[&project]);
            (project, place)
        };
        Ok(Self {
            places: projects.map(place).collect(),
            circleci,
            file,
        })
    }

    /// Checks each project once, several projects at the same time.
    async fn round(&mut self) -> Result<(), Box<dyn Error>> {
        let circleci = &self.circleci;
        let looks = self.places.clone().into_iter().map(|(project, mut place)| {
            let span = info_span!("watch", %project);
            let look = async move {
                if let Err(error) = look(circleci, &project, &mut place, tell).await {
                    warn!(%error, "reading the pipelines failed; the next round continues from this place");
                }
                (project, place)
            };
            look.instrument(span)
        });
        let mut looks = Many::new(looks).at_once(4).unordered();
        while let Some((project, place)) = looks.next().await {
            self.places.insert(project, place);
            save(&self.file, &self.places)?;
        }
        Ok(())
    }
}

fn tell(pipeline: &Pipeline) {
    let state = pipeline.state.as_ref().map(|state| state.as_str());
    info!(number = pipeline.number, state, "new pipeline");
}

/// Passes each new pipeline of a project to `tell`, and records the progress in `place`.
async fn look(
    circleci: &Client,
    project: &str,
    place: &mut Place,
    mut tell: impl FnMut(&Pipeline),
) -> Result<(), circleci_api::Error> {
    let list = circleci.list_pipelines_for_project(project);
    let kept = place.left.as_ref().and_then(|left| left.token.clone());
    let mut resumed = kept.is_some();
    let mut pages = list.clone().pages();
    if let Some(token) = kept {
        pages = pages.resume_from(token);
    }
    let mut read = 0;
    loop {
        let page = match pages.try_next().await {
            // The saved token has expired, so read the list from the beginning.
            Err(error) if resumed && error.status() == Some(StatusCode::BAD_REQUEST) => {
                info!("the saved page token has expired; starting again");
                (pages, resumed) = (list.clone().pages(), false);
                continue;
            }
            page => page?,
        };
        let Some(page) = page else { break };
        resumed = false;
        read += 1;
        let mut end = false;
        for pipeline in &page.items {
            let number = pipeline.number;
            end |= number <= place.told;
            let left = place.left.get_or_insert_default();
            if !end && !left.has(number) {
                tell(pipeline);
                left.add(number);
            }
        }
        if end || (place.told == 0 && read >= FIRST_PAGES) {
            break;
        }
        if let Some(left) = &mut place.left {
            left.token = pages.continuation().map(str::to_owned);
        }
    }
    if let Some(left) = place.left.take() {
        let newest = left.ranges.iter().map(|(_, last)| *last).max();
        place.told = place.told.max(newest.unwrap_or(0));
    }
    Ok(())
}

impl Place {
    fn read(kept: &Value) -> Self {
        let number = |value: &Value| value.as_i64().unwrap_or(0);
        let left = &kept["left"];
        let ranges = left["ranges"].as_array().into_iter().flatten();
        Self {
            told: number(&kept["told"]),
            left: left.is_object().then(|| Left {
                ranges: ranges.map(|it| (number(&it[0]), number(&it[1]))).collect(),
                token: left["token"].as_str().map(str::to_owned),
            }),
        }
    }

    fn json(&self) -> Value {
        let left = self.left.as_ref();
        let left = left.map(|it| json!({ "ranges": it.ranges, "token": it.token }));
        json!({ "told": self.told, "left": left })
    }
}

/// Saves either everything or nothing: if the program is killed while it saves, the old file remains.
fn save(file: &Path, places: &BTreeMap<String, Place>) -> std::io::Result<()> {
    let state: Value = places
        .iter()
        .map(|(project, place)| (project.clone(), place.json()))
        .collect();
    let draft = file.with_extension("new");
    std::fs::write(&draft, state.to_string())?;
    std::fs::rename(draft, file)
}

#[cfg(test)]
mod tests {
    use circleci_api::mock::Mock;
    use circleci_api::operations::ListPipelinesForProject;

    use super::*;

    /// Serves pages of three pipelines each, from number `newest` down to 1. The token of a page is the number of its first
    /// pipeline. A request for the page with the token `broken` is refused.
    fn serve(mock: &Mock, newest: i64, broken: Option<i64>) {
        mock.on::<ListPipelinesForProject>().reply_by(move |request| {
            let from: i64 = request.query("page-token").map_or(newest, |token| token.parse().unwrap());
            if Some(from) == broken {
                return Err(circleci_api::mock::Refusal::new(400, "Invalid page token"));
            }
            let item = |number: i64| json!({ "id": format!("00000000-0000-4000-8000-{number:012}"), "number": number });
            let items: Vec<_> = (1..=from).rev().take(3).map(item).collect();
            let next = (from > 3).then(|| (from - 3).to_string());
            Ok(serde_json::from_value(json!({ "items": items, "next_page_token": next })).unwrap())
        });
    }

    async fn told(mock: &Mock, place: &mut Place) -> (Vec<i64>, bool) {
        let mut numbers = Vec::new();
        let looked = look(&mock.client(), "gh/acme/web", place, |it| {
            numbers.push(it.number)
        })
        .await;
        (numbers, looked.is_ok())
    }

    #[tokio::test]
    async fn each_pipeline_is_told_once() {
        let mock = Mock::start().await;
        let mut place = Place::default();
        serve(&mock, 9, None);
        assert_eq!(told(&mock, &mut place).await, (vec![9, 8, 7], true));
        assert_eq!(told(&mock, &mut place).await, (vec![], true));
        serve(&mock, 14, None);
        assert_eq!(
            told(&mock, &mut place).await,
            (vec![14, 13, 12, 11, 10], true)
        );
        assert_eq!(
            place,
            Place {
                told: 14,
                left: None
            }
        );
    }

    #[tokio::test]
    async fn a_list_that_was_left_goes_on_after_a_restart() {
        let mock = Mock::start().await;
        let mut place = Place {
            told: 5,
            left: None,
        };
        serve(&mock, 20, Some(14)); // the third page fails
        assert_eq!(
            told(&mock, &mut place).await,
            (vec![20, 19, 18, 17, 16, 15], false)
        );

        let mut place = Place::read(&serde_json::from_str(&place.json().to_string()).unwrap());
        assert_eq!(place.left.as_ref().unwrap().token.as_deref(), Some("14"));
        serve(&mock, 22, None); // two new pipelines since then
        assert_eq!(
            told(&mock, &mut place).await,
            ((6..=14).rev().collect(), true)
        );
        assert_eq!(told(&mock, &mut place).await, (vec![22, 21], true));
    }

    #[tokio::test]
    async fn a_token_that_is_gone_begins_the_list_anew() {
        let mock = Mock::start().await;
        let left = Left {
            ranges: vec![(15, 20)],
            token: Some("14".to_owned()),
        };
        let mut place = Place {
            told: 5,
            left: Some(left),
        };
        serve(&mock, 22, Some(14));
        // The list is read from the beginning, and its pages now start at the pipelines 22, 19, 16, 13, …
        let (numbers, well) = told(&mock, &mut place).await;
        assert_eq!(numbers, [22, 21, 14, 13, 12, 11, 10, 9, 8, 7, 6]);
        assert!(well);
        assert_eq!(
            place,
            Place {
                told: 22,
                left: None
            }
        );
    }

    #[tokio::test]
    async fn what_is_known_outlives_the_program() {
        let mock = Mock::start().await;
        serve(&mock, 9, None);
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("state.json");
        let projects = || (1..=50).map(|number| format!("gh/acme/p{number}"));
        let mut watch = Watch::load(mock.client(), file.clone(), projects()).unwrap();
        watch.round().await.unwrap();
        mock.assert_count::<ListPipelinesForProject>(50);
        let again = Watch::load(mock.client(), file, projects()).unwrap();
        assert_eq!(again.places.len(), 50);
        assert!(again.places.values().all(|place| place.told == 9));
    }
}
