//! Who has a mail address in Jira.

use serde_json::Value;

use super::Jira;
use crate::api::ApiError;

impl Jira {
    /// The account with a mail address: its id on Cloud, its user name on Data Center; `None` unless there is exactly one
    /// (<https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-user-search/>,
    /// <https://docs.atlassian.com/software/jira/docs/api/REST/latest/#api/2/user-findUsers>).
    ///
    /// # Errors
    /// [`ApiError`]
    pub async fn account(&self, email: &str) -> Result<Option<String>, ApiError> {
        let asked = url::form_urlencoded::byte_serialize(email.as_bytes()).collect::<String>();
        let key = if self.cloud { "query" } else { "username" };
        let found = self.get(&format!("{}/user/search?{key}={asked}&maxResults=10", self.rest())).await?;
        Ok(only(&found, email))
    }
}

/// The one of these accounts that is a person's and in use. Cloud may hide addresses that it searches.
fn only(found: &Value, email: &str) -> Option<String> {
    let is_theirs = |account: &&Value| {
        let address = account["emailAddress"].as_str().filter(|address| !address.is_empty());
        account["active"] != false
            && account["accountType"].as_str().is_none_or(|kind| kind == "atlassian")
            && address.is_none_or(|address| address.eq_ignore_ascii_case(email))
    };
    let mut theirs = found.as_array().into_iter().flatten().filter(is_theirs);
    let (account, another) = (theirs.next()?, theirs.next());
    let id = account["accountId"].as_str().or_else(|| account["name"].as_str());
    id.filter(|_| another.is_none()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_account_counts_if_it_is_the_only_one() {
        let ana = json!({ "accountId": "5b10", "accountType": "atlassian", "active": true });
        let server = json!({ "name": "ana", "key": "JIRAUSER1", "emailAddress": "Ana@example.com", "active": true });
        for (found, expected) in [
            (json!([]), None),
            (json!([ana]), Some("5b10")),
            (json!([server]), Some("ana")),
            (
                json!([ana, { "accountId": "app", "accountType": "app" }, { "accountId": "old", "active": false }]),
                Some("5b10"),
            ),
            (json!([ana, { "accountId": "other", "emailAddress": "nana@example.com" }]), Some("5b10")),
            (json!([ana, ana]), None),
            (json!({ "errorMessages": [] }), None),
        ] {
            assert_eq!(only(&found, "ana@example.com").as_deref(), expected, "{found}");
        }
    }
}
