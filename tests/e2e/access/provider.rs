//! An OpenID Connect provider that can be wrong in every way, and a browser that logs in with it.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use p256::ecdsa::signature::Signer;
use p256::ecdsa::{Signature, SigningKey};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use url::Url;
use warp::Filter as _;
use warp::http::{HeaderMap, Response};

/// What we are called there.
pub const CLIENT: &str = "microalign";
pub const CLIENT_SECRET: &str = "of the client: 1/2+3";

/// What goes wrong in a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    None,
    /// The token is of another login
    Nonce,
    /// It is old
    Expired,
    /// It is for somebody else
    Audience,
    /// It is from somebody else
    Issuer,
    /// It is signed with a key that the provider doesn't have
    Key,
    /// What it says was changed after it was signed
    Changed,
    /// It isn't signed
    Unsigned,
    /// It is signed with the client's secret
    Shared,
    /// There is none
    NoToken,
}

/// Who logs in.
#[derive(Debug, Clone)]
pub struct Person {
    /// What the token says of them
    pub claims: Value,
    /// What is only said when it is asked for
    pub info: Value,
}

impl Person {
    pub fn with(claims: Value) -> Self {
        Self { claims, info: json!({}) }
    }

    /// Somebody with this address, which was verified.
    pub fn at(mail: &str) -> Self {
        Self::with(json!({ "sub": format!("sub-{mail}"), "email": mail, "email_verified": true }))
    }
}

struct Begun {
    person: Person,
    fault: Fault,
    nonce: String,
    challenge: String,
    redirect: String,
}

#[derive(Default)]
struct State {
    key: u8,
    codes: HashMap<String, Begun>,
    tokens: HashMap<String, Value>,
    asked: BTreeMap<String, usize>,
}

pub struct Provider {
    pub url: String,
    state: Arc<Mutex<State>>,
}

impl Provider {
    pub async fn start() -> Self {
        let provider = Self::down().await;
        provider.serve().await;
        provider
    }

    /// One that doesn't answer yet.
    pub async fn down() -> Self {
        let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", socket.local_addr().unwrap());
        Self { url, state: Arc::new(Mutex::new(State { key: 1, ..State::default() })) }
    }

    pub async fn serve(&self) {
        let (url, state) = (self.url.clone(), Arc::clone(&self.state));
        let route = warp::path::full().and(warp::header::headers_cloned()).and(warp::body::bytes()).map(
            move |path: warp::path::FullPath, headers: HeaderMap, body: bytes::Bytes| {
                let mut state = state.lock().unwrap();
                *state.asked.entry(path.as_str().to_owned()).or_default() += 1;
                let form = url::form_urlencoded::parse(&body).into_owned().collect::<HashMap<_, _>>();
                let answer = match path.as_str() {
                    "/.well-known/openid-configuration" => Some(described(&url)),
                    "/keys" => Some(json!({ "keys": [public(state.key)] })),
                    "/token" => token(&url, &headers, &form, &mut state),
                    "/userinfo" => info(&headers, &state),
                    _ => None,
                };
                let status = if answer.is_some() { 200 } else { 400 };
                let body = answer.unwrap_or_else(|| json!({ "error": "invalid_grant" })).to_string();
                Response::builder().status(status).header("content-type", "application/json").body(body)
            },
        );
        let address = self.url.trim_start_matches("http://");
        let socket = tokio::net::TcpListener::bind(address).await.unwrap();
        tokio::spawn(warp::serve(route).incoming(socket).run());
    }

    /// Signs with another key from now on.
    pub fn rotate(&self) {
        self.state.lock().unwrap().key += 1;
    }

    /// How often a path was asked for.
    pub fn asked(&self, path: &str) -> usize {
        self.state.lock().unwrap().asked.get(path).copied().unwrap_or_default()
    }

    /// Somebody logs in at an address of the provider: where the browser is sent back to.
    pub fn log_in(&self, page: &str, person: &Person, fault: Fault) -> String {
        let page = Url::parse(page).unwrap();
        let query = page.query_pairs().into_owned().collect::<HashMap<_, _>>();
        assert_eq!(page.path(), "/authorize");
        assert_eq!((&*query["client_id"], &*query["response_type"]), (CLIENT, "code"));
        assert_eq!(query["code_challenge_method"], "S256");
        assert!(query["scope"].split(' ').any(|scope| scope == "openid"), "{page}");
        let mut state = self.state.lock().unwrap();
        let code = format!("code-{}", state.codes.len());
        let (nonce, challenge) = (query["nonce"].clone(), query["code_challenge"].clone());
        let redirect = query["redirect_uri"].clone();
        state.codes.insert(code.clone(), Begun { person: person.clone(), fault, nonce, challenge, redirect });
        let back = Url::parse_with_params(&query["redirect_uri"], [("code", &code), ("state", &query["state"])]);
        back.unwrap().into()
    }
}

fn described(url: &str) -> Value {
    json!({
        "issuer": url,
        "authorization_endpoint": format!("{url}/authorize"),
        "token_endpoint": format!("{url}/token"),
        "userinfo_endpoint": format!("{url}/userinfo"),
        "jwks_uri": format!("{url}/keys"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "scopes_supported": ["openid", "email", "groups"],
        "id_token_signing_alg_values_supported": ["ES256", "HS256", "none"],
    })
}

fn key(number: u8) -> SigningKey {
    SigningKey::from_slice(&[number; 32]).unwrap()
}

fn public(number: u8) -> Value {
    let point = key(number).verifying_key().to_encoded_point(false);
    let coordinate = |bytes: Option<&p256::FieldBytes>| URL_SAFE_NO_PAD.encode(bytes.unwrap());
    let (x, y) = (coordinate(point.x()), coordinate(point.y()));
    json!({ "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": format!("k{number}"), "x": x, "y": y })
}

fn token(url: &str, headers: &HeaderMap, form: &HashMap<String, String>, state: &mut State) -> Option<Value> {
    let encoded = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let login = STANDARD.encode(format!("{}:{}", encoded(CLIENT), encoded(CLIENT_SECRET)));
    assert_eq!(headers["authorization"].to_str().unwrap(), format!("Basic {login}"));
    // A code works once.
    let begun = state.codes.remove(&form["code"])?;
    assert_eq!(form["redirect_uri"], begun.redirect);
    assert_eq!(URL_SAFE_NO_PAD.encode(Sha256::digest(&form["code_verifier"])), begun.challenge);
    let access = format!("access-{}", state.tokens.len());
    let mut info = begun.person.claims.clone();
    info.as_object_mut().unwrap().extend(begun.person.info.as_object().unwrap().clone());
    state.tokens.insert(access.clone(), info);
    let mut answer = json!({ "access_token": access, "token_type": "Bearer", "expires_in": 60 });
    if begun.fault != Fault::NoToken {
        answer["id_token"] = json!(id_token(url, &begun, state.key));
    }
    Some(answer)
}

fn id_token(url: &str, begun: &Begun, current: u8) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let mut claims = json!({ "iss": url, "aud": CLIENT, "iat": now, "exp": now + 60, "nonce": begun.nonce });
    claims.as_object_mut().unwrap().extend(begun.person.claims.as_object().unwrap().clone());
    match begun.fault {
        Fault::Nonce => claims["nonce"] = json!("of another login"),
        Fault::Expired => (claims["iat"], claims["exp"]) = (json!(now - 120), json!(now - 60)),
        Fault::Audience => claims["aud"] = json!("somebody else"),
        Fault::Issuer => claims["iss"] = json!("https://login.example.com"),
        _ => {}
    }
    let number = if begun.fault == Fault::Key { 99 } else { current };
    let algorithm = match begun.fault {
        Fault::Unsigned => "none",
        Fault::Shared => "HS256",
        _ => "ES256",
    };
    let header = json!({ "alg": algorithm, "kid": format!("k{current}"), "typ": "JWT" });
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(&header), part(&claims));
    let signature: Vec<u8> = match begun.fault {
        Fault::Unsigned => Vec::new(),
        Fault::Shared => {
            use hmac::{Hmac, KeyInit as _, Mac as _};
            let mac = Hmac::<Sha256>::new_from_slice(CLIENT_SECRET.as_bytes()).unwrap();
            mac.chain_update(&signed).finalize().into_bytes().to_vec()
        }
        _ => Signer::<Signature>::sign(&key(number), signed.as_bytes()).to_bytes().to_vec(),
    };
    if begun.fault == Fault::Changed {
        claims["email"] = json!("ana@example.com");
        return format!("{}.{}.{}", part(&header), part(&claims), URL_SAFE_NO_PAD.encode(signature));
    }
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn info(headers: &HeaderMap, state: &State) -> Option<Value> {
    let token = headers["authorization"].to_str().unwrap().strip_prefix("Bearer ").unwrap();
    state.tokens.get(token).cloned()
}

/// A page that a browser got.
#[derive(Debug)]
pub struct Page {
    pub status: u16,
    pub text: String,
    pub headers: HeaderMap,
}

impl Page {
    /// Where it sends the browser.
    pub fn location(&self) -> &str {
        assert_eq!(self.status, 303, "{}", self.text);
        self.headers["location"].to_str().unwrap()
    }

    /// The token in its forms.
    pub fn form_token(&self) -> String {
        let (_, after) = self.text.split_once("name=\"form_token\" value=\"").expect("a form with a token");
        after.split_once('"').unwrap().0.to_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("{}", self.text))
    }
}

/// A browser: it keeps cookies, and follows no redirect by itself.
#[derive(Clone)]
pub struct Browser {
    client: reqwest::Client,
    base: String,
    pub cookies: BTreeMap<String, String>,
}

impl Browser {
    pub fn at(address: &str) -> Self {
        Self::from("127.0.0.1", address)
    }

    /// One that asks from this address.
    pub fn from(local: &str, address: &str) -> Self {
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .local_address(local.parse::<std::net::IpAddr>().unwrap())
            .timeout(Duration::from_secs(30))
            .build()
            .unwrap();
        Self { client, base: format!("http://{address}"), cookies: BTreeMap::new() }
    }

    /// The host and port that it asks.
    pub fn host(&self) -> &str {
        self.base.trim_start_matches("http://")
    }

    pub async fn get(&mut self, path: &str) -> Page {
        self.with(path, &[]).await
    }

    /// With further headers.
    pub async fn with(&mut self, path: &str, headers: &[(&str, &str)]) -> Page {
        let request = self.client.get(self.url(path));
        self.send(request, headers).await
    }

    pub async fn post(&mut self, path: &str, form: &[(&str, &str)], headers: &[(&str, &str)]) -> Page {
        let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = self.client.post(self.url(path)).body(form);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        self.send(request, headers).await
    }

    fn url(&self, path: &str) -> String {
        if path.starts_with('/') { format!("{}{path}", self.base) } else { path.to_owned() }
    }

    async fn send(&mut self, mut request: reqwest::RequestBuilder, headers: &[(&str, &str)]) -> Page {
        if !self.cookies.is_empty() {
            let cookies = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>();
            request = request.header("cookie", cookies.join("; "));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        for cookie in headers.get_all("set-cookie") {
            let cookie = cookie.to_str().unwrap();
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            if cookie.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        Page { status, text: response.text().await.unwrap(), headers }
    }

    /// Begins to log in: the address at the provider.
    pub async fn begin(&mut self, back: &str) -> String {
        let back = url::form_urlencoded::byte_serialize(back.as_bytes()).collect::<String>();
        let page = self.get(&format!("/login?back={back}")).await;
        page.location().to_owned()
    }

    /// Logs in, as far as it goes.
    pub async fn log_in(&mut self, provider: &Provider, person: &Person, fault: Fault) -> Page {
        let page = self.begin("/").await;
        let back = provider.log_in(&page, person, fault);
        self.get(&back).await
    }
}
