//! Who may answer by mail. A mail says itself where it comes from, and nobody checks that, so this keeps out strangers who don't
//! pretend, and nobody else.

use crate::destination::Destination;
use crate::people::is_same_address;

/// Anybody can have an address there, under several endings: no company's.
const FREE: [&str; 22] = [
    "gmail",
    "googlemail",
    "outlook",
    "hotmail",
    "live",
    "msn",
    "yahoo",
    "ymail",
    "rocketmail",
    "icloud",
    "aol",
    "gmx",
    "yandex",
    "proton",
    "protonmail",
    "tutanota",
    "zoho",
    "mail",
    "naver",
    "hey",
    "fastmail",
    "free",
];
/// The same, under one ending.
const FREE_DOMAINS: [&str; 18] = [
    "me.com",
    "mac.com",
    "pm.me",
    "tuta.com",
    "tuta.io",
    "web.de",
    "t-online.de",
    "freenet.de",
    "orange.fr",
    "laposte.net",
    "libero.it",
    "sapo.pt",
    "uol.com.br",
    "qq.com",
    "163.com",
    "126.com",
    "list.ru",
    "inbox.ru",
];

/// Whether a message to this address went to somebody, or to somebody of the same company.
pub(super) fn reaches(to: &Destination, address: &str) -> bool {
    let Destination::Email(to) = to else { return false };
    let domain = |address: &str| address.rsplit_once('@').map(|(_, domain)| domain.to_lowercase());
    let same = || domain(address).filter(|own| !is_free(own) && domain(to).as_ref() == Some(own)).is_some();
    is_same_address(to, address) || same()
}

fn is_free(domain: &str) -> bool {
    let name = domain.split('.').next().unwrap_or_default();
    // `live.com`, `yahoo.co.uk`
    let short = domain.split('.').skip(1).all(|ending| ending.len() <= 3);
    (short && FREE.contains(&name)) || FREE_DOMAINS.contains(&domain)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn colleagues_have_the_domain_of_the_company() {
        for (to, address, expected) in [
            ("email:web@example.com", "bo@example.com", true),
            ("email:web@example.com", "BO@Example.COM", true),
            ("email:web@example.com", "bo@sub.example.com", false),
            ("email:web@example.com", "bo@example.com.evil.example", false),
            ("email:web@example.com", "bo", false),
            ("email:web@example.com", "", false),
            ("email:ana@gmail.com", "ana@gmail.com", true),
            ("email:ana@gmail.com", "Ana@GMail.com", true),
            ("email:ana@gmail.com", "eve@gmail.com", false),
            ("email:ana@yahoo.co.uk", "eve@yahoo.co.uk", false),
            ("email:ana@web.de", "eve@web.de", false),
            ("email:ana@mail.example.com", "bo@mail.example.com", true),
            ("slack:#web", "bo@example.com", false),
        ] {
            assert_eq!(reaches(&to.parse().unwrap(), address), expected, "{to} {address}");
        }
    }
}
