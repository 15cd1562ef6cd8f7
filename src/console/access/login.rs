//! How a login and a form are tied to a browser, without anything being stored before somebody has logged in.
//!
//! A browser that begins to log in gets a cookie with random bytes, the time, and where it wants to go. What is sent to the
//! provider (`state`, the nonce, the PKCE verifier) is derived from the cookie with a key of ours: so the state that comes
//! back also proves that the cookie is ours, and any replica can go on.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret as _, SecretSlice};
use sha2::{Digest as _, Sha256};

use super::FormToken;
use crate::store::{SessionDigest, StoreError};

/// How long somebody may take to log in.
const PATIENCE: SignedDuration = SignedDuration::from_mins(15);
/// Longer paths aren't gone back to.
const LONGEST_PATH: usize = 1000;

/// Where the browser has to go to log in, and the cookie that it gets.
#[derive(Debug)]
pub struct Login {
    /// The provider's page
    pub to: String,
    /// The value of the cookie
    pub cookie: String,
}

/// Why somebody isn't logged in.
#[derive(Debug, thiserror::Error)]
pub enum NotLoggedIn {
    /// There is no provider
    #[error("There is no login here.")]
    NoProvider,
    /// The provider can't be reached
    #[error("The login provider can't be reached. Try again in a minute.")]
    ProviderDown,
    /// The cookie is missing, old or another one
    #[error("This login took too long, or was begun in another browser or window.")]
    Lost,
    /// The provider says no
    #[error("The login provider refused: {0}")]
    Refused(String),
    /// What the provider says isn't right
    #[error("What the login provider answered isn't valid, so nobody is logged in. The log says why.")]
    Invalid,
    /// Our trouble
    #[error("the store cannot be read or written: see the log")]
    Store(#[from] StoreError),
}

/// What cookies are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cookies {
    /// They are only sent by https
    pub secure: bool,
}

impl Cookies {
    /// The cookie of somebody who has logged in. With `__Host-`, browsers take it from nobody but this host.
    #[must_use]
    pub fn session(self) -> &'static str {
        if self.secure { "__Host-microalign" } else { "microalign" }
    }

    /// The cookie of somebody who is logging in.
    #[must_use]
    pub fn login(self) -> &'static str {
        if self.secure { "__Host-microalign-login" } else { "microalign-login" }
    }
}

/// Signs what browsers bring back.
pub(super) struct Key(SecretSlice<u8>);

/// What belongs to a login that has begun.
pub(super) struct Begun {
    pub state: String,
    pub nonce: String,
    pub verifier: String,
}

impl Key {
    /// A key of its own, from the one that signs the links in messages.
    pub(super) fn from_links(key: &SecretSlice<u8>) -> Self {
        Self(mac(key.expose_secret(), &["console"]).to_vec().into())
    }

    /// What belongs to the login with this cookie.
    pub(super) fn begun(&self, cookie: &str) -> Begun {
        let derived = |purpose: &str| URL_SAFE_NO_PAD.encode(mac(self.0.expose_secret(), &[purpose, cookie]));
        Begun { state: derived("state"), nonce: derived("nonce"), verifier: derived("verifier") }
    }

    /// The token for forms of somebody who came in this way.
    pub(super) fn form_token(&self, via: &str, who: &str) -> FormToken {
        FormToken(URL_SAFE_NO_PAD.encode(mac(self.0.expose_secret(), &["form", via, who])))
    }
}

fn mac(key: &[u8], parts: &[&str]) -> [u8; 32] {
    // HMAC accepts keys of any length, so this can't fail.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return [0; 32] };
    for part in parts {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part.as_bytes());
    }
    mac.finalize().into_bytes().into()
}

/// A new cookie for a login that goes back to this path.
///
/// # Errors
/// [`StoreError::Random`]
pub(super) fn new_cookie(back: &str, now: Timestamp) -> Result<String, StoreError> {
    Ok(format!("{}.{}.{}", random()?, now.as_second(), URL_SAFE_NO_PAD.encode(own_path(back))))
}

/// Where a login with this cookie goes back to. `None` if it is too old.
pub(super) fn back(cookie: &str, now: Timestamp) -> Option<String> {
    let mut parts = cookie.splitn(3, '.').skip(1);
    let begun = Timestamp::from_second(parts.next()?.parse().ok()?).ok()?;
    if begun > now || now.duration_since(begun) > PATIENCE {
        return None;
    }
    let path = String::from_utf8(URL_SAFE_NO_PAD.decode(parts.next()?).ok()?).ok()?;
    Some(own_path(&path).to_owned())
}

/// A path on this host, or else the first page. Browsers take `//host` and `/\host` for other hosts.
fn own_path(path: &str) -> &str {
    let mut letters = path.chars();
    let is_path = letters.next() == Some('/') && !matches!(letters.next(), Some('/' | '\\'));
    let plain = path.len() <= LONGEST_PATH && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if is_path && plain { path } else { "/" }
}

/// A token for a cookie.
///
/// # Errors
/// [`StoreError::Random`]
pub(super) fn random() -> Result<String, StoreError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| StoreError::Random(error.to_string()))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// What the store keeps of a token.
pub(super) fn digest(token: &str) -> SessionDigest {
    Sha256::digest(token).into()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_login_goes_back_to_a_path_of_ours() {
        for (path, expected) in [
            ("/", "/"),
            ("/events/41?x=1&y=%2F", "/events/41?x=1&y=%2F"),
            ("", "/"),
            ("events", "/"),
            ("//evil.example", "/"),
            ("/\\evil.example", "/"),
            ("/x\\y", "/"),
            ("https://evil.example", "/"),
            ("/a\r\nset-cookie: x", "/"),
            ("/ü", "/"),
            (&format!("/{}", "x".repeat(1000)), "/"),
        ] {
            let now = Timestamp::now();
            assert_eq!(back(&new_cookie(path, now).unwrap(), now).unwrap(), expected, "{path}");
        }
    }

    #[test]
    fn a_login_has_its_time() {
        let now = Timestamp::now();
        let cookie = new_cookie("/", now).unwrap();
        for (minutes, expected) in [(-1, false), (0, true), (14, true), (16, false)] {
            assert_eq!(back(&cookie, now + SignedDuration::from_mins(minutes)).is_some(), expected, "{minutes}");
        }
        for wrong in ["", ".", "..", "a.b.c", "x.99999999999999999999.Lw"] {
            assert_eq!(back(wrong, now), None, "{wrong}");
        }
    }

    #[test]
    fn what_belongs_to_a_login_is_its_own() {
        let key = Key::from_links(&vec![1; 32].into());
        let begun = key.begun("a");
        assert_eq!(begun.verifier.len(), 43, "RFC 7636 asks for at least 43 characters");
        assert!(begun.state != begun.nonce && begun.nonce != begun.verifier);
        assert_ne!(begun.state, key.begun("b").state);
        assert_ne!(begun.state, Key::from_links(&vec![2; 32].into()).begun("a").state);
        let token = key.form_token("login", "ana");
        assert!(token.is(token.as_str()) && !token.is("") && !token.is(key.form_token("loginana", "").as_str()));
    }
}
