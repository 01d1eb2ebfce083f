//! What a configuration shows, read a second time: hash, rest, success, times, texts.

use std::collections::BTreeMap;
use std::rc::Rc;

use nico_crds::NixosConfiguration;
use nico_crds::names::CONFIRM_AT;
use serde_json::Value;

use crate::model::nio::{HANDLED, PROGRESS};
use crate::model::server::written_at;
use crate::model::snapshot::uid;
use crate::model::{hash, parse_time};

/// What one configuration shows at one version.
#[derive(Debug)]
pub struct Facts {
    pub text: Rc<Text>,
    pub rests: bool,
    pub delivered: bool,
    pub succeeded: bool,
    pub applied_at: Option<i64>,
    pub wiped: Option<bool>,
    pub evidence: bool,
    pub written: Option<i64>,
    /// When the handler's failing attempts began, and how many there were.
    pub attempts: Option<(i64, u64)>,
    pub confirm_at: Option<i64>,
}

/// What its spec says.
#[derive(Debug)]
pub struct Text {
    pub hash: String,
    spec: String,
    /// Everything that reaches the machine, but for the revision.
    pub whole: String,
    /// The same without the lists of machines.
    pub but_lists: String,
    pub control_planes: Vec<String>,
}

/// What was found out before.
#[derive(Default)]
pub struct Memo {
    texts: BTreeMap<String, (i64, Rc<Text>)>,
    facts: BTreeMap<String, (String, Rc<Facts>)>,
}

impl Memo {
    pub fn facts(&mut self, live: &NixosConfiguration) -> Rc<Facts> {
        let version = live.metadata.resource_version.as_deref().unwrap_or_default();
        if let Some((known, facts)) = self.facts.get(uid(live))
            && known == version
        {
            return facts.clone();
        }
        let text = self.text(live);
        let facts = Rc::new(Facts::read(live, text));
        self.facts.insert(uid(live).to_owned(), (version.to_owned(), facts.clone()));
        facts
    }

    fn text(&mut self, live: &NixosConfiguration) -> Rc<Text> {
        let generation = live.metadata.generation.unwrap_or(0);
        if let Some((known, text)) = self.texts.get(uid(live))
            && *known == generation
        {
            return text.clone();
        }
        let text = Rc::new(Text::read(live));
        self.texts.insert(uid(live).to_owned(), (generation, text.clone()));
        text
    }
}

impl Facts {
    fn read(live: &NixosConfiguration, text: Rc<Text>) -> Self {
        let status = live.status.clone().unwrap_or_default();
        let prefix =
            |note: &str| note.strip_prefix("{\"spec\":").is_some_and(|rest| rest.starts_with(&text.spec));
        let rests =
            live.annotation(HANDLED).is_some_and(prefix) && live.metadata.deletion_timestamp.is_none();
        let delivered = status.additional_files_hash.as_deref() == Some(text.hash.as_str());
        let applied = status.condition("Applied");
        Self {
            rests,
            delivered,
            succeeded: applied.is_some_and(|applied| applied.status == "True" && applied.reason == "Success")
                && status.applied_commit.is_some(),
            applied_at: status.last_applied_time.as_deref().and_then(parse_time),
            wiped: status.has_full_install,
            evidence: status.has_full_install.is_some()
                || status.additional_files_hash.is_some()
                || status.last_applied_time.is_some(),
            written: written_at(live),
            attempts: live.annotation(PROGRESS).and_then(attempts),
            confirm_at: live.annotation(CONFIRM_AT).and_then(parse_time),
            text,
        }
    }
}

fn attempts(note: &str) -> Option<(i64, u64)> {
    let note: Value = serde_json::from_str(note).ok()?;
    Some((parse_time(note["started"].as_str()?)?, note["retries"].as_u64()?))
}

impl Text {
    pub fn read(object: &NixosConfiguration) -> Self {
        let spec = &object.spec;
        let text = spec.additional_files.first().and_then(|file| file.inline.as_deref()).unwrap_or_default();
        let beside = format!(
            "{:?}{:?}{:?}{:?}{:?}",
            spec.flake,
            spec.git_repo,
            spec.git_ref.as_deref().unwrap_or("main"),
            spec.configuration_subdir,
            spec.additional_files
                .iter()
                .skip(1)
                .map(|file| (&file.path, &file.secret_ref))
                .collect::<Vec<_>>()
        );
        let whole = without(text, "revision = ", ";");
        let but_lists = without(&without(&whole, "controlPlane = [", "];"), "workers = [", "];");
        Self {
            hash: hash::files_hash(&spec.additional_files),
            spec: serde_json::to_string(spec).unwrap_or_default(),
            control_planes: names(text, "controlPlane = ["),
            whole: whole + &beside,
            but_lists: but_lists + &beside,
        }
    }
}

fn without(text: &str, from: &str, to: &str) -> String {
    let Some((before, rest)) = text.split_once(from) else { return text.to_owned() };
    let Some((_, after)) = rest.split_once(to) else { return text.to_owned() };
    format!("{before}{after}")
}

fn names(text: &str, list: &str) -> Vec<String> {
    let inside =
        text.split_once(list).and_then(|(_, rest)| rest.split_once("];")).map_or("", |(inside, _)| inside);
    inside
        .split("name = \"")
        .skip(1)
        .filter_map(|rest| rest.split_once('"'))
        .map(|(name, _)| name.to_owned())
        .collect()
}
