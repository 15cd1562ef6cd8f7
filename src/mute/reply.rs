//! The address for replies to a message: `USER+o-41-2-MAC@DOMAIN` (RFC 5233, subaddressing). It contains the line of
//! the ledger, signed with the key of the links, so that nobody can answer a message that they didn't get.
//!
//! Mail servers may change the case of an address, and at most 64 characters are allowed before the `@`, so the MAC is
//! the first 64 bits of HMAC-SHA256 in hexadecimal. An attacker would have to send a mail for each guess.

use hmac::Mac as _;

use super::Linker;

const MARK: &str = "o-";
/// Bytes of the MAC
const MAC: usize = 8;

impl Linker {
    /// The part after the `+`, for a line such as `41.2`.
    #[must_use]
    pub fn reply_tag(&self, line: &str) -> Option<String> {
        let mac = self.mac(&signed(line))?.finalize().into_bytes();
        Some(format!("{MARK}{}-{}", line.replace('.', "-"), hex::encode(&mac[..MAC])))
    }

    /// The line that an address belongs to, if it is one of ours. The MAC is compared in constant time.
    #[must_use]
    pub fn answered(&self, address: &str) -> Option<String> {
        let (user, _) = address.rsplit_once('@')?;
        let user = user.to_ascii_lowercase();
        let (_, tag) = user.rsplit_once('+')?;
        let (line, mac) = tag.strip_prefix(MARK)?.rsplit_once('-')?;
        let (delivery, number) = line.split_once('-')?;
        let is_number = |text: &str| (1..=19).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number(delivery) || !is_number(number) {
            return None;
        }
        let line = format!("{delivery}.{number}");
        let mut bytes = [0; MAC];
        hex::decode_to_slice(mac, &mut bytes).ok()?;
        self.mac(&signed(&line))?.verify_truncated_left(&bytes).ok()?;
        Some(line)
    }
}

/// The body of a link never contains a space, so a MAC of one can't be used for the other.
fn signed(line: &str) -> String {
    format!("reply {line}")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use proptest::prelude::*;

    use super::*;

    fn linker(key: u8) -> Linker {
        Linker::new(None, vec![key; 32].into())
    }

    fn address(line: &str) -> String {
        format!("microalign+{}@example.com", linker(7).reply_tag(line).unwrap())
    }

    #[test]
    fn an_address_names_its_line() {
        let address = address("41.2");
        assert!(address.starts_with("microalign+o-41-2-"), "{address}");
        assert_eq!(linker(7).answered(&address).as_deref(), Some("41.2"));
        assert_eq!(linker(7).answered(&address.to_uppercase()).as_deref(), Some("41.2"), "servers may do that");
        let (_, tag) = address.split_once('+').unwrap();
        assert_eq!(linker(7).answered(&format!("a+b+{tag}")).as_deref(), Some("41.2"), "the mailbox has a `+` itself");
        let longest = linker(7).reply_tag("9999999999.9999").unwrap();
        assert!("+".len() + longest.len() + 24 <= 64, "{longest}");
    }

    #[test]
    fn what_we_did_not_make_is_no_address_of_ours() {
        let address = address("41.2");
        assert_eq!(linker(8).answered(&address), None, "another key");
        for forged in [
            "",
            "@",
            "microalign@example.com",
            "microalign+@example.com",
            "microalign+o-@example.com",
            "microalign+o-41-2@example.com",
            "microalign+o-41-2-@example.com",
            &address.replace("o-41-2", "o-41-3"),
            &address.replace("o-41-2", "o-041-2"),
            &address.replace("o-41-2", "o-4-1-2"),
            &address.replace("o-41-2", "x-41-2"),
            &address.replace("@example", "0@example"),
            &address.replacen("o-41-2-", "o-41-2-+", 1),
            &address.replacen('@', ".", 1),
            &format!("{}@example.com", &address[..26]),
        ] {
            assert_eq!(linker(7).answered(forged), None, "{forged}");
        }
    }

    proptest! {
        #[test]
        fn whatever_stands_in_a_header_is_harmless(text in "\\PC*") {
            prop_assert_eq!(linker(7).answered(&text), None);
        }
    }
}
