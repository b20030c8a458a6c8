//! Writes a Markdown table with the figures of several clients.

use std::fmt::Write;

/// A measured figure, or the reason why it is missing.
pub type Figure = Result<f64, String>;

/// Whether a lower or a higher figure is better.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Better {
    Less,
    More,
}

pub struct Row {
    pub name: String,
    pub better: Better,
    pub decimals: usize,
    /// One figure for each client, in the order of the columns. The first one is for `circleci-api`.
    pub figures: Vec<Figure>,
}

/// Returns the middle figure, or the mean of the two middle figures.
pub fn median(mut figures: Vec<f64>) -> Option<f64> {
    figures.sort_by(f64::total_cmp);
    let middle = figures.len() / 2;
    let upper = *figures.get(middle)?;
    match figures.len() % 2 {
        1 => Some(upper),
        _ => Some((figures.get(middle.checked_sub(1)?)? + upper) / 2.0),
    }
}

/// Writes a table of figures and ratios. Below the table, lists why figures are missing, and the rows in which another client is
/// better.
pub fn render(title: &str, columns: &[&str], rows: &[Row]) -> String {
    let mut text = format!("\n## {title}\n\n| | {} |\n", columns.join(" | "));
    text.push_str(&"|---".repeat(columns.len() + 1));
    text.push_str("|\n");
    let mut reasons: Vec<String> = Vec::new();
    let mut ahead: Vec<String> = Vec::new();
    for row in rows {
        let ours = row.figures.first().and_then(|figure| figure.as_ref().ok());
        let _ = write!(text, "| {} |", row.name);
        for (index, figure) in row.figures.iter().enumerate() {
            let column = columns.get(index).copied().unwrap_or_default();
            let cell = match (figure, ours) {
                (Err(reason), _) => {
                    let reason = format!("{column}: not measured: {reason}");
                    if !reasons.contains(&reason) {
                        reasons.push(reason);
                    }
                    "-".to_owned()
                }
                (Ok(theirs), Some(ours)) if index > 0 => {
                    let ratio = ratio(*ours, *theirs, row.better);
                    if ratio > 1.0 {
                        ahead.push(format!("{}: {column} is ahead, {ratio:.3}", row.name));
                    }
                    format!("{} ({ratio:.3})", grouped(*theirs, row.decimals))
                }
                (Ok(figure), _) => grouped(*figure, row.decimals),
            };
            let _ = write!(text, " {cell} |");
        }
        text.push('\n');
    }
    for notes in [reasons, ahead].iter().filter(|notes| !notes.is_empty()) {
        text.push('\n');
        for note in notes {
            let _ = writeln!(text, "- {note}");
        }
    }
    text
}

/// Returns the ratio of two figures. It is below 1 if this crate is better, both when lower figures are better and when higher
/// figures are better.
fn ratio(ours: f64, theirs: f64, better: Better) -> f64 {
    match better {
        Better::Less => ours / theirs,
        Better::More => theirs / ours,
    }
}

/// Formats a figure with thousands separators, such as `1,234.5`.
fn grouped(figure: f64, decimals: usize) -> String {
    let plain = format!("{figure:.decimals$}");
    let (whole, rest) = match plain.split_once('.') {
        Some((whole, rest)) => (whole, format!(".{rest}")),
        None => (plain.as_str(), String::new()),
    };
    let digits = whole.len();
    let mut text = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (digits - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text + &rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(vec![]), None);
        assert_eq!(median(vec![3.0]), Some(3.0));
        assert_eq!(median(vec![9.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0, 2.0, 9.0]), Some(3.0));
    }

    #[test]
    fn a_row_shows_ratios_reasons_and_who_is_ahead() {
        let rows = [
            Row {
                name: "instructions".into(),
                better: Better::Less,
                decimals: 0,
                figures: vec![Ok(92_384.0), Ok(184_768.0), Ok(46_192.0)],
            },
            Row {
                name: "calls per second".into(),
                better: Better::More,
                decimals: 1,
                figures: vec![Ok(1000.0), Ok(500.0), Err("it has no trigger".into())],
            },
        ];
        let text = render("A call", &["ours", "slow", "fast"], &rows);
        assert_eq!(
            text,
            "\n## A call\n\n| | ours | slow | fast |\n|---|---|---|---|\n\
             | instructions | 92,384 | 184,768 (0.500) | 46,192 (2.000) |\n\
             | calls per second | 1,000.0 | 500.0 (0.500) | - |\n\
             \n- fast: not measured: it has no trigger\n\
             \n- instructions: fast is ahead, 2.000\n"
        );
    }

    #[test]
    fn without_ours_there_is_no_ratio() {
        let rows = [Row {
            name: "size".into(),
            better: Better::Less,
            decimals: 0,
            figures: vec![Err("it does not compile".into()), Ok(5.0)],
        }];
        let text = render("Size", &["ours", "theirs"], &rows);
        assert!(text.contains("| size | - | 5 |\n"), "{text}");
    }
}
