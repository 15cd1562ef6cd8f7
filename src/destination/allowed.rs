//! Where mail may go.

use std::collections::BTreeSet;
use std::fmt;

use lettre::Address;
use url::Host;

/// `[email] allow`: where mail may go.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Allowed(BTreeSet<String>);

impl Allowed {
    /// Adds `@DOMAIN`, or one address.
    ///
    /// # Errors
    /// One sentence that says what would be right.
    pub fn add(&mut self, entry: &str) -> Result<(), String> {
        let address = if entry.starts_with('@') { format!("anybody{entry}") } else { entry.to_owned() };
        let wrong = |_| format!("`{entry}` isn't a domain or an address");
        let address = address.parse::<Address>().map_err(wrong)?;
        let user = if entry.starts_with('@') { String::new() } else { address.user().to_lowercase() };
        self.0.insert(format!("{user}@{}", ascii_domain(address.domain())));
        Ok(())
    }

    /// Whether mail may go to an address. A domain doesn't include the domains below it.
    #[must_use]
    pub fn allows(&self, address: &str) -> bool {
        let Some((user, domain)) = address.rsplit_once('@') else { return false };
        let (user, domain) = (user.to_lowercase(), ascii_domain(domain));
        self.0.contains(&format!("@{domain}")) || self.0.contains(&format!("{user}@{domain}"))
    }
}

impl fmt::Display for Allowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.iter().map(String::as_str).collect::<Vec<_>>().join(", "))
    }
}

/// A domain in the form that DNS uses: in small letters, and with `xn--…` for letters beyond ASCII.
#[must_use]
pub fn ascii_domain(domain: &str) -> String {
    Host::parse(domain).map_or_else(|_| domain.to_lowercase(), |host| host.to_string())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn where_mail_may_go() {
        let mut allowed = Allowed::default();
        for entry in ["@Example.com", "ana@partner.org", "@bücher.example"] {
            allowed.add(entry).unwrap();
        }
        for (address, expected) in [
            ("data@example.com", true),
            ("data@EXAMPLE.COM", true),
            ("data@mail.example.com", false),
            ("data@example.com.evil.example", false),
            ("data@notexample.com", false),
            ("ana@partner.org", true),
            ("ana@Partner.org", true),
            ("bo@partner.org", false),
            ("bo@xn--bcher-kva.example", true),
            ("ana", false),
        ] {
            assert_eq!(allowed.allows(address), expected, "{address}");
        }
        for entry in ["", "@", "example.com", "@a b", "ana@"] {
            assert!(allowed.add(entry).is_err(), "{entry}");
        }
    }
}
