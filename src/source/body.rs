//! The body of a request: plain JSON, or a form that contains it.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use url::form_urlencoded;

/// Why a body isn't accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// The content type is neither JSON nor a form
    #[error("the content type must be application/json or application/x-www-form-urlencoded")]
    UnsupportedType,
    /// There isn't JSON in it, or it is nested too deep
    #[error("the body is not JSON: {0}")]
    NotJson(String),
}

/// The JSON of a request's body: the body itself, or the `payload` of a form, which a GitHub hook sends by default. A
/// request without a content type counts as JSON.
///
/// # Errors
/// Another content type; no well-formed JSON; JSON nested deeper than 128, which nothing downstream could read.
pub fn json_body<'a>(content_type: Option<&str>, raw: &'a [u8]) -> Result<Cow<'a, [u8]>, BodyError> {
    let json = unchecked_body(content_type, raw)?;
    check_json(&json)?;
    Ok(json)
}

/// The same, whether or not it is JSON.
///
/// # Errors
/// Another content type, or a form without a `payload`.
pub fn unchecked_body<'a>(content_type: Option<&str>, raw: &'a [u8]) -> Result<Cow<'a, [u8]>, BodyError> {
    let essence = content_type.unwrap_or("application/json").split(';').next().unwrap_or_default();
    match essence.trim().to_ascii_lowercase().as_str() {
        "application/json" => Ok(Cow::Borrowed(raw)),
        "application/x-www-form-urlencoded" => payload_field(raw),
        _ => Err(BodyError::UnsupportedType),
    }
}

/// Checks that a body is JSON. One that [`super::parse`] finds events in needs no check: it was read to its end.
///
/// # Errors
/// It isn't well-formed, or nested deeper than 128, which nothing downstream could read.
pub fn check_json(json: &[u8]) -> Result<(), BodyError> {
    serde_json::from_slice::<WellFormed>(json)
        .map(|WellFormed| ())
        .map_err(|error| BodyError::NotJson(error.to_string()))
}

fn payload_field(raw: &[u8]) -> Result<Cow<'_, [u8]>, BodyError> {
    let payload = form_urlencoded::parse(raw).find(|(name, _)| name == "payload");
    match payload {
        Some((_, Cow::Borrowed(json))) => Ok(Cow::Borrowed(json.as_bytes())),
        Some((_, Cow::Owned(json))) => Ok(Cow::Owned(json.into_bytes())),
        None => Err(BodyError::NotJson("the form has no field `payload`".to_owned())),
    }
}

/// Visits a whole document and keeps nothing. serde_json would skip serde's `IgnoredAny` in a loop that doesn't count
/// depth, but `deserialize_any` does.
struct WellFormed;

impl<'de> Deserialize<'de> for WellFormed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for WellFormed {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(Self)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(Self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(Self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(Self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(Self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(Self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self, A::Error> {
        while items.next_element::<Self>()?.is_some() {}
        Ok(Self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self, A::Error> {
        while entries.next_entry::<Self, Self>()?.is_some() {}
        Ok(Self)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn json_is_taken_as_it_is() {
        let raw = br#"{"a": [1, -2, 1.5, null, true, "x\n"], "b": {}}"#;
        for content_type in [None, Some("application/json"), Some("Application/JSON; charset=UTF-8")] {
            assert!(matches!(json_body(content_type, raw).unwrap(), Cow::Borrowed(json) if json == raw));
        }
    }

    #[test]
    fn a_form_carries_json_in_its_payload() {
        let form = b"x=1&payload=%7B%22zen%22%3A+%22Speak+like+a+human%22%7D";
        let json = json_body(Some("application/x-www-form-urlencoded"), form).unwrap();
        assert_eq!(&*json, br#"{"zen": "Speak like a human"}"#);
    }

    #[test]
    fn what_is_wrong_is_said() {
        let form = Some("application/x-www-form-urlencoded");
        let json = Some("application/json");
        for (content_type, raw, message) in [
            (
                Some("text/plain"),
                "{}",
                "the content type must be application/json or application/x-www-form-urlencoded",
            ),
            (form, "zen=1", "the body is not JSON: the form has no field `payload`"),
            (form, "payload=no", "the body is not JSON: expected ident at line 1 column 2"),
            (json, "", "the body is not JSON: EOF while parsing a value at line 1 column 0"),
            (json, "{\"a\":1", "the body is not JSON: EOF while parsing an object at line 1 column 6"),
            (json, "{} {}", "the body is not JSON: trailing characters at line 1 column 4"),
        ] {
            assert_eq!(json_body(content_type, raw.as_bytes()).unwrap_err().to_string(), message);
        }
        assert!(json_body(json, b"\"\xff\"").is_err(), "not UTF-8");
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(json_body(None, nested(127).as_bytes()).is_ok());
        let error = json_body(None, nested(100_000).as_bytes()).unwrap_err().to_string();
        assert!(error.contains("recursion limit"), "{error}");
    }
}
