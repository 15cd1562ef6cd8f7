//! What `[github]` says about the API.

use std::collections::BTreeMap;

use secrecy::ExposeSecret as _;
use url::Url;

use super::file::{GithubTable, ProjectTable};
use crate::api;
use crate::api::github::{GithubApi, GithubLogin};
use crate::event::{Board, Boards};
use crate::toml_file::{At, Field, Reader, TOKEN, Tables};

/// Where GitHub's API is, unless the operator says otherwise.
pub const GITHUB: &str = "https://api.github.com";

/// Reads where GitHub's API is, and what microalign logs in with.
pub(super) fn read_api(table: GithubTable, reader: &mut Reader<'_>) -> (String, Option<GithubApi>) {
    let at = At::root().key("github");
    let GithubTable { token, app_id, private_key, api_url, .. } = table;
    let url = reader.web_address(api_url, &at.key("api_url")).unwrap_or_else(|| GITHUB.to_owned());
    let (id_at, key_at, token_at) = (at.key("app_id"), at.key("private_key"), at.key("token"));
    if !app_id.is_absent() && private_key.is_absent() {
        reader.document.wrong(&id_at, "an App needs its `private_key` too", None);
    }
    if app_id.is_absent() && !private_key.is_absent() {
        reader.document.wrong(&key_at, "an App needs its `app_id` too", None);
    }
    if !app_id.is_absent() && !token.is_absent() {
        let help = "leave one of the two out".to_owned();
        reader.document.wrong(&token_at, "an App and a token exclude each other", help);
    }
    let token = reader
        .secret(token, &token_at, TOKEN)
        .and_then(|text| reader.parsed(api::token(text.expose_secret()).map_err(|message| (message, None)), &token_at));
    let id = reader.word(app_id, &id_at).and_then(|id| {
        let wrong = || (format!("`{id}` isn't an App"), Some("write the App ID, which is a number".to_owned()));
        reader.parsed(id.parse::<u64>().map_err(|_| wrong()), &id_at)
    });
    let key = reader.secret(private_key, &key_at, TOKEN);
    let login = match (token, id, key) {
        (Some(token), ..) => Some(GithubLogin::Token(token)),
        (None, Some(id), Some(key)) => Some(GithubLogin::App { id, key }),
        _ => None,
    };
    let settings = login.and_then(|login| Some(GithubApi { url: Url::parse(&url).ok()?, login }));
    (url, settings)
}

/// Reads what the fields of projects mean.
pub(super) fn read_boards(tables: Tables<ProjectTable>, reader: &mut Reader<'_>) -> Boards {
    let section = At::root().key("github").key("project");
    let mut named = BTreeMap::new();
    for (project, at, table) in reader.document.tables(tables, &section) {
        let is_project = project.split_once('/').is_some_and(|(owner, number)| {
            !owner.is_empty() && !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit())
        });
        if !is_project {
            let help =
                "write the owner and the number in the address of the project's page, such as `acme/7`".to_owned();
            reader.document.wrong(&at, format!("`{project}` isn't a project"), help);
        }
        let ours = Board::default();
        let mut field = |field, key, ours| reader.text(field, &at.key(key)).map_or(ours, |(_, name)| name);
        let status = field(table.status, "status", ours.status);
        let (start, due) = (field(table.start, "start", ours.start), field(table.due, "due", ours.due));
        let mut names = |field, key, ours| match reader.document.texts(field, &at.key(key)) {
            Some(names) => names.into_iter().map(|(_, name)| name).collect(),
            None => ours,
        };
        let (todo, done) = (names(table.todo, "todo", ours.todo), names(table.done, "done", ours.done));
        named.insert(project.to_lowercase(), Board { status, start, due, todo, done });
    }
    Boards { named, ..Boards::default() }
}

/// Reads whether the authors of assumptions are told by a comment; `possible` is whether comments can be written.
pub(super) fn read_comment(field: Field<bool>, (table, possible): (&At, bool), reader: &mut Reader<'_>) -> bool {
    let at = table.key("comment");
    let wanted = reader.document.take(field, &at).unwrap_or_default();
    if wanted && !possible {
        let help = "write the `token` of an account that may comment, or leave `comment` out".to_owned();
        reader.document.wrong(&at, "comments need a token", help);
    }
    wanted
}

/// The repository that the folder of team files comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RulesRepo {
    /// `owner/repo`
    pub repo: String,
    /// The folder in it, without a slash at either end; empty for the top
    pub folder: String,
}

impl RulesRepo {
    /// The name of a file of its folder, if it is one; `None` for others, and for those in folders below.
    #[must_use]
    pub fn name_of<'p>(&self, path: &'p str) -> Option<&'p str> {
        let below = match self.folder.as_str() {
            "" => path,
            folder => path.strip_prefix(folder)?.strip_prefix('/')?,
        };
        (!below.contains('/')).then_some(below)
    }

    /// Where a file of its folder is.
    #[must_use]
    pub fn path_of(&self, name: &str) -> String {
        if self.folder.is_empty() { name.to_owned() } else { format!("{}/{name}", self.folder) }
    }
}

/// Reads where team files come from; `is_app` is whether check runs can be written.
pub(super) fn read_rules_repo(
    (repo, folder): (Field<String>, Field<String>),
    is_app: bool,
    reader: &mut Reader<'_>,
) -> Option<RulesRepo> {
    let at = At::root().key("github");
    let (repo_at, folder_at) = (at.key("rules_repo"), at.key("rules_folder"));
    if repo.is_absent() && !folder.is_absent() {
        reader.document.wrong(&folder_at, "the folder is in a repository: `rules_repo` is missing", None);
    }
    let repo = reader.word(repo, &repo_at);
    let folder = reader.text(folder, &folder_at).map_or_else(|| "rules".to_owned(), |(_, folder)| folder);
    let repo = repo?;
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|c| c.is_ascii_alphanumeric() || b"-_.".contains(&c));
    if !matches!(repo.split('/').collect::<Vec<_>>()[..], [owner, name] if plain(owner) && plain(name)) {
        let help = "write the owner and the name, such as \"acme/microalign-rules\"".to_owned();
        reader.document.wrong(&repo_at, format!("`{repo}` isn't a repository"), help);
    }
    if !is_app {
        let help = "write `app_id` and `private_key` instead of a `token`, or leave `rules_repo` out".to_owned();
        reader.document.wrong(&repo_at, "only a GitHub App can write check runs", help);
    }
    let folder = folder.trim_start_matches("./").trim_matches('/').to_owned();
    Some(RulesRepo { repo, folder: if folder == "." { String::new() } else { folder } })
}

/// Reads whether pull requests get a comment that says who hears of them.
pub(super) fn read_nudge(field: Field<bool>, possible: bool, reader: &mut Reader<'_>) -> bool {
    let at = At::root().key("github").key("nudge");
    let wanted = reader.document.take(field, &at).unwrap_or_default();
    if wanted && !possible {
        let help = "write `app_id` and `private_key`, or the `token` of an account that may comment".to_owned();
        reader.document.wrong(&at, "comments are written through GitHub's API", help);
    }
    wanted
}
