//! What the real NIO wrote, compared with what would be written here.

use std::fs;
use std::path::Path;

use kube::api::DynamicObject;
use serde::Deserialize as _;
use serde_json::{Value, json};

use crate::body::Body;
use crate::{hash, kopf};

fn recorded(file: &str) -> Vec<Body> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/recorded").join(file);
    let documents: Vec<Value> = serde_yaml::Deserializer::from_str(&fs::read_to_string(path).unwrap())
        .map(|document| Value::deserialize(document).unwrap())
        .collect();
    documents
        .into_iter()
        .map(|document| serde_json::from_value::<DynamicObject>(document).unwrap())
        .map(Body::new)
        .collect()
}

#[test]
fn the_hash_of_the_files_is_that_of_the_real_one_five_of_five() {
    let configurations = recorded("live.yaml");
    assert_eq!(configurations.len(), 5);
    for body in configurations {
        let hash = hash::files_hash(body.spec(), &Value::Null);
        assert_eq!(body.status().get("additionalFilesHash"), Some(&json!(hash)), "{}", body.name());
    }
}

#[test]
fn the_note_of_what_was_handled_is_that_of_the_real_one_byte_for_byte() {
    let objects: Vec<Body> = ["live.yaml", "machines.yaml"].into_iter().flat_map(recorded).collect();
    let noted = objects.iter().filter_map(|body| Some((body, body.annotation(kopf::LAST_HANDLED)?)));
    let mut count = 0;
    for (body, note) in noted {
        assert_eq!(body.essence_text(), note, "{}", body.name());
        assert_eq!(body.last_handled(), Some(body.essence()), "{}", body.name());
        count += 1;
    }
    assert!(count >= 10, "only {count} objects have a note");
}
