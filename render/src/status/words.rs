//! How things are said: short, with whole seconds, and never about more than a few.

use std::fmt::Display;

use k8s_openapi::jiff::Timestamp;

use crate::wiped;

/// So many are named; of the others only the number is told.
pub(super) const MOST: usize = 10;
/// The longest message of a condition, in bytes. Kubernetes would take four times as much.
pub(super) const MAX_MESSAGE: usize = 8192;
/// The longest reason of a machine, in bytes, and the most that a message says of one.
pub(super) const MAX_LINE: usize = 512;

/// The longest word that somebody else gave, in bytes.
pub(super) const MAX_WORD: usize = 64;

/// The first ones, and how many more there are.
pub(super) fn listed(items: impl IntoIterator<Item = String>, separator: &str) -> String {
    let mut items = items.into_iter();
    let mut named: Vec<_> = items.by_ref().take(MOST).map(|item| bounded(&item, MAX_LINE)).collect();
    let more = items.count();
    named.extend((more > 0).then(|| format!("and {more} more")));
    named.join(separator)
}

/// At most so many bytes, on one line.
pub(super) fn bounded(text: &str, most: usize) -> String {
    const ELLIPSIS: &str = "...";
    let clean = |text: &str| text.replace(char::is_control, " ");
    if text.len() <= most {
        return clean(text);
    }
    let end = text.floor_char_boundary(most.saturating_sub(ELLIPSIS.len()));
    format!("{}{ELLIPSIS}", clean(text.get(..end).unwrap_or_default()))
}

/// Those that say something, one after the other.
pub(super) fn joined<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ")
}

/// `1 worker`, `2 workers`.
pub(super) fn counted(count: usize, what: impl Display) -> String {
    if count == 1 { format!("{count} {what}") } else { format!("{count} {what}s") }
}

/// RFC 3339, in whole seconds, UTC.
pub(super) fn seconds(time: Timestamp) -> String {
    wiped::whole(time).to_string()
}

/// A time as it was told before, in whole seconds.
pub(super) fn told(time: Option<&str>) -> Option<Timestamp> {
    Some(wiped::whole(time?.parse().ok()?))
}

/// `is` or `are`.
pub(super) const fn are(count: usize) -> &'static str {
    if count == 1 { "is" } else { "are" }
}
