//! Durations as teams write them.
//!
//! The parser is hand-written because jiff's accepts units only in descending order, and accepts more than teams may
//! write: fractions, spaces, months, milliseconds.

use std::time::Duration;

/// Reads `60s`, `5m`, `2h`, `3d`, `1w`, and combinations such as `1h30m`, up to 30 days.
///
/// # Errors
/// What is wrong, and how to write it instead.
pub fn parse(text: &str) -> Result<Duration, (String, String)> {
    parse_up_to(text, "30d")
}

/// Like [`parse`], with another maximum.
///
/// # Errors
/// What is wrong, and how to write it instead.
pub fn parse_up_to(text: &str, longest: &str) -> Result<Duration, (String, String)> {
    let seconds = seconds(text).ok_or_else(|| {
        let help = "write numbers with s, m, h, d or w, such as \"60s\" or \"1h30m\"".to_owned();
        (format!("`{text}` isn't a valid duration"), help)
    })?;
    if self::seconds(longest).is_some_and(|longest| seconds > longest) {
        return Err((format!("`{text}` is too long"), format!("write at most \"{longest}\"")));
    }
    Ok(Duration::from_secs(seconds))
}

/// Writes a duration as teams do, in whole seconds: `3d`, `1h30m`.
#[must_use]
pub fn written(duration: Duration) -> String {
    let mut rest = duration.as_secs();
    let mut text = String::new();
    for (length, unit) in [(24 * 60 * 60, 'd'), (60 * 60, 'h'), (60, 'm'), (1, 's')] {
        if rest >= length {
            text.push_str(&format!("{}{unit}", rest / length));
            rest %= length;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

fn seconds(text: &str) -> Option<u64> {
    let mut rest = text;
    let mut sum = 0u64;
    while !rest.is_empty() {
        let unit_at = rest.find(|c: char| !c.is_ascii_digit())?;
        let unit = match rest.as_bytes()[unit_at] {
            b's' => 1,
            b'm' => 60,
            b'h' => 60 * 60,
            b'd' => 24 * 60 * 60,
            b'w' => 7 * 24 * 60 * 60,
            _ => return None,
        };
        sum = rest[..unit_at].parse::<u64>().ok()?.checked_mul(unit)?.checked_add(sum)?;
        rest = &rest[unit_at + 1..];
    }
    (!text.is_empty()).then_some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        let table =
            [("0s", 0), ("60s", 60), ("5m", 300), ("2h", 7200), ("3d", 259_200), ("1w", 604_800), ("1h30m", 5400)];
        for (text, seconds) in table {
            assert_eq!(parse(text), Ok(Duration::from_secs(seconds)), "{text}");
            assert_eq!(parse(&written(Duration::from_secs(seconds))), parse(text), "{text}");
        }
        assert_eq!(written(Duration::from_secs(5430)), "1h30m30s");
        assert_eq!(parse_up_to("52w", "52w"), Ok(Duration::from_secs(31_449_600)));
        assert!(parse_up_to("53w", "52w").is_err());
        for bad in
            ["", "60", "s", "5 m", "-5m", "1.5h", "5é", "5M", "31d", "99999999999999999999s", "9999999999999999w"]
        {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
