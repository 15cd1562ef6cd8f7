//! Lenient field types, so that one odd field doesn't spoil a whole payload.

use std::ops::Deref;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::de::{Deserialize, DeserializeOwned, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;
use url::Url;

/// A field that may be missing, null, or of an undocumented type; all three are read as `None`.
#[derive(Debug, Clone)]
pub struct Maybe<T>(Option<T>);

impl<T> Default for Maybe<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Deref for Maybe<T> {
    type Target = Option<T>;

    fn deref(&self) -> &Option<T> {
        &self.0
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Maybe<T> {
    /// Finds the end of the field's text, then tries to read it, so most of a payload is never built.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <&RawValue>::deserialize(deserializer).map(|raw| Self(serde_json::from_str(raw.get()).ok()))
    }
}

impl Maybe<String> {
    /// The text, unless it is blank.
    pub fn text(&self) -> Option<&str> {
        self.as_deref().map(str::trim).filter(|text| !text.is_empty())
    }
}

impl<T> Maybe<Vec<Maybe<T>>> {
    /// The entries that could be read.
    pub fn entries(&self) -> impl Iterator<Item = &T> {
        self.iter().flatten().filter_map(|entry| entry.as_ref())
    }
}

/// Distinguishes a missing field (`None`) from null (`Some` of nothing).
pub fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// An identifier, which some versions write as a number and some as text.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "Value")]
pub struct Id(String);

impl Id {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn number(&self) -> Option<u64> {
        self.0.parse().ok()
    }
}

impl TryFrom<Value> for Id {
    type Error = &'static str;

    /// Identifiers are used in subjects and links, so only simple ones are accepted.
    fn try_from(value: Value) -> Result<Self, Self::Error> {
        let text = match value {
            Value::Number(number) if number.is_u64() => number.to_string(),
            Value::String(text) => text,
            _ => return Err("no identifier"),
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        let valid = (1..=64).contains(&text.len()) && text.chars().all(plain);
        if valid { Ok(Self(text)) } else { Err("no identifier") }
    }
}

/// A point in time: RFC 3339, with or without a colon in its offset (Jira), or an epoch in seconds (GitHub's push) or
/// milliseconds (Jira).
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "Value")]
pub struct Time(pub Timestamp);

impl TryFrom<Value> for Time {
    type Error = jiff::Error;

    fn try_from(value: Value) -> Result<Self, Self::Error> {
        // Seconds reach this in the year 5138, and milliseconds reached it in 1973.
        const FIRST_MILLISECONDS: i64 = 100_000_000_000;
        let epoch = match &value {
            Value::String(text) => text.parse().ok(),
            other => other.as_i64(),
        };
        match epoch {
            Some(epoch) if epoch >= FIRST_MILLISECONDS => Timestamp::from_millisecond(epoch),
            Some(epoch) => Timestamp::from_second(epoch),
            None => value.as_str().unwrap_or_default().parse(),
        }
        .map(Self)
    }
}

/// A day. Jira writes `2024-05-01`, and `2024-05-01 00:00:00.0` in a change's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "String")]
pub struct Day(pub Date);

impl TryFrom<String> for Day {
    type Error = jiff::Error;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.get(..10).unwrap_or(&text).parse().map(Self)
    }
}

/// The address of a page, for messages: only `http` or `https`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "String")]
pub struct Link(String);

impl Link {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The host of a page's address, in lower case, with its port unless that is the default. For GitHub's API at
/// `api.github.com` or a subdomain of `ghe.com`, it is the host of the pages.
#[must_use]
pub fn host_of(address: &str) -> Option<String> {
    let url = Url::parse(address).ok()?;
    let host = url.host_str()?.to_ascii_lowercase();
    let page = host.strip_prefix("api.").filter(|page| *page == "github.com" || page.ends_with(".ghe.com"));
    let host = page.unwrap_or(&host);
    Some(url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
}

impl From<&Link> for String {
    fn from(link: &Link) -> Self {
        link.0.clone()
    }
}

impl TryFrom<String> for Link {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match Url::parse(text.trim()) {
            Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(Self(url.into())),
            _ => Err("no web address"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read<T: DeserializeOwned>(value: Value) -> Option<T> {
        serde_json::from_str::<Maybe<T>>(&value.to_string()).ok().and_then(|maybe| maybe.0)
    }

    #[test]
    fn times_in_every_form_that_was_seen() {
        for (written, utc) in [
            (json!("2019-05-15T15:20:33Z"), "2019-05-15T15:20:33Z"),
            (json!("2021-03-30T19:17:18.000-04:00"), "2021-03-30T23:17:18Z"),
            (json!("2021-06-02T16:50:00.000-0700"), "2021-06-02T23:50:00Z"),
            (json!(1_550_286_678_321_i64), "2019-02-16T03:11:18.321Z"),
            (json!("1550286678321"), "2019-02-16T03:11:18.321Z"),
            (json!(1_557_933_657), "2019-05-15T15:20:57Z"),
        ] {
            let time = read::<Time>(written.clone()).map(|time| time.0.to_string());
            assert_eq!(time.as_deref(), Some(utc), "{written}");
        }
        for odd in [json!(null), json!("yesterday"), json!(""), json!({}), json!(1.5), json!(i64::MAX), json!(u64::MAX)]
        {
            assert_eq!(read::<Time>(odd.clone()), None, "{odd}");
        }
    }

    #[test]
    fn identifiers_are_numbers_or_plain_text() {
        for (written, id) in [
            (json!(9_007_199_254_740_993_u64), Some("9007199254740993")),
            (json!("10040"), Some("10040")),
            (json!("a/../b"), None),
            (json!(""), None),
            (json!(-1), None),
            (json!([1]), None),
        ] {
            assert_eq!(read::<Id>(written.clone()).as_ref().map(Id::as_str), id, "{written}");
        }
    }

    #[test]
    fn only_web_addresses_are_links() {
        for (written, link) in [
            ("https://github.com/acme/x/pull/45", Some("https://github.com/acme/x/pull/45")),
            (" http://jira:8080/browse/A-1 ", Some("http://jira:8080/browse/A-1")),
            ("https://example.com/a b\"<", Some("https://example.com/a%20b%22%3C")),
            ("javascript:alert(1)", None),
            ("data:text/html,x", None),
            ("/pull/45", None),
            ("", None),
        ] {
            assert_eq!(read::<Link>(json!(written)).as_ref().map(Link::as_str), link, "{written}");
        }
    }

    #[test]
    fn days() {
        for (written, day) in [
            (json!("2024-05-01"), Some("2024-05-01")),
            (json!("2024-05-01 00:00:00.0"), Some("2024-05-01")),
            (json!("01/May/24"), None),
            (json!("2024-0é-01"), None),
            (json!(20240501), None),
        ] {
            assert_eq!(read::<Day>(written.clone()).map(|day| day.0.to_string()).as_deref(), day, "{written}");
        }
    }
}
