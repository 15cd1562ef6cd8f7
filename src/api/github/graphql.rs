//! Queries in GraphQL (<https://docs.github.com/graphql/guides/forming-calls-with-graphql>). Each is in a file of its own.

use http::Method;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{Github, Login, PEER, REST, message, read};
use crate::api::ApiError;

/// A list in an answer; nothing in the place of what we may not see.
#[derive(Deserialize)]
pub(super) struct Nodes<T> {
    pub nodes: Vec<Option<T>>,
}

impl Github {
    /// The answer to a query with these variables: its `data`, its `errors`, or both.
    ///
    /// # Errors
    /// [`ApiError`]; here and below
    pub(super) async fn graphql(&self, login: Login<'_>, query: &str, variables: &Value) -> Result<Value, ApiError> {
        // On an Enterprise Server this is beside the REST API, at `/api/graphql`.
        let route = if self.is_enterprise { "/../graphql" } else { "/graphql" };
        let asked = json!({ "query": query, "variables": variables });
        let answer: Value = read(&self.tell(login, (Method::POST, route), Some(&asked)).await?)?;
        // An error has status 200.
        if answer.pointer("/errors/0/type").is_some_and(|kind| kind == "RATE_LIMITED") {
            self.resting.begin(REST);
            return Err(ApiError::Limited { peer: PEER, wait: REST });
        }
        Ok(answer)
    }

    /// The data that a query is answered with; an answer without any is a refusal.
    pub(super) async fn query<T: DeserializeOwned>(
        &self,
        login: Login<'_>,
        query: &str,
        variables: &Value,
    ) -> Result<T, ApiError> {
        let answer = self.graphql(login, query, variables).await?;
        let unreadable = |error: serde_json::Error| ApiError::Unreadable { peer: PEER, why: error.to_string() };
        match Option::<T>::deserialize(&answer["data"]).map_err(unreadable)? {
            Some(data) => Ok(data),
            None => Err(self.refusal(&answer)),
        }
    }

    /// Why a query has no data.
    pub(super) fn refusal(&self, answer: &Value) -> ApiError {
        let message = self.mask.apply(&message(200, answer.to_string().as_bytes()));
        ApiError::Refused { peer: PEER, status: 200, message }
    }
}
