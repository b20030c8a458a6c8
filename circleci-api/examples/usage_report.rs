//! Reports the cost of CI: the credits by project and resource class, as a picture and as CSV.
//!
//! ```text
//! cargo run --example usage_report --features usage -- report                  of an organization in this process
//! cargo run --example usage_report --features usage -- report ORG-ID [DAYS]    of yours; needs CIRCLE_TOKEN
//! ```
//!
//! The program writes `report.svg` and `report.csv`. The picture adapts to light and dark mode, and to narrow and wide screens.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::{self, Write};
use std::process::ExitCode;
use std::time::SystemTime;

use circleci_api::Client;
use circleci_api::chrono::{DateTime, TimeDelta, Utc};

#[path = "support/figures.rs"]
mod figures;
#[path = "support/usage.rs"]
mod server;

use figures::{escape, percent, thousands};

pub type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match arguments[..] {
        [name] if !name.starts_with('-') => small(name).await,
        [name, organization] if !name.starts_with('-') => real(name, organization, "30").await,
        [name, organization, days] if !name.starts_with('-') => {
            real(name, organization, days).await
        }
        _ => Err("usage: usage_report NAME [ORG-ID [DAYS]]".into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("usage_report: {error}");
            ExitCode::FAILURE
        }
    }
}

pub async fn small(name: &str) -> Result {
    let server = server::start().await;
    let circleci = Client::builder()
        .host(server.uri())
        .token("any")
        .clock(server::NoWaiting)
        .build()?;
    report(name, &circleci, server::ORGANIZATION, 30).await
}

async fn real(name: &str, organization: &str, days: &str) -> Result {
    let days: u16 = days
        .parse()
        .map_err(|_| format!("{days:?} is not a number of days"))?;
    report(name, &Client::from_env()?, organization, days).await
}

#[derive(Default)]
pub struct Used {
    runs: u64,
    seconds: f64,
    credits: f64,
}

/// The usage by project and resource class.
pub type Usage = BTreeMap<(String, String), Used>;

async fn report(name: &str, circleci: &Client, organization: &str, days: u16) -> Result {
    let end = DateTime::<Utc>::from(SystemTime::now());
    let mut rows = circleci
        .usage_export(organization, end - TimeDelta::days(days.into()), end)
        .on_change(|change| {
            eprintln!(
                "export {} of {}: {}",
                change.window + 1,
                change.windows,
                change.state
            )
        })
        .rows()?;
    let mut usage = Usage::new();
    while let Some(row) = rows.try_next().await? {
        let key = (
            row.project_name().unwrap_or("(no project)"),
            row.resource_class().unwrap_or("(none)"),
        );
        let used = usage
            .entry((key.0.to_owned(), key.1.to_owned()))
            .or_default();
        used.runs += 1;
        used.seconds += row.job_run_seconds().unwrap_or_default();
        used.credits += row.total_credits().unwrap_or_default();
    }
    let mut csv = String::from("project,resource_class,job_runs,job_run_minutes,credits\n");
    for ((project, class), used) in &usage {
        let minutes = used.seconds / 60.0;
        csv += &format!(
            "{},{},{},{minutes:.1},{:.1}\n",
            field(project),
            field(class),
            used.runs,
            used.credits
        );
    }
    for (file, content) in [
        (format!("{name}.csv"), csv),
        (format!("{name}.svg"), picture(&usage, end, days)?),
    ] {
        std::fs::write(&file, content).map_err(|error| format!("{file}: {error}"))?;
    }
    let credits: f64 = usage.values().map(|used| used.credits).sum();
    println!(
        "{} credits in {days} days: {name}.svg, {name}.csv",
        thousands(credits)
    );
    Ok(())
}

/// Formats a field of a CSV file. If a spreadsheet would interpret the text as a formula, adds a `'` before the text to prevent
/// this.
fn field(text: &str) -> String {
    let text = if text.starts_with(['=', '+', '-', '@']) {
        format!("'{text}")
    } else {
        text.to_owned()
    };
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

/// The name of the last entry, which is the sum of all entries that do not fit into the picture.
const OTHERS: &str = "(others)";

/// Sums the credits by project or by class. Returns at most `most` sums, the greatest first. If there are more projects or
/// classes than this, the last entry is the sum of the rest.
fn ranked<'u>(
    usage: &'u Usage,
    of: impl Fn(&'u (String, String)) -> &'u str,
    most: usize,
) -> Vec<(&'u str, f64)> {
    let mut sums = BTreeMap::<&str, f64>::new();
    for (key, used) in usage {
        *sums.entry(of(key)).or_default() += used.credits;
    }
    let mut ranked: Vec<_> = sums.into_iter().collect();
    ranked.sort_by(|one, other| other.1.total_cmp(&one.1));
    if ranked.len() > most {
        let rest = ranked.split_off(most - 1);
        ranked.push((OTHERS, rest.iter().map(|(_, credits)| credits).sum()));
    }
    ranked
}

/// The largest number of resource classes in the picture. Each class has its own colour.
const CLASSES: usize = 6;
const STYLE: &str = "<style>
svg { --ink: #1f2328; --soft: #59636e; --paper: #fff; --grid: #d1d9e0; --c0: #0969da; --c1: #bc4c00; --c2: #1a7f37; --c3: #8250df; --c4: #9a6700; --c5: #6e7781;
  background: var(--paper); font: 14px system-ui, sans-serif }
@media (prefers-color-scheme: dark) { svg { --ink: #e6edf3; --soft: #9da7b3; --paper: #0d1117; --grid: #3a424c; --c0: #58a6ff; --c1: #f0883e; --c2: #3fb950; --c3: #bc8cff; --c4: #d29922; --c5: #8b949e } }
text { fill: var(--ink); font-variant-numeric: tabular-nums }
.title { font-size: 18px; font-weight: 600 }
.total { font-size: 26px; font-weight: 600 }
.soft { fill: var(--soft); font-size: 13px }
.track { fill: var(--grid); fill-opacity: .45 }
rect:hover { stroke: var(--ink) }
</style>";

/// The contents of the picture: a bar for each project. Each bar has a segment for each resource class.
struct Drawn<'u> {
    projects: Vec<(&'u str, f64)>,
    classes: Vec<(&'u str, f64)>,
    /// The credits. Each inner list belongs to a project, and has one entry for each class.
    credits: Vec<Vec<f64>>,
    total: f64,
}

impl<'u> Drawn<'u> {
    fn of(usage: &'u Usage) -> Self {
        let projects = ranked(usage, |(project, _)| project, 15);
        let classes = ranked(usage, |(_, class)| class, CLASSES);
        let place = |list: &[(&str, f64)], name: &str| {
            let last = list.len().saturating_sub(1);
            let found = list.iter().position(|(known, _)| *known == name);
            found.unwrap_or(last)
        };
        let mut credits = vec![vec![0.0; classes.len()]; projects.len()];
        for ((project, class), used) in usage {
            credits[place(&projects, project)][place(&classes, class)] += used.credits;
        }
        Self {
            total: projects.iter().map(|(_, credits)| credits).sum(),
            projects,
            classes,
            credits,
        }
    }

    /// Formats `credits` as a percentage of all credits.
    fn share(&self, credits: f64) -> String {
        match self.total > 0.0 {
            true => percent(credits / self.total),
            false => "-".to_owned(),
        }
    }
}

/// Returns the picture as SVG. It has no fixed width: the bars scale with the width, and the text always has the same size.
pub fn picture(usage: &Usage, end: DateTime<Utc>, days: u16) -> Result<String> {
    let drawn = Drawn::of(usage);
    let begin = end - TimeDelta::days(days.into());
    let mut svg = String::new();
    let mut y = 34;
    let title = text(0, y, "title", "Credits by project and resource class");
    writeln!(svg, "{title}")?;
    let span = format!(
        "{} to {}",
        begin.format("%-d %B %Y"),
        end.format("%-d %B %Y")
    );
    writeln!(svg, "{}", text(0, y + 22, "soft", &span))?;
    y += 62;
    let total = format!("{} credits", thousands(drawn.total));
    writeln!(svg, "{}", text(0, y, "total", &total))?;
    y += 26;
    match drawn.projects.first().filter(|(_, credits)| *credits > 0.0) {
        None => writeln!(svg, "{}", text(0, y, "", "Nothing was used."))?,
        Some((project, credits)) => {
            let (credits, share) = (thousands(*credits), drawn.share(*credits));
            let most = format!("Most: {}, {credits} credits ({share})", short(project, 30));
            writeln!(svg, "{}", text(0, y, "", &most))?;
            y = legend(&mut svg, &drawn, y + 18)?;
            y = bars(&mut svg, &drawn, y + 14)?;
        }
    }
    let height = y + 20;
    Ok(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"100%\" height=\"{height}\" role=\"img\" \
         aria-label=\"Credits by project and resource class\">\n{STYLE}\n{svg}</svg>\n"
    ))
}

/// Returns an SVG element for a line of text. `class` is a class of the style sheet.
fn text(x: u16, y: i32, class: &str, words: &str) -> String {
    format!(
        "<text x=\"1%\" dx=\"{x}\" y=\"{y}\" class=\"{class}\">{}</text>",
        escape(words)
    )
}

/// Writes the legend, with a line for each resource class. Returns the `y` at which the legend ends.
fn legend(svg: &mut String, drawn: &Drawn<'_>, y: i32) -> std::result::Result<i32, fmt::Error> {
    for (place, (class, credits)) in (0..).zip(&drawn.classes) {
        let y = y + 22 * place;
        writeln!(
            svg,
            "<rect x=\"1%\" y=\"{y}\" width=\"13\" height=\"13\" fill=\"var(--c{place})\"/>"
        )?;
        let words = format!(
            "{}: {} ({})",
            short(class, 32),
            thousands(*credits),
            drawn.share(*credits)
        );
        writeln!(svg, "{}", text(20, y + 12, "", &words))?;
    }
    Ok(y + 22 * i32::try_from(drawn.classes.len()).unwrap_or(0))
}

/// Writes the bar of each project, with the project's name and credits above it. Returns the `y` at which the bars end.
fn bars(svg: &mut String, drawn: &Drawn<'_>, y: i32) -> std::result::Result<i32, fmt::Error> {
    let mut y = y;
    for ((project, sum), pieces) in drawn.projects.iter().zip(&drawn.credits) {
        y += 22;
        writeln!(svg, "{}", text(0, y, "", &short(project, 60)))?;
        y += 18;
        let figure = format!("{} credits, {}", thousands(*sum), drawn.share(*sum));
        writeln!(svg, "{}", text(0, y, "soft", &figure))?;
        writeln!(
            svg,
            "<rect class=\"track\" x=\"1%\" y=\"{}\" width=\"98%\" height=\"14\"/>",
            y + 6
        )?;
        let mut from = 0.0;
        for (place, ((class, _), credits)) in drawn.classes.iter().zip(pieces).enumerate() {
            // The whole width stands for all credits, so the filled part of a bar is the project's share of them.
            let width = 98.0 * credits / drawn.total.max(1.0);
            if width > 0.0 {
                writeln!(
                    svg,
                    "<rect x=\"{:.3}%\" y=\"{}\" width=\"{width:.3}%\" height=\"14\" fill=\"var(--c{place})\">\
                     <title>{}, {}: {} credits</title></rect>",
                    1.0 + from,
                    y + 6,
                    escape(project),
                    escape(class),
                    thousands(*credits),
                )?;
            }
            from += width;
        }
        y += 26;
    }
    Ok(y)
}

fn short(text: &str, most: usize) -> String {
    match text.chars().count() > most {
        true => text.chars().take(most - 1).chain(['…']).collect(),
        false => text.to_owned(),
    }
}
