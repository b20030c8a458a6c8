//! A chart with one column for each day. Its text is HTML beside the drawing, so that the text has the same size on every
//! screen. The drawing fills the remaining space.

use std::fmt::{self, Write};

use super::figures::{escape, thousands};

pub struct Chart {
    /// The text that describes the chart to people who cannot see it.
    pub title: &'static str,
    /// The unit of the columns' heights. It is the visible heading of the chart.
    pub unit: &'static str,
    /// The entries of the legend. Each entry is a class of the style sheet and the meaning of this class.
    pub legend: &'static [(&'static str, &'static str)],
    pub columns: Vec<Column>,
    /// A date for each column.
    pub labels: Vec<String>,
}

pub struct Column {
    /// The heights of the stacked bars. The first bar has the class `one`, the next ones have `two` and `three`.
    pub bars: Vec<f64>,
    /// The height of a horizontal line across the column.
    pub mark: Option<f64>,
    /// The text of the tooltip, without the date.
    pub tip: String,
}

impl Column {
    fn height(&self) -> f64 {
        let bars: f64 = self.bars.iter().sum();
        self.mark.map_or(bars, |mark| mark.max(bars))
    }
}

/// The height of the drawing, in the drawing's own units. Each column is one unit wide.
const HEIGHT: f64 = 100.0;
const CLASSES: [&str; 3] = ["one", "two", "three"];

impl Chart {
    pub fn html(&self) -> Result<String, fmt::Error> {
        let highest = self.columns.iter().map(Column::height).fold(0.0, f64::max);
        let top = nice(highest);
        let mut html = format!("<figure><figcaption><b>{}</b>", self.unit);
        for (class, meaning) in self.legend {
            write!(html, " <i class={class}></i>{meaning}")?;
        }
        html.push_str("</figcaption><div class=scale>");
        for value in [top, top / 2.0, 0.0] {
            write!(html, "<span>{}</span>", figure(value, top))?;
        }
        let wide = self.columns.len().max(1);
        write!(
            html,
            "</div><svg aria-label='{}' role=img viewBox='0 0 {wide} {HEIGHT}' preserveAspectRatio=none>",
            self.title
        )?;
        for y in [0.0, HEIGHT / 2.0, HEIGHT] {
            write!(html, "<path class=grid d='M0 {y}H{wide}'/>")?;
        }
        for (x, column) in self.columns.iter().enumerate() {
            self.column(&mut html, x, column, top)?;
        }
        html.push_str("</svg><div class=days>");
        let first = self.labels.first().map_or("", String::as_str);
        let last = self.labels.last().map_or("", String::as_str);
        write!(
            html,
            "<span>{first}</span><span>Day (UTC)</span><span>{last}</span></div></figure>"
        )?;
        Ok(html)
    }

    fn column(&self, html: &mut String, x: usize, column: &Column, top: f64) -> fmt::Result {
        let y = |value: f64| HEIGHT - HEIGHT * value / top;
        let left = x as f64;
        let mut below = 0.0;
        for (bar, class) in column.bars.iter().zip(CLASSES) {
            if *bar > 0.0 {
                let (from, to) = (y(below), y(below + bar));
                write!(
                    html,
                    "<rect class={class} x={:.2} y={to:.2} width=.76 height={:.2} />",
                    left + 0.12,
                    from - to
                )?;
                below += bar;
            }
        }
        if let Some(mark) = column.mark {
            let (from, at) = (left + 0.06, y(mark));
            write!(html, "<path class=mark d='M{from:.2} {at:.2}h.88'/>")?;
        }
        let label = self.labels.get(x).map_or("", String::as_str);
        write!(
            html,
            "<rect class=tip x={left} y=0 width=1 height={HEIGHT}><title>{label}: {}</title></rect>",
            escape(&column.tip)
        )
    }
}

/// Rounds up to the next number of the form 1, 2, 4, 5, 10, 20, 40, 50, 100, …
fn nice(highest: f64) -> f64 {
    if !highest.is_finite() || highest <= 0.0 {
        return 1.0;
    }
    let power = 10_f64.powf(highest.log10().floor());
    let steps = [1.0, 2.0, 4.0, 5.0, 10.0];
    let step = steps
        .into_iter()
        .find(|step| step * power >= highest * 0.9999);
    step.unwrap_or(10.0) * power
}

fn figure(value: f64, top: f64) -> String {
    match top < 10.0 && value.fract() > 0.0 {
        true => format!("{value:.1}"),
        false => thousands(value),
    }
}
