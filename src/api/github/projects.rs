//! Issues by their ids, with what projects say of them. Only GraphQL knows either
//! (<https://docs.github.com/graphql/reference/objects#projectv2item>).

use jiff::civil::Date;
use serde::Deserialize;
use serde_json::{Value, json};

use super::graphql::Nodes;
use super::{Github, Login};
use crate::api::ApiError;
use crate::event::{Board, Boards, Progress};

const ISSUE: &str = include_str!("issue.graphql");
/// The field that every project has, and whose value is the issue's title
const TITLE: &str = "Title";

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
struct Data {
    node: Option<Issue>,
}

/// An issue; nothing of anything else.
#[derive(Deserialize)]
struct Issue {
    number: Option<u64>,
    #[serde(default)]
    repository: Value,
    /// Absent without permission to read projects
    #[serde(rename = "projectItems")]
    items: Option<Nodes<Item>>,
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
    number: Option<f64>,
    date: Option<Date>,
    iteration: Option<String>,
    field: Option<Field>,
}

#[derive(Deserialize)]
struct Field {
    name: Option<String>,
}

impl Github {
    /// The issue with an id, as far as the projects' `owner` lets us see it; `None` for what isn't an issue.
    ///
    /// # Errors
    /// [`ApiError`]
    pub async fn issue_on_boards(&self, owner: &str, id: &str, boards: &Boards) -> Result<Option<OnBoards>, ApiError> {
        let data: Data = self.query(Login::Owner(owner), ISSUE, &json!({ "id": id })).await?;
        let Some(Issue { number: Some(number), repository, items }) = data.node else { return Ok(None) };
        let items = items.into_iter().flat_map(|items| items.nodes).flatten();
        Ok(Some(OnBoards { number, repository, progress: progress(items, boards) }))
    }
}

/// What the projects that count say. Of several the first one counts.
fn progress(items: impl Iterator<Item = Item>, boards: &Boards) -> Progress {
    let mut progress = Progress::default();
    for Item { project: Project { number, owner }, values } in items {
        let Some(board) = boards.of(&format!("{}/{number}", owner.login.unwrap_or_default())) else { continue };
        values.nodes.into_iter().flatten().for_each(|value| note(&mut progress, value, board));
    }
    progress
}

/// Notes the value of a field, unless another project has one.
fn note(progress: &mut Progress, value: FieldValue, board: &Board) {
    let FieldValue { text, number, date, iteration, field } = value;
    let Some(name) = field.and_then(|field| field.name) else { return };
    if name.eq_ignore_ascii_case(&board.status) {
        if let Some(status) = text.filter(|_| progress.status.is_none()) {
            progress.category = Some(board.category(&status));
            progress.status = Some(status);
        }
    } else if name.eq_ignore_ascii_case(&board.due) {
        progress.due = progress.due.or(date);
    } else if iteration.is_some() {
        progress.iteration = progress.iteration.take().or(iteration);
    } else if name != TITLE {
        let value = text.or(number.map(|number| number.to_string())).or(date.map(|date| date.to_string()));
        progress.fields.entry(name.to_lowercase()).or_insert_with(|| value.into_iter().collect());
    }
}
