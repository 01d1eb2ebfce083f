//! Which fields of a live configuration are not as they should be: those that NICO writes, and no
//! others.

use nico_crds::NixosConfiguration;
use serde_json::Value;

/// The paths of the fields that differ. What NICO does not write (server defaults, other people's labels
/// and annotations) is no difference.
pub fn fields(desired: &NixosConfiguration, live: &NixosConfiguration) -> Vec<String> {
    let mut fields = Vec::new();
    let maps = [
        ("metadata.labels", &desired.metadata.labels, &live.metadata.labels),
        ("metadata.annotations", &desired.metadata.annotations, &live.metadata.annotations),
    ];
    for (path, desired, live) in maps {
        for (key, value) in desired.iter().flatten() {
            if live.as_ref().and_then(|live| live.get(key)) != Some(value) {
                fields.push(format!("{path}[{key}]"));
            }
        }
    }
    let owners = &desired.metadata.owner_references;
    if owners.is_some() && *owners != live.metadata.owner_references {
        fields.push("metadata.ownerReferences".to_owned());
    }
    // Both are plain data: neither can fail to become JSON.
    let as_json =
        |configuration: &NixosConfiguration| serde_json::to_value(&configuration.spec).unwrap_or_default();
    compare("spec", &as_json(desired), &as_json(live), &mut fields);
    fields
}

fn compare(path: &str, desired: &Value, live: &Value, fields: &mut Vec<String>) {
    match (desired, live) {
        (Value::Object(desired), Value::Object(live)) => {
            for (key, value) in desired {
                compare(&format!("{path}.{key}"), value, live.get(key).unwrap_or(&Value::Null), fields);
            }
        }
        (Value::Array(desired), Value::Array(live)) if desired.len() == live.len() => {
            for (place, (desired, live)) in desired.iter().zip(live).enumerate() {
                compare(&format!("{path}[{place}]"), desired, live, fields);
            }
        }
        (desired, live) => {
            if desired != live {
                fields.push(path.to_owned());
            }
        }
    }
}
