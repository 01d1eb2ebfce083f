//! Reads `fixtures/rules.yaml`.

use serde_json::Value;

/// An object, and what is said of it.
pub struct Example {
    pub object: Value,
    pub refused_with: Option<String>,
    pub description: String,
}

fn file() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/rules.yaml");
    let path = if std::path::Path::new(path).exists() {
        path
    } else {
        concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/rules.yaml")
    };
    serde_yaml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// The base with some fields replaced, or taken away.
pub fn with(changes: &[(&str, Value)]) -> Value {
    let mut object = file()["base"].clone();
    for (path, value) in changes {
        let (parents, last) = path.rsplit_once('.').unwrap_or(("", path));
        let mut place = &mut object;
        for part in parents.split('.').filter(|part| !part.is_empty()) {
            place = &mut place[part];
        }
        if value.is_null() {
            place.as_object_mut().unwrap().remove(last);
        } else {
            place[last] = value.clone();
        }
    }
    object
}

/// All of them.
pub fn examples() -> Vec<Example> {
    let mut examples = Vec::new();
    for rule in file()["rules"].as_array().unwrap() {
        for (kind, refused_with) in [("good", None), ("bad", rule["message"].as_str().map(str::to_owned))] {
            for changes in rule[kind].as_array().unwrap() {
                let changes: Vec<_> = changes
                    .as_object()
                    .unwrap()
                    .iter()
                    .map(|(path, value)| (path.as_str(), value.clone()))
                    .collect();
                examples.push(Example {
                    object: with(&changes),
                    refused_with: refused_with.clone(),
                    description: format!("{changes:?}"),
                });
            }
        }
    }
    examples
}
