//! An HTML page with a project's workflows: success rate, duration and credits of each, day by day.
//!
//! ```text
//! cargo run --example deploy_dashboard --features insights -- page.html                of a project in this process
//! cargo run --example deploy_dashboard --features insights -- page.html gh/acme/web    of yours; needs CIRCLE_TOKEN
//! ```
//!
//! One file, without scripts, for light and dark screens.

use std::error::Error;
use std::fmt::Write;
use std::ops::Range;
use std::process::ExitCode;

use circleci_api::types::ReportingWindow;
use circleci_api::{Client, Period, ProjectSlug, Trend, WorkflowFigures};
use plotters::prelude::*;

#[allow(dead_code, reason = "`flaky_tests` has use for more")]
#[path = "support/insights.rs"]
mod server;

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

/// Colours that the page replaces by its own, which depend on the screen.
const INK: RGBColor = RGBColor(1, 1, 1);
const GRID: RGBColor = RGBColor(2, 2, 2);
const ONE: RGBColor = RGBColor(3, 3, 3);
const TWO: RGBColor = RGBColor(4, 4, 4);
const NAMES: [(&str, &str); 4] = [
    ("#010101", "var(--ink)"),
    ("#020202", "var(--grid)"),
    ("#030303", "var(--one)"),
    ("#040404", "var(--two)"),
];

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match arguments[..] {
        [file] if !file.starts_with('-') => small(file).await,
        [file, slug] if !file.starts_with('-') => real(file, slug).await,
        _ => Err("usage: deploy_dashboard FILE.html [PROJECT-SLUG]".into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("deploy_dashboard: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn small(file: &str) -> Result {
    let server = server::start().await;
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

pub async fn page(circleci: &Client, project: &ProjectSlug) -> Result<String> {
    let month = circleci
        .insights(project)
        .window(ReportingWindow::Last30Days);
    let week = month.clone().window(ReportingWindow::Last7Days);
    let mut html = String::from(HEAD);
    let name = escape(project.as_str());
    write!(
        html,
        "<h1>{name}</h1><p>The last 30 days, all branches.</p>"
    )?;
    for workflow in month.workflows().await? {
        let days = month.daily(&workflow.name).await?;
        let trend = week.trend(&workflow.name).await?;
        section(&mut html, &workflow, &trend, &days)?;
    }
    html.push_str("<footer>Figures by CircleCI Insights, which is no bill.</footer>\n");
    Ok(html)
}

fn section(
    html: &mut String,
    workflow: &WorkflowFigures,
    trend: &Trend,
    days: &[Period],
) -> Result {
    let percent = |rate: f64| format!("{:.1} %", rate * 100.0);
    let minutes = |time: std::time::Duration| format!("{:.1} min", time.as_secs_f64() / 60.0);
    let changed = |change: Option<f64>, unit: &str| match change {
        Some(change) => format!("last 7 days: {:+.1} {unit} on the 7 before", change * 100.0),
        None => "nothing to compare the last 7 days with".to_owned(),
    };
    write!(html, "<section><h2>{}</h2><dl>", escape(&workflow.name))?;
    for (what, figure, change) in [
        (
            "green",
            workflow.success_rate.map(percent),
            changed(trend.success_rate(), "points"),
        ),
        ("p95", workflow.p95.map(minutes), changed(trend.p95(), "%")),
        (
            "credits",
            workflow.credits.map(|credits| credits.to_string()),
            changed(trend.credits(), "%"),
        ),
    ] {
        let figure = figure.unwrap_or_else(|| "unknown".into());
        write!(
            html,
            "<div><dt>{what}</dt><dd>{figure}<small>{change}</small></dd></div>"
        )?;
    }
    html.push_str("</dl><div class=charts>");
    let in_minutes = |time: std::time::Duration| time.as_secs_f64() / 60.0;
    let rates = days
        .iter()
        .map(|day| day.success_rate().map(|rate| rate * 100.0))
        .collect();
    let p95 = days.iter().map(|day| day.p95.map(in_minutes)).collect();
    let median = days.iter().map(|day| day.median.map(in_minutes)).collect();
    let credits = days.iter().map(|day| Some(day.credits as f64)).collect();
    for (title, legend, unit, lines, bars, top) in [
        (
            "Success rate",
            "",
            "Green runs (%)",
            vec![rates],
            false,
            Some(100.0),
        ),
        (
            "Duration",
            "<i class=one></i> p95 <i class=two></i> median",
            "Duration (minutes)",
            vec![p95, median],
            false,
            None,
        ),
        ("Credits", "", "Credits a day", vec![credits], true, None),
    ] {
        let svg = chart(days, unit, &lines, bars, top)?.replacen(
            "<svg ",
            &format!("<svg aria-label='{title}' "),
            1,
        );
        write!(
            html,
            "<figure><figcaption>{title} {legend}</figcaption>{svg}</figure>"
        )?;
    }
    html.push_str("</div></section>\n");
    Ok(())
}

/// A figure for each day, or none.
type Line = Vec<Option<f64>>;

fn chart(
    days: &[Period],
    unit: &str,
    lines: &[Line],
    bars: bool,
    top: Option<f64>,
) -> Result<String> {
    let highest = lines
        .iter()
        .flatten()
        .flatten()
        .fold(0.0, |a: f64, b| a.max(*b));
    let top = top.unwrap_or(if highest > 0.0 { highest * 1.1 } else { 1.0 });
    let across: Range<f64> = -0.6..days.len() as f64 - 0.4;
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (420, 250)).into_drawing_area();
        let mut chart = ChartBuilder::on(&area)
            .margin(8)
            .margin_right(14)
            .x_label_area_size(46)
            .y_label_area_size(68)
            .build_cartesian_2d(across, 0.0..top * 1.02)?;
        let font = ("sans-serif", 14).into_font().color(&INK);
        chart
            .configure_mesh()
            .disable_x_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(GRID)
            .axis_style(GRID)
            .label_style(font.clone())
            .axis_desc_style(font)
            .x_desc("Day (UTC)")
            .y_desc(unit)
            .x_labels(6)
            .y_labels(6)
            .x_label_formatter(&|at| match days.get(at.round().max(0.0) as usize) {
                Some(day) => day.from.format("%b %-d").to_string(),
                None => String::new(),
            })
            .y_label_formatter(&|value| {
                if top < 5.0 {
                    format!("{value:.1}")
                } else {
                    format!("{value:.0}")
                }
            })
            .draw()?;
        for (line, colour) in lines.iter().zip([ONE, TWO]) {
            let points = line
                .iter()
                .enumerate()
                .map(|(day, value)| value.map(|value| (day as f64, value)));
            let points: Vec<Option<(f64, f64)>> = points.collect();
            if bars {
                let bars = points.iter().flatten();
                chart.draw_series(bars.map(|(day, value)| {
                    Rectangle::new([(day - 0.38, 0.0), (day + 0.38, *value)], colour.filled())
                }))?;
                continue;
            }
            // A day without a run is a gap, not a line through it.
            for run in points.split(Option::is_none) {
                chart.draw_series(LineSeries::new(
                    run.iter().flatten().copied(),
                    colour.stroke_width(2),
                ))?;
            }
            let dots = points.iter().flatten();
            chart.draw_series(dots.map(|point| Circle::new(*point, 2, colour.filled())))?;
        }
        area.present()?;
    }
    for (colour, name) in NAMES {
        svg = svg.replace(colour, name);
    }
    // It fills its figure, whatever the screen's width.
    Ok(svg.replacen("<svg width=\"420\" height=\"250\"", "<svg role=\"img\"", 1))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

const HEAD: &str = "<!doctype html>
<html lang=en>
<meta charset=utf-8>
<meta name=viewport content='width=device-width, initial-scale=1'>
<title>Workflows</title>
<style>
:root { color-scheme: light dark; --ink: #24292f; --paper: #fff; --grid: #d0d7de; --one: #0969da; --two: #bc4c00; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6edf3; --paper: #0d1117; --grid: #3a424c; --one: #58a6ff; --two: #f0883e; }
}
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 84rem; margin: 2rem auto; padding: 0 1rem; }
section { border-top: 1px solid var(--grid); margin-top: 2rem; }
dl { display: flex; flex-wrap: wrap; gap: 1rem 3rem; margin: 0 0 1rem; }
dd { margin: 0; font-size: 1.5rem; }
small { display: block; font-size: .8rem; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(20rem, 1fr)); gap: 1rem; }
figure { margin: 0; }
figcaption { font-weight: 600; }
figcaption i { display: inline-block; width: 1.2rem; height: .2rem; vertical-align: middle; margin-left: .8rem; }
i.one { background: var(--one); }
i.two { background: var(--two); }
svg { width: 100%; height: auto; }
footer { margin-top: 2rem; font-size: .8rem; }
</style>
";
