//! The names of people in a payload, by their ids.

use crate::source::people::{name_from, repeats};

use super::field::Field;
use super::payload::{Body, User};

fn users(body: &Body) -> impl Iterator<Item = &User> {
    let comment = body.comment.as_ref();
    let fields = body.issue.as_ref().and_then(|issue| issue.fields.as_ref());
    let users = [
        body.user.as_ref(),
        comment.and_then(|comment| comment.author.as_ref()),
        comment.and_then(|comment| comment.update_author.as_ref()),
        fields.and_then(|fields| fields.assignee.as_ref()),
        fields.and_then(|fields| fields.reporter.as_ref()),
        fields.and_then(|fields| fields.creator.as_ref()),
    ];
    users.into_iter().flatten()
}

/// Whether people have account ids, as on Cloud.
pub fn is_cloud(body: &Body) -> bool {
    users(body).any(|user| user.account_id.text().is_some())
}

/// Each id with its name. Texts aren't searched, since a mention in a text can have any words.
pub fn taught(body: &Body) -> Vec<(String, String)> {
    let known = users(body).flat_map(|user| user.ids().filter_map(|id| Some((id, user.name()?))));
    let items = body.changelog.iter().flat_map(|changelog| changelog.items.entries());
    let items = items.filter(|item| matches!(item.field(), Field::Assignee | Field::Reporter));
    let changed = items.flat_map(|item| [(&item.from, &item.from_string), (&item.to, &item.to_string)]);
    let changed = changed.filter_map(|(id, name)| Some((id.text()?, name.text()?)));
    let mut taught: Vec<(String, String)> = Vec::new();
    for (id, name) in known.chain(changed) {
        if let Some(name) = name_from(name).filter(|name| !repeats(name, Some(id)))
            && !taught.iter().any(|(known, _)| known == id)
        {
            taught.push((id.to_owned(), name));
        }
    }
    taught
}
