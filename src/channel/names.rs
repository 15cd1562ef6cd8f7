//! Aliases of conversations, for places where a conversation's own name must not appear.

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretSlice};
use sha2::{Digest, Sha256, Sha512};

/// Gives every conversation an alias that doesn't reveal its name. A key is needed for that: there are so few tickets and pull
/// requests that a plain hash could be found by trying them all.
#[derive(Debug)]
pub struct Names(Hmac<Sha256>);

impl Names {
    /// The aliases under a key. It may also be used for something else, because they are made with a key derived from it.
    #[must_use]
    pub fn new(key: &SecretSlice<u8>) -> Self {
        // 64 bytes, the block size of HMAC.
        let key = Sha512::new().chain_update("names of conversations\0").chain_update(key.expose_secret()).finalize();
        Self(Hmac::new(&key))
    }

    /// Aliases without a secret key, for commands that send nothing about anybody's conversations.
    #[must_use]
    pub fn open() -> Self {
        Self::new(&SecretSlice::default())
    }

    /// The alias of a conversation, in hexadecimal digits.
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
