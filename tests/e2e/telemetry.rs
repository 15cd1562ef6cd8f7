//! Traces, as a collector gets them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use serde_json::{Value, json};
use tokio::process::Command;
use warp::Filter as _;

use crate::support::{Listener, SECRET, Service, eventually, merged, sign};

const TEAM: &str = "team = \"web\"\nto = [\"email:web@example.com\", \"webhook:hub\"]\nsettle = \"0s\"\n\
    [[rule]]\nname = \"merged\"\non = [\"pull_request.merged\"]\n";
const ELSEWHERE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// A request that a collector got: its headers and its body.
type Got = (warp::http::HeaderMap, Vec<u8>);

/// A collector that takes what it is sent.
#[derive(Default)]
struct Collector {
    got: Arc<Mutex<Vec<Got>>>,
}

impl Collector {
    /// Starts it; returns its address.
    async fn start(&self) -> String {
        let got = Arc::clone(&self.got);
        let route = warp::path!("v1" / "traces")
            .and(warp::post())
            .and(warp::header::headers_cloned())
            .and(warp::body::bytes())
            .map(move |headers, body: bytes::Bytes| {
                got.lock().unwrap().push((headers, body.to_vec()));
                warp::reply::with_header("", "content-type", "application/x-protobuf")
            });
        let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", socket.local_addr().unwrap());
        tokio::spawn(warp::serve(route).incoming(socket).run());
        url
    }

    fn requests(&self) -> Vec<ExportTraceServiceRequest> {
        let got = self.got.lock().unwrap();
        got.iter().map(|(_, body)| ExportTraceServiceRequest::decode(&body[..]).unwrap()).collect()
    }

    fn spans(&self) -> Vec<Span> {
        let resources = self.requests().into_iter().flat_map(|request| request.resource_spans);
        resources.flat_map(|resource| resource.scope_spans).flat_map(|scope| scope.spans).collect()
    }

    /// The spans, once there are so many.
    async fn collected(&self, count: usize) -> Vec<Span> {
        let enough = async || Some(self.spans()).filter(|spans| spans.len() >= count);
        eventually("the spans arrive", enough).await
    }
}

fn attributes(span: &Span) -> HashMap<&str, Value> {
    let value = |value: &Any| match value {
        Any::StringValue(text) => json!(text),
        Any::IntValue(number) => json!(number),
        other => json!(format!("{other:?}")),
    };
    let pairs = span
        .attributes
        .iter()
        .filter_map(|pair| Some((pair.key.as_str(), value(pair.value.as_ref()?.value.as_ref()?))));
    pairs.collect()
}

fn named<'a>(spans: &'a [Span], name: &str) -> &'a Span {
    let names = || spans.iter().map(|span| span.name.as_str()).collect::<Vec<_>>();
    spans.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("no {name} in {:?}", names()))
}

fn telemetry(url: &str) -> String {
    format!("[telemetry]\notlp = \"{url}\"\n")
}

/// The program, with spans that are sent at once.
fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_microalign"));
    command.env("OTEL_BSP_SCHEDULE_DELAY", "50").env("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=acme");
    command
}

/// A service that sends to a hub which refuses what it gets.
async fn with_hub(telemetry: &str) -> (Service, Listener) {
    let hub = Listener::new(vec![(400, json!({ "error": "no" }))]).await;
    let webhook =
        format!("[webhook.hub]\nurl = \"{}\"\nsecret = \"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"\n", hub.url);
    (Service::new(TEAM, &format!("{webhook}{telemetry}")).expecting(&["cannot be sent"]), hub)
}

#[tokio::test]
async fn a_webhook_is_one_trace_from_its_request_to_each_attempt() {
    let collector = Collector::default();
    let (mut service, _hub) = with_hub(&telemetry(&collector.start().await)).await;
    service.start_by(program()).await;
    let part_of: &[_] = &[("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")];
    let body = merged(7).to_string().into_bytes();
    assert_eq!(service.github_with("pull_request", "t-1", part_of, body).await.status, 202);
    service.settled("t-1").await;
    let spans = collector.collected(4).await;
    assert_eq!(spans.len(), 4, "{spans:#?}");

    let request = named(&spans, "POST /webhooks/github");
    let (plan, mail, hub) = (named(&spans, "plan"), named(&spans, "send email"), named(&spans, "send webhook"));
    assert!(spans.iter().all(|span| span.trace_id == request.trace_id && span.start_time_unix_nano > 0));
    assert!(spans.iter().all(|span| span.end_time_unix_nano >= span.start_time_unix_nano));
    assert!(request.parent_span_id.is_empty() && plan.parent_span_id == request.span_id);
    assert_eq!((&mail.parent_span_id, &hub.parent_span_id), (&plan.span_id, &plan.span_id));
    assert_eq!([request.kind, plan.kind, mail.kind], [2, 5, 3], "server, consumer, client");
    // Whoever sends webhooks doesn't write into traces of others.
    assert_eq!(hex::encode(&request.links[0].trace_id), ELSEWHERE);
    assert_ne!(hex::encode(&request.trace_id), ELSEWHERE);
    assert_eq!(attributes(request)["http.response.status_code"], 202);
    assert_eq!(attributes(plan)["microalign.delivery.key"], "t-1");
    let of_mail = attributes(mail);
    assert_eq!((&of_mail["microalign.outcome"], &of_mail["microalign.team"]), (&json!("sent"), &json!("web")));
    assert_eq!(
        (&of_mail["microalign.attempt"], &of_mail["microalign.kind"]),
        (&json!(1), &json!("pull_request.merged"))
    );
    assert_eq!(attributes(hub)["microalign.outcome"], "permanent");
    assert_eq!((hub.status.as_ref().unwrap().code, mail.status.as_ref().map_or(0, |status| status.code)), (2, 0));

    let resource = collector.requests()[0].resource_spans[0].resource.clone().unwrap();
    let of_resource = Span { attributes: resource.attributes, ..Span::default() };
    assert_eq!(attributes(&of_resource)["service.name"], "microalign");
    let got = collector.got.lock().unwrap().clone();
    assert!(got.iter().all(|(headers, _)| headers["x-tenant"] == "acme"));
    // Words, addresses and secrets stay here.
    let sent = got.iter().map(|(_, body)| String::from_utf8_lossy(body).into_owned()).collect::<String>();
    for word in ["Add the v2 order schema", "web@example.com", "127.0.0.1", "ana", SECRET] {
        assert!(!sent.contains(word), "{word} is in a span");
    }
    let trace = hex::encode(&request.trace_id);
    let log = service.log();
    for message in ["planned", "sent", "cannot be sent"] {
        let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let line = lines.into_iter().find(|line| line["message"] == message).unwrap();
        assert_eq!(line["trace_id"], trace, "{line}");
    }
}

#[tokio::test]
async fn a_trace_goes_on_after_a_restart() {
    let collector = Collector::default();
    let url = collector.start().await;
    let mut service = Service::new(&TEAM.replace(", \"webhook:hub\"", ""), &telemetry(&url));
    service.start_by(program()).await;
    service.github_settled("pull_request", "t-1", &merged(7)).await;
    let before = collector.collected(3).await;
    service.stop().await;
    service.start_by(program()).await;
    assert_eq!(service.github("pull_request", "t-1", &merged(7)).await.body["status"], "duplicate");
    let after = collector.collected(4).await;
    let request = named(&before, "POST /webhooks/github");
    assert_eq!((&after[3].trace_id, &after[3].parent_span_id), (&request.trace_id, &request.span_id));
    assert_ne!(after[3].span_id, request.span_id);
    // What nobody signed is no trace.
    let refused = service.request("/webhooks/github").body("{}").header("x-hub-signature-256", sign("no", b"{}"));
    assert_eq!(refused.send().await.unwrap().status(), 401);
    service.github_settled("pull_request", "t-2", &merged(8)).await;
    let spans = collector.collected(7).await;
    assert_eq!(spans.len(), 7, "{spans:#?}");
}

#[tokio::test]
async fn a_collector_that_is_away_or_hangs_holds_up_nothing() {
    // It takes connections and says nothing.
    let hanging = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let hangs = format!("http://{}", hanging.local_addr().unwrap());
    for url in ["http://127.0.0.1:9".to_owned(), hangs] {
        let mut service = Service::new(&TEAM.replace(", \"webhook:hub\"", ""), &telemetry(&url));
        service.start_by(program()).await;
        for number in 0..40 {
            let answer = service.github("pull_request", &format!("t-{number}"), &merged(number)).await;
            assert_eq!(answer.status, 202);
        }
        service.idle().await;
        assert_eq!(service.mails().len(), 40);
        let began = std::time::Instant::now();
        assert_eq!(service.stop().await, 0);
        assert!(began.elapsed().as_secs() < 9, "{:?}", began.elapsed());
        let log = service.log();
        assert!(log.matches("the collector takes no traces").count() <= 1, "{log}");
    }
}

#[tokio::test]
async fn without_a_collector_there_is_no_trace() {
    let (mut service, _hub) = with_hub("").await;
    service.start_by(program()).await;
    service.github_settled("pull_request", "t-1", &merged(7)).await;
    assert!(!service.log().contains("trace_id"), "{}", service.log());
}
