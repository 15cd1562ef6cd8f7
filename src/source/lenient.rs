//! Lenient field types, so that one odd field doesn't spoil a whole payload.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::de::{Deserialize, DeserializeOwned, Deserializer, Error as _, IgnoredAny, SeqAccess, Visitor};
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
        let text = <&RawValue>::deserialize(deserializer)?.get();
        let read = serde_json::from_str(text).ok();
        Ok(Self(read.or_else(|| serde_json::from_str(&mended(text)?).ok())))
    }
}

/// JSON in which the halves of surrogate pairs that stand alone are replaced; `None` if there are none. What writes such
/// pairs may cut a text between them, and no Rust text has a half.
fn mended(json: &str) -> Option<String> {
    // Most of what can't be read is `null`.
    json.find("\\u")?;
    let mut mended = String::new();
    let (mut rest, mut found) = (json, false);
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        mended.push_str(before);
        let (taken, put) = match (half(escape), escape.get(6..).and_then(half)) {
            (Some(0xD800..0xDC00), Some(0xDC00..)) => (12, None),
            (Some(_), _) => (6, Some("\\ufffd")),
            (None, _) => (2, None),
        };
        found |= put.is_some();
        mended.push_str(put.or(escape.get(..taken)).unwrap_or(escape));
        rest = escape.get(taken..).unwrap_or_default();
    }
    mended.push_str(rest);
    found.then_some(mended)
}

/// The half of a surrogate pair that an escape at the beginning stands for.
fn half(json: &str) -> Option<u16> {
    let number = u16::from_str_radix(json.strip_prefix("\\u")?.get(..4)?, 16).ok()?;
    (0xD800..0xE000).contains(&number).then_some(number)
}

impl<T> Maybe<T> {
    /// What was read.
    pub fn into_inner(self) -> Option<T> {
        self.0
    }
}

impl Maybe<String> {
    /// The text, unless it is blank.
    pub fn text(&self) -> Option<&str> {
        self.as_deref().map(str::trim).filter(|text| !text.is_empty())
    }
}

/// A list of which some entries may not be readable. Of a very long one, which no sender writes, only the first
/// are kept: `[0,0,…]` would take up a hundred times as much memory as its text.
#[derive(Debug, Clone)]
pub struct List<T>(Vec<Maybe<T>>);

/// GitHub lists 2,048 commits in a push, and up to 3,000 files.
const MOST: usize = 10_000;

impl<T> Deref for List<T> {
    type Target = [Maybe<T>];

    fn deref(&self) -> &[Maybe<T>] {
        &self.0
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Entries(PhantomData))
    }
}

struct Entries<T>(PhantomData<T>);

impl<'de, T: DeserializeOwned> Visitor<'de> for Entries<T> {
    type Value = List<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<List<T>, A::Error> {
        let mut entries = Vec::new();
        while entries.len() < MOST {
            match list.next_element::<Maybe<T>>()? {
                Some(entry) => entries.push(entry),
                None => return Ok(List(entries)),
            }
        }
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(List(entries))
    }
}

impl<T> Maybe<List<T>> {
    /// The entries that could be read.
    pub fn entries(&self) -> impl Iterator<Item = &T> {
        self.iter().flat_map(|list| &list.0).filter_map(|entry| entry.as_ref())
    }
}

/// A text with its layout, such as Jira's tree of paragraphs.
#[derive(Debug, Clone)]
pub struct Document(Value);

/// Jira accepts 32,767 characters. As a tree, a text takes up some thirty times as much memory.
const LONGEST: usize = 1024 * 1024;

impl Deref for Document {
    type Target = Value;

    fn deref(&self) -> &Value {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <&RawValue>::deserialize(deserializer)?.get();
        if text.len() > LONGEST {
            return Err(D::Error::custom("this text is too long"));
        }
        serde_json::from_str(text).map(Self).map_err(D::Error::custom)
    }
}

/// A text or a whole number; nothing else is kept in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Scalar {
    Text(String),
    Number(i64),
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyScalar)
    }
}

struct AnyScalar;

impl Visitor<'_> for AnyScalar {
    type Value = Scalar;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or a whole number")
    }

    fn visit_str<E>(self, text: &str) -> Result<Scalar, E> {
        Ok(Scalar::Text(text.to_owned()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Scalar, E> {
        Ok(Scalar::Number(number))
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Scalar, E> {
        i64::try_from(number).map(Scalar::Number).map_err(E::custom)
    }
}

/// Distinguishes a missing field (`None`) from null (`Some` of nothing).
pub fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// An identifier, which some versions write as a number and some as text.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "Scalar")]
pub struct Id(String);

impl Id {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn number(&self) -> Option<u64> {
        self.0.parse().ok()
    }
}

impl TryFrom<Scalar> for Id {
    type Error = &'static str;

    /// Identifiers are used in subjects and links, so only simple ones are accepted.
    fn try_from(value: Scalar) -> Result<Self, Self::Error> {
        let text = match value {
            Scalar::Number(number @ 0..) => number.to_string(),
            Scalar::Text(text) => text,
            Scalar::Number(_) => return Err("no identifier"),
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        let valid = (1..=64).contains(&text.len()) && text.chars().all(plain);
        if valid { Ok(Self(text)) } else { Err("no identifier") }
    }
}

/// A point in time: RFC 3339, with or without a colon in its offset (Jira), or an epoch in seconds (GitHub's push) or
/// milliseconds (Jira).
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "Scalar")]
pub struct Time(pub Timestamp);

impl TryFrom<Scalar> for Time {
    type Error = jiff::Error;

    fn try_from(value: Scalar) -> Result<Self, Self::Error> {
        // Seconds reach this in the year 5138, and milliseconds reached it in 1973.
        const FIRST_MILLISECONDS: i64 = 100_000_000_000;
        let epoch = match value {
            Scalar::Number(epoch) => epoch,
            Scalar::Text(text) => match text.parse() {
                Ok(epoch) => epoch,
                Err(_) => return text.parse().map(Self),
            },
        };
        let time = match epoch {
            FIRST_MILLISECONDS.. => Timestamp::from_millisecond(epoch),
            _ => Timestamp::from_second(epoch),
        };
        time.map(Self)
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

    #[test]
    fn a_very_long_list_is_cut_and_what_follows_is_read() {
        #[derive(serde::Deserialize)]
        struct Body {
            list: Maybe<List<String>>,
            after: Maybe<String>,
        }
        let text = format!(r#"{{"list":["a",1,{}],"after":"b"}}"#, vec![r#""x""#; 3 * MOST].join(","));
        let body: Body = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(body.list.entries().count(), MOST - 1);
        assert_eq!(body.after.text(), Some("b"));
        assert!(read::<List<String>>(json!({})).is_none());
    }

    #[test]
    fn half_a_surrogate_pair_is_no_reason_to_lose_a_text() {
        for (written, text) in [
            (r#""a \ud83d b""#, "a \u{fffd} b"),
            (r#""\ud83d\ude00 \ude00\ud83d""#, "\u{1f600} \u{fffd}\u{fffd}"),
            (r#""\ud83d\ud83d\ude00""#, "\u{fffd}\u{1f600}"),
            (r#""\\ud83d \ud83d""#, "\\ud83d \u{fffd}"),
            (r#""\ud83d\n\udc""#, ""),
            (r#""\n\u00e9""#, "\né"),
        ] {
            let read = serde_json::from_str::<Maybe<String>>(written).ok().and_then(|maybe| maybe.0);
            assert_eq!(read.unwrap_or_default(), text, "{written}");
        }
    }

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
