//! The token with which channels write comments.

use std::fmt;

use secrecy::SecretString;
use tokio::time::timeout;

use super::{Github, Login, PEER, asked};
use crate::api::{ApiError, DEADLINE};

impl Github {
    /// The token of the App's installation for a repository, which octocrab keeps and renews before it expires
    /// (<https://docs.github.com/rest/apps/apps#create-an-installation-access-token-for-an-app>).
    ///
    /// # Errors
    /// [`ApiError`]
    pub async fn installation_token(&self, repo: &str) -> Result<SecretString, ApiError> {
        let login = Login::Owner(repo);
        let token = async {
            let crab = self.crab_for(login).await?;
            crab.installation_token().await.inspect_err(|_| self.forget(login)).map_err(|error| asked(&error))
        };
        let late = || ApiError::Silent(format!("{PEER} did not answer within {} s", DEADLINE.as_secs()));
        timeout(DEADLINE, token).await.map_err(|_| late())?
    }
}

/// Shows none of its contents.
impl fmt::Debug for Github {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Github").finish_non_exhaustive()
    }
}
