//! Whether a body was signed with one of our secrets.
//!
//! Both sources sign the raw body with HMAC-SHA256: GitHub as `X-Hub-Signature-256: sha256=HEX`, Jira as
//! `X-Hub-Signature: METHOD=HEX`, where only the method `sha256` is taken. What can't sign for Jira, an Automation rule or a
//! server older than Data Center 10, sends the secret itself.

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

use crate::event::Source;

/// Why a signature is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No signature
    #[error("the request is not signed: set a secret on the webhook")]
    Missing,
    /// Signed by another method than SHA-256
    #[error("the signature is not `sha256=HEX`")]
    WrongMethod,
    /// Signed with another secret, or for another body
    #[error("the signature doesn't match the body with any configured secret")]
    Wrong,
    /// The secret that was sent isn't one of ours
    #[error("the secret isn't any of the configured ones")]
    WrongSecret,
}

/// Checks a signature of the raw body, in constant time. Any one of the secrets is enough, so that a secret can be
/// changed without a gap; a blank one never counts.
///
/// # Errors
/// Why it was refused.
pub fn verify(source: Source, header: Option<&str>, body: &[u8], secrets: &[SecretString]) -> Result<(), Refusal> {
    let header = header.map(str::trim).filter(|header| !header.is_empty()).ok_or(Refusal::Missing)?;
    let hex = match source {
        // GitHub uses this header only for this method.
        Source::Github => header.strip_prefix("sha256="),
        // Jira's header names the method, which may change one day.
        Source::Jira => header.split_once('=').and_then(|(method, hex)| {
            let sha256 = method.eq_ignore_ascii_case("sha256");
            sha256.then_some(hex)
        }),
    };
    let signature = hex.ok_or(Refusal::WrongMethod).and_then(|hex| digest(hex).ok_or(Refusal::Wrong))?;
    let signed_with = |secret: &SecretString| {
        let secret = secret.expose_secret();
        !secret.trim().is_empty()
            && Hmac::<Sha256>::new_from_slice(secret.as_bytes())
                .is_ok_and(|mac| mac.chain_update(body).verify_slice(&signature).is_ok())
    };
    if secrets.iter().any(signed_with) { Ok(()) } else { Err(Refusal::Wrong) }
}

/// Checks a secret that was sent itself, in constant time.
///
/// # Errors
/// It isn't one of these; a blank one never is.
pub fn verify_secret(sent: &str, secrets: &[SecretString]) -> Result<(), Refusal> {
    // Digests have one length, whatever the secrets have.
    let mac = |text: &str| Hmac::<Sha256>::new_from_slice(b"sent").ok().map(|mac| mac.chain_update(text.trim()));
    let is_sent = |secret: &SecretString| {
        let (Some(sent), Some(secret)) = (mac(sent), mac(secret.expose_secret())) else { return false };
        sent.verify_slice(&secret.finalize().into_bytes()).is_ok()
    };
    let found = secrets.iter().filter(|secret| !secret.expose_secret().trim().is_empty()).any(is_sent);
    if found { Ok(()) } else { Err(Refusal::WrongSecret) }
}

/// The value of the header for a body signed with a secret, in the form of both sources.
#[must_use]
pub fn sign(secret: &SecretString, body: &[u8]) -> String {
    // HMAC accepts keys of any length, so this can't fail.
    let Ok(mac) = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()) else { return String::new() };
    format!("sha256={}", hex::encode(mac.chain_update(body).finalize().into_bytes()))
}

/// Decodes 64 hexadecimal digits into 32 bytes.
#[must_use]
pub fn digest(digits: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(digits, &mut bytes).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example in GitHub's documentation, "Validating webhook deliveries".
    const SECRET: &str = "It's a Secret to Everybody";
    const BODY: &[u8] = b"Hello, World!";
    const HEX: &str = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

    fn check(source: Source, header: &str, secrets: &[&str]) -> Result<(), Refusal> {
        let secrets: Vec<SecretString> = secrets.iter().map(|secret| SecretString::from(*secret)).collect();
        verify(source, Some(header), BODY, &secrets)
    }

    #[test]
    fn the_published_vector_verifies_for_both_sources() {
        for source in [Source::Github, Source::Jira] {
            assert_eq!(check(source, &format!("sha256={HEX}"), &[SECRET]), Ok(()));
            assert_eq!(check(source, &format!("sha256={}", HEX.to_uppercase()), &[SECRET]), Ok(()));
        }
    }

    #[test]
    fn any_one_secret_verifies_so_that_it_can_be_changed_without_a_gap() {
        let header = format!("sha256={HEX}");
        assert_eq!(check(Source::Github, &header, &["new", SECRET]), Ok(()));
        assert_eq!(check(Source::Github, &header, &[SECRET, "new"]), Ok(()));
        assert_eq!(check(Source::Github, &header, &["new", "newer"]), Err(Refusal::Wrong));
        assert_eq!(check(Source::Github, &header, &[]), Err(Refusal::Wrong));
    }

    #[test]
    fn an_empty_secret_never_verifies() {
        // HMAC-SHA256 of the body with an empty key.
        let header = "sha256=2bbcfa9524f3218c7a34b30e6936f8b1a4516cb097f1a85a1c7d98b5977ec769";
        let body_of_the_empty_key = Hmac::<Sha256>::new_from_slice(b"")
            .map(|mac| format!("sha256={}", hex::encode(mac.chain_update(BODY).finalize().into_bytes())));
        assert_eq!(body_of_the_empty_key.as_deref(), Ok(header), "the signature is what an empty key gives");
        assert_eq!(check(Source::Github, header, &["", SECRET]), Err(Refusal::Wrong));
        assert_eq!(check(Source::Jira, header, &[""]), Err(Refusal::Wrong));
    }

    #[test]
    fn a_secret_that_is_sent_is_one_of_ours() {
        let secrets = ["", "  ", SECRET, "another one\n"].map(SecretString::from);
        for sent in [SECRET, "another one", " another one "] {
            assert_eq!(verify_secret(sent, &secrets), Ok(()), "{sent:?}");
        }
        for sent in ["", " ", "It's a Secret", "It's a Secret to Everybody else", "it's a secret to everybody"] {
            assert_eq!(verify_secret(sent, &secrets), Err(Refusal::WrongSecret), "{sent:?}");
        }
        assert_eq!(verify_secret(SECRET, &[]), Err(Refusal::WrongSecret));
    }

    #[test]
    fn another_method_a_changed_digit_or_half_a_signature_is_refused() {
        for source in [Source::Github, Source::Jira] {
            for (header, refusal) in [
                (String::new(), Refusal::Missing),
                ("  ".to_owned(), Refusal::Missing),
                (format!("sha1={HEX}"), Refusal::WrongMethod),
                (format!("sha512={HEX}"), Refusal::WrongMethod),
                (HEX.to_owned(), Refusal::WrongMethod),
                ("sha256=".to_owned(), Refusal::Wrong),
                (format!("sha256={}", &HEX[..62]), Refusal::Wrong),
                (format!("sha256={HEX}00"), Refusal::Wrong),
                (format!("sha256=8{}", &HEX[1..]), Refusal::Wrong),
                (format!("sha256=é{}", &HEX[2..]), Refusal::Wrong),
            ] {
                assert_eq!(check(source, &header, &[SECRET]), Err(refusal), "{header}");
            }
        }
        assert_eq!(verify(Source::Jira, None, BODY, &[]), Err(Refusal::Missing));
    }
}
