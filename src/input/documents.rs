//! From bytes to documents: what is text at all, and streams of YAML or JSON.

use serde::de::IgnoredAny;
use serde_saphyr::{DuplicateKeyPolicy, Error, NonFiniteFloatPolicy, Options};

use super::error::{InputError, Place, Problem};
use super::node::Node;

/// More values than 10,000 configurations and their machines have.
const MAX_NODES: usize = 4_000_000;
/// A value has at most a beginning and an end.
const MAX_EVENTS: usize = 3 * MAX_NODES;
/// What aliases may unfold to: a manifest shares a few labels, a bomb grows without bounds.
const MAX_ALIASED: usize = 100_000;
/// As `serde_json` has it.
const MAX_DEPTH: usize = 128;

/// The documents of a file. Empty ones are left out.
pub(super) fn parse(place: &Place, bytes: Vec<u8>, is_json: bool) -> Result<Vec<Node>, InputError> {
    let text = text(place, bytes)?;
    if let Some(nodes) = json(place, &text, is_json)? {
        return Ok(nodes);
    }
    yaml(place, &text, 0)
}

/// What is text in UTF-8, without the mark at its beginning.
fn text(place: &Place, bytes: Vec<u8>) -> Result<String, InputError> {
    let fail = |line, problem| Err(InputError::at(place.at(line), problem));
    let utf16 = match bytes.as_slice() {
        [0xFF, 0xFE, ..] | [1..=255, 0, 1..=255, 0, ..] => Some("UTF-16 (little-endian)"),
        [0xFE, 0xFF, ..] | [0, 1..=255, 0, 1..=255, ..] => Some("UTF-16 (big-endian)"),
        _ => None,
    };
    if let Some(encoding) = utf16 {
        return fail(1, Problem::Encoding(encoding));
    }
    if let Some(place) = bytes.iter().position(|byte| *byte == 0) {
        return fail(line_at(&bytes, place), Problem::Nul);
    }
    let mut text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            return fail(line_at(error.as_bytes(), error.utf8_error().valid_up_to()), Problem::NotUtf8);
        }
    };
    if text.starts_with('\u{FEFF}') {
        text.remove(0);
    }
    Ok(text)
}

fn line_at(bytes: &[u8], offset: usize) -> u64 {
    let lines = bytes.iter().take(offset).filter(|byte| **byte == b'\n').count();
    u64::try_from(lines).unwrap_or(u64::MAX).saturating_add(1)
}

/// A stream of JSON objects (`jq` writes them without anything between), if it is one. Each is then read
/// as YAML, which knows its lines; but what is broken JSON is not good YAML by accident.
fn json(place: &Place, text: &str, is_json: bool) -> Result<Option<Vec<Node>>, InputError> {
    if !(is_json || text.trim_start().starts_with('{')) {
        return Ok(None);
    }
    let mut stream = serde_json::Deserializer::from_str(text).into_iter::<IgnoredAny>();
    let mut nodes = Vec::new();
    loop {
        let from = stream.byte_offset();
        match stream.next() {
            None => return Ok(Some(nodes)),
            Some(Ok(IgnoredAny)) => {
                let before = line_at(text.as_bytes(), from).saturating_sub(1);
                let part = text.get(from..stream.byte_offset()).unwrap_or_default();
                nodes.extend(yaml(place, part, before)?);
            }
            Some(Err(error)) if is_json => {
                let line = u64::try_from(error.line()).unwrap_or(0);
                let full = error.to_string();
                let message = full.rsplit_once(" at line ").map_or(full.as_str(), |(message, _)| message);
                return Err(InputError::at(place.at(line), Problem::Json(message.to_owned())));
            }
            // `{a: b}` is YAML.
            Some(Err(_)) => return Ok(None),
        }
    }
}

fn yaml(place: &Place, text: &str, lines_before: u64) -> Result<Vec<Node>, InputError> {
    let read = serde_saphyr::from_str_multiple_with_options::<Node, Vec<Node>>(text, options());
    let mut nodes = read.map_err(|error| {
        let line = error.location().map_or(0, |location| location.line().saturating_add(lines_before));
        InputError::at(place.at(line), in_words(error.without_snippet()))
    })?;
    if lines_before > 0 {
        for node in &mut nodes {
            node.move_down(lines_before);
        }
    }
    Ok(nodes)
}

fn options() -> Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: MAX_DEPTH,
            max_nodes: MAX_NODES,
            max_events: MAX_EVENTS,
            max_documents: MAX_NODES,
            max_recorded_anchor_events: MAX_ALIASED,
        },
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: MAX_ALIASED },
        no_schema: true,
        legacy_octal_numbers: true,
        with_snippet: false,
        // The tree finds them itself, and can say where both are.
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        // No field of ours is a fraction: it is the wrong type there, and none of our business elsewhere.
        non_finite_float_policy: NonFiniteFloatPolicy::AsString,
    }
}

/// The parser's words, where they speak to a person who wrote a file; no values from it.
fn in_words(error: &Error) -> Problem {
    const ALIASES: &str = "its aliases (*name) unfold to more than can be read";
    #[expect(clippy::wildcard_enum_match_arm, reason = "the parser's own words serve for all others")]
    match error {
        Error::AliasError { error, .. } => in_words(error),
        Error::Budget { breach, .. } => Problem::TooMuch(too_much(breach)),
        Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. }
        | Error::AliasReplayCounterOverflow { .. } => Problem::TooMuch(ALIASES.to_owned()),
        Error::RecursiveReferencesRequireWeakTypes { .. } => {
            Problem::TooMuch("an alias (*name) refers to what it stands in".to_owned())
        }
        Error::UnknownAnchor { .. } => {
            Problem::Yaml("an alias (*name) refers to an anchor (&name) that is not there".to_owned())
        }
        other => {
            let message = other.render();
            Problem::Yaml(
                message.rsplit_once(" at line ").map_or(message.as_str(), |(text, _)| text).to_owned(),
            )
        }
    }
}

fn too_much(breach: &serde_saphyr::budget::BudgetBreach) -> String {
    use serde_saphyr::budget::BudgetBreach as Breach;
    #[expect(clippy::wildcard_enum_match_arm, reason = "the enum is open")]
    match breach {
        Breach::Depth { .. } => format!("nested more than {MAX_DEPTH} deep"),
        Breach::Nodes { .. } | Breach::Events { .. } | Breach::Documents { .. } => {
            format!("more than {MAX_NODES} values in one file; split it")
        }
        Breach::Aliases { .. }
        | Breach::Anchors { .. }
        | Breach::RecordedAnchorEvents { .. }
        | Breach::RecordedAnchorBytes { .. }
        | Breach::AliasAnchorRatio { .. }
        | Breach::MergeKeys { .. } => "its aliases (*name) unfold to more than can be read".to_owned(),
        _ => "more than can be read as one file".to_owned(),
    }
}
