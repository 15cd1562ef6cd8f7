//! What a conversation is called where its own name may not be said.

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretSlice};
use sha2::{Digest, Sha256, Sha512};

/// Gives every conversation a name that nobody can tell from its own: there are so few tickets and pull requests that
/// whoever had no key to guess could try them all.
#[derive(Debug)]
pub struct Names(Hmac<Sha256>);

impl Names {
    /// The names under a key. It may be in use for something else too: they are made with a key that comes from it.
    #[must_use]
    pub fn new(key: &SecretSlice<u8>) -> Self {
        // 64 bytes, which is just what HMAC wants.
        let key = Sha512::new().chain_update("names of conversations\0").chain_update(key.expose_secret()).finalize();
        Self(Hmac::new(&key))
    }

    /// For who says nothing of anybody's conversations: all can know these names.
    #[must_use]
    pub fn open() -> Self {
        Self::new(&SecretSlice::default())
    }

    /// The name of a conversation, in hexadecimal digits.
    pub(super) fn of(&self, thread: &str) -> String {
        self.0.clone().chain_update(thread).finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_as_good_as_their_key() {
        let names = |key: u8| Names::new(&vec![key; 32].into());
        assert_eq!(names(7).of("DATA-123"), names(7).of("DATA-123"));
        assert_ne!(names(7).of("DATA-123"), names(7).of("DATA-124"));
        assert_ne!(names(7).of("DATA-123"), names(8).of("DATA-123"));
        assert_eq!(names(7).of("DATA-123").len(), 64);
        assert!(!format!("{:?}", names(7)).contains('7'), "{:?}", names(7));
    }
}
