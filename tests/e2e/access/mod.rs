//! Who may see the console, and do what there.

mod forms;
mod login;
mod provider;
mod tokens;

use self::provider::{CLIENT, CLIENT_SECRET, Provider};
use crate::support::Service;

/// Fields of a form, or headers.
type Pairs<'a> = &'a [(&'a str, &'a str)];

/// Two teams; the readers of one are outside.
const TEAM: &str = "team = \"web\"\nto = [\"mailbox\"]\nowner = \"wim@example.com\"\nsettle = \"0s\"\n\
    [[rule]]\nname = \"merged\"\non = [\"pull_request.merged\"]\n";
const PARTNER: &str = "team = \"partner\"\nto = [\"mailbox\"]\naudience = \"outside\"\nowner = \"pia@partner.example\"\n\
    settle = \"0s\"\n[[rule]]\nname = \"merged\"\non = [\"pull_request.merged\"]\n";

/// A service whose console people log in to.
fn service(provider: &Provider) -> Service {
    let url = &provider.url;
    let console = format!(
        "[console]\npublic_url = \"http://127.0.0.1:0\"\nview = [\"@example.com\"]\n\
         operate = [\"ana@example.com\", \"group:operators\"]\nteam.web = [\"group:web\"]\n\
         [console.oidc]\nissuer = \"{url}\"\nclient_id = \"{CLIENT}\"\nclient_secret = \"{CLIENT_SECRET}\"\n"
    );
    let service = Service::new(TEAM, &console);
    service.write("rules/partner.toml", PARTNER);
    service
}

async fn started() -> (Provider, Service) {
    let provider = Provider::start().await;
    let mut service = service(&provider);
    service.start().await;
    (provider, service)
}
