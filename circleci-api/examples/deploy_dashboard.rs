//! Writes an HTML page about a project's workflows. The page shows the lowest success rate, the costs, and the runs of each day.
//!
//! ```text
//! cargo run --example deploy_dashboard --features insights -- page.html                of a project in this process
//! cargo run --example deploy_dashboard --features insights -- page.html gh/acme/web    of yours; needs CIRCLE_TOKEN
//! cargo run --example deploy_dashboard --features insights -- page.html --sample 40    of 40 workflows in this process
//! ```
//!
//! The page is one file without scripts. It adapts to light and dark mode, and to narrow and wide screens.

use std::error::Error;
use std::fmt::Write;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use circleci_api::chrono::{DateTime, TimeDelta, Utc};
use circleci_api::types::ReportingWindow;
use circleci_api::{Client, Many, Period, ProjectSlug, Trend, WorkflowFigures};

#[path = "support/chart.rs"]
mod chart;
#[path = "support/figures.rs"]
mod figures;
#[allow(
    dead_code,
    reason = "the example `flaky_tests` uses more of this module"
)]
#[path = "support/insights.rs"]
mod server;

use figures::{escape, percent, thousands};

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match arguments[..] {
        [file] if !file.starts_with('-') => small(file, "3").await,
        [file, "--sample", workflows] => small(file, workflows).await,
        [file, slug] if !file.starts_with('-') => real(file, slug).await,
        _ => Err("usage: deploy_dashboard FILE.html [PROJECT-SLUG | --sample WORKFLOWS]".into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("deploy_dashboard: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn small(file: &str, workflows: &str) -> Result {
    let workflows = workflows
        .parse()
        .map_err(|_| format!("{workflows:?} is not a number of workflows"))?;
    let server = server::start_with(workflows).await;
    let circleci = Client::builder().host(server.uri()).token("any").build()?;
    write_page(file, &circleci, &server::PROJECT.parse()?).await
}

async fn real(file: &str, slug: &str) -> Result {
    write_page(file, &Client::from_env()?, &slug.parse()?).await
}

async fn write_page(file: &str, circleci: &Client, project: &ProjectSlug) -> Result {
    let html = page(circleci, project).await?;
    std::fs::write(file, html).map_err(|error| format!("{file}: {error}"))?;
    println!("{project} is in {file}");
    Ok(())
}

/// A workflow, with everything that the page shows about it.
struct Workflow {
    figures: WorkflowFigures,
    days: Vec<Period>,
    /// A comparison of the last 7 days with the 7 days before them.
    trend: Trend,
}

pub async fn page(circleci: &Client, project: &ProjectSlug) -> Result<String> {
    let month = &circleci
        .insights(project)
        .window(ReportingWindow::Last30Days);
    let week = &month.clone().window(ReportingWindow::Last7Days);
    let each = month
        .workflows()
        .await?
        .into_iter()
        .map(|figures| async move {
            let (days, trend) =
                tokio::try_join!(month.daily(&figures.name), week.trend(&figures.name))?;
            Ok::<_, circleci_api::Error>(Workflow {
                figures,
                days,
                trend,
            })
        });
    let mut workflows = Many::new(each).at_once(4).try_into_vec().await?;
    // The lowest success rate comes first. Workflows without a rate come last.
    let rate = |workflow: &Workflow| workflow.figures.success_rate.unwrap_or(2.0);
    workflows.sort_by(|one, other| rate(one).total_cmp(&rate(other)));

    let mut html = String::from(HEAD);
    let links = Links::new(circleci, project);
    head(&mut html, project, &links)?;
    if workflows.is_empty() {
        html.push_str("<p>No workflow ran in these 30 days.</p>\n");
    } else {
        overview(&mut html, &workflows)?;
        table(&mut html, &workflows)?;
        for (place, workflow) in workflows.iter().enumerate() {
            section(&mut html, place, workflow, &links)?;
        }
    }
    html.push_str("<footer>Source: CircleCI Insights. The figures may be a day old. The credits are not a bill.</footer>\n");
    Ok(html)
}

/// The parts of which the page's links to CircleCI's web app consist: the app's URL, and the path of the project.
struct Links {
    app: String,
    project: String,
}

impl Links {
    fn new(circleci: &Client, project: &ProjectSlug) -> Self {
        let host = circleci.base_url().trim_end_matches("/api/v2");
        let app = host.replace("https://circleci.com", "https://app.circleci.com");
        let provider = match project.provider() {
            "gh" => "github",
            "bb" => "bitbucket",
            other => other,
        };
        let parts = [provider, project.organization(), project.project()];
        Self {
            app,
            project: parts.map(segment).join("/"),
        }
    }

    fn project(&self) -> String {
        format!("{}/pipelines/{}", self.app, self.project)
    }

    fn workflow(&self, name: &str) -> String {
        let name = segment(name);
        format!(
            "{}/insights/{}/workflows/{name}/overview",
            self.app, self.project
        )
    }
}

/// Encodes text as one segment of a URL's path.
fn segment(text: &str) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~".contains(byte);
    let each = text.as_bytes().iter().map(|byte| match plain(byte) {
        true => char::from(*byte).to_string(),
        false => format!("%{byte:02X}"),
    });
    each.collect()
}

fn head(html: &mut String, project: &ProjectSlug, links: &Links) -> Result {
    let now = DateTime::<Utc>::from(SystemTime::now());
    let from = now - TimeDelta::days(30);
    let (name, url) = (escape(project.as_str()), links.project());
    writeln!(html, "<header><h1>{name}</h1>")?;
    writeln!(
        html,
        "<p>Workflows of all branches, {} to {}. Made on {} UTC. <a href=\"{url}\">Pipelines on CircleCI</a></p></header>",
        from.format("%-d %B"),
        now.format("%-d %B %Y"),
        now.format("%-d %B %Y, %H:%M"),
    )?;
    Ok(())
}

fn runs(workflow: &Workflow) -> u64 {
    let counted = workflow.days.iter().map(|day| day.runs).sum();
    workflow.figures.runs.unwrap_or(counted)
}

fn failed(workflow: &Workflow) -> u64 {
    workflow.days.iter().map(|day| day.failed).sum()
}

/// Writes the overview: the workflow with the lowest success rate, the most expensive workflow, and the totals.
fn overview(html: &mut String, workflows: &[Workflow]) -> Result {
    let credits = |workflow: &Workflow| workflow.figures.credits.unwrap_or(0);
    let all_credits: u64 = workflows.iter().map(credits).sum();
    let all_runs: u64 = workflows.iter().map(runs).sum();
    let ok: u64 = workflows
        .iter()
        .flat_map(|it| &it.days)
        .map(|day| day.succeeded)
        .sum();
    let red: u64 = workflows.iter().map(failed).sum();
    let share = |part: u64| match all_credits {
        0 => String::new(),
        _ if workflows.len() == 1 => String::new(),
        all => format!(", {} of all", percent(part as f64 / all as f64)),
    };
    let worst = workflows
        .first()
        .filter(|it| it.figures.success_rate.is_some_and(|rate| rate < 1.0));
    match worst {
        Some(worst) => writeln!(
            html,
            "<p class=worst><strong>Lowest success rate: <a href=#w0>{}</a></strong> with {} of {} runs. It costs {} credits{}.</p>",
            escape(&worst.figures.name),
            worst.figures.success_rate.map_or("?".into(), percent),
            thousands(runs(worst) as f64),
            thousands(credits(worst) as f64),
            share(credits(worst)),
        )?,
        None => writeln!(html, "<p class=worst><strong>No run failed.</strong></p>")?,
    }
    if let Some(dear) = workflows
        .iter()
        .max_by_key(|it| credits(it))
        .filter(|it| credits(it) > 0 && !worst.is_some_and(|worst| std::ptr::eq(worst, *it)))
    {
        let place = workflows
            .iter()
            .position(|it| std::ptr::eq(it, dear))
            .unwrap_or_default();
        writeln!(
            html,
            "<p class=worst>Most expensive: <a href=#w{place}>{}</a> with {} credits{}.</p>",
            escape(&dear.figures.name),
            thousands(credits(dear) as f64),
            share(credits(dear)),
        )?;
    }
    html.push_str("<dl class=sums>");
    let rate = match ok + red {
        0 => "unknown".to_owned(),
        all => percent(ok as f64 / all as f64),
    };
    for (what, figure) in [
        ("workflows", thousands(workflows.len() as f64)),
        ("runs", thousands(all_runs as f64)),
        ("success rate", rate),
        ("credits", thousands(all_credits as f64)),
    ] {
        write!(html, "<div><dt>{what}</dt><dd>{figure}</dd></div>")?;
    }
    html.push_str("</dl>\n");
    Ok(())
}

/// A change of a figure, as text (such as `▲ 5.0 % slower`) and as a CSS class that says whether the change is good or bad.
struct Changed {
    class: &'static str,
    words: String,
}

impl Changed {
    /// Describes a change. `more` and `less` are the words for a higher and a lower figure. `more_is_bad` says whether a higher
    /// figure is worse, and is `None` if neither direction is worse.
    fn new(
        change: Option<f64>,
        unit: &str,
        [more, less]: [&str; 2],
        more_is_bad: Option<bool>,
    ) -> Self {
        let Some(change) = change.map(|change| change * 100.0) else {
            return Self {
                class: "same",
                words: "nothing to compare with".to_owned(),
            };
        };
        if change.abs() < 0.05 {
            return Self {
                class: "same",
                words: "unchanged".to_owned(),
            };
        }
        let (arrow, word) = if change > 0.0 {
            ("▲", more)
        } else {
            ("▼", less)
        };
        let class = match more_is_bad {
            None => "same",
            // A change of less than one percent or percentage point is noise.
            Some(_) if change.abs() < 1.0 => "same",
            Some(bad) if bad == (change > 0.0) => "bad",
            Some(_) => "good",
        };
        let size = change.abs();
        let size = if size < 100.0 {
            format!("{size:.1}")
        } else {
            thousands(size)
        };
        Self {
            class,
            words: format!("{arrow}\u{a0}{size}\u{202f}{unit} {word}"),
        }
    }

    fn rate(trend: &Trend) -> Self {
        Self::new(
            trend.success_rate(),
            "points",
            ["higher", "lower"],
            Some(false),
        )
    }

    fn p95(trend: &Trend) -> Self {
        Self::new(trend.p95(), "%", ["slower", "faster"], Some(true))
    }

    fn credits(trend: &Trend) -> Self {
        Self::new(trend.credits(), "%", ["more", "less"], Some(true))
    }

    fn html(&self) -> String {
        format!("<small class={}>{}</small>", self.class, self.words)
    }
}

fn minutes(time: Duration) -> String {
    let minutes = time.as_secs_f64() / 60.0;
    match minutes < 1000.0 {
        true => format!("{minutes:.1}\u{202f}min"),
        false => format!("{}\u{202f}min", thousands(minutes)),
    }
}

/// Writes a table with a row for each workflow, the lowest success rate first.
fn table(html: &mut String, workflows: &[Workflow]) -> Result {
    html.push_str(
        "<table><caption>All workflows, the lowest success rate first. Below success rate, p95 and credits: the last 7 days compared with the 7 days before. Below runs: the failed ones of the 30 days.</caption>\
         <tr><th scope=col>Workflow<th scope=col>Success rate<th scope=col>Runs<th scope=col>p95<th scope=col>Credits\n",
    );
    for (place, workflow) in workflows.iter().enumerate() {
        let figures = &workflow.figures;
        let unknown = || "unknown".to_owned();
        writeln!(
            html,
            "<tr><th scope=row><a href=#w{place}>{}</a><td>{}{}<td>{}<small>{} failed</small><td>{}{}<td>{}{}",
            escape(&figures.name),
            figures.success_rate.map_or_else(unknown, percent),
            Changed::rate(&workflow.trend).html(),
            thousands(runs(workflow) as f64),
            thousands(failed(workflow) as f64),
            figures.p95.map_or_else(unknown, minutes),
            Changed::p95(&workflow.trend).html(),
            figures
                .credits
                .map_or_else(unknown, |it| thousands(it as f64)),
            Changed::credits(&workflow.trend).html(),
        )?;
    }
    html.push_str("</table>\n");
    Ok(())
}

/// The number of sections that are expanded when the page opens.
const OPEN: usize = 8;

fn section(html: &mut String, place: usize, workflow: &Workflow, links: &Links) -> Result {
    let figures = &workflow.figures;
    let open = if place < OPEN { " open" } else { "" };
    write!(
        html,
        "<details id=w{place}{open}><summary><h2>{}</h2></summary><p><a href=\"{}\">Insights on CircleCI</a></p><dl>",
        escape(&figures.name),
        escape(&links.workflow(&figures.name)),
    )?;
    let unknown = || "unknown".to_owned();
    let per_run = figures
        .credits_per_run()
        .map(|it| format!("{} a run", thousands(it)));
    let median = figures.median.map(|it| format!("median {}", minutes(it)));
    let red = format!(
        "{} of {} runs failed",
        thousands(failed(workflow) as f64),
        thousands(runs(workflow) as f64)
    );
    for (what, figure, more, change) in [
        (
            "success rate",
            figures.success_rate.map(percent),
            red,
            Changed::rate(&workflow.trend),
        ),
        (
            "p95",
            figures.p95.map(minutes),
            median.unwrap_or_default(),
            Changed::p95(&workflow.trend),
        ),
        (
            "credits",
            figures.credits.map(|it| thousands(it as f64)),
            per_run.unwrap_or_default(),
            Changed::credits(&workflow.trend),
        ),
    ] {
        let figure = figure.unwrap_or_else(unknown);
        write!(
            html,
            "<div><dt>{what}</dt><dd>{figure}<small>{more}</small>{}</dd></div>",
            change.html()
        )?;
    }
    html.push_str("</dl><div class=charts>");
    for chart in charts(&workflow.days) {
        html.push_str(&chart.html()?);
    }
    html.push_str("</div></details>\n");
    Ok(())
}

fn charts(days: &[Period]) -> [chart::Chart; 3] {
    let labels: Vec<String> = days
        .iter()
        .map(|day| day.from.format("%-d %b").to_string())
        .collect();
    let columns = |of: &dyn Fn(&Period) -> chart::Column| days.iter().map(of).collect();
    let in_minutes = |time: Duration| time.as_secs_f64() / 60.0;
    [
        chart::Chart {
            title: "Runs",
            unit: "Runs a day",
            legend: &[("one", "succeeded"), ("two", "failed")],
            columns: columns(&|day| chart::Column {
                // A run that neither succeeded nor failed (such as a canceled run) is not drawn.
                bars: vec![day.succeeded as f64, day.failed as f64],
                mark: None,
                tip: format!(
                    "{} runs, {} failed",
                    thousands(day.runs as f64),
                    thousands(day.failed as f64)
                ),
            }),
            labels: labels.clone(),
        },
        chart::Chart {
            title: "Duration",
            unit: "Minutes a run",
            legend: &[("three", "median"), ("mark", "p95")],
            columns: columns(&|day| chart::Column {
                bars: vec![0.0, 0.0, day.median.map_or(0.0, in_minutes)],
                mark: day.p95.map(in_minutes),
                tip: match (day.median, day.p95) {
                    (Some(median), Some(p95)) => {
                        format!("median {}, p95 {}", minutes(median), minutes(p95))
                    }
                    _ => "no run to measure".to_owned(),
                },
            }),
            labels: labels.clone(),
        },
        chart::Chart {
            title: "Credits",
            unit: "Credits a day",
            legend: &[],
            columns: columns(&|day| chart::Column {
                bars: vec![day.credits as f64],
                mark: None,
                tip: format!("{} credits", thousands(day.credits as f64)),
            }),
            labels,
        },
    ]
}

const HEAD: &str = "<!doctype html>
<html lang=en>
<meta charset=utf-8>
<meta name=viewport content='width=device-width, initial-scale=1'>
<title>Workflows</title>
<style>
:root { color-scheme: light dark; --ink: #1f2328; --soft: #59636e; --paper: #fff; --tile: #f6f8fa; --grid: #d1d9e0; --link: #0757ba;
  --one: #2f7ec7; --two: #c0392b; --three: #a9c8e8; --mark: #8a4b00; --good: #116329; --bad: #b3261e; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6edf3; --soft: #9da7b3; --paper: #0d1117; --tile: #161b22; --grid: #3a424c; --link: #6cb2ff;
    --one: #4493e0; --two: #ff7b72; --three: #3a6ea5; --mark: #f5b35c; --good: #56d364; --bad: #ff8f85; }
}
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 84rem; margin: 1.5rem auto; padding: 0 1rem; overflow-wrap: anywhere; }
a { color: var(--link); }
h1 { font-size: 1.6rem; line-height: 1.2; margin: 0; }
h2 { font-size: 1.2rem; margin: 0; display: inline; }
header p { margin: .3rem 0 1rem; color: var(--soft); }
.worst { margin: .2rem 0; font-size: 1.1rem; }
dl { display: flex; flex-wrap: wrap; gap: 1rem 3rem; margin: .5rem 0 1rem; }
.sums { background: var(--tile); border: 1px solid var(--grid); border-radius: .5rem; padding: .7rem 1rem; margin-top: 1rem; }
dt { color: var(--soft); font-size: .9rem; }
dd { margin: 0; font-size: 1.5rem; line-height: 1.3; font-variant-numeric: tabular-nums; }
small { display: block; font-size: .85rem; line-height: 1.35; color: var(--soft); }
.good { color: var(--good); }
.bad { color: var(--bad); font-weight: 600; }
table { border-collapse: collapse; width: 100%; margin: 1rem 0 2rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--soft); font-size: .9rem; padding-bottom: .3rem; }
th, td { text-align: right; vertical-align: top; padding: .35rem .5rem; border-top: 1px solid var(--grid); }
td { white-space: nowrap; overflow-wrap: normal; }
th:first-child { text-align: left; padding-left: .3rem; }
th[scope=col] { border: 0; color: var(--soft); font-weight: 400; font-size: .9rem; }
th[scope=row] { font-weight: 600; padding-left: .3rem; }
tr:nth-child(even) { background: var(--tile); }
details { border-top: 1px solid var(--grid); padding: .8rem 0 1.2rem; }
summary { cursor: pointer; }
details p { margin: .2rem 0; font-size: .9rem; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(16rem, 100%), 1fr)); gap: 1.2rem 2rem; }
figure { margin: 0; display: grid; align-content: end; grid-template-columns: 3.4rem 1fr; column-gap: .4rem; font-size: .8rem; }
figcaption { grid-column: 1 / -1; font-size: .9rem; padding-bottom: .3rem; }
figcaption i { display: inline-block; width: .9rem; height: .7rem; margin: 0 .2rem 0 .5rem; }
figcaption i.mark { height: .2rem; vertical-align: middle; }
figcaption .one { background: var(--one); }
figcaption .two { background: var(--two); }
figcaption .three { background: var(--three); }
figcaption .mark { background: var(--mark); }
.scale, .days { display: flex; justify-content: space-between; color: var(--soft); }
.scale { flex-direction: column; align-items: flex-end; line-height: 1; }
.days { grid-column: 2; padding-top: .2rem; }
svg { width: 100%; height: 9rem; display: block; overflow: visible; }
svg .one { fill: var(--one); }
svg .two { fill: var(--two); }
svg .three { fill: var(--three); }
svg .grid { stroke: var(--grid); stroke-width: 1; vector-effect: non-scaling-stroke; }
svg .mark { stroke: var(--mark); stroke-width: 3; vector-effect: non-scaling-stroke; }
svg .tip { fill: transparent; }
svg .tip:hover { fill: var(--ink); fill-opacity: .12; }
footer { margin: 2rem 0; font-size: .9rem; color: var(--soft); }
@media (max-width: 34rem) {
  td:nth-child(3), th:nth-child(3), td:nth-child(4), th:nth-child(4) { display: none; }
  th, td { padding: .35rem .25rem; }
  td { white-space: normal; }
  dl { gap: .7rem 1.2rem; }
  dd { font-size: 1.25rem; }
}
</style>
";
