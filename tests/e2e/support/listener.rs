//! A listener in place of somebody else's service.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use warp::Filter as _;

/// A request that a listener of ours got.
#[derive(Debug, Clone)]
pub struct Got {
    pub path: String,
    pub headers: warp::http::HeaderMap,
    pub text: String,
    pub body: Value,
}

/// A listener that keeps what it gets and answers with the first of `answers`, which is then used up but for the last.
pub struct Listener {
    pub url: String,
    pub got: Arc<Mutex<Vec<Got>>>,
}

impl Listener {
    pub async fn new(answers: Vec<(u16, Value)>) -> Self {
        let got = Arc::<Mutex<Vec<Got>>>::default();
        let (kept, answers) = (Arc::clone(&got), Arc::new(Mutex::new(answers)));
        let route =
            warp::post().and(warp::path::full()).and(warp::header::headers_cloned()).and(warp::body::bytes()).map(
                move |path: warp::path::FullPath, headers, body: bytes::Bytes| {
                    let text = String::from_utf8_lossy(&body).into_owned();
                    let body = serde_json::from_str(&text).unwrap_or_else(|_| json!(text));
                    kept.lock().unwrap().push(Got { path: path.as_str().to_owned(), headers, text, body });
                    let mut answers = answers.lock().unwrap();
                    let (status, answer) = if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() };
                    warp::http::Response::builder()
                        .status(status)
                        .header("content-type", "application/json")
                        .body(answer.to_string())
                },
            );
        let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", socket.local_addr().unwrap());
        tokio::spawn(warp::serve(route).incoming(socket).run());
        Self { url, got }
    }

    pub fn requests(&self) -> Vec<Got> {
        self.got.lock().unwrap().clone()
    }
}
