//! Ranges of numbers, as rules write them: `>500`, `<=20%`, `100-500`.

use std::ops::RangeInclusive;

use crate::toml_file::Wrong;

/// What the numbers of a range count.
#[derive(Debug)]
pub struct Unit {
    /// What a range of it is, with its article
    called: &'static str,
    /// How to write one
    help: &'static str,
    /// What stands after a number
    sign: &'static str,
    /// How many of what [`Range::holds`] takes are one
    scale: u64,
    /// The most that there can be, in what a range counts
    most: u64,
}

/// Lines that are added and deleted.
pub const LINES: Unit = Unit {
    called: "a size",
    help: "write a number of lines such as \">500\", \"<=50\" or \"100-500\"",
    sign: "",
    scale: 1,
    most: u64::MAX,
};

/// Files that are changed.
pub const FILES: Unit = Unit {
    called: "a number of files",
    help: "write such as \">1\", \"<=20\" or \"2-9\"",
    sign: "",
    scale: 1,
    most: u64::MAX,
};

/// A part of the files that are changed, in millionths: the least difference between two such parts is more.
pub const SHARE: Unit = Unit {
    called: "a share",
    help: "write such as \">20%\", \"<=50%\" or \"20%-50%\"",
    sign: "%",
    scale: MILLION / 100,
    most: MILLION,
};

/// The whole, as a share.
pub const MILLION: u64 = 1_000_000;

/// A range of numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    written: String,
    numbers: RangeInclusive<u64>,
}

/// Whether a number is in a range that is perhaps larger than what is known of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// It is
    Yes,
    /// It isn't
    No,
    /// It depends on what isn't known
    Perhaps,
}

impl Range {
    /// Reads `>500`, `>=500`, `<50`, `<=50` or `100-500`, each number with the sign of its unit.
    ///
    /// # Errors
    /// What is wrong, and how to write it instead.
    pub fn parse(text: &str, unit: &Unit) -> Result<Self, Wrong> {
        let Unit { called, sign, scale, most, .. } = unit;
        let wrong = || (format!("`{text}` isn't {called}"), Some(help(text, unit)));
        let number = |digits: &str| {
            let digits = digits.trim().strip_suffix(sign).ok_or_else(wrong)?;
            digits.trim_end().parse::<u64>().ok().and_then(|number| number.checked_mul(*scale)).ok_or_else(wrong)
        };
        let numbers = if let Some(least) = text.strip_prefix(">=") {
            number(least)?..=u64::MAX
        } else if let Some(below) = text.strip_prefix('>') {
            number(below)?.saturating_add(1)..=u64::MAX
        } else if let Some(most) = text.strip_prefix("<=") {
            0..=number(most)?
        } else if let Some(above) = text.strip_prefix('<') {
            let most = number(above)?.checked_sub(1);
            0..=most.ok_or_else(|| (format!("nothing is less than 0{sign}"), None))?
        } else {
            let (least, most) = text.split_once('-').ok_or_else(wrong)?;
            number(least)?..=number(most)?
        };
        if numbers.is_empty() {
            let [least, most] = [numbers.start(), numbers.end()].map(|number| number / scale);
            let help = format!("write \"{most}{sign}-{least}{sign}\"");
            return Err((format!("`{text}` isn't {called}: it ends before it begins"), Some(help)));
        }
        if numbers.start() > most {
            return Err((format!("`{text}` never holds: nothing is more than {}{sign}", most / scale), None));
        }
        Ok(Self { written: text.to_owned(), numbers })
    }

    /// Whether a number is in the range. If there may be `more`, it is the least that the number can be.
    #[must_use]
    pub fn holds(&self, number: u64, more: bool) -> Holds {
        match (self.numbers.contains(&number), more) {
            (true, false) => Holds::Yes,
            (true, true) if *self.numbers.end() == u64::MAX => Holds::Yes,
            (_, true) if number <= *self.numbers.end() => Holds::Perhaps,
            _ => Holds::No,
        }
    }

    /// As it was written.
    #[must_use]
    pub fn written(&self) -> &str {
        &self.written
    }
}

/// How to write a range: with the number, if there is just one.
fn help(text: &str, unit: &Unit) -> String {
    let sign = unit.sign;
    match text.trim().trim_end_matches(sign).parse::<u64>() {
        Ok(number) => {
            format!("write \">{number}{sign}\", \">={number}{sign}\", \"<{number}{sign}\" or \"<={number}{sign}\"")
        }
        Err(_) => unit.help.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn what_is_in_a_range() {
        for (range, within, outside) in [
            (">500", 501, 500),
            (">=500", 500, 499),
            ("<50", 49, 50),
            ("<= 50", 50, 51),
            ("100-500", 100, 99),
            ("100 - 500", 500, 501),
            (">18446744073709551614", u64::MAX, u64::MAX - 1),
        ] {
            let range = Range::parse(range, &LINES).unwrap();
            assert_eq!([within, outside].map(|n| range.holds(n, false)), [Holds::Yes, Holds::No], "{range:?}");
        }
        for bad in ["", "big", "500", "<0", "500-100", "-5", "5-", ">-1", ">5k", "1-2-3", ">99999999999999999999"] {
            assert!(Range::parse(bad, &LINES).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_share_is_compared_to_the_last_file() {
        let share = |part: u64, all: u64| part * MILLION / all;
        for (range, part, all, holds) in [
            (">20%", 1, 5, false),
            (">20%", 601, 3000, true),
            (">=20%", 1, 5, true),
            ("<20%", 599, 3000, true),
            ("<20%", 600, 3000, false),
            ("<=33%", 1, 3, false),
            ("20%-50%", 1, 2, true),
            ("20% - 50%", 1501, 3000, false),
            (">=100%", 3000, 3000, true),
            (">=100%", 2999, 3000, false),
        ] {
            let range = Range::parse(range, &SHARE).unwrap();
            assert_eq!(range.holds(share(part, all), false) == Holds::Yes, holds, "{range:?} {part}/{all}");
        }
        for bad in [">20", "20%", "<0%", ">100%", "50%-20%", "101%-110%", "20-50%", ">2000000000000000000%"] {
            assert!(Range::parse(bad, &SHARE).is_err(), "{bad}");
        }
    }

    #[test]
    fn of_what_is_not_all_known() {
        for (range, known, holds) in [
            (">1", 2, Holds::Yes),
            (">1", 1, Holds::Perhaps),
            ("<3", 2, Holds::Perhaps),
            ("<3", 3, Holds::No),
            ("2-3", 1, Holds::Perhaps),
            ("2-3", 3, Holds::Perhaps),
            ("2-3", 4, Holds::No),
        ] {
            assert_eq!(Range::parse(range, &FILES).unwrap().holds(known, true), holds, "{range} {known}");
        }
    }
}
