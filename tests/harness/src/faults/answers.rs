//! Answers in the API server's name.

use std::time::Duration;

use http::{Response, StatusCode, header};
use serde_json::{Value, json};

use super::layer::{AnswerBody, body};
use crate::call::Call;

pub(super) fn conflict(call: &Call) -> Response<AnswerBody> {
    let name = call.name.as_deref().unwrap_or_default();
    let message = format!(
        "Operation cannot be fulfilled on {} \"{name}\": the object has been modified; please apply your \
         changes to the latest version and try again",
        call.resource
    );
    let details = json!({"name": name, "group": call.api_group, "kind": call.resource});
    answer(&status(StatusCode::CONFLICT, "Conflict", &message, &details))
}

pub(super) fn too_many_requests(retry_after: Duration) -> Response<AnswerBody> {
    let seconds = retry_after.as_secs();
    let message = "the server has received too many requests and has asked us to try again later";
    let details = json!({"retryAfterSeconds": seconds});
    let mut answer = answer(&status(StatusCode::TOO_MANY_REQUESTS, "TooManyRequests", message, &details));
    answer.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    answer
}

/// What is no error of its own has no reason: so etcd's are passed on.
pub(super) fn server_error(variant: u64) -> Response<AnswerBody> {
    let (reason, message) = if variant.is_multiple_of(2) {
        ("InternalError", "Internal error occurred: an injected fault")
    } else {
        ("", "etcdserver: request timed out")
    };
    answer(&status(StatusCode::INTERNAL_SERVER_ERROR, reason, message, &json!({})))
}

pub(super) fn gone() -> Response<AnswerBody> {
    answer(&gone_status())
}

/// The line of a watch that says the same.
pub(super) fn gone_event() -> String {
    format!("{}\n", json!({"type": "ERROR", "object": gone_status()}))
}

fn gone_status() -> Value {
    status(StatusCode::GONE, "Expired", "too old resource version: 1 (2)", &json!({}))
}

fn status(code: StatusCode, reason: &str, message: &str, details: &Value) -> Value {
    json!({
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": reason,
        "details": details,
        "code": code.as_u16(),
    })
}

fn answer(status: &Value) -> Response<AnswerBody> {
    let code = status["code"].as_u64().and_then(|code| u16::try_from(code).ok()).expect("it has a code");
    Response::builder()
        .status(code)
        .header(header::CONTENT_TYPE, "application/json")
        .body(body(status.to_string()))
        .expect("it is complete")
}
