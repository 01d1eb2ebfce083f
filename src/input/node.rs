//! A document as a tree that knows the line of everything in it: what errors point at.
//!
//! Scalars are taken as kubectl takes them (YAML 1.1: `yes` is true, `0755` is octal), and so are names of
//! fields that are numbers or booleans.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use serde_saphyr::Spanned;

/// A value and where it stands.
#[derive(Debug)]
pub(super) struct Node {
    /// Its line in the file, from 1.
    pub line: u64,
    /// What it is.
    pub data: Data,
}

/// What a value is.
#[derive(Debug)]
pub(super) enum Data {
    /// Nothing.
    Null,
    /// A boolean.
    Bool(bool),
    /// A number.
    Number(Number),
    /// A string.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// An object, as written: see [`Node::flaw`].
    Fields(Vec<Field>),
}

/// A field of an object.
#[derive(Debug)]
pub(super) struct Field {
    /// Its name.
    pub name: String,
    /// The line of its name.
    pub line: u64,
    /// Its value.
    pub value: Node,
    /// What stands there for a name that cannot be one.
    unnamed: Option<&'static str>,
}

/// What is right as YAML, and wrong in any object.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Flaw {
    /// The path of the field.
    pub path: String,
    /// Its line.
    pub line: u64,
    /// What is wrong.
    pub kind: FlawKind,
}

/// What is right as YAML, and wrong in any object.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum FlawKind {
    /// The field stands there twice.
    Twice {
        /// The line of the first one.
        first: u64,
    },
    /// A list, an object or nothing stands where a name should.
    Unnamed(&'static str),
}

impl Node {
    /// A field of an object.
    pub fn get(&self, name: &str) -> Option<&Field> {
        self.fields().iter().find(|field| field.name == name)
    }

    /// A field that is a string.
    pub fn text(&self, name: &str) -> Option<&str> {
        match &self.get(name)?.value.data {
            Data::Text(text) => Some(text),
            Data::Null | Data::Bool(_) | Data::Number(_) | Data::List(_) | Data::Fields(_) => None,
        }
    }

    /// The fields of an object; none of anything else.
    pub fn fields(&self) -> &[Field] {
        match &self.data {
            Data::Fields(fields) => fields,
            Data::Null | Data::Bool(_) | Data::Number(_) | Data::Text(_) | Data::List(_) => &[],
        }
    }

    /// In words.
    pub const fn kind(&self) -> &'static str {
        match &self.data {
            Data::Null => "nothing",
            Data::Bool(_) => "a boolean",
            Data::Number(_) => "a number",
            Data::Text(_) => "a string",
            Data::List(_) => "a list",
            Data::Fields(_) => "an object",
        }
    }

    /// Without the lines.
    pub fn to_json(&self) -> Value {
        match &self.data {
            Data::Null => Value::Null,
            Data::Bool(value) => Value::Bool(*value),
            Data::Number(number) => Value::Number(number.clone()),
            Data::Text(text) => Value::String(text.clone()),
            Data::List(items) => Value::Array(items.iter().map(Self::to_json).collect()),
            Data::Fields(fields) => {
                let fields = fields.iter().map(|field| (field.name.clone(), field.value.to_json()));
                Value::Object(fields.collect::<Map<_, _>>())
            }
        }
    }

    /// The line of the field at a path such as `spec.controlPlane.machines[1]`, or of the last one on the
    /// way there that exists.
    pub fn line_of(&self, path: &str) -> u64 {
        let (mut node, mut line, mut path) = (self, self.line, path);
        while let Some((next, at, rest)) = node.step(path) {
            (node, line, path) = (next, at, rest);
        }
        line
    }

    /// One step on a path: the value, its line, the rest.
    fn step<'n, 'p>(&'n self, path: &'p str) -> Option<(&'n Self, u64, &'p str)> {
        let path = path.strip_prefix('.').unwrap_or(path);
        match &self.data {
            Data::List(items) => {
                let (place, rest) = path.strip_prefix('[')?.split_once(']')?;
                let item = items.get(place.parse::<usize>().ok()?)?;
                Some((item, item.line, rest))
            }
            Data::Fields(fields) => {
                let rest_after = |field: &'n Field| {
                    let rest = path.strip_prefix(field.name.as_str())?;
                    (rest.is_empty() || rest.starts_with(['.', '['])).then_some((field, rest))
                };
                // Names may have dots in them (labels): the longest one that fits is meant.
                let (field, rest) =
                    fields.iter().filter_map(rest_after).max_by_key(|(field, _)| field.name.len())?;
                Some((&field.value, field.line, rest))
            }
            Data::Null | Data::Bool(_) | Data::Number(_) | Data::Text(_) => None,
        }
    }

    /// Lines of text stand before it.
    pub fn move_down(&mut self, lines: u64) {
        self.line = self.line.saturating_add(lines);
        match &mut self.data {
            Data::List(items) => items.iter_mut().for_each(|item| item.move_down(lines)),
            Data::Fields(fields) => {
                for field in fields {
                    field.line = field.line.saturating_add(lines);
                    field.value.move_down(lines);
                }
            }
            Data::Null | Data::Bool(_) | Data::Number(_) | Data::Text(_) => {}
        }
    }

    /// The first flaw in here.
    pub fn flaw(&self) -> Option<Flaw> {
        match &self.data {
            Data::List(items) => items
                .iter()
                .enumerate()
                .find_map(|(place, item)| item.flaw().map(|flaw| flaw.under(&format!("[{place}]")))),
            Data::Fields(fields) => flaw_here(fields).or_else(|| {
                fields.iter().find_map(|field| field.value.flaw().map(|flaw| flaw.under(&field.name)))
            }),
            Data::Null | Data::Bool(_) | Data::Number(_) | Data::Text(_) => None,
        }
    }
}

fn flaw_here(fields: &[Field]) -> Option<Flaw> {
    let unnamed = fields.iter().find_map(|field| Some((field.line, field.unnamed?)));
    if let Some((line, found)) = unnamed {
        return Some(Flaw { path: String::new(), line, kind: FlawKind::Unnamed(found) });
    }
    let mut sorted: Vec<_> = fields.iter().collect();
    sorted.sort_by_key(|field| (&field.name, field.line));
    sorted.windows(2).find_map(|pair| match pair {
        [a, b] if a.name == b.name => {
            Some(Flaw { path: a.name.clone(), line: b.line, kind: FlawKind::Twice { first: a.line } })
        }
        _ => None,
    })
}

impl Flaw {
    fn under(mut self, parent: &str) -> Self {
        let joint = if self.path.is_empty() || self.path.starts_with('[') { "" } else { "." };
        self.path = format!("{parent}{joint}{}", self.path);
        self
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Data>::deserialize(deserializer)?;
        Ok(Self { line: spanned.referenced.line(), data: spanned.value })
    }
}

impl<'de> Deserialize<'de> for Data {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DataVisitor)
    }
}

struct DataVisitor;

impl<'de> Visitor<'de> for DataVisitor {
    type Value = Data;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Data, E> {
        Ok(Data::Null)
    }

    fn visit_none<E>(self) -> Result<Data, E> {
        Ok(Data::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Data, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Data, E> {
        Ok(Data::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Data, E> {
        Ok(Data::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Data, E> {
        Ok(Data::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Data, E> {
        let number = Number::from_f64(value).ok_or_else(|| E::custom("a number that is not finite"))?;
        Ok(Data::Number(number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Data, E> {
        Ok(Data::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Data, E> {
        Ok(Data::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Data, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Data::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Data, A::Error> {
        let mut fields = Vec::new();
        while let Some(key) = access.next_key::<Node>()? {
            let unnamed = key.kind();
            let (name, unnamed) = match key.data {
                Data::Text(name) => (name, None),
                Data::Number(number) => (number.to_string(), None),
                Data::Bool(value) => (value.to_string(), None),
                Data::Null | Data::List(_) | Data::Fields(_) => (String::new(), Some(unnamed)),
            };
            fields.push(Field { name, line: key.line, value: access.next_value()?, unnamed });
        }
        Ok(Data::Fields(fields))
    }
}
