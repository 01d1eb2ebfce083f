//! What an API server notes as applied by a field manager (`FieldsV1`), of the objects that NICO applies.

use nico_crds::NixosConfiguration;
use serde_json::{Map, Value};

/// The fields of a configuration as it was applied. Lists without a type are exchanged as a whole.
pub fn owned(applied: &NixosConfiguration) -> Value {
    let mut root = Map::new();
    let mut metadata = Map::new();
    for (field, entries) in
        [("annotations", &applied.metadata.annotations), ("labels", &applied.metadata.labels)]
    {
        let keys: Map<_, _> = entries.iter().flatten().map(|(key, _)| (format!("f:{key}"), leaf())).collect();
        if !keys.is_empty() {
            metadata.insert(format!("f:{field}"), Value::Object(keys));
        }
    }
    let owners: Map<_, _> = applied
        .metadata
        .owner_references
        .iter()
        .flatten()
        .map(|owner| (format!("k:{{\"uid\":\"{}\"}}", owner.uid), leaf()))
        .collect();
    if !owners.is_empty() {
        metadata.insert("f:ownerReferences".to_owned(), Value::Object(owners));
    }
    root.insert("f:metadata".to_owned(), Value::Object(metadata));
    let spec = &applied.spec;
    let mut fields = Map::new();
    let mut plain = |name: &str, there: bool| {
        if there {
            fields.insert(format!("f:{name}"), leaf());
        }
    };
    plain("additionalFiles", !spec.additional_files.is_empty());
    plain("configurationSubdir", spec.configuration_subdir.is_some());
    plain("flake", spec.flake.is_some());
    plain("fullInstall", spec.full_install.is_some());
    plain("gitRepo", spec.git_repo.is_some());
    plain("onRemoveFlake", spec.on_remove_flake.is_some());
    plain("ref", spec.git_ref.is_some());
    for (name, reference) in [("credentialsRef", &spec.credentials_ref), ("machineRef", &spec.machine_ref)] {
        if reference.is_some() {
            let inner = Map::from_iter([("f:name".to_owned(), leaf())]);
            fields.insert(format!("f:{name}"), Value::Object(inner));
        }
    }
    root.insert("f:spec".to_owned(), Value::Object(fields));
    Value::Object(root)
}

fn leaf() -> Value {
    Value::Object(Map::new())
}
