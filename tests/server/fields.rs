//! What `nico_render::fields` says of an apply is what the server does: what it notes as ours, what it
//! would change, whom it would take a field from, and what adoption moves.

mod adoption;
mod desk;
mod dice;
mod game;
mod truth;

use std::collections::BTreeMap;

use nico_render::fields::managers::{Operation, contests};
use nico_render::fields::{difference, project};
use serde::Deserialize;
use serde_json::{Value, json};

use desk::{Desk, OURS, apply_and_check, metadata_of, our_entry, owners};

/// What NICO renders for the Python NIO, whose CRDs this server has, owned by a cluster that is there.
fn rendered(owner: &(String, String)) -> Vec<Value> {
    let fixtures = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let mut objects = BTreeMap::new();
    for folder in std::fs::read_dir(fixtures).unwrap().map(|entry| entry.unwrap().path()) {
        let read = |file: &str| std::fs::read_to_string(folder.join(file)).unwrap_or_default();
        if read("machines.yaml").contains("\n  host: ") {
            continue;
        }
        let case = folder.file_name().unwrap().to_str().unwrap();
        for document in serde_yaml::Deserializer::from_str(&read("expected/stdout.yaml")) {
            let mut object = Value::deserialize(document).unwrap();
            let Value::Object(metadata) = &mut object["metadata"] else { continue };
            metadata.remove("namespace");
            let name = format!("{case}.{}", metadata["name"].as_str().unwrap());
            metadata.insert("name".to_owned(), name.chars().take(200).collect::<String>().into());
            if let Some(references) = metadata.get_mut("ownerReferences") {
                references[0]["name"] = owner.0.clone().into();
                references[0]["uid"] = owner.1.clone().into();
            }
            objects.insert(name, object);
        }
    }
    objects.into_values().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_rendered_is_owned_as_is_said() {
    let desk = Desk::new("rendered").await;
    let owner = &owners(&desk).await[0];
    let rendered = rendered(owner);
    assert!(rendered.len() > 60, "{}", rendered.len());
    for desired in &rendered {
        let live = apply_and_check(&desk, None, desired).await;
        let entry = our_entry(&live, None).unwrap();
        assert_eq!(project(&live, entry), in_namespace(desired, &desk), "{desired}");
    }
    // A person edits each, and each is told: by the path, and by the person.
    for desired in &rendered {
        let live = desk.merge("person", desired, None, &json!({ "spec": { "flake": "#mine" } })).await;
        let changes = difference(desired, &live, our_entry(&live, None));
        let managed = metadata_of(&live).managed_fields.unwrap();
        let [contest] = &contests(&changes, &managed, OURS)[..] else { panic!("{changes:?}") };
        assert_eq!((changes.len(), contest.change.path.as_str()), (1, "spec.flake"));
        let [holder] = &contest.holders[..] else { panic!("{contest:?}") };
        assert_eq!((holder.manager.as_str(), holder.operation), ("person", Operation::Update));
        assert!(holder.time.is_some() && holder.subresource.is_none());
    }
}

fn in_namespace(object: &Value, desk: &Desk) -> Value {
    let mut object = object.clone();
    object["metadata"]["namespace"] = desk.namespace().into();
    object
}

#[tokio::test(flavor = "multi_thread")]
async fn every_character_arrives() {
    let desk = Desk::new("characters").await;
    let characters = (1..0x100).chain([0x2028, 0x2029, 0xfeff, 0xfffe, 0xffff, 0x1_f600]);
    let characters = characters.map(|code| char::from_u32(code).unwrap());
    let text: String = characters.map(|character| format!("a {character} b\n{character}\n")).collect();
    let desired = json!({
        "apiVersion": "nio.homystack.com/v1alpha1", "kind": "NixosConfiguration", "metadata": { "name": "home-a" },
        "spec": { "machineRef": { "name": "a" }, "flake": text },
    });
    let live = apply_and_check(&desk, None, &desired).await;
    assert_eq!(live["spec"]["flake"], text);
}
