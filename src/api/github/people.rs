//! What people on GitHub are called, and the address that their organisation knows them by.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use serde_json::{Value, json};

use super::{Github, Login};
use crate::api::ApiError;
use crate::template::{clean, shorten};

/// By SAML, which only an organisation's owners may ask for
/// (<https://docs.github.com/graphql/reference/objects#organizationidentityprovider>).
const BY_SAML: &str = include_str!("saml.graphql");

/// What a profile says, and the addresses at domains that the organisation has verified
/// (<https://docs.github.com/graphql/reference/objects#user>). `organization` is null for who isn't a member.
const BY_PROFILE: &str = include_str!("profile.graphql");

/// Where a mail address comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MailFrom {
    /// The identity that a member signs in with
    Saml,
    /// A domain that the organisation has verified
    Organization,
    /// What a member shows on their profile
    Profile,
}

impl MailFrom {
    const ALL: [Self; 3] = [Self::Saml, Self::Organization, Self::Profile];

    /// Its name, in the store and for people.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Saml => "saml",
            Self::Organization => "organization",
            Self::Profile => "profile",
        }
    }
}

impl fmt::Display for MailFrom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for MailFrom {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|from| from.as_str() == text).ok_or_else(|| format!("`{text}` has no addresses"))
    }
}

/// What GitHub says of somebody.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Profile {
    /// Their name
    pub name: Option<String>,
    /// Their mail address, and where that comes from
    pub email: Option<(String, MailFrom)>,
}

impl Github {
    /// What GitHub says of a member of an organisation; of nobody else an address. On an Enterprise Server, that is their
    /// profile.
    ///
    /// # Errors
    /// [`ApiError`]
    pub async fn profile(&self, login: &str, organization: &str) -> Result<Profile, ApiError> {
        if self.is_enterprise {
            return self.profile_of_server(login, organization).await;
        }
        let variables = json!({ "login": login, "organization": organization });
        let saml = self.graphql(Login::Owner(organization), BY_SAML, &variables).await?;
        let profile = self.graphql(Login::Owner(organization), BY_PROFILE, &variables).await?;
        // That somebody may not ask by SAML, or that a login doesn't exist, is an answer, too.
        match profile.pointer("/errors/0") {
            Some(error) if profile["data"]["user"].is_null() && error["type"] != "NOT_FOUND" => {
                Err(self.refusal(&profile))
            }
            _ => Ok(of_answers(&saml, &profile["data"]["user"])),
        }
    }

    async fn profile_of_server(&self, login: &str, organization: &str) -> Result<Profile, ApiError> {
        let asked = self.get::<Value>(Login::Owner(organization), &format!("/users/{login}")).await;
        match asked {
            Ok(user) => {
                Ok(Profile { name: name(&user), email: mail(&user["email"]).map(|mail| (mail, MailFrom::Profile)) })
            }
            Err(error) if error.is_absent() => Ok(Profile::default()),
            Err(error) => Err(error),
        }
    }
}

fn of_answers(saml: &Value, user: &Value) -> Profile {
    let identity = saml.pointer("/data/organization/samlIdentityProvider/externalIdentities/nodes/0/samlIdentity");
    let by_saml = identity.and_then(|identity| {
        let emails = identity["emails"].as_array().map(Vec::as_slice).unwrap_or_default();
        let primary = emails.iter().find(|email| email["primary"] == true).or(emails.first());
        primary.and_then(|email| mail(&email["value"])).or_else(|| mail(&identity["nameId"]))
    });
    let by_domain = || mail(&user["organizationVerifiedDomainEmails"][0]);
    let by_profile = || mail(&user["email"]).filter(|_| !user["organization"].is_null());
    let email = by_saml.map(|mail| (mail, MailFrom::Saml));
    let email = email.or_else(|| by_domain().map(|mail| (mail, MailFrom::Organization)));
    Profile { name: name(user), email: email.or_else(|| by_profile().map(|mail| (mail, MailFrom::Profile))) }
}

fn name(user: &Value) -> Option<String> {
    user["name"].as_str().map(|name| shorten(&clean(name), 100)).filter(|name| !name.is_empty())
}

/// A mail address, if it is one.
fn mail(value: &Value) -> Option<String> {
    value.as_str()?.parse::<lettre::Address>().ok().map(|address| address.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_address_counts() {
        let saml = |identity: Value| {
            let identities = json!({ "nodes": [{ "samlIdentity": identity }] });
            json!({ "data": { "organization": { "samlIdentityProvider": { "externalIdentities": identities } } } })
        };
        let user = |member: bool, email: Value, verified: Value| {
            let organization = if member { json!({ "login": "acme" }) } else { Value::Null };
            json!({ "name": "Ana", "email": email, "organization": organization,
                    "organizationVerifiedDomainEmails": verified })
        };
        let none = json!({ "data": { "organization": null }, "errors": [{ "type": "FORBIDDEN" }] });
        let profile = json!("p@example.com");
        let primary = json!({ "nameId": "x", "emails": [{ "value": "a@example.com" },
                                                        { "value": "b@example.com", "primary": true }] });
        for (saml, user, expected) in [
            (
                saml(primary),
                user(true, profile.clone(), json!(["o@example.com"])),
                Some(("b@example.com", MailFrom::Saml)),
            ),
            (
                saml(json!({ "nameId": "n@example.com", "emails": [] })),
                Value::Null,
                Some(("n@example.com", MailFrom::Saml)),
            ),
            (
                saml(json!({ "nameId": "employee-7", "emails": null })),
                user(true, profile.clone(), json!(["o@example.com"])),
                Some(("o@example.com", MailFrom::Organization)),
            ),
            (none.clone(), user(true, profile.clone(), json!([])), Some(("p@example.com", MailFrom::Profile))),
            (none.clone(), user(false, profile, json!([])), None),
            (none.clone(), user(true, json!(""), json!([])), None),
            (none, user(true, json!("a@b, c@d"), json!([])), None),
        ] {
            let email = of_answers(&saml, &user).email;
            assert_eq!(email.as_ref().map(|(mail, from)| (mail.as_str(), *from)), expected, "{saml} {user}");
        }
    }
}
