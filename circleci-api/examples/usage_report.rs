//! What CI has cost: credits by project and resource class, as a picture and as CSV.
//!
//! ```text
//! cargo run --example usage_report --features usage -- report                  of an organization in this process
//! cargo run --example usage_report --features usage -- report ORG-ID [DAYS]    of yours; needs CIRCLE_TOKEN
//! ```
//!
//! It writes `report.svg`, for light and dark screens, and `report.csv`.

use std::collections::BTreeMap;
use std::error::Error;
use std::process::ExitCode;
use std::time::SystemTime;

use circleci_api::Client;
use circleci_api::chrono::{DateTime, TimeDelta, Utc};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

#[path = "support/usage.rs"]
mod server;

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

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

async fn small(name: &str) -> Result {
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
        .map_err(|_| format!("{days} is no number of days"))?;
    report(name, &Client::from_env()?, organization, days).await
}

#[derive(Default)]
struct Used {
    runs: u64,
    seconds: f64,
    credits: f64,
}

/// By project and resource class.
type Usage = BTreeMap<(String, String), Used>;

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
        (format!("{name}.svg"), picture(&usage, days)?),
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

/// A field of a CSV; one that a spreadsheet would take for a formula is shown as text.
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

/// What there is no room for.
const OTHERS: &str = "(others)";

/// The greatest first, and the rest as one.
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

/// Colours that the style sheet replaces, depending on the screen.
const INK: RGBColor = RGBColor(1, 1, 1);
const GRID: RGBColor = RGBColor(2, 2, 2);
const CLASSES: [RGBColor; 6] = [
    RGBColor(3, 3, 3),
    RGBColor(4, 4, 4),
    RGBColor(5, 5, 5),
    RGBColor(6, 6, 6),
    RGBColor(7, 7, 7),
    RGBColor(8, 8, 8),
];
const STYLE: &str = "<style>
svg { --ink: #24292f; --paper: #fff; --grid: #d0d7de; --c3: #0969da; --c4: #bc4c00; --c5: #1a7f37; --c6: #8250df; --c7: #bf8700; --c8: #6e7781; background: var(--paper) }
@media (prefers-color-scheme: dark) { svg { --ink: #e6edf3; --paper: #0d1117; --grid: #3a424c; --c3: #58a6ff; --c4: #f0883e; --c5: #3fb950; --c6: #bc8cff; --c7: #d29922; --c8: #8b949e } }
</style>";

/// A bar for each project, in pieces for the resource classes.
fn picture(usage: &Usage, days: u16) -> Result<String> {
    let projects = ranked(usage, |(project, _)| project, 15);
    let classes = ranked(usage, |(_, class)| class, CLASSES.len());
    let place = |list: &[(&str, f64)], name: &str| {
        let last = list.len().saturating_sub(1);
        list.iter()
            .position(|(known, _)| *known == name)
            .unwrap_or(last)
    };
    let mut credits = vec![vec![0.0; classes.len()]; projects.len()];
    for ((project, class), used) in usage {
        credits[place(&projects, project)][place(&classes, class)] += used.credits;
    }
    let most = credits
        .iter()
        .map(|row| row.iter().sum())
        .fold(1.0, f64::max);
    let (width, height) = (900, 170 + 36 * projects.len().max(1) as u32);
    let font = |size: i32| ("sans-serif", size).into_font().color(&INK);
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (width, height)).into_drawing_area();
        let title = format!("Credits by project and resource class, last {days} days");
        area.draw(&Text::new(title, (20, 14), font(18)))?;
        // In rows of three, so that the longest names fit beside one another.
        for (place, ((class, _), colour)) in (0..).zip(classes.iter().zip(CLASSES)) {
            let (x, y) = (20 + 290 * (place % 3), 46 + 22 * (place / 3));
            area.draw(&Rectangle::new(
                [(x, y + 1), (x + 12, y + 13)],
                colour.filled(),
            ))?;
            area.draw(&Text::new(short(class, 32), (x + 18, y), font(13)))?;
        }
        // Room at the end of the longest bar for its figure.
        let mut chart = ChartBuilder::on(&area)
            .margin_top(96)
            .margin_left(12)
            .margin_right(20)
            .x_label_area_size(48)
            .y_label_area_size(210)
            .build_cartesian_2d(0.0..most * 1.12, projects.len().max(1) as f64..0.0)?;
        chart
            .configure_mesh()
            .disable_y_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(GRID)
            .axis_style(GRID)
            .label_style(font(13))
            .axis_desc_style(font(14))
            .x_desc("Credits")
            .y_desc("Project")
            .x_labels(6)
            .y_labels(0)
            .x_label_formatter(&|credits| thousands(*credits))
            .draw()?;
        for (row, ((project, sum), pieces)) in projects.iter().zip(&credits).enumerate() {
            let row = row as f64;
            let mut from = 0.0;
            for (piece, colour) in pieces.iter().zip(CLASSES) {
                let bar = Rectangle::new(
                    [(from, row + 0.18), (from + piece, row + 0.82)],
                    colour.filled(),
                );
                chart.draw_series([bar])?;
                from += piece;
            }
            let (start, middle) = chart.backend_coord(&(0.0, row + 0.5));
            let (end, _) = chart.backend_coord(&(*sum, row));
            let beside = |side| font(13).pos(Pos::new(side, VPos::Center));
            area.draw(&Text::new(
                short(project, 24),
                (start - 10, middle),
                beside(HPos::Right),
            ))?;
            area.draw(&Text::new(
                thousands(*sum),
                (end + 6, middle),
                beside(HPos::Left),
            ))?;
        }
        area.present()?;
    }
    for (colour, name) in (1..).zip(["ink", "grid", "c3", "c4", "c5", "c6", "c7", "c8"]) {
        svg = svg.replace(
            &format!("#{colour:02}{colour:02}{colour:02}"),
            &format!("var(--{name})"),
        );
    }
    let begin = svg.find("<svg").unwrap_or_default();
    let after = svg[begin..].find('>').map_or(0, |end| begin + end + 1);
    svg.insert_str(after, STYLE);
    Ok(svg)
}

fn short(text: &str, most: usize) -> String {
    match text.chars().count() > most {
        true => text.chars().take(most - 1).chain(['…']).collect(),
        false => text.to_owned(),
    }
}

/// `1 234 567`.
fn thousands(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}
