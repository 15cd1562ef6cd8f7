//! Links in messages. A link contains what it does, signed, so that nothing has to be stored for each message.
//!
//! A token is `BODY.MAC`, both base64url: the body is a small JSON object, the MAC is HMAC-SHA256 over it as it stands.
//! Whoever has the message has the link and may use it: for a limited time, it can mute and unmute one thing, or object
//! to one.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretSlice};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::Scope;
use crate::destination::Destination;

/// How long links work after their message.
const LIFETIME: Duration = Duration::from_secs(90 * 24 * 60 * 60);
/// The longest token that is made: a link must fit into one line of a mail's header (RFC 5322: 998 characters).
const LONGEST: usize = 800;

/// What a link does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "lowercase")]
pub enum LinkAction {
    /// Objects to what somebody assumed
    Object {
        /// The line of the ledger that reported it
        line: String,
    },
    /// Mutes or unsubscribes
    #[serde(untagged)]
    Quiet(Quiet),
}

impl LinkAction {
    /// The first part of each path.
    pub(super) const ROUTES: [&str; 3] = ["object", "mute", "unsubscribe"];

    /// The first part of its path.
    #[must_use]
    pub fn route(&self) -> &'static str {
        match self {
            Self::Object { .. } => "object",
            Self::Quiet(Quiet::Mute { .. }) => "mute",
            Self::Quiet(Quiet::Unsubscribe { .. }) => "unsubscribe",
        }
    }
}

/// What a link can mute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "lowercase")]
pub enum Quiet {
    /// A team gets nothing about a conversation for a while
    Mute {
        /// The team
        team: String,
        /// The conversation
        thread: String,
    },
    /// A destination no longer gets what a team asked for
    Unsubscribe {
        /// The team
        team: String,
        /// The destination
        to: Destination,
    },
}

impl Quiet {
    /// What it mutes.
    #[must_use]
    pub fn scope(&self) -> Scope {
        match self.clone() {
            Self::Mute { team, thread } => Scope { team: Some(team), thread: Some(thread), ..Scope::default() },
            Self::Unsubscribe { team, to } => Scope { team: Some(team), destination: Some(to), ..Scope::default() },
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Claim {
    #[serde(flatten)]
    asked: LinkAction,
    /// Seconds since the epoch
    until: i64,
}

/// Why a link does nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// It isn't ours, or was changed
    Unknown,
    /// It is too old
    Expired,
}

/// Makes links and reads them.
#[derive(Debug)]
pub struct Linker {
    base: Option<String>,
    key: SecretSlice<u8>,
}

impl Linker {
    /// `base` is the beginning of links, without a slash at its end. Without it, no links are made.
    #[must_use]
    pub fn new(base: Option<String>, key: SecretSlice<u8>) -> Self {
        Self { base, key }
    }

    /// The link that does this, from a message of that time. The same message has the same link.
    #[must_use]
    pub fn link(&self, asked: &LinkAction, at: Timestamp) -> Option<String> {
        let base = self.base.as_ref()?;
        Some(format!("{base}/{}/{}", asked.route(), self.token(asked, at)?))
    }

    /// The token of that link, for a button: it needs no address.
    #[must_use]
    pub fn token(&self, asked: &LinkAction, at: Timestamp) -> Option<String> {
        let claim = Claim { asked: asked.clone(), until: at.as_second().saturating_add_unsigned(LIFETIME.as_secs()) };
        let body = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&claim).ok()?);
        let mac = URL_SAFE_NO_PAD.encode(self.mac(&body)?.finalize().into_bytes());
        let token = format!("{body}.{mac}");
        (token.len() <= LONGEST).then_some(token)
    }

    /// What a token does. The MAC is checked first, in constant time.
    ///
    /// # Errors
    /// [`Refused`]
    pub fn read(&self, token: &str, now: Timestamp) -> Result<LinkAction, Refused> {
        let body = self.signed(token).ok_or(Refused::Unknown)?;
        let body = URL_SAFE_NO_PAD.decode(body).map_err(|_| Refused::Unknown)?;
        let claim: Claim = serde_json::from_slice(&body).map_err(|_| Refused::Unknown)?;
        if claim.until <= now.as_second() { Err(Refused::Expired) } else { Ok(claim.asked) }
    }

    /// Whether a text is a token of ours, even if it has ended.
    pub(super) fn is_ours(&self, text: &str) -> bool {
        self.signed(text).is_some()
    }

    /// The body of a token that we signed.
    fn signed<'a>(&self, token: &'a str) -> Option<&'a str> {
        let (body, mac) = token.split_once('.').filter(|_| token.len() <= LONGEST)?;
        let mac = URL_SAFE_NO_PAD.decode(mac).ok()?;
        self.mac(body)?.verify_slice(&mac).ok()?;
        Some(body)
    }

    pub(super) fn base(&self) -> Option<&String> {
        self.base.as_ref()
    }

    pub(super) fn mac(&self, body: &str) -> Option<Hmac<Sha256>> {
        let mac = Hmac::<Sha256>::new_from_slice(self.key.expose_secret()).ok()?;
        Some(mac.chain_update(body))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use proptest::prelude::*;

    use super::*;

    const BASE: &str = "https://microalign.example.com";

    fn linker(key: u8) -> Linker {
        Linker::new(Some(BASE.to_owned()), vec![key; 32].into())
    }

    fn at() -> Timestamp {
        "2026-11-24T14:05:00Z".parse().unwrap()
    }

    fn mute() -> LinkAction {
        LinkAction::Quiet(Quiet::Mute { team: "web".to_owned(), thread: "acme/ingest#45".to_owned() })
    }

    fn token(asked: &LinkAction) -> String {
        let link = linker(7).link(asked, at()).unwrap();
        link.strip_prefix(&format!("{BASE}/{}/", asked.route())).unwrap().to_owned()
    }

    #[test]
    fn what_is_asked_comes_back() {
        let unsubscribe = Quiet::Unsubscribe { team: "web".to_owned(), to: "email:a@example.com".parse().unwrap() };
        for asked in [mute(), LinkAction::Quiet(unsubscribe), LinkAction::Object { line: "12.3".to_owned() }] {
            let token = token(&asked);
            assert!(token.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)), "{token}");
            assert_eq!(linker(7).read(&token, at()), Ok(asked));
        }
    }

    #[test]
    fn links_that_are_out_there_still_work() {
        let body =
            URL_SAFE_NO_PAD.encode(br#"{"ask":"mute","team":"web","thread":"acme/ingest#45","until":9999999999}"#);
        let mac = URL_SAFE_NO_PAD.encode(linker(7).mac(&body).unwrap().finalize().into_bytes());
        assert_eq!(linker(7).read(&format!("{body}.{mac}"), at()), Ok(mute()));
    }

    #[test]
    fn links_end() {
        let token = token(&mute());
        let last = at() + LIFETIME - Duration::from_secs(1);
        assert!(linker(7).read(&token, last).is_ok());
        assert_eq!(linker(7).read(&token, at() + LIFETIME), Err(Refused::Expired));
    }

    #[test]
    fn what_is_not_signed_by_us_is_unknown() {
        let token = token(&mute());
        let (body, mac) = token.split_once('.').unwrap();
        assert_eq!(linker(8).read(&token, at()), Err(Refused::Unknown), "another key");
        let other = URL_SAFE_NO_PAD.encode(br#"{"ask":"mute","team":"ops","thread":"DATA-1","until":9999999999}"#);
        for forged in [
            String::new(),
            ".".to_owned(),
            body.to_owned(),
            format!("{body}."),
            format!(".{mac}"),
            format!("{other}.{mac}"),
            format!("{body}.{}", &mac[..20]),
            format!("{body}={mac}"),
            format!("{token}.{mac}"),
            format!("{}.{mac}", "a".repeat(LONGEST)),
        ] {
            assert_eq!(linker(7).read(&forged, at()), Err(Refused::Unknown), "{forged}");
        }
        // Also when it says that it has ended.
        assert_eq!(linker(8).read(&token, at() + LIFETIME), Err(Refused::Unknown));
    }

    #[test]
    fn without_an_address_there_are_no_links() {
        let linker = Linker::new(None, vec![7; 32].into());
        assert_eq!(linker.link(&mute(), at()), None);
        assert_eq!(linker.read(&token(&mute()), at()), Ok(mute()), "links from before still work");
    }

    #[test]
    fn the_key_is_not_shown() {
        assert!(!format!("{:?}", linker(7)).contains("7, 7"));
    }

    proptest! {
        #[test]
        fn no_change_of_a_token_passes(at_byte in 0usize..200, to in proptest::char::range('!', '~')) {
            let token = token(&mute());
            let at_byte = at_byte % token.len();
            let changed = format!("{}{to}{}", &token[..at_byte], &token[at_byte + 1..]);
            prop_assume!(changed != token);
            // The last character of a MAC holds four bits: base64 refuses others, so there is one way to write it.
            prop_assert_eq!(linker(7).read(&changed, at()), Err(Refused::Unknown));
        }
    }
}
