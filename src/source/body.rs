//! The body of a request: plain JSON, or a form that contains it.

use std::borrow::Cow;

use serde_json::value::RawValue;
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
    if depth(json) > DEPTH {
        return Err(BodyError::NotJson(format!("it is nested deeper than {DEPTH}")));
    }
    // It looks at no value: neither half of a surrogate pair nor a number like 1e400 loses a webhook.
    serde_json::from_slice::<&RawValue>(json).map(drop).map_err(|error| BodyError::NotJson(error.to_string()))
}

/// What serde_json reads at most; its loop over what it skips doesn't count.
const DEPTH: usize = 127;

/// How many lists and objects are inside of each other, as far as it is JSON.
fn depth(json: &[u8]) -> usize {
    let (mut depth, mut deepest, mut quoted, mut escaped) = (0_usize, 0, false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = quoted,
            b'"' => quoted = !quoted,
            b'[' | b'{' if !quoted => depth += 1,
            b']' | b'}' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

fn payload_field(raw: &[u8]) -> Result<Cow<'_, [u8]>, BodyError> {
    let payload = form_urlencoded::parse(raw).find(|(name, _)| name == "payload");
    match payload {
        Some((_, Cow::Borrowed(json))) => Ok(Cow::Borrowed(json.as_bytes())),
        Some((_, Cow::Owned(json))) => Ok(Cow::Owned(json.into_bytes())),
        None => Err(BodyError::NotJson("the form has no field `payload`".to_owned())),
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
        assert!(error.contains("nested deeper"), "{error}");
        assert_eq!(depth(br#"[{"a]\\\"[[":"\\"},[[]]]"#), 3);
    }

    #[test]
    fn values_that_no_rust_type_has_are_json() {
        for json in [r#""\ud83d""#, r#"["\udc00\ud800"]"#, "1e400", "-1E+999", "99999999999999999999999999"] {
            assert!(json_body(None, json.as_bytes()).is_ok(), "{json}");
        }
    }
}
