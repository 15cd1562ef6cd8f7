//! `/api/v1`: what pages and scripts use. One table has every endpoint with the types of its parameters and its answer;
//! requests are answered by it, and the OpenAPI description is written from it, so neither can lack one of the other.

use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http::{Method, StatusCode};
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::access::Visitor;
use super::answer::{Answer, Live, Refused};
use super::request::{Asked, PathValues};
use super::{
    Console, activity, assumptions, audit, conversation, deliveries, destinations, event, live, map, mute, playground,
    retry, team, teams,
};

/// All of them, in the order of the description.
fn endpoints() -> Vec<Endpoint> {
    vec![
        get("/updates", "What teams heard and what they did not, newest first", activity::updates),
        get("/events/{delivery}", "A delivery: what it meant, what rules made of it, each step since", event::event),
        post("/updates/{id}/retry", "Has what failed sent again, or what was ignored read again", event::retry_update),
        stream::<live::Told, _, _>("/updates/live", "Updates that come or change, as server-sent events", live::live),
        get("/audit", "What was changed through the console, newest first", audit::changes),
        get("/map", "Which teams hear of which, and where nobody hears of anybody", map::map),
        get("/who", "Who gets what, by the rules in force", teams::who_hears),
        get("/teams", "The teams in force", teams::teams),
        get("/teams/{team}", "A team as it is in force, with what is wrong with its file", team::team),
        post("/playground", "What rules and a template that are tried would make of an event", playground::playground),
        post("/rehearsals", "Try rules on what came in lately, in the background", playground::rehearse),
        get("/rehearsals/{id}", "How far a rehearsal is, and what came of it", playground::rehearsed),
        post("/rehearsals/{id}/cancel", "Cancel a rehearsal", playground::cancel),
        get("/conversations/{thread}", "A conversation, oldest first, and how it stands", conversation::conversation),
        post("/conversations/{thread}/mute", "Mute a conversation for a team or for everybody", mute::mute),
        post("/conversations/{thread}/unmute", "End a mute of a conversation", mute::unmute),
        get("/sends", "What waits to be sent and what was given up", deliveries::sends),
        post("/sends/retry", "Try again what was given up", retry::retry),
        get("/destinations", "How it is with each destination", destinations::destinations),
        get("/assumptions", "Assumptions and what came of them, newest first", assumptions::assumptions),
    ]
}

const JSON: &str = "application/json";

type Run = Box<dyn Fn(Arc<Console>, Asked, PathValues) -> BoxFuture<'static, Result<Answer, Refused>> + Send + Sync>;

struct Endpoint {
    method: Method,
    /// Below `/api/v1`, with `{name}` for what stands in the path
    path: &'static str,
    summary: &'static str,
    /// The media type of the answer
    kind: &'static str,
    /// Parameters, and the answer
    schemas: fn(&mut SchemaGenerator) -> (Schema, Schema),
    run: Run,
}

/// An endpoint that reads.
fn get<Q, A, F>(
    path: &'static str,
    summary: &'static str,
    handler: impl Fn(Arc<Console>, Visitor, Q) -> F + Send + Sync + 'static,
) -> Endpoint
where
    Q: DeserializeOwned + JsonSchema + Send + 'static,
    A: Serialize + JsonSchema,
    F: Future<Output = Result<A, Refused>> + Send + 'static,
{
    let run = move |console: Arc<Console>, asked: Asked, values: PathValues| {
        let answer = asked.query(values).map(|query| handler(console, asked.visitor, query));
        async move { written(&answer?.await?) }.boxed()
    };
    let schemas = |generator: &mut SchemaGenerator| (generator.root_schema_for::<Q>(), generator.subschema_for::<A>());
    Endpoint { method: Method::GET, path, summary, kind: JSON, schemas, run: Box::new(run) }
}

/// An endpoint that answers with server-sent events, each of which has an `A` as its data.
fn stream<A, Q, F>(
    path: &'static str,
    summary: &'static str,
    handler: impl Fn(Arc<Console>, (Visitor, Option<String>), Q) -> F + Send + Sync + 'static,
) -> Endpoint
where
    Q: DeserializeOwned + JsonSchema + Send + 'static,
    A: JsonSchema,
    F: Future<Output = Result<Live, Refused>> + Send + 'static,
{
    let run = move |console: Arc<Console>, asked: Asked, values: PathValues| {
        let answer = asked.query(values).map(|query| handler(console, (asked.visitor, asked.last_event_id), query));
        async move { Ok(Answer::Live(answer?.await?)) }.boxed()
    };
    let schemas = |generator: &mut SchemaGenerator| (generator.root_schema_for::<Q>(), generator.subschema_for::<A>());
    Endpoint { method: Method::GET, path, summary, kind: "text/event-stream", schemas, run: Box::new(run) }
}

/// An endpoint that changes something. Its parameters are a JSON object.
fn post<Q, A, F>(
    path: &'static str,
    summary: &'static str,
    handler: impl Fn(Arc<Console>, Visitor, Q) -> F + Send + Sync + 'static,
) -> Endpoint
where
    Q: DeserializeOwned + JsonSchema + Send + 'static,
    A: Serialize + JsonSchema,
    F: Future<Output = Result<A, Refused>> + Send + 'static,
{
    let run = move |console: Arc<Console>, asked: Asked, values: PathValues| {
        let answer = asked.json(values).map(|query| handler(console, asked.visitor, query));
        async move { written(&answer?.await?) }.boxed()
    };
    let schemas = |generator: &mut SchemaGenerator| (generator.root_schema_for::<Q>(), generator.subschema_for::<A>());
    Endpoint { method: Method::POST, path, summary, kind: JSON, schemas, run: Box::new(run) }
}

fn written(answer: &impl Serialize) -> Result<Answer, Refused> {
    let json = serde_json::to_string(answer).map_err(Refused::wrong)?;
    Ok(Answer::Json(StatusCode::OK, json))
}

/// The API.
pub(super) struct Api {
    endpoints: Vec<Endpoint>,
}

impl Default for Api {
    fn default() -> Self {
        Self { endpoints: endpoints() }
    }
}

impl Api {
    /// Answers a request whose path has lost `/api/v1`.
    pub(super) async fn answer(&self, console: Arc<Console>, asked: Asked) -> Answer {
        let fitting = self.endpoints.iter().filter_map(|endpoint| Some((endpoint, asked.fits(endpoint.path)?)));
        let fitting = fitting.collect::<Vec<_>>();
        let none = fitting.is_empty();
        match fitting.into_iter().find(|(endpoint, _)| endpoint.method == asked.method) {
            Some((endpoint, values)) => match (endpoint.run)(console, asked, values).await {
                Ok(answer) => answer,
                Err(refused) => refusal(&refused),
            },
            None if asked.method == Method::GET && asked.fits("/openapi.json").is_some() => {
                Answer::Json(StatusCode::OK, self.description().to_string())
            }
            None if none => {
                refusal(&Refused::NotFound("there is no such endpoint: see /api/v1/openapi.json".to_owned()))
            }
            None => error(StatusCode::METHOD_NOT_ALLOWED, "this path doesn't take this method"),
        }
    }

    /// The OpenAPI description.
    pub(super) fn description(&self) -> Value {
        let settings = SchemaSettings::draft2020_12().with(|settings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
        });
        let mut generator = settings.into_generator();
        let mut paths = Map::<String, Value>::new();
        for endpoint in &self.endpoints {
            let methods = paths.entry(endpoint.path).or_insert_with(|| json!({}));
            methods[endpoint.method.as_str().to_ascii_lowercase()] = endpoint.description(&mut generator);
        }
        json!({
            "openapi": "3.1.0",
            "info": { "title": "microalign", "version": env!("CARGO_PKG_VERSION") },
            "servers": [{ "url": "/api/v1" }],
            // On its own machine, the service may ask for none.
            "security": [{ "token": [] }, {}],
            "paths": paths,
            "components": {
                "schemas": generator.take_definitions(true),
                "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } },
                "responses": { "Refused": {
                    "description": "What is wrong",
                    "content": { "application/json": { "schema": {
                        "type": "object", "required": ["error"], "properties": { "error": { "type": "string" } },
                    } } },
                } },
            },
        })
    }
}

impl Endpoint {
    fn description(&self, generator: &mut SchemaGenerator) -> Value {
        let (parameters, answer) = (self.schemas)(generator);
        let in_path = |name: &str| self.path.split('/').any(|segment| segment == format!("{{{name}}}"));
        let required = parameters.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
        let properties = parameters.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
        let (path, rest): (Vec<_>, Vec<_>) = properties.into_iter().partition(|(name, _)| in_path(name));
        let parameter = |(name, schema): (String, Value), place: &str| {
            let is_required = place == "path" || required.contains(&json!(name));
            let description = schema.get("description").cloned().unwrap_or_default();
            json!({ "name": name, "in": place, "required": is_required, "description": description, "schema": schema })
        };
        let mut listed = path.into_iter().map(|named| parameter(named, "path")).collect::<Vec<_>>();
        let refused = || json!({ "$ref": "#/components/responses/Refused" });
        let mut description = json!({
            "summary": self.summary,
            "responses": {
                "200": { "description": "OK", "content": { (self.kind): { "schema": answer } } },
                "400": refused(), "401": refused(), "403": refused(), "404": refused(), "503": refused(),
            },
        });
        if self.method == Method::GET {
            listed.extend(rest.into_iter().map(|named| parameter(named, "query")));
        } else {
            let wanted = required.iter().filter(|name| name.as_str().is_some_and(|name| !in_path(name)));
            let object = json!({
                "type": "object", "additionalProperties": false,
                "required": wanted.collect::<Vec<_>>(), "properties": rest.into_iter().collect::<Map<_, _>>(),
            });
            description["requestBody"] =
                json!({ "required": true, "content": { "application/json": { "schema": object } } });
        }
        description["parameters"] = Value::from(listed);
        description
    }
}

/// The answer to a request that isn't granted.
pub(super) fn refusal(refused: &Refused) -> Answer {
    error(refused.status(), &refused.to_string())
}

fn error(status: StatusCode, said: &str) -> Answer {
    Answer::Json(status, json!({ "error": said }).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_parameter_and_answer_is_described() {
        let description = Api::default().description();
        for endpoint in endpoints() {
            let described = &description["paths"][endpoint.path][endpoint.method.as_str().to_ascii_lowercase()];
            for name in endpoint.path.split(['{', '}']).skip(1).step_by(2) {
                let parameters = described["parameters"].as_array().cloned().unwrap_or_default();
                assert!(
                    parameters.iter().any(|one| one["name"] == name && one["in"] == "path"),
                    "{}: {name}",
                    endpoint.path
                );
            }
            let answer = &described["responses"]["200"]["content"][endpoint.kind]["schema"];
            assert!(answer.is_object(), "{}: {answer}", endpoint.path);
        }
    }
}
