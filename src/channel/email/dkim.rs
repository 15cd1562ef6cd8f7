//! Signs a mail (DKIM, RFC 6376), so that its recipients can verify which domain is responsible for it.
//!
//! The signature is over the bytes that are sent, with header and body in their relaxed form, because relays may fold a header
//! again or add a line break. Its time is the message's, so that the same message always has the same signature.
//!
//! This is hand-written because lettre's DKIM takes the time from the clock, so that a retried mail would have other bytes than
//! the first attempt; and it brings its own RSA and Ed25519, while here rustls's ring signs.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::DkimSettings;

/// The headers that are signed, if a mail has them.
const SIGNED: [&str; 14] = [
    "from",
    "reply-to",
    "to",
    "subject",
    "date",
    "message-id",
    "in-reply-to",
    "references",
    "list-id",
    "list-unsubscribe",
    "list-unsubscribe-post",
    "auto-submitted",
    "mime-version",
    "content-type",
];

/// Each of these is signed once more than it occurs, so that nobody can add another one for readers to see (RFC 6376,
/// section 8.15).
const SEALED: [&str; 3] = ["from", "to", "subject"];

/// A mail with its signature before it.
///
/// # Errors
/// When the key can't sign, which a checked one can.
pub(super) fn sign(settings: &DkimSettings, at: Timestamp, mail: &[u8]) -> Result<Vec<u8>, String> {
    let text = std::str::from_utf8(mail).map_err(|error| format!("it isn't text: {error}"))?;
    let (head, body) = text.split_once("\r\n\r\n").ok_or("it has no body")?;
    let fields = fields(head);
    // No name is there twice; where one was, the last would be meant (RFC 6376, section 5.4.2).
    let field = |name: &&str| fields.iter().rfind(|(field, _)| field == name);
    let signed = SIGNED.iter().filter_map(field).collect::<Vec<_>>();
    let names = signed.iter().map(|(name, _)| name.as_str()).chain(SEALED).collect::<Vec<_>>();
    let text = signed.iter().map(|(name, value)| format!("{name}:{value}\r\n")).collect::<String>();
    let value = format!(
        "v=1; a={}; c=relaxed/relaxed; d={}; s={};\r\n t={}; h={};\r\n bh={};\r\n b=",
        settings.key.algorithm(),
        settings.domain,
        settings.selector,
        at.as_second(),
        names.chunks(6).map(|names| names.join(":")).collect::<Vec<_>>().join(":\r\n  "),
        STANDARD.encode(Sha256::digest(relaxed_body(body))),
    );
    let text = text + "dkim-signature:" + &relaxed(&value);
    let signature = STANDARD.encode(settings.key.sign(text.as_bytes())?);
    let mut lines = Vec::new();
    let mut rest = signature.as_str();
    while let Some((line, more)) = rest.split_at_checked(72) {
        lines.push(line);
        rest = more;
    }
    lines.push(rest);
    let header = format!("DKIM-Signature: {value}{}\r\n", lines.join("\r\n  ").trim_end());
    Ok([header.as_bytes(), mail].concat())
}

/// The fields of a mail's head, each its name in small letters and its value in its relaxed form.
fn fields(head: &str) -> Vec<(String, String)> {
    let mut fields = Vec::<(String, String)>::new();
    for line in head.split("\r\n") {
        match (line.starts_with([' ', '\t']), fields.last_mut(), line.split_once(':')) {
            (true, Some((_, value)), _) => value.push_str(line),
            (_, _, Some((name, value))) => fields.push((name.trim_end().to_ascii_lowercase(), value.to_owned())),
            _ => {}
        }
    }
    fields.into_iter().map(|(name, value)| (name, relaxed(&value))).collect()
}

/// A field's value on one line, with one space wherever there is any (RFC 6376, section 3.4.2).
fn relaxed(value: &str) -> String {
    narrow(&value.replace("\r\n", "")).trim_matches(' ').to_owned()
}

/// A body without spaces at the ends of lines and without empty lines at its end (RFC 6376, section 3.4.4).
fn relaxed_body(body: &str) -> String {
    let mut lines = body.split("\r\n").map(|line| narrow(line).trim_end_matches(' ').to_owned()).collect::<Vec<_>>();
    while lines.pop_if(|line| line.is_empty()).is_some() {}
    lines.iter().map(|line| format!("{line}\r\n")).collect()
}

/// One space for each run of spaces and tabs.
fn narrow(text: &str) -> String {
    let mut narrow = String::with_capacity(text.len());
    for c in text.chars().map(|c| if c == '\t' { ' ' } else { c }) {
        if c != ' ' || !narrow.ends_with(' ') {
            narrow.push(c);
        }
    }
    narrow
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_standards() {
        // RFC 6376, section 3.4.5.
        let fields = fields("A: X\r\nB : Y\t\r\n\tZ  ");
        let fields = fields.iter().map(|(name, value)| format!("{name}:{value}")).collect::<Vec<_>>();
        assert_eq!(fields, ["a:X", "b:Y Z"]);
        assert_eq!(relaxed_body(" C \r\nD \t E\r\n\r\n\r\n"), " C\r\nD E\r\n");
        assert_eq!(relaxed_body("\r\n\r\n"), "");
        // RFC 8463, appendix A.3.
        let body = "Hi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\nJoe.\r\n";
        let hash = STANDARD.encode(Sha256::digest(relaxed_body(body)));
        assert_eq!(hash, "2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=");
    }
}
