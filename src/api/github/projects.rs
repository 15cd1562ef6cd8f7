//! Issues by their ids, with what projects say of them. Only GraphQL knows either
//! (<https://docs.github.com/graphql/reference/objects#projectv2item>).

use jiff::civil::Date;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{Github, Login, read};
use crate::api::ApiError;
use crate::event::{Boards, Progress};

const ISSUE: &str = include_str!("issue.graphql");

/// Where an issue is, and what the projects say that it is in.
#[derive(Debug)]
pub struct OnBoards {
    /// Its number in its repository
    pub number: u64,
    /// Its repository, as webhooks write it
    pub repository: Value,
    /// What the projects say
    pub progress: Progress,
}

#[derive(Deserialize)]
struct Issue {
    number: u64,
    repository: Value,
    /// Absent without permission to read projects
    #[serde(rename = "projectItems")]
    items: Option<Nodes<Item>>,
}

#[derive(Deserialize)]
struct Nodes<T> {
    nodes: Vec<Option<T>>,
}

#[derive(Deserialize)]
struct Item {
    project: Project,
    #[serde(rename = "fieldValues")]
    values: Nodes<FieldValue>,
}

#[derive(Deserialize)]
struct Project {
    number: u64,
    owner: Owner,
}

#[derive(Deserialize)]
struct Owner {
    login: Option<String>,
}

/// A value; nothing of one that isn't asked for.
#[derive(Deserialize)]
struct FieldValue {
    text: Option<String>,
    date: Option<Date>,
    iteration: Option<String>,
    field: Option<Field>,
}

#[derive(Deserialize)]
struct Field {
    name: Option<String>,
}

impl Github {
    /// The issue with an id, as far as the projects' `owner` lets us see it; `None` for what is no issue.
    ///
    /// # Errors
    /// [`ApiError`]
    pub async fn issue_on_boards(&self, owner: &str, id: &str, boards: &Boards) -> Result<Option<OnBoards>, ApiError> {
        let issue: Option<Issue> = self.node(Login::Owner(owner), ISSUE, id).await?;
        Ok(issue.map(|Issue { number, repository, items }| {
            let items = items.into_iter().flat_map(|items| items.nodes).flatten();
            OnBoards { number, repository, progress: progress(items, boards) }
        }))
    }

    /// What a query says of the object with an id; `None` if there is none that we may see, or it is of another type.
    async fn node<T: DeserializeOwned>(&self, login: Login<'_>, query: &str, id: &str) -> Result<Option<T>, ApiError> {
        #[derive(Deserialize)]
        struct Data {
            node: Value,
        }
        let data: Data = self.query(login, query, &json!({ "id": id })).await?;
        match data.node {
            Value::Object(fields) if !fields.is_empty() => read(Value::Object(fields).to_string().as_bytes()).map(Some),
            _ => Ok(None),
        }
    }
}

/// What the projects that count say. Of several the first one counts.
fn progress(items: impl Iterator<Item = Item>, boards: &Boards) -> Progress {
    let mut progress = Progress::default();
    for Item { project: Project { number, owner }, values } in items {
        let Some(board) = boards.of(&format!("{}/{number}", owner.login.unwrap_or_default())) else { continue };
        for FieldValue { text, date, iteration, field } in values.nodes.into_iter().flatten() {
            let Some(name) = field.and_then(|field| field.name) else { continue };
            if let Some(status) = text.filter(|_| name.eq_ignore_ascii_case(&board.status) && progress.status.is_none())
            {
                progress.category = Some(board.category(&status));
                progress.status = Some(status);
            }
            let due = date.filter(|_| name.eq_ignore_ascii_case(&board.due));
            progress.due = progress.due.or(due);
            progress.iteration = progress.iteration.or(iteration);
        }
    }
    progress
}
