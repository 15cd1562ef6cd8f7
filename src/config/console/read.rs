//! Reads `[console]`, and says what in it makes no sense.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use secrecy::{ExposeSecret as _, SecretString};
use strum::VariantNames as _;
use url::{Host, Url};

use super::{ConsoleSettings, Oidc, Proxy, Role, Roles, Token, Who};
use crate::config::file::{ConsoleTable, OidcTable, ProxyTable, TokenTable};
use crate::config::read_listen;
use crate::toml_file::{At, Field, Reader, SecretText, TOKEN, Tables, Wrong, did_you_mean};

/// The claim that groups are in unless the operator says otherwise.
const GROUPS: &str = "groups";
/// A token is all that somebody needs, so it must be random: `openssl rand -hex 32` makes 64 characters.
const SHORTEST_TOKEN: usize = 32;

/// What is known when `[console]` is read: `[server] listen`, `public_url` and `console`.
pub(in crate::config) struct Beside<'a> {
    pub listen: SocketAddr,
    pub public_url: Option<&'a str>,
    pub local: bool,
}

/// Reads `[console]`; `None` if there is no such table.
pub(in crate::config) fn read(
    field: Field<ConsoleTable>,
    beside: &Beside<'_>,
    reader: &mut Reader<'_>,
) -> Option<ConsoleSettings> {
    let at = At::root().key("console");
    let table = reader.document.take(field, &at)?;
    let before = reader.document.problem_count();
    let listen = read_listen(table.listen, &at.key("listen"), reader);
    if listen.is_some_and(|listen| listen == beside.listen && listen.port() != 0) {
        let help = "leave it out, or write another port".to_owned();
        reader.document.wrong(&at.key("listen"), "`[server]` listens there: then the console is there, too", help);
    }
    let url_at = at.key("public_url");
    let own_url = !table.public_url.is_absent();
    let public_url = reader.web_address(table.public_url, &url_at).or_else(|| beside.public_url.map(str::to_owned));
    let oidc_at = at.key("oidc");
    let wants_oidc = !table.oidc.is_absent();
    if wants_oidc {
        let url_at = if own_url { &url_at } else { &oidc_at };
        check_url(public_url.as_deref(), (url_at, own_url), reader);
    }
    let oidc = read_oidc(table.oidc, &oidc_at, reader);
    let by_proxy = !table.proxy.is_absent();
    let proxy = read_proxy(table.proxy, &at.key("proxy"), reader);
    let tokens = read_tokens(table.tokens, &at.key("tokens"), reader);
    let has_roles = !(table.view.is_absent() && table.team.is_absent() && table.operate.is_absent());
    let roles = Roles {
        view: read_who(table.view, &at.key("view"), reader),
        team: read_teams(table.team, &at.key("team"), reader),
        operate: read_who(table.operate, &at.key("operate"), reader),
    };
    if reader.document.problem_count() == before {
        let groups = oidc.is_some() || proxy.as_ref().is_some_and(|proxy| proxy.groups.is_some());
        let logins = Logins { people: wants_oidc || by_proxy, tokens: !tokens.is_empty(), groups };
        check_roles(&at, (&roles, has_roles), (&logins, beside.local), reader);
    }
    Some(ConsoleSettings { listen, public_url, oidc, proxy, tokens, roles })
}

/// Who can log in.
struct Logins {
    people: bool,
    tokens: bool,
    /// Groups are known
    groups: bool,
}

/// Reports roles that nobody can have, and logins without a role.
fn check_roles(at: &At, (roles, has_roles): (&Roles, bool), (logins, local): (&Logins, bool), reader: &mut Reader<'_>) {
    if logins.people && !has_roles {
        let help = "write who may do what, such as `operate = [\"ana@example.com\"]` and `view = [\"@example.com\"]`";
        reader.document.wrong(at, "people can log in, but nobody may see anything", help.to_owned());
    }
    if !logins.people && has_roles {
        let help = "write `[console.oidc]` or `[console.proxy]`; a token has its own `role`".to_owned();
        reader.document.wrong(at, "there are roles, but nobody can log in", help);
    }
    if !logins.people && !logins.tokens && !has_roles && !local {
        let help = "write `[console.oidc]`, `[console.proxy]` or `[console.tokens.NAME]`; or `console = true` below \
                    `[server]`, for whoever asks from this machine";
        reader.document.wrong(at, "nobody can see the console", help.to_owned());
    }
    let mut everybody = roles.view.iter().chain(roles.team.values().flatten()).chain(&roles.operate);
    let group = everybody.find(|who| matches!(who, Who::Group(_)));
    if let Some(Who::Group(group)) = group.filter(|_| logins.people && !logins.groups) {
        let help = "name the header that has them: `groups = \"X-Forwarded-Groups\"` below `[console.proxy]`";
        let message = format!("`group:{group}` has a role, but groups aren't known");
        reader.document.wrong(&at.key("proxy"), message, help.to_owned());
    }
}

/// Checks the address that people come back to after they have logged in.
fn check_url(url: Option<&str>, (at, own): (&At, bool), reader: &mut Reader<'_>) {
    let named = if own { "`public_url`" } else { "`[server] public_url`, which is the console's too," };
    let Some(url) = url.and_then(|url| Url::parse(url).ok()) else {
        if !own {
            let help = "write `public_url = \"https://microalign.example.com\"` below `[console]` or `[server]`";
            reader.document.wrong(at, "the provider can't send people back: there is no `public_url`", help.to_owned());
        }
        return;
    };
    if url.path() != "/" {
        let help = "write `public_url` below `[console]`, with the name of a host alone".to_owned();
        reader.document.wrong(at, format!("{named} has a path, and the console doesn't work below one"), help);
    }
    if !is_private(&url) {
        let help = "put a reverse proxy with TLS in front, and write its `https://` address".to_owned();
        let message = format!("{named} isn't https: whoever listens on the way could take over a login");
        reader.document.wrong(at, message, help);
    }
}

/// Whether nobody on the way can read what goes there.
fn is_private(url: &Url) -> bool {
    let is_here = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    };
    url.scheme() == "https" || is_here
}

fn read_oidc(field: Field<OidcTable>, at: &At, reader: &mut Reader<'_>) -> Option<Oidc> {
    let table = reader.document.take(field, at)?;
    reader.require(&table.issuer, at, "issuer");
    reader.require(&table.client_id, at, "client_id");
    reader.require(&table.client_secret, at, "client_secret");
    let issuer_at = at.key("issuer");
    let issuer = reader.text(table.issuer, &issuer_at).and_then(|(_, text)| reader.parsed(issuer(&text), &issuer_at));
    let client_id = reader.word(table.client_id, &at.key("client_id"));
    let client_secret = reader.secret(table.client_secret, &at.key("client_secret"), TOKEN);
    let groups = reader.word(table.groups, &at.key("groups")).unwrap_or_else(|| GROUPS.to_owned());
    Some(Oidc { issuer: issuer?, client_id: client_id?, client_secret: client_secret?, groups })
}

/// The address of a provider. It is compared as written, so that a slash at its end matters.
fn issuer(text: &str) -> Result<String, Wrong> {
    let wrong = |message: &str, help: &str| Err((message.to_owned(), Some(help.to_owned())));
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    match url.filter(|url| url.query().is_none() && url.fragment().is_none()) {
        None => wrong("this isn't the address of a provider", "write it as \"https://login.example.com\""),
        Some(_) if text.ends_with("/.well-known/openid-configuration") => {
            wrong("this is where the provider describes itself", "write what is before `/.well-known`")
        }
        Some(url) if !is_private(&url) => {
            wrong("this isn't https: whoever is on the way could log in as anybody", "write its `https://` address")
        }
        Some(_) => Ok(text.to_owned()),
    }
}

fn read_proxy(field: Field<ProxyTable>, at: &At, reader: &mut Reader<'_>) -> Option<Proxy> {
    let table = reader.document.take(field, at)?;
    reader.require(&table.header, at, "header");
    reader.require(&table.from, at, "from");
    let mut header = |field, key| {
        let at = at.key(key);
        let name = reader.word(field, &at)?;
        let wrong = || (format!("`{name}` isn't the name of a header"), Some("write \"X-Forwarded-Email\"".to_owned()));
        let parsed = http::HeaderName::try_from(name.as_str()).map(|name| name.as_str().to_owned());
        reader.parsed(parsed.map_err(|_| wrong()), &at)
    };
    let (name, groups) = (header(table.header, "header"), header(table.groups, "groups"));
    let from_at = at.key("from");
    let from = reader.document.texts(table.from, &from_at);
    if from.as_ref().is_some_and(Vec::is_empty) {
        reader.document.wrong(&from_at, "the list is empty", "write [\"127.0.0.1\"]".to_owned());
    }
    let mut nets = Vec::new();
    for (at, text) in from.unwrap_or_default() {
        let Some(net) = reader.expanded(&text, &at) else { continue };
        let parsed = net.parse::<IpNet>().or_else(|_| net.parse::<IpAddr>().map(IpNet::from));
        let help = "write an address, or a network such as \"10.0.0.0/24\"".to_owned();
        let parsed = parsed.map_err(|_| (format!("`{text}` isn't an address"), Some(help)));
        let net = reader.parsed(parsed, &at);
        if net.is_some_and(|net| net.prefix_len() == 0) {
            let help = "write the proxy's own address".to_owned();
            reader.document.wrong(&at, "this is everybody: whoever reaches the console could be anybody", help);
        }
        nets.extend(net);
    }
    Some(Proxy { header: name?, groups, from: nets })
}

fn read_tokens(tables: Tables<TokenTable>, section: &At, reader: &mut Reader<'_>) -> Vec<Token> {
    let mut tokens = Vec::new();
    for (name, at, table) in reader.document.tables(tables, section) {
        reader.require(&table.secret, &at, "secret");
        reader.require(&table.role, &at, "role");
        let role = read_role(table.role, &at.key("role"), reader);
        let teams_at = at.key("teams");
        if role == Some(Role::Team) {
            reader.require(&table.teams, &at, "teams");
        } else if role.is_some() && !table.teams.is_absent() {
            let help = "leave `teams` out, or write `role = \"team\"`".to_owned();
            reader.document.wrong(&teams_at, "this role isn't for single teams", help);
        }
        let teams = reader.document.texts(table.teams, &teams_at).unwrap_or_default();
        let secret = read_token(table.secret, &at.key("secret"), reader);
        let teams = teams.into_iter().map(|(_, team)| team).collect();
        let (Some(secret), Some(role)) = (secret, role) else { continue };
        tokens.push(Token { name, secret, role, teams });
    }
    tokens
}

fn read_token(field: Field<SecretText>, at: &At, reader: &mut Reader<'_>) -> Option<SecretString> {
    let secret = reader.secret(field, at, TOKEN)?;
    let text = secret.expose_secret().trim();
    // What isn't looked up has the stand-in's length.
    if text == TOKEN || (text.len() >= SHORTEST_TOKEN && text.bytes().all(|byte| byte.is_ascii_graphic())) {
        return Some(text.into());
    }
    let message =
        format!("this isn't a token: it has less than {SHORTEST_TOKEN} characters, or one that no header has");
    reader.parsed(Err((message, Some("`openssl rand -hex 32` makes one".to_owned()))), at)
}

fn read_role(field: Field<String>, at: &At, reader: &mut Reader<'_>) -> Option<Role> {
    let (written, text) = reader.text(field, at)?;
    let help = || {
        did_you_mean(&text, Role::VARIANTS.iter().copied())
            .or(Some("write \"view\", \"team\" or \"operate\"".to_owned()))
    };
    let role = text.parse::<Role>().map_err(|_| (format!("`{written}` isn't a role"), help()));
    reader.parsed(role, at)
}

fn read_teams(
    tables: Field<BTreeMap<String, Field<Vec<Field<String>>>>>,
    section: &At,
    reader: &mut Reader<'_>,
) -> BTreeMap<String, Vec<Who>> {
    let mut teams = BTreeMap::new();
    for (team, field) in reader.document.take(tables, section).unwrap_or_default() {
        let who = read_who(field, &section.key(&team), reader);
        teams.insert(team, who);
    }
    teams
}

fn read_who(field: Field<Vec<Field<String>>>, at: &At, reader: &mut Reader<'_>) -> Vec<Who> {
    let mut everybody = Vec::new();
    for (at, text) in reader.document.texts(field, at).unwrap_or_default() {
        let Some(text) = reader.expanded(&text, &at) else { continue };
        everybody.extend(reader.parsed(Who::read(text.trim()), &at));
    }
    everybody
}
