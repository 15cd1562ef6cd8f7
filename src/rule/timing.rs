//! Times as teams write them: quiet hours, digests, budgets.

use jiff::civil::{DateTime, Time, Weekday};
use strum::{Display, EnumString};

/// What is wrong with a text, and what would be right.
type Wrong = (String, String);

/// When a team must not be disturbed, in its time zone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Quiet(Vec<Window>);

/// One quiet time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// Each day from one time to another; past midnight if the second isn't later
    Daily(Time, Time),
    /// A whole day of the week
    Day(Weekday),
}

impl Quiet {
    /// All of these together.
    #[must_use]
    pub fn new(windows: Vec<Window>) -> Self {
        Self(windows)
    }

    /// The end of the quiet time that a time is in; `None` if it is in none, or in one that never ends.
    #[must_use]
    pub fn end(&self, at: DateTime) -> Option<DateTime> {
        let mut end = at;
        // A window ends within a day, so in a week it ends at most 7 times.
        for _ in 0..=self.0.len() * 8 {
            match self.0.iter().find_map(|window| window.end(end)) {
                Some(later) => end = later,
                None => return (end > at).then_some(end),
            }
        }
        None
    }

    /// As teams write it.
    #[must_use]
    pub fn written(&self) -> Vec<String> {
        self.0.iter().map(|window| window.written()).collect()
    }

    /// Whether the whole week is quiet.
    #[must_use]
    pub fn is_endless(&self) -> bool {
        let sunday = DateTime::constant(2024, 1, 7, 0, 0, 0, 0);
        self.0.iter().any(|window| window.end(sunday).is_some()) && self.end(sunday).is_none()
    }
}

impl Window {
    fn written(self) -> String {
        match self {
            Self::Daily(from, to) => format!("{}-{}", clock(from), clock(to)),
            Self::Day(day) => short(day).to_owned(),
        }
    }

    /// When it ends, if a time is in it.
    fn end(self, at: DateTime) -> Option<DateTime> {
        let tomorrow = || at.date().tomorrow().ok();
        match self {
            Self::Day(day) if at.weekday() == day => Some(tomorrow()?.to_datetime(Time::midnight())),
            Self::Daily(from, to) if from < to => {
                (from <= at.time() && at.time() < to).then(|| at.date().to_datetime(to))
            }
            Self::Daily(_, to) if at.time() < to => Some(at.date().to_datetime(to)),
            Self::Daily(from, to) if at.time() >= from => Some(tomorrow()?.to_datetime(to)),
            Self::Day(_) | Self::Daily(..) => None,
        }
    }
}

/// Reads one entry of `quiet`: `19:00-08:00`, or a day such as `sat`.
///
/// # Errors
/// What is wrong, and how to write it instead.
pub fn window(text: &str) -> Result<Window, Wrong> {
    let wrong = || {
        let help = "write hours such as \"19:00-08:00\", or a day such as \"sat\"".to_owned();
        (format!("`{text}` isn't a quiet time"), help)
    };
    if let Some(day) = weekday(text) {
        return Ok(Window::Day(day));
    }
    let (from, to) = text.split_once('-').ok_or_else(wrong)?;
    match (time(from), time(to)) {
        (Some(from), Some(to)) if from == to => {
            Err((format!("`{text}` has no length"), "for a whole day, write its name, such as \"sat\"".to_owned()))
        }
        (Some(from), Some(to)) => Ok(Window::Daily(from, to)),
        _ => Err(wrong()),
    }
}

/// When collected updates are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digest {
    /// The day of the week; `None` for each day
    pub day: Option<Weekday>,
    /// The time in the team's time zone
    pub time: Time,
}

impl Digest {
    /// As teams write it.
    #[must_use]
    pub fn written(self) -> String {
        match self.day {
            Some(day) => format!("weekly {} {}", short(day), clock(self.time)),
            None => format!("daily {}", clock(self.time)),
        }
    }
}

/// Reads `daily 09:00` or `weekly mon 09:00`.
///
/// # Errors
/// What is wrong, and how to write it instead.
pub fn digest(text: &str) -> Result<Digest, Wrong> {
    let read = match text.split(' ').collect::<Vec<_>>()[..] {
        ["daily", at] => time(at).map(|time| Digest { day: None, time }),
        ["weekly", day, at] => weekday(day).and_then(|day| time(at).map(|time| Digest { day: Some(day), time })),
        _ => None,
    };
    read.ok_or_else(|| {
        let help = "write \"daily 09:00\" or \"weekly mon 09:00\"".to_owned();
        (format!("`{text}` isn't a time of the day or the week"), help)
    })
}

/// How many messages a team gets at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// The number of messages
    pub most: u32,
    /// The period that the number is for
    pub per: Period,
}

/// A period of the calendar, in the team's time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Display, EnumString)]
#[strum(serialize_all = "lowercase")]
pub enum Period {
    /// From one full hour to the next
    Hour,
    /// From midnight to midnight
    Day,
    /// From Monday to Sunday
    Week,
}

impl Budget {
    /// As teams write it.
    #[must_use]
    pub fn written(self) -> String {
        format!("{}/{}", self.most, self.per)
    }
}

/// Reads `20/day`.
///
/// # Errors
/// What is wrong, and how to write it instead.
pub fn budget(text: &str) -> Result<Budget, Wrong> {
    let wrong =
        |message: String| (message, "write a number and `hour`, `day` or `week`, such as \"20/day\"".to_owned());
    let (most, per) = text.split_once('/').ok_or_else(|| wrong(format!("`{text}` isn't a budget")))?;
    let per = per.parse().map_err(|_| wrong(format!("`{per}` isn't a period")))?;
    match most.parse() {
        Ok(0) => Err((
            "a budget of 0 holds everything for ever".to_owned(),
            "leave rules out, or mute them for a while: `microalign mute`".to_owned(),
        )),
        Ok(most) => Ok(Budget { most, per }),
        Err(_) => Err(wrong(format!("`{most}` isn't a number of messages"))),
    }
}

/// `09:00`, and `24:00` is written `00:00`.
fn time(text: &str) -> Option<Time> {
    let (hour, minute) = text.split_once(':')?;
    let digits = |text: &str| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(hour) || !digits(minute) {
        return None;
    }
    Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()
}

fn clock(time: Time) -> String {
    time.strftime("%H:%M").to_string()
}

fn short(day: Weekday) -> &'static str {
    match day {
        Weekday::Monday => "mon",
        Weekday::Tuesday => "tue",
        Weekday::Wednesday => "wed",
        Weekday::Thursday => "thu",
        Weekday::Friday => "fri",
        Weekday::Saturday => "sat",
        Weekday::Sunday => "sun",
    }
}

fn weekday(text: &str) -> Option<Weekday> {
    Some(match text {
        "mon" => Weekday::Monday,
        "tue" => Weekday::Tuesday,
        "wed" => Weekday::Wednesday,
        "thu" => Weekday::Thursday,
        "fri" => Weekday::Friday,
        "sat" => Weekday::Saturday,
        "sun" => Weekday::Sunday,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn quiet(entries: &[&str]) -> Quiet {
        Quiet::new(entries.iter().map(|entry| window(entry).unwrap()).collect())
    }

    #[test]
    fn quiet_ends_where_no_window_goes_on() {
        let usual = ["19:00-08:00", "sat", "sun"];
        // 2026-11-20 is a Friday.
        let table: &[(&[&str], &str, Option<&str>)] = &[
            (&usual, "2026-11-19T18:59", None),
            (&usual, "2026-11-19T19:00", Some("2026-11-20T08:00")),
            (&usual, "2026-11-20T07:59", Some("2026-11-20T08:00")),
            (&usual, "2026-11-20T08:00", None),
            (&usual, "2026-11-20T19:00", Some("2026-11-23T08:00")),
            (&usual, "2026-11-22T12:00", Some("2026-11-23T08:00")),
            (&["12:00-13:00"], "2026-11-20T12:30", Some("2026-11-20T13:00")),
            (&["12:00-13:00"], "2026-11-20T13:00", None),
            (&["12:00-13:00", "13:00-14:00"], "2026-11-20T12:30", Some("2026-11-20T14:00")),
            (&["19:00-00:00"], "2026-12-31T23:59", Some("2027-01-01T00:00")),
            (&["00:00-08:00"], "2026-12-31T23:59", None),
            (&[], "2026-11-20T12:00", None),
        ];
        for (entries, at, end) in table {
            let end: Option<DateTime> = end.map(|end| end.parse().unwrap());
            assert_eq!(quiet(entries).end(at.parse().unwrap()), end, "{entries:?} {at}");
        }
    }

    #[test]
    fn times_are_written_as_they_are_read() {
        let all = ["19:00-08:00", "mon", "tue", "wed", "thu", "fri", "sat", "sun"];
        assert_eq!(quiet(&all).written(), all);
        for text in ["daily 09:00", "weekly mon 17:30"] {
            assert_eq!(digest(text).unwrap().written(), text);
        }
    }

    #[test]
    fn quiet_that_never_ends_is_known() {
        assert!(quiet(&["08:00-20:00", "20:00-08:00"]).is_endless());
        assert!(quiet(&["mon", "tue", "wed", "thu", "fri", "sat", "sun"]).is_endless());
        assert!(!quiet(&["00:00-23:59"]).is_endless());
        assert!(!quiet(&["tue", "wed", "thu", "fri", "sat", "sun"]).is_endless());
        assert!(!quiet(&["tue", "wed", "thu", "fri", "sat", "sun", "12:00-11:59"]).is_endless());
        assert!(!quiet(&[]).is_endless());
    }

    #[test]
    fn what_is_no_time() {
        for bad in ["", "19:00", "19-08", "25:00-08:00", "19:60-08:00", "9:00-10:00", "08:00-08:00", "sat-sun", "Sat"] {
            assert!(window(bad).is_err(), "{bad}");
        }
        for bad in ["", "daily", "09:00", "daily 9:00", "weekly 09:00", "weekly mon", "monthly 09:00", "daily  09:00"] {
            assert!(digest(bad).is_err(), "{bad}");
        }
        for bad in ["", "20", "/day", "20/month", "-1/day", "0/day", "20 / day", "99999999999/day"] {
            assert!(budget(bad).is_err(), "{bad}");
        }
        assert_eq!(budget("20/day"), Ok(Budget { most: 20, per: Period::Day }));
        assert_eq!(digest("weekly mon 09:05").unwrap().day, Some(Weekday::Monday));
    }
}
