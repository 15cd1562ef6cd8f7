//! Keeps secrets out of what others say: a proxy's error page likes to repeat the address or the headers it was sent.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

/// Shorter parts of an address are words that occur elsewhere too.
const SHORTEST: usize = 6;

/// What must not be shown when the other end repeats it.
#[derive(Default)]
pub struct Mask(Vec<String>);

impl Mask {
    /// One token.
    #[must_use]
    pub fn of_token(token: &SecretString) -> Self {
        Self(vec![token.expose_secret().to_owned()])
    }

    /// A token, alone and with its user in the form of Basic authentication.
    #[must_use]
    pub fn of_account(user: &str, token: &SecretString) -> Self {
        let token = token.expose_secret();
        Self(vec![token.to_owned(), STANDARD.encode(format!("{user}:{token}"))])
    }

    /// What a header `Authorization` holds after its scheme.
    #[must_use]
    pub fn of_authorization(header: &SecretString) -> Self {
        Self(header.expose_secret().split_whitespace().skip(1).map(str::to_owned).collect())
    }

    /// The parts of an address that is a secret: each part of its path and each value of its query, both encoded and
    /// decoded.
    #[must_use]
    pub fn of_address(address: &SecretString) -> Self {
        let Ok(url) = Url::parse(address.expose_secret()) else { return Self::default() };
        let path = url.path_segments().into_iter().flatten().map(str::to_owned);
        let values = url.query_pairs().map(|(_, value)| value.into_owned());
        let written = url.query().into_iter().flat_map(|query| query.split(['&', '=']).map(str::to_owned));
        let password = url.password().map(str::to_owned);
        let all = path.chain(values).chain(written).chain(password);
        Self(all.filter(|part| part.len() >= SHORTEST).collect())
    }

    /// Both.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// Replaces them in a text by `***`, also one that is cut off at the end of the text.
    #[must_use]
    pub fn apply(&self, text: &str) -> String {
        let mut masked = self.0.iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), "***"));
        if let Some(shown) = masked.strip_suffix('…') {
            let cut = |secret: &String| {
                let ends = (SHORTEST..secret.len()).rev().filter_map(|end| secret.get(..end));
                ends.into_iter().find(|start| shown.ends_with(start)).map(str::len)
            };
            if let Some(length) = self.0.iter().filter_map(cut).max() {
                masked = format!("{}***…", &shown[..shown.len() - length]);
            }
        }
        masked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_repeated_is_masked() {
        let address = "https://u:hunter2pass@h.example/services/T0/hunter2path?sig=hunter2%2Bsig&v=1";
        let mask = Mask::of_address(&address.into());
        let text = "404 Cannot POST /services/T0/hunter2path?sig=hunter2%2Bsig&amp;v=1 (hunter2+sig, hunter2pass)";
        assert_eq!(mask.apply(text), "404 Cannot POST /***/T0/***?sig=***&amp;v=1 (***, ***)");
        assert_eq!(mask.apply("Cannot POST /x/hunter2pa…"), "Cannot POST /x/***…");
        let account = Mask::of_account("u", &"hunter2token".into());
        let basic = STANDARD.encode("u:hunter2token");
        assert_eq!(
            account.apply(&format!("Authorization: Basic {basic}, Bearer hunter2token")),
            "Authorization: Basic ***, Bearer ***"
        );
        assert_eq!(Mask::default().apply("as it was…"), "as it was…");
    }
}
