//! One request by our own client and its response, with limits on time and size.

use std::time::Duration;

use http::header::{ACCEPT, HeaderMap};
use reqwest::RequestBuilder;
use tokio::time::timeout;

use super::ApiError;

/// A response with any status.
pub(super) struct Response {
    pub(super) peer: &'static str,
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

/// Sends a request for JSON to `peer`, with limits on the time and the size of the response.
pub(super) async fn exchange(
    peer: &'static str,
    request: RequestBuilder,
    (within, longest): (Duration, usize),
) -> Result<Response, ApiError> {
    let asked = async {
        let request = request.header(ACCEPT, "application/json");
        let mut response = request.send().await.map_err(|error| silent(peer, &error))?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| silent(peer, &error))? {
            body.extend_from_slice(&chunk);
            if body.len() > longest {
                return Err(ApiError::Unreadable { peer, why: "it is too long".to_owned() });
            }
        }
        Ok(Response { peer, status, headers, body })
    };
    let late = || ApiError::Silent(format!("{peer} did not answer within {} s", within.as_secs_f32()));
    timeout(within, asked).await.map_err(|_| late())?
}

fn silent(peer: &str, error: &reqwest::Error) -> ApiError {
    let what = if error.is_connect() { "cannot be reached" } else { "broke off" };
    ApiError::Silent(format!("{peer} {what}"))
}
