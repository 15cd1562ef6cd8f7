//! Where a path such as `pr.title` leads in the context, and what its writer may have meant if it leads nowhere.

use crate::template::shape::{CONTEXT, Shape};

/// Why a path leads nowhere.
pub(super) struct Unknown {
    /// The longest part of the path that exists, but has no parts
    pub(super) known: Option<String>,
    pub(super) help: Option<String>,
}

/// `pr.title`, `pr/title` and `pr.[title]` are the same; `this` is the value itself.
pub(super) fn segments(path: &str) -> Vec<&str> {
    let plain = |segment: &'_ str| !segment.is_empty() && segment != "this";
    let strip = |segment: &'_ str| -> usize { usize::from(segment.starts_with('[') && segment.ends_with(']')) };
    path.split(['.', '/'])
        .filter(|segment| plain(segment))
        .map(|segment| segment.get(strip(segment)..segment.len() - strip(segment)).unwrap_or(segment))
        .collect()
}

pub(super) fn follow(from: &'static Shape, segments: &[&str], before: &str) -> Result<&'static Shape, Unknown> {
    let mut shape = from;
    let mut known = before.to_owned();
    for (index, segment) in segments.iter().enumerate() {
        match shape {
            Shape::Object(names) => match names.get(*segment) {
                Some(inner) => shape = inner,
                None => {
                    let rest = segments.get(index + 1..).unwrap_or_default();
                    return Err(Unknown { known: None, help: suggest(shape, segment, &known, rest) });
                }
            },
            Shape::List(_) => {
                let help = format!("`{known}` is a list: write `{{{{join {known}}}}}` or `{{{{#each {known}}}}}`");
                return Err(Unknown { known: None, help: Some(help) });
            }
            Shape::Value if known.is_empty() => {
                return Err(Unknown { known: None, help: Some("here `{{this}}` is one value".to_owned()) });
            }
            Shape::Value => return Err(Unknown { known: Some(known), help: None }),
        }
        if !known.is_empty() {
            known.push('.');
        }
        known.push_str(segment);
    }
    Ok(shape)
}

/// What the writer may have meant by `segment`, a name that `shape` doesn't have.
fn suggest(shape: &Shape, segment: &str, known: &str, rest: &[&str]) -> Option<String> {
    let whole = |name: &str| {
        let parts = [known, name].into_iter().chain(rest.iter().copied()).filter(|part| !part.is_empty());
        parts.collect::<Vec<_>>().join(".")
    };
    let own = shape.names().into_iter().map(str::to_owned);
    if let Some(name) = nearest(segment, own) {
        return Some(format!("did you mean `{}`?", whole(&name)));
    }
    let wanted = whole(segment);
    let last = |path: &str| path.rsplit('.').next().unwrap_or_default().to_owned();
    let paths = CONTEXT.paths();
    let below = |root: &str| paths.iter().find(|path| path.starts_with(root) && last(path) == last(&wanted)).cloned();
    let elsewhere = nearest(&wanted, paths.iter().cloned());
    let elsewhere = elsewhere.or_else(|| ["pr.", "ticket.", ""].into_iter().find_map(below));
    match elsewhere {
        Some(path) => Some(format!("did you mean `{path}`?")),
        None if known.is_empty() => Some(format!("the names are {}", shape.names().join(", "))),
        None => Some(format!("`{known}` has {}", shape.names().join(", "))),
    }
}

/// The candidate that differs by a typing mistake or two.
pub(in crate::template) fn nearest(word: &str, candidates: impl Iterator<Item = String>) -> Option<String> {
    let allowed = (word.chars().count() / 3).clamp(1, 3);
    candidates
        .map(|candidate| (strsim::damerau_levenshtein(word, &candidate), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, candidate)| candidate)
}
