//! A YAML or JSON document that remembers the line of everything in it, so that an error found later can
//! still say where.

use serde::Deserialize;
use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use serde_saphyr::Spanned;

/// A value with the line that it begins on.
#[derive(Clone, Debug)]
pub struct Node {
    pub line: u64,
    pub content: Content,
}

/// What a value is.
#[derive(Clone, Debug)]
pub enum Content {
    Scalar(Value),
    List(Vec<Node>),
    Fields(Vec<(String, Node)>),
}

impl Node {
    fn of(spanned: Spanned<Content>) -> Self {
        Self { line: spanned.referenced.line(), content: spanned.value }
    }

    /// A field of an object.
    pub fn field(&self, name: &str) -> Option<&Self> {
        match &self.content {
            Content::Fields(fields) => fields.iter().find(|(other, _)| other == name).map(|(_, node)| node),
            Content::Scalar(_) | Content::List(_) => None,
        }
    }

    /// A text field of an object.
    pub fn text(&self, name: &str) -> Option<&str> {
        match &self.field(name)?.content {
            Content::Scalar(Value::String(text)) => Some(text),
            Content::Scalar(_) | Content::List(_) | Content::Fields(_) => None,
        }
    }

    /// The line of a field by its path (`spec.controlPlane.machines[1]`), or of the nearest thing around
    /// it that is there.
    pub fn line_of(&self, path: &str) -> u64 {
        let mut node = self;
        let steps = path.split(['.', '[']).map(|step| step.trim_end_matches(']'));
        for step in steps.filter(|step| !step.is_empty()) {
            let inner = match &node.content {
                Content::Fields(_) => node.field(step),
                Content::List(items) => step.parse::<usize>().ok().and_then(|place| items.get(place)),
                Content::Scalar(_) => None,
            };
            match inner {
                Some(inner) => node = inner,
                None => break,
            }
        }
        node.line
    }

    /// The plain value.
    pub fn to_value(&self) -> Value {
        match &self.content {
            Content::Scalar(value) => value.clone(),
            Content::List(items) => items.iter().map(Self::to_value).collect(),
            Content::Fields(fields) => fields
                .iter()
                .map(|(name, node)| (name.clone(), node.to_value()))
                .collect::<Map<_, _>>()
                .into(),
        }
    }

    /// There is nothing in the document.
    pub fn is_empty(&self) -> bool {
        matches!(&self.content, Content::Scalar(Value::Null))
    }
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ContentVisitor)
    }
}

struct ContentVisitor;

impl<'de> Visitor<'de> for ContentVisitor {
    type Value = Content;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a value that JSON can hold")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Content, E> {
        Ok(Content::Scalar(value.into()))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Content, E> {
        Ok(Content::Scalar(value.into()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Content, E> {
        Ok(Content::Scalar(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Content, E> {
        let number = Number::from_f64(value).ok_or_else(|| E::custom("a number that JSON cannot hold"))?;
        Ok(Content::Scalar(number.into()))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Content, E> {
        Ok(Content::Scalar(value.into()))
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Content, E> {
        Ok(Content::Scalar(value.into()))
    }

    fn visit_unit<E: Error>(self) -> Result<Content, E> {
        Ok(Content::Scalar(Value::Null))
    }

    fn visit_none<E: Error>(self) -> Result<Content, E> {
        Ok(Content::Scalar(Value::Null))
    }

    fn visit_some<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Content, D::Error> {
        Content::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Content, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element::<Spanned<Content>>()? {
            items.push(Node::of(item));
        }
        Ok(Content::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Content, A::Error> {
        let mut fields = Vec::new();
        while let Some(name) = map.next_key::<String>()? {
            fields.push((name, Node::of(map.next_value::<Spanned<Content>>()?)));
        }
        Ok(Content::Fields(fields))
    }
}

/// Parses all documents of a text. Empty ones are left out.
pub fn parse(text: &str) -> Result<Vec<Node>, serde_saphyr::Error> {
    let documents: Vec<Spanned<Content>> = serde_saphyr::from_multiple_with_options(text, options())?;
    Ok(documents.into_iter().map(Node::of).filter(|node| !node.is_empty()).collect())
}

/// As kubectl reads YAML, but for what is never meant: duplicate keys, and aliases that explode, are
/// errors. The other bounds only have to be larger than a file may be.
fn options() -> serde_saphyr::Options {
    const FILE: usize = 2 * super::source::MAX_BYTES;
    serde_saphyr::options! {
        legacy_octal_numbers: true,
        with_snippet: false,
        budget: serde_saphyr::budget! {
            max_depth: 128,
            max_documents: 1_000_000,
            max_events: FILE,
            max_nodes: FILE,
            max_total_scalar_bytes: FILE,
            max_aliases: 1000,
            max_anchors: 1000,
            max_recorded_anchor_events: 100_000,
        },
    }
}
