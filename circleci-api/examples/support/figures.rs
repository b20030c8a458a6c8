//! Formats numbers and text for HTML pages and SVG pictures.

/// Rounds a number, and formats it with spaces between the thousands, such as `1 234 567`.
pub fn thousands(number: f64) -> String {
    let digits = format!("{:.0}", number.abs());
    let mut text = String::new();
    if number <= -0.5 {
        text.push('-');
    }
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// Formats a fraction as a percentage: 0.123 becomes `12.3 %`.
pub fn percent(rate: f64) -> String {
    format!("{:.1}\u{202f}%", rate * 100.0)
}

/// Escapes text for HTML or SVG.
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
