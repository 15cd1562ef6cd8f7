//! Finds out who asks.

use std::net::IpAddr;
use std::sync::Arc;

use http::HeaderMap;
use http::header::{AUTHORIZATION, COOKIE};
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretSlice;
use tokio::sync::watch;

use super::grant::{self, Grant, Identity};
use super::login::{self, Cookies, Key, Login, NotLoggedIn};
use super::provider::Provider;
use super::{FormToken, Via, Visitor};
use crate::compose::Rulebook;
use crate::config::{ConsoleSettings, Proxy, Token};
use crate::rule::Team;
use crate::source::signature::verify_secret;
use crate::store::{Session, SessionDigest, Store, StoreError};

/// Whoever does nothing for so long has to log in again,
const IDLE: SignedDuration = SignedDuration::from_hours(8);
/// and everybody does after so long: then their groups are read anew.
const LONGEST: SignedDuration = SignedDuration::from_hours(24);
/// That somebody was seen is written so often.
const SEEN: SignedDuration = SignedDuration::from_mins(5);

/// Lets people in.
pub struct Gate {
    store: Store,
    rulebook: watch::Receiver<Arc<Rulebook>>,
    key: Key,
    /// Whether whoever is on this machine needs no login
    local: bool,
    settings: Option<ConsoleSettings>,
    provider: Option<Provider>,
}

/// A request, as far as it shows who makes it.
#[derive(Debug, Clone, Copy)]
pub struct Arrival<'a> {
    /// Where it comes from
    pub peer: IpAddr,
    /// Whether it comes from this machine, and no proxy and no other web page made it
    pub local: bool,
    /// Its headers
    pub headers: &'a HeaderMap,
}

/// Somebody who may not come in.
#[derive(Debug)]
pub enum Stranger {
    /// The console is only shown on this machine, and they are elsewhere
    Elsewhere,
    /// They have to log in
    LogIn {
        /// They can do so here
        here: bool,
    },
    /// Their token isn't one of ours
    WrongToken,
    /// They are known, and have no role
    WithoutRole {
        /// What they are called
        who: String,
        /// Nobody has verified their mail address
        unverified: bool,
        /// For the form to log out with
        form_token: Option<FormToken>,
    },
    /// Our trouble
    Store(StoreError),
}

impl Gate {
    /// The gate of a service; `local` lets in whoever is on this machine.
    ///
    /// # Errors
    /// One sentence, if the login can't be set up.
    pub async fn new(
        store: Store,
        rulebook: watch::Receiver<Arc<Rulebook>>,
        (local, settings): (bool, Option<ConsoleSettings>),
        links: &SecretSlice<u8>,
    ) -> Result<Self, String> {
        let oidc = settings.as_ref().and_then(|settings| settings.oidc.clone().zip(settings.public_url.clone()));
        let provider = match oidc {
            Some((oidc, public_url)) => Some(Provider::new(oidc, &public_url).await?),
            None => None,
        };
        Ok(Self { store, rulebook, key: Key::from_links(links), local, settings, provider })
    }

    /// What cookies are called here.
    #[must_use]
    pub fn cookies(&self) -> Cookies {
        Cookies { secure: self.public_url().is_some_and(|url| url.starts_with("https://")) }
    }

    /// Where browsers find the console, if that is known.
    #[must_use]
    pub fn public_url(&self) -> Option<&str> {
        self.settings.as_ref()?.public_url.as_deref()
    }

    /// Who asks.
    ///
    /// # Errors
    /// Who may not come in, and why.
    pub async fn visitor(&self, arrival: Arrival<'_>) -> Result<Visitor, Stranger> {
        if let Some(bearer) = bearer(arrival.headers) {
            return self.by_token(bearer).ok_or(Stranger::WrongToken);
        }
        if let Some(identity) = self.proxy().and_then(|proxy| named_by(proxy, arrival)) {
            let form_token = self.key.form_token(Via::Proxy.into(), &identity.who);
            return self.of_person(identity, Via::Proxy, form_token);
        }
        if let Some(digest) = self.session_digest(arrival.headers)
            && let Some(session) = self.session(digest).await.map_err(Stranger::Store)?
        {
            let identity = Identity { who: session.who, mail: session.mail, groups: session.groups };
            return self.of_person(identity, Via::Login, self.session_token(&digest));
        }
        if self.local && arrival.local {
            let form_token = self.key.form_token(Via::Loopback.into(), "");
            return Ok(Visitor { form_token, ..Visitor::local() });
        }
        match &self.settings {
            None => Err(Stranger::Elsewhere),
            Some(_) => Err(Stranger::LogIn { here: self.provider.is_some() }),
        }
    }

    /// Begins a login that goes back to this path.
    ///
    /// # Errors
    /// [`NotLoggedIn`]
    pub async fn begin(&self, back: &str) -> Result<Login, NotLoggedIn> {
        let provider = self.provider.as_ref().ok_or(NotLoggedIn::NoProvider)?;
        let cookie = login::new_cookie(back, Timestamp::now())?;
        let to = provider.page(self.key.begun(&cookie)).await?;
        Ok(Login { to, cookie })
    }

    /// Ends a login: the token for the cookie of somebody who has logged in, and the path to go to.
    ///
    /// # Errors
    /// [`NotLoggedIn`]
    pub async fn finish(&self, query: &str, headers: &HeaderMap) -> Result<(String, String), NotLoggedIn> {
        let provider = self.provider.as_ref().ok_or(NotLoggedIn::NoProvider)?;
        let said = |name: &str| url::form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name);
        let said = |name: &str| said(name).map(|(_, value)| value.into_owned());
        let now = Timestamp::now();
        let cookie = cookie(headers, self.cookies().login()).ok_or(NotLoggedIn::Lost)?;
        let begun = self.key.begun(cookie);
        let state = said("state").unwrap_or_default();
        if verify_secret(&state, &[begun.state.clone().into()]).is_err() {
            return Err(NotLoggedIn::Lost);
        }
        let back = login::back(cookie, now).ok_or(NotLoggedIn::Lost)?;
        let Some(code) = said("code") else {
            let error = said("error_description").or(said("error")).unwrap_or_default();
            return Err(NotLoggedIn::Refused(error.chars().filter(|c| !c.is_control()).take(200).collect()));
        };
        let Identity { who, mail, groups } = provider.identify(&code, begun).await?;
        let token = login::random()?;
        let session = Session { who, mail, groups, begun: now, seen: now, ends: ends(now, now) };
        tracing::info!(who = session.who, "logged in to the console");
        // A login that is still there ends: whoever knows its cookie doesn't get what comes now.
        if let Some(before) = self.session_digest(headers) {
            self.store.end_session(before).await?;
        }
        self.store.begin_session(login::digest(&token), session).await?;
        Ok((token, back))
    }

    /// The token that the form to log out must have, if somebody has logged in.
    #[must_use]
    pub fn logout_token(&self, headers: &HeaderMap) -> Option<FormToken> {
        Some(self.session_token(&self.session_digest(headers)?))
    }

    /// Logs somebody out.
    ///
    /// # Errors
    /// [`StoreError::NotWritten`]
    pub async fn end(&self, headers: &HeaderMap) -> Result<(), StoreError> {
        match self.session_digest(headers) {
            Some(digest) => self.store.end_session(digest).await,
            None => Ok(()),
        }
    }

    fn proxy(&self) -> Option<&Proxy> {
        self.settings.as_ref()?.proxy.as_ref()
    }

    /// All tokens are compared, each in constant time.
    fn by_token(&self, bearer: &str) -> Option<Visitor> {
        let is_sent = |token: &&Token| verify_secret(bearer, std::slice::from_ref(&token.secret)).is_ok();
        let tokens = self.settings.as_ref()?.tokens.iter().filter(is_sent);
        let token = tokens.fold(None, |_, token| Some(token))?;
        let rulebook = self.rulebook.borrow().clone();
        let grant = grant::of_token(token, &files(&rulebook));
        let form_token = self.key.form_token(Via::Token.into(), &token.name);
        Some(visitor(token.name.clone(), grant, (Via::Token, form_token)))
    }

    fn of_person(&self, identity: Identity, via: Via, form_token: FormToken) -> Result<Visitor, Stranger> {
        let rulebook = self.rulebook.borrow().clone();
        let settings = self.settings.as_ref();
        let grant = settings.and_then(|settings| grant::of_person(&identity, &settings.roles, &files(&rulebook)));
        match grant {
            Some(grant) => Ok(visitor(identity.who, grant, (via, form_token))),
            None => {
                let form_token = (via == Via::Login).then_some(form_token);
                Err(Stranger::WithoutRole { unverified: identity.mail.is_none(), who: identity.who, form_token })
            }
        }
    }

    fn session_digest(&self, headers: &HeaderMap) -> Option<SessionDigest> {
        self.provider.as_ref()?;
        cookie(headers, self.cookies().session()).map(login::digest)
    }

    fn session_token(&self, digest: &SessionDigest) -> FormToken {
        self.key.form_token(Via::Login.into(), &hex::encode(digest))
    }

    /// Who has logged in, and is seen now.
    async fn session(&self, digest: SessionDigest) -> Result<Option<Session>, StoreError> {
        let now = Timestamp::now();
        let session = self.store.session(digest, now).await?;
        if let Some(session) = session.as_ref().filter(|session| now.duration_since(session.seen) > SEEN) {
            self.store.see_session(digest, now, ends(session.begun, now)).await?;
        }
        Ok(session)
    }
}

/// When a login ends that began and was last used then.
fn ends(begun: Timestamp, seen: Timestamp) -> Timestamp {
    (begun + LONGEST).min(seen + IDLE)
}

fn files(rulebook: &Rulebook) -> Vec<&Team> {
    rulebook.files().map(|(_, team)| team).collect()
}

fn visitor(name: String, grant: Grant, (via, form_token): (Via, FormToken)) -> Visitor {
    let Grant { role, teams, sight } = grant;
    Visitor { name, role, teams, via, form_token, sight }
}

/// The token in `Authorization`.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Who somebody is by what the proxy says, if it is the proxy that asks.
fn named_by(proxy: &Proxy, Arrival { peer, headers, .. }: Arrival<'_>) -> Option<Identity> {
    if !proxy.is_at(peer) {
        return None;
    }
    // Of a header that comes twice, one may be the visitor's own.
    let only = |name: &str| {
        let mut values = headers.get_all(name).iter();
        values.next().filter(|_| values.next().is_none())?.to_str().ok()
    };
    let who = only(&proxy.header).map(str::trim).filter(|who| !who.is_empty())?.to_owned();
    let groups = proxy.groups.as_deref().and_then(only).unwrap_or_default();
    let groups = groups.split(',').map(str::trim).filter(|group| !group.is_empty()).map(str::to_owned).collect();
    Some(Identity { mail: Some(who.clone()), who, groups })
}

/// The value of a cookie. One that comes twice counts for nothing.
fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let all = headers.get_all(COOKIE).iter().filter_map(|cookies| cookies.to_str().ok());
    let pairs = all.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let mut values = pairs.filter(|(key, _)| *key == name).map(|(_, value)| value);
    values.next().filter(|_| values.next().is_none())
}
