//! What a visitor asked for.

use bytes::Bytes;
use http::Method;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use url::form_urlencoded;

use super::access::Visitor;
use super::answer::Refused;

/// A request to the console, from a visitor who may make it.
#[derive(Debug, Clone)]
pub struct Asked {
    /// `GET` or `POST`
    pub method: Method,
    /// The path, cut at its slashes and decoded
    pub segments: Vec<String>,
    /// What follows `?`, as it came
    pub query: String,
    /// The form or the JSON of a `POST`
    pub body: Bytes,
    /// Where a client wants to go on with server-sent events
    pub last_event_id: Option<String>,
    /// Who asks
    pub visitor: Visitor,
}

/// Parts of a path that stand for a value, with their names: `{id}` in `/events/{id}`.
pub(super) type PathValues = Vec<(&'static str, String)>;

impl Asked {
    /// The path's segments if `pattern` is for it, with the values of those in braces.
    pub(super) fn fits(&self, pattern: &'static str) -> Option<PathValues> {
        let mut values = PathValues::new();
        let mut wanted = pattern.split('/').skip(1).filter(|segment| !segment.is_empty());
        for segment in &self.segments {
            let wanted = wanted.next()?;
            match wanted.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
                Some(name) => values.push((name, segment.clone())),
                None if wanted == segment => {}
                None => return None,
            }
        }
        wanted.next().is_none().then_some(values)
    }

    /// What the query and the path say. An empty field of a form is one that nobody filled in.
    ///
    /// # Errors
    /// [`Refused::Wrong`] for a value that isn't of its type, or a name that isn't known.
    pub(super) fn query<Q: DeserializeOwned>(&self, path: PathValues) -> Result<Q, Refused> {
        read_pairs(self.query.as_bytes(), path)
    }

    /// What a form and the path say.
    ///
    /// # Errors
    /// [`Refused::Wrong`]
    pub(super) fn form<Q: DeserializeOwned>(&self, path: PathValues) -> Result<Q, Refused> {
        read_pairs(&self.body, path)
    }

    /// What a JSON object and the path say.
    ///
    /// # Errors
    /// [`Refused::Wrong`]
    pub(super) fn json<Q: DeserializeOwned>(&self, path: PathValues) -> Result<Q, Refused> {
        let body = if self.body.is_empty() { b"{}" } else { &*self.body };
        let mut object: Map<String, Value> = serde_json::from_slice(body).map_err(Refused::wrong)?;
        object.extend(path.into_iter().map(|(name, value)| (name.to_owned(), Value::from(value))));
        serde_json::from_value(Value::Object(object)).map_err(Refused::wrong)
    }
}

fn read_pairs<Q: DeserializeOwned>(pairs: &[u8], path: PathValues) -> Result<Q, Refused> {
    let given = form_urlencoded::parse(pairs).filter(|(_, value)| !value.is_empty());
    let mut text = form_urlencoded::Serializer::new(String::new());
    text.extend_pairs(given).extend_pairs(path);
    serde_urlencoded::from_str(&text.finish()).map_err(Refused::wrong)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Eq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Query {
        id: u32,
        team: Option<String>,
    }

    fn asked(path: &str, query: &str, body: &'static str) -> Asked {
        Asked {
            method: Method::GET,
            segments: path.split('/').filter(|segment| !segment.is_empty()).map(str::to_owned).collect(),
            query: query.to_owned(),
            body: Bytes::from_static(body.as_bytes()),
            last_event_id: None,
            visitor: Visitor::local(),
        }
    }

    #[test]
    fn a_path_fits_its_pattern_only() {
        let fits = |path, pattern| asked(path, "", "").fits(pattern);
        assert_eq!(fits("/events/41", "/events/{id}"), Some(vec![("id", "41".to_owned())]));
        assert_eq!(fits("/", "/"), Some(vec![]));
        for (path, pattern) in [("/", "/map"), ("/events", "/events/{id}"), ("/events/41/x", "/events/{id}")] {
            assert_eq!(fits(path, pattern), None, "{path} {pattern}");
        }
    }

    #[test]
    fn values_come_from_the_path_and_the_query_or_the_body() {
        let expected = |team: Option<&str>| Query { id: 41, team: team.map(str::to_owned) };
        let path = || vec![("id", "41".to_owned())];
        assert_eq!(asked("/", "team=web", "").query::<Query>(path()).unwrap(), expected(Some("web")));
        assert_eq!(asked("/", "team=", "").query::<Query>(path()).unwrap(), expected(None));
        assert_eq!(asked("/", "", "team=web").form::<Query>(path()).unwrap(), expected(Some("web")));
        for wrong in ["id=x", "what=1"] {
            assert!(asked("/", wrong, "").query::<Query>(vec![]).is_err(), "{wrong}");
        }
        let json = asked("/", "", r#"{"id": 41, "team": "web"}"#).json::<Query>(vec![]).unwrap();
        assert_eq!(json, expected(Some("web")));
    }
}
