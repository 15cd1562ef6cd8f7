//! STUB

use super::http::Http;
use super::{Outcome, Post};
use crate::settings::ApiSettings;

pub(super) const ROOM: usize = 1_000;

pub(super) async fn send(_http: &Http, _settings: &ApiSettings, _target: &str, _post: &Post<'_>) -> Outcome {
    Outcome::permanent("not built")
}
