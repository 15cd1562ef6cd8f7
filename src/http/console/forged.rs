//! Whether another web page made a browser send a form. The browser adds the cookie by itself, and so a form counts only with
//! a token from a page of ours, and if the browser doesn't say that it is from elsewhere.

use bytes::Bytes;
use http::HeaderMap;
use http::header::{HOST, ORIGIN};
use url::{Url, form_urlencoded};

use crate::console::FormToken;

/// Why a form doesn't count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Forged {
    /// The browser says that another page sent it
    #[error("this was sent by a page of another site")]
    CrossOrigin,
    /// It isn't from a page of ours, or that page is of another login
    #[error("the form has no token of this login: open the page again")]
    WrongToken,
}

/// The body of a form without its token, if both are right.
///
/// # Errors
/// [`Forged`]
pub(super) fn checked(
    headers: &HeaderMap,
    body: Bytes,
    (token, public_url): (&FormToken, Option<&str>),
) -> Result<Bytes, Forged> {
    if !is_same_origin(headers, public_url) {
        return Err(Forged::CrossOrigin);
    }
    if let Some(sent) = headers.get(FormToken::HEADER) {
        let is_right = sent.to_str().is_ok_and(|sent| token.is(sent));
        return if is_right { Ok(body) } else { Err(Forged::WrongToken) };
    }
    let (tokens, rest): (Vec<_>, Vec<_>) =
        form_urlencoded::parse(&body).partition(|(name, _)| name == FormToken::FIELD);
    match &*tokens {
        [(_, sent)] if token.is(sent) => {
            Ok(form_urlencoded::Serializer::new(String::new()).extend_pairs(rest).finish().into())
        }
        _ => Err(Forged::WrongToken),
    }
}

/// Whether the browser says that one of our pages sent it, or says nothing: then it isn't a browser, or an old one.
fn is_same_origin(headers: &HeaderMap, public_url: Option<&str>) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    if text("sec-fetch-site").is_some_and(|site| site != "same-origin") {
        return false;
    }
    let Some(origin) = text(ORIGIN.as_str()) else { return true };
    let Ok(origin) = Url::parse(origin) else { return false };
    let ours = public_url.and_then(|url| Url::parse(url).ok()).is_some_and(|ours| ours.origin() == origin.origin());
    // A proxy in front may have taken the TLS away, but seldom the host.
    let host = text(HOST.as_str()).and_then(|host| Url::parse(&format!("{}://{host}", origin.scheme())).ok());
    ours || host.is_some_and(|host| host.origin() == origin.origin())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    type Headers<'a> = &'a [(&'static str, &'a str)];

    fn headers(of: Headers<'_>) -> HeaderMap {
        of.iter().map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    #[test]
    fn only_our_pages_may_send_forms() {
        const URL: Option<&str> = Some("https://m.example.com");
        let table: [(Headers<'_>, Option<&str>, bool); 13] = [
            (&[("host", "localhost:8080")], None, true),
            (&[("host", "localhost:8080"), ("origin", "http://localhost:8080")], None, true),
            (&[("host", "localhost:8080"), ("origin", "http://localhost:3000")], None, false),
            (&[("host", "localhost:8080"), ("origin", "http://evil.example")], None, false),
            (&[("host", "localhost:8080"), ("origin", "null")], None, false),
            (&[("host", "localhost:8080"), ("sec-fetch-site", "cross-site")], None, false),
            (&[("host", "localhost:8080"), ("sec-fetch-site", "same-site")], None, false),
            (&[("host", "localhost:8080"), ("sec-fetch-site", "none")], None, false),
            (&[("host", "localhost:8080"), ("sec-fetch-site", "same-origin")], None, true),
            (&[("host", "m.example.com"), ("origin", "https://m.example.com")], URL, true),
            (&[("host", "10.0.0.1:8080"), ("origin", "https://m.example.com")], URL, true),
            (&[("host", "10.0.0.1:8080"), ("origin", "https://m.example.com.evil.example")], URL, false),
            (&[("origin", "https://m.example.com")], None, false),
        ];
        for (of, url, expected) in table {
            assert_eq!(is_same_origin(&headers(of), url), expected, "{of:?}");
        }
    }
}
