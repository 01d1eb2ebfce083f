//! Placeholder.
use serde_json::{Map, Value};

/// A change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Where.
    pub path: String,
}

/// The difference.
pub fn difference(desired: &Value, live: &Value, _entry: Option<&Value>) -> Vec<Change> {
    let mut out = Vec::new();
    walk("", desired, live, &mut out);
    out
}

fn walk(path: &str, desired: &Value, live: &Value, out: &mut Vec<Change>) {
    match (desired, live) {
        (Value::Object(desired), live) => {
            for (key, value) in desired {
                if ["apiVersion", "kind", "name", "namespace"].contains(&key.as_str())
                    && !path.starts_with("spec")
                {
                    continue;
                }
                let sub = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                walk(&sub, value, live.get(key).unwrap_or(&Value::Null), out);
            }
        }
        (desired, live) => {
            if desired != live {
                out.push(Change { path: path.to_owned() });
            }
        }
    }
}

/// What is owned.
pub fn project(live: &Value, entry: &Value) -> Value {
    let (Value::Object(live_map), Value::Object(entry)) = (live, entry) else { return live.clone() };
    if entry.is_empty() {
        return live.clone();
    }
    let mut out = Map::new();
    for (key, sub) in entry {
        if let Some(field) = key.strip_prefix("f:")
            && let Some(value) = live_map.get(field)
        {
            let deep = if value.is_array() { value.clone() } else { project(value, sub) };
            out.insert(field.to_owned(), deep);
        }
    }
    Value::Object(out)
}
