//! What arguments may be.

use std::path::PathBuf;
use std::time::Duration;

use k8s_openapi::jiff::{SignedDuration, Timestamp};

/// A name as namespaces have it (RFC 1123, a label). An empty one is most often a variable that is not set, and
/// would mean all namespaces, or none.
pub(super) fn namespace(text: &str) -> Result<String, String> {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let is_name = !text.is_empty()
        && text.len() <= 63
        && text.bytes().all(inner)
        && !text.starts_with('-')
        && !text.ends_with('-');
    if is_name {
        Ok(text.to_owned())
    } else {
        Err("a namespace has 1 to 63 characters, a-z, 0-9 or '-', and neither begins nor ends with '-'"
            .to_owned())
    }
}

/// A file that is there and can be read: ssh would complain of it at each visit. It is named in a
/// configuration file of ssh's, in quotes.
pub(super) fn file(text: &str) -> Result<PathBuf, String> {
    let path = std::path::absolute(text).map_err(|error| error.to_string())?;
    std::fs::File::open(&path).map_err(|error| error.to_string())?;
    let is_plain = path.to_str().is_some_and(|path| !path.contains(['"', '\n', '%', '*', '?', '[', '~']));
    if is_plain { Ok(path) } else { Err("wanted a path without quotes and wildcards".to_owned()) }
}

/// A moment, as Kubernetes writes it.
pub(super) fn time(text: &str) -> Result<Timestamp, String> {
    text.parse().map_err(|_| "wanted a time such as 2026-11-24T12:00:00Z".to_owned())
}

/// A length of time, as Kubernetes' own tools take it: 30s, 500ms, 1m30s.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let parsed: SignedDuration =
        text.parse().map_err(|_| "wanted a duration such as 30s or 1m30s".to_owned())?;
    let positive = Duration::try_from(parsed).ok().filter(|duration| !duration.is_zero());
    positive.ok_or_else(|| "wanted a duration longer than nothing".to_owned())
}
