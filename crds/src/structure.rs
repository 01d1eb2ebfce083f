//! What a structural schema demands of a value, as the API server demands it: types, required and
//! unknown fields, enums, ranges, sizes. kube's CEL evaluates the rules only.

use serde_json::{Map, Value};

use crate::validate::Violation;

/// Adds what the value violates.
pub(crate) fn check(path: &str, value: &Value, schema: &Value, violations: &mut Vec<Violation>) {
    let before = violations.len();
    check_type(path, value, schema, violations);
    if violations.len() > before {
        return;
    }
    check_enum(path, value, schema, violations);
    match value {
        Value::Object(fields) => check_object(path, fields, schema, violations),
        Value::Array(items) => {
            bound(path, items.len(), schema, "maxItems", "items", violations);
            if let Some(of_items) = schema.get("items") {
                for (place, item) in items.iter().enumerate() {
                    check(&format!("{path}[{place}]"), item, of_items, violations);
                }
            }
        }
        Value::String(text) => {
            bound(path, text.chars().count(), schema, "maxLength", "characters", violations);
        }
        Value::Number(_) => check_range(path, value, schema, violations),
        Value::Null | Value::Bool(_) => {}
    }
}

fn check_type(path: &str, value: &Value, schema: &Value, violations: &mut Vec<Violation>) {
    if schema.get("x-kubernetes-int-or-string") == Some(&Value::Bool(true)) {
        if !(value.is_i64() || value.is_string()) {
            violations
                .push(Violation::new(path, format!("must be an integer or a string, not {}", kind(value))));
        }
        return;
    }
    let Some(wanted) = schema.get("type").and_then(Value::as_str) else { return };
    let fits = match wanted {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        _ => true,
    };
    if !fits {
        let article = if wanted.starts_with(['a', 'i', 'o']) { "an" } else { "a" };
        violations.push(Violation::new(path, format!("must be {article} {wanted}, not {}", kind(value))));
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(number) if number.is_f64() => "a fraction",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn check_enum(path: &str, value: &Value, schema: &Value, violations: &mut Vec<Violation>) {
    let Some(allowed) = schema.get("enum").and_then(Value::as_array) else { return };
    if !allowed.contains(value) {
        let allowed: Vec<_> = allowed.iter().filter(|one| !one.is_null()).map(Value::to_string).collect();
        let message = format!("Unsupported value: {value}: supported values: {}", allowed.join(", "));
        violations.push(Violation::new(path, message));
    }
}

fn check_object(path: &str, fields: &Map<String, Value>, schema: &Value, violations: &mut Vec<Violation>) {
    bound(path, fields.len(), schema, "maxProperties", "entries", violations);
    let known = schema.get("properties").and_then(Value::as_object);
    let of_values = schema.get("additionalProperties").filter(|schema| schema.is_object());
    let open = schema.get("x-kubernetes-preserve-unknown-fields") == Some(&Value::Bool(true));
    for (name, value) in fields {
        let place = join(path, name);
        match known.and_then(|known| known.get(name)).or(of_values) {
            Some(of_field) => check(&place, value, of_field, violations),
            None if open || known.is_none() => {}
            None => violations.push(Violation::new(&place, unknown(name, known))),
        }
    }
    let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
    for name in required.filter_map(Value::as_str).filter(|name| !fields.contains_key(*name)) {
        violations.push(Violation::new(&join(path, name), "Required value"));
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn unknown(name: &str, known: Option<&Map<String, Value>>) -> String {
    let names = known.into_iter().flat_map(Map::keys);
    let nearest = names.map(|other| (distance(name, other), other)).min();
    match nearest {
        Some((distance, other)) if distance <= 3 => format!("unknown field; did you mean {other}?"),
        Some(_) | None => {
            let names: Vec<_> = known.into_iter().flat_map(Map::keys).map(String::as_str).collect();
            format!("unknown field; known are {}", names.join(", "))
        }
    }
}

/// How many letters have to be put in, taken out or changed (Levenshtein), case aside.
fn distance(a: &str, b: &str) -> usize {
    let (a, b) = (a.to_ascii_lowercase(), b.to_ascii_lowercase());
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, from) in a.chars().take(64).enumerate() {
        let mut next = vec![i.saturating_add(1)];
        for ((to, over), diagonal) in b.chars().zip(row.iter().skip(1)).zip(&row) {
            let left = next.last().copied().unwrap_or(usize::MAX);
            let changed = diagonal.saturating_add(usize::from(from != to));
            next.push(changed.min(left.saturating_add(1)).min(over.saturating_add(1)));
        }
        row = next;
    }
    row.last().copied().unwrap_or(usize::MAX)
}

fn check_range(path: &str, value: &Value, schema: &Value, violations: &mut Vec<Violation>) {
    let number = value.as_f64().unwrap_or(f64::NAN);
    let limit = |name: &str| schema.get(name).and_then(Value::as_f64);
    if limit("minimum").is_some_and(|least| number < least) {
        violations.push(Violation::new(
            path,
            format!("should be greater than or equal to {}", plain(limit("minimum"))),
        ));
    }
    if limit("maximum").is_some_and(|most| number > most) {
        violations.push(Violation::new(
            path,
            format!("should be less than or equal to {}", plain(limit("maximum"))),
        ));
    }
    let fits = match schema.get("format").and_then(Value::as_str) {
        Some("int32") => value.as_i64().is_some_and(|number| i32::try_from(number).is_ok()),
        Some("int64") => value.is_i64(),
        Some(_) | None => true,
    };
    if !fits {
        violations.push(Violation::new(path, "the number is too large"));
    }
}

fn plain(limit: Option<f64>) -> String {
    limit.map(|limit| limit.to_string()).unwrap_or_default()
}

fn bound(path: &str, size: usize, schema: &Value, name: &str, unit: &str, violations: &mut Vec<Violation>) {
    let most = schema.get(name).and_then(Value::as_u64).and_then(|most| usize::try_from(most).ok());
    if let Some(most) = most.filter(|most| size > *most) {
        violations.push(Violation::new(path, format!("may not have more than {most} {unit}; it has {size}")));
    }
}
