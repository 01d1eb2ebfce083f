//! The `CustomResourceDefinition` of `KubernetesCluster`: the types' schema, with its sizes and rules.

use std::sync::OnceLock;

use kube::CustomResourceExt;
use serde_json::{Map, Value, json};

use crate::constraints::{rules, sizes};
use crate::{KubernetesCluster, yaml};

/// The first line of the generated file.
const HEADER: &str = "# Generated from the types in crds/src; `make generate` writes it anew.\n";

/// The definition, as JSON.
pub fn definition() -> &'static Value {
    static DEFINITION: OnceLock<Value> = OnceLock::new();
    DEFINITION.get_or_init(build)
}

/// The schema of a whole object.
pub(crate) fn schema() -> &'static Value {
    static NOTHING: Value = Value::Null;
    definition().pointer("/spec/versions/0/schema/openAPIV3Schema").unwrap_or(&NOTHING)
}

/// The definition as a file: what `nico crds` prints.
pub fn definition_yaml() -> Result<String, yaml::WriteError> {
    Ok(format!("{HEADER}{}", yaml::to_string(definition())?))
}

fn build() -> Value {
    // Plain data: it always becomes JSON.
    let mut definition = serde_json::to_value(KubernetesCluster::crd()).unwrap_or_default();
    if let Some(schema) = definition.pointer_mut("/spec/versions/0/schema/openAPIV3Schema") {
        for (path, size) in sizes() {
            if let (Some(Value::Object(place)), Value::Object(size)) = (at(schema, &path), size) {
                place.extend(size);
            }
        }
        for (path, rule) in rules() {
            if let Some(Value::Object(place)) = at(schema, &path) {
                let rule = json!({ "rule": rule.rule, "message": rule.message });
                let rules = place.entry("x-kubernetes-validations").or_insert_with(|| json!([]));
                if let Value::Array(rules) = rules {
                    rules.push(rule);
                }
            }
        }
        tidy(schema);
    }
    definition
}

/// The schema at a dotted path.
fn at<'s>(schema: &'s mut Value, path: &str) -> Option<&'s mut Value> {
    let mut place = schema;
    for part in path.split('.').filter(|part| !part.is_empty()) {
        let name = part.trim_end_matches("[]").trim_end_matches("{}");
        place = place.get_mut("properties")?.get_mut(name)?;
        if part.ends_with("[]") {
            place = place.get_mut("items")?;
        } else if part.ends_with("{}") {
            place = place.get_mut("additionalProperties")?;
        }
    }
    Some(place)
}

/// Descriptions as one paragraph; no formats that the API server does not know.
fn tidy(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            tidy_members(members);
            members.values_mut().for_each(tidy);
        }
        Value::Array(items) => items.iter_mut().for_each(tidy),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn tidy_members(members: &mut Map<String, Value>) {
    if let Some(Value::String(description)) = members.get_mut("description") {
        *description = description.replace('\n', " ").replace('`', "");
    }
}

/// Every path of the constraints exists in the schema: what is misspelt would silently bind nothing.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_constraint_has_its_place() {
        let mut schema = schema().clone();
        let paths = sizes().into_iter().map(|(path, _)| path).chain(rules().map(|(path, _)| path));
        for path in paths {
            assert!(at(&mut schema, &path).is_some(), "{path} is not in the schema");
        }
    }
}
