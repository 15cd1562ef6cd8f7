//! The OpenID Connect provider: where to send people to log in, and who they are when they come back.
//!
//! What the provider says of itself, with its keys, is kept for an hour, and read again at once for a signature by a key that
//! isn't among them. It needn't be up when the service starts.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http::header::ACCEPT;
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreClientAuthMethod, CoreErrorResponseType, CoreGenderClaim, CoreJsonWebKey,
    CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm, CoreProviderMetadata, CoreResponseType,
    CoreRevocableToken, CoreRevocationErrorResponse, CoreTokenIntrospectionResponse, CoreTokenType,
};
use openidconnect::{
    AccessTokenHash, AdditionalClaims, AuthType, AuthenticationFlow, AuthorizationCode, ClaimsVerificationError,
    Client, ClientId, ClientSecret, CsrfToken, EmptyExtraTokenFields, EndUserEmail, EndpointMaybeSet, EndpointNotSet,
    EndpointSet, HttpRequest, HttpResponse, IdTokenClaims, IdTokenFields, IssuerUrl, Nonce, OAuth2TokenResponse as _,
    PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope, StandardErrorResponse, StandardTokenResponse,
    SubjectIdentifier, TokenResponse as _, UserInfoClaims,
};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::sync::Mutex;

use super::grant::Identity;
use super::login::{Begun, NotLoggedIn};
use crate::channel;
use crate::config::Oidc;

/// How long the provider may take for an answer.
const DEADLINE: Duration = Duration::from_secs(10);
/// The longest answer that is read: keys with their certificates are the longest.
const LONGEST: usize = 512 * 1024;
/// How long what it says of itself is kept.
const KEPT: Duration = Duration::from_secs(3600);
/// After a failure it isn't asked again for so long: everybody who wants to log in would wait.
const REST: Duration = Duration::from_secs(5);

/// The provider.
pub(super) struct Provider {
    settings: Oidc,
    redirect: RedirectUrl,
    issuer: IssuerUrl,
    http: reqwest::Client,
    known: Mutex<Known>,
}

/// What the provider says of itself.
#[derive(Default)]
struct Known {
    metadata: Option<(Arc<CoreProviderMetadata>, Instant)>,
    failed: Option<Instant>,
}

/// All claims: those that are looked for have names that the operator chooses.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Claims {
    #[serde(flatten)]
    all: Map<String, Value>,
}

impl AdditionalClaims for Claims {}

type Tokens = StandardTokenResponse<
    IdTokenFields<
        Claims,
        EmptyExtraTokenFields,
        CoreGenderClaim,
        CoreJweContentEncryptionAlgorithm,
        CoreJwsSigningAlgorithm,
    >,
    CoreTokenType,
>;

type OurClient = Client<
    Claims,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    Tokens,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// Why the provider gave no answer.
#[derive(Debug, thiserror::Error)]
enum NoAnswer {
    #[error("the request can't be made, or there is no answer: {0}")]
    Http(#[from] reqwest::Error),
    #[error("the answer is too long")]
    TooLong,
}

impl Provider {
    /// The provider, which sends people back to an address below `public_url`.
    ///
    /// # Errors
    /// One sentence.
    pub(super) async fn new(settings: Oidc, public_url: &str) -> Result<Self, String> {
        let wrong = |error: url::ParseError| format!("the login can't be set up: {error}");
        let redirect = RedirectUrl::new(format!("{public_url}/login/done")).map_err(wrong)?;
        let issuer = IssuerUrl::new(settings.issuer.clone()).map_err(wrong)?;
        let http = channel::http_client(DEADLINE).await?;
        Ok(Self { settings, redirect, issuer, http, known: Mutex::default() })
    }

    /// The address of the page to log in at.
    pub(super) async fn page(&self, begun: Begun) -> Result<String, NotLoggedIn> {
        let metadata = self.metadata(KEPT).await?;
        let verifier = PkceCodeVerifier::new(begun.verifier);
        let challenge = PkceCodeChallenge::from_code_verifier_sha256(&verifier);
        let (state, nonce) = (begun.state, begun.nonce);
        let flow = AuthenticationFlow::<CoreResponseType>::AuthorizationCode;
        let client = self.client(&metadata);
        let mut asked = client
            .authorize_url(flow, move || CsrfToken::new(state), move || Nonce::new(nonce))
            .set_pkce_challenge(challenge)
            .add_scope(Scope::new("email".to_owned()));
        // Some providers want to be asked for groups, and others refuse what they don't know.
        let groups = Scope::new(self.settings.groups.clone());
        if metadata.scopes_supported().is_some_and(|scopes| scopes.contains(&groups)) {
            asked = asked.add_scope(groups);
        }
        Ok(asked.url().0.into())
    }

    /// Who has come back with this code.
    pub(super) async fn identify(&self, code: &str, begun: Begun) -> Result<Identity, NotLoggedIn> {
        let metadata = self.metadata(KEPT).await?;
        let client = self.client(&metadata);
        let http = self.http();
        let invalid = |reason: &dyn std::fmt::Display| {
            tracing::warn!(%reason, "a login was refused");
            NotLoggedIn::Invalid
        };
        let tokens = client
            .exchange_code(AuthorizationCode::new(code.to_owned()))
            .map_err(|error| invalid(&error))?
            .set_pkce_verifier(PkceCodeVerifier::new(begun.verifier))
            .request_async(&http)
            .await
            .map_err(|error| invalid(&whole(&error)))?;
        let nonce = Nonce::new(begun.nonce);
        let claims = match self.claims(&metadata, &tokens, &nonce) {
            Err(ClaimsVerificationError::SignatureVerification(_)) => {
                let metadata = self.metadata(Duration::ZERO).await?;
                self.claims(&metadata, &tokens, &nonce)
            }
            claims => claims,
        };
        let claims = claims.map_err(|error| invalid(&whole(&error)))?;
        let mail = claims.email().zip(claims.email_verified());
        let mut identity = self.identity(claims.subject(), mail, claims.additional_claims());
        let asked = client.user_info(tokens.access_token().to_owned(), Some(claims.subject().clone()));
        // Many providers tell no more than the subject in the token itself.
        if let (true, Ok(request)) = (identity.mail.is_none() || identity.groups.is_empty(), asked) {
            match request.request_async(&http).await {
                Ok(info) => {
                    let info: UserInfoClaims<Claims, CoreGenderClaim> = info;
                    let mail = info.email().zip(info.email_verified());
                    identity = identity.or(self.identity(info.subject(), mail, info.additional_claims()));
                }
                Err(error) => tracing::warn!(error = whole(&error), "the login provider told nothing about somebody"),
            }
        }
        Ok(identity)
    }

    /// The claims of an ID token, if its signature, times, audience and nonce are right.
    fn claims(
        &self,
        metadata: &CoreProviderMetadata,
        tokens: &Tokens,
        nonce: &Nonce,
    ) -> Result<IdTokenClaims<Claims, CoreGenderClaim>, ClaimsVerificationError> {
        let other = |what: &str| ClaimsVerificationError::Other(what.to_owned());
        let client = self.client(metadata);
        // Signatures by a secret that both sides know, and none at all, are refused.
        let algorithms = metadata.id_token_signing_alg_values_supported().iter().filter(|algorithm| {
            use CoreJwsSigningAlgorithm::{HmacSha256, HmacSha384, HmacSha512, None};
            !matches!(algorithm, HmacSha256 | HmacSha384 | HmacSha512 | None)
        });
        let verifier = client.id_token_verifier().set_allowed_algs(algorithms.cloned());
        let token = tokens.id_token().ok_or_else(|| other("there is no ID token"))?;
        let claims = token.claims(&verifier, nonce)?;
        if let Some(expected) = claims.access_token_hash() {
            let signature = |error: openidconnect::SignatureVerificationError| {
                ClaimsVerificationError::SignatureVerification(error)
            };
            let algorithm = token.signing_alg().map_err(|error| other(&error.to_string()))?;
            let key = token.signing_key(&verifier).map_err(signature)?;
            let actual = AccessTokenHash::from_token(tokens.access_token(), algorithm, key);
            if actual.map_err(|error| other(&error.to_string()))? != *expected {
                return Err(other("the access token isn't the ID token's"));
            }
        }
        Ok(claims.clone())
    }

    /// Who somebody is. An address counts if the provider has verified it; one that anybody can write there doesn't.
    fn identity(&self, subject: &SubjectIdentifier, mail: Option<(&EndUserEmail, bool)>, claims: &Claims) -> Identity {
        let mail = mail.filter(|(_, verified)| *verified).map(|(mail, _)| mail.to_string());
        let groups = match claims.all.get(&self.settings.groups) {
            Some(Value::Array(groups)) => groups.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            Some(Value::String(group)) => vec![group.clone()],
            _ => Vec::new(),
        };
        let who = mail.clone().unwrap_or_else(|| subject.to_string());
        Identity { who, mail, groups }
    }

    /// Us, as the provider knows us.
    fn client(&self, metadata: &CoreProviderMetadata) -> OurClient {
        let id = ClientId::new(self.settings.client_id.clone());
        let secret = ClientSecret::new(self.settings.client_secret.expose_secret().to_owned());
        let methods = metadata.token_endpoint_auth_methods_supported();
        let has = |method| methods.is_none_or(|methods| methods.contains(&method));
        let in_body = !has(CoreClientAuthMethod::ClientSecretBasic) && has(CoreClientAuthMethod::ClientSecretPost);
        let auth = if in_body { AuthType::RequestBody } else { AuthType::BasicAuth };
        Client::from_provider_metadata(metadata.clone(), id, Some(secret))
            .set_redirect_uri(self.redirect.clone())
            .set_auth_type(auth)
    }

    /// What the provider says of itself, which was read at most so long ago. While it is down, what it said before counts.
    async fn metadata(&self, kept: Duration) -> Result<Arc<CoreProviderMetadata>, NotLoggedIn> {
        let mut known = self.known.lock().await;
        if let Some((metadata, _)) = known.metadata.as_ref().filter(|(_, read)| read.elapsed() < kept) {
            return Ok(Arc::clone(metadata));
        }
        if known.failed.is_none_or(|failed| failed.elapsed() > REST) {
            let http = self.http();
            match CoreProviderMetadata::discover_async(self.issuer.clone(), &http).await {
                Ok(metadata) => {
                    let metadata = Arc::new(metadata);
                    *known = Known { metadata: Some((Arc::clone(&metadata), Instant::now())), failed: None };
                    return Ok(metadata);
                }
                Err(error) => {
                    tracing::warn!(error = whole(&error), "the login provider can't be reached");
                    known.failed = Some(Instant::now());
                }
            }
        }
        known.metadata.as_ref().map(|(metadata, _)| Arc::clone(metadata)).ok_or(NotLoggedIn::ProviderDown)
    }

    /// What makes requests for the library.
    fn http(
        &self,
    ) -> impl Fn(HttpRequest) -> BoxFuture<'static, Result<HttpResponse, NoAnswer>> + Send + Sync + 'static {
        let client = self.http.clone();
        move |request| exchange(client.clone(), request).boxed()
    }
}

/// One request, by our own client, with limits on time and size.
async fn exchange(client: reqwest::Client, request: HttpRequest) -> Result<HttpResponse, NoAnswer> {
    let mut request = reqwest::Request::try_from(request)?;
    request.headers_mut().entry(ACCEPT).or_insert(http::HeaderValue::from_static("application/json"));
    let mut response = client.execute(request).await.map_err(reqwest::Error::without_url)?;
    let (status, headers) = (response.status(), response.headers().clone());
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(reqwest::Error::without_url)? {
        body.extend_from_slice(&chunk);
        if body.len() > LONGEST {
            return Err(NoAnswer::TooLong);
        }
    }
    let mut answer = HttpResponse::new(body);
    *answer.status_mut() = status;
    *answer.headers_mut() = headers;
    Ok(answer)
}

impl Identity {
    /// With what is missing from another source.
    fn or(self, other: Self) -> Self {
        let groups = if self.groups.is_empty() { other.groups } else { self.groups };
        match self.mail {
            Some(mail) => Self { who: self.who, mail: Some(mail), groups },
            None => Self { who: other.who, mail: other.mail, groups },
        }
    }
}

/// An error with what caused it.
fn whole(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
