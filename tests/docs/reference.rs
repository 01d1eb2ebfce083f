//! `docs/reference/kubernetescluster.md`: every field of the definition, with what it means and what it must satisfy.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::Value;

const FILE: &str = "docs/reference/kubernetescluster.md";

#[test]
fn the_reference_of_the_cluster_is_the_definitions() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/reference/kubernetescluster.md");
    let generated = page(nico_crds::definition());
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(path, &generated).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(committed == generated, "{FILE} is out of date: run `make generate`");
}

fn page(definition: &Value) -> String {
    let spec = &definition["spec"];
    let names = &spec["names"];
    let version = &spec["versions"][0];
    let schema = &version["schema"]["openAPIV3Schema"];
    let kind = text(&names["kind"]);
    let mut page = Page::default();
    page.line("<!-- Generated from the types in crds/src; `make generate` writes it anew. -->\n");
    page.line(&format!("# {kind}\n"));
    let short: Vec<_> = items(&names["shortNames"]).map(|name| format!("`{}`", text(name))).collect();
    let (group, version_name) = (text(&spec["group"]), text(&version["name"]));
    page.line(&format!(
        "`{group}/{version_name}`, {}. For kubectl: `{}`, {}.\n",
        text(&spec["scope"]).to_lowercase(),
        text(&names["plural"]),
        short.join(", ")
    ));
    page.line(&format!("{}\n", escaped(text(&schema["description"]))));
    page.rules(schema);
    columns(&mut page, version);
    page.line("A field that is not called required may be left out. What `nico crds` prints has the rules in CEL.\n");
    for part in ["spec", "status"] {
        page.field(part, &schema["properties"][part], false, 2);
    }
    page.text.truncate(page.text.trim_end().len());
    page.text.push('\n');
    page.text
}

/// What `kubectl get` shows.
fn columns(page: &mut Page, version: &Value) {
    page.line("| column of `kubectl get` | field | what it tells |");
    page.line("|---|---|---|");
    for column in items(&version["additionalPrinterColumns"]) {
        let wide = if column["priority"] == 1 { " (`-o wide`)" } else { "" };
        let (name, path) = (text(&column["name"]), text(&column["jsonPath"]).trim_start_matches('.'));
        page.line(&format!("| {name}{wide} | `{path}` | {} |", text(&column["description"])));
    }
    page.line("");
}

#[derive(Default)]
struct Page {
    text: String,
    /// Where fields that came before are told of.
    told: BTreeMap<String, String>,
}

impl Page {
    fn line(&mut self, line: &str) {
        writeln!(self.text, "{line}").unwrap();
    }

    fn field(&mut self, path: &str, schema: &Value, is_required: bool, depth: usize) {
        let heading = if depth == 2 { path.to_owned() } else { format!("`{path}`") };
        self.line(&format!("{} {heading}\n", "#".repeat(depth)));
        self.line(&format!("{}\n", kind(schema, is_required)));
        if let Some(description) = schema["description"].as_str() {
            self.line(&format!("{}\n", escaped(description)));
        }
        self.rules(schema);
        // What holds an object is told with the object's fields.
        let (inner, path) = match (&schema["items"], &schema["additionalProperties"]) {
            (Value::Object(_), _) => (&schema["items"], format!("{path}[]")),
            (_, Value::Object(_)) => (&schema["additionalProperties"], format!("{path}.*")),
            (_, _) => (schema, path.to_owned()),
        };
        let Value::Object(properties) = &inner["properties"] else { return };
        let (fields, anchor) = (inner["properties"].to_string(), anchor(&path));
        if let Some(before) = self.told.get(&fields) {
            let line =
                format!("Its fields are those of [`{before}`](#{}).\n", crate::markdown::anchor(before));
            return self.line(&line);
        }
        self.told.insert(fields, anchor);
        let required: Vec<_> = items(&inner["required"]).map(text).collect();
        for (name, property) in properties {
            self.field(&format!("{path}.{name}"), property, required.contains(&name.as_str()), 3);
        }
    }

    fn rules(&mut self, schema: &Value) {
        let mut rules: Vec<_> = items(&schema["x-kubernetes-validations"])
            .map(|rule| format!("* {}", escaped(text(&rule["message"]))))
            .collect();
        for inner in ["items", "additionalProperties"] {
            let of_each = items(&schema[inner]["x-kubernetes-validations"]);
            rules.extend(of_each.map(|rule| format!("* each: {}", escaped(text(&rule["message"])))));
        }
        if !rules.is_empty() {
            self.line(&format!("{}\n", rules.join("\n")));
        }
    }
}

/// The path whose heading it is: that of a list's items is the list's.
fn anchor(path: &str) -> String {
    path.trim_end_matches("[]").trim_end_matches(".*").to_owned()
}

/// In one line: the type, its bounds, the default, whether it is required.
fn kind(schema: &Value, is_required: bool) -> String {
    let mut kind = type_of(schema);
    kind.push_str(&bounds(schema));
    for (inner, what) in [("items", "each"), ("additionalProperties", "each value")] {
        let of_each = bounds(&schema[inner]);
        if !of_each.is_empty() {
            write!(kind, "; {what}{}", of_each.replacen(", ", " ", 1)).unwrap();
        }
    }
    let options: Vec<_> =
        items(&schema["enum"]).filter(|one| !one.is_null()).map(|one| format!("`{}`", text(one))).collect();
    if !options.is_empty() {
        write!(kind, "; one of {}", options.join(", ")).unwrap();
    }
    if !schema["default"].is_null() {
        write!(kind, "; default `{}`", schema["default"]).unwrap();
    }
    if is_required {
        kind.push_str("; required");
    }
    kind
}

fn type_of(schema: &Value) -> String {
    let of_each = |inner: &Value| match type_of(inner).as_str() {
        "object" => "objects".to_owned(),
        simple => format!("{simple}s"),
    };
    match (schema["x-kubernetes-int-or-string"].as_bool(), schema["type"].as_str().unwrap_or("any")) {
        (Some(true), _) => "integer or string".to_owned(),
        (_, "array") => format!("list of {}", of_each(&schema["items"])),
        (_, "object") if schema["additionalProperties"].is_object() => {
            format!("map of {}", of_each(&schema["additionalProperties"]))
        }
        (_, simple) => simple.to_owned(),
    }
}

fn bounds(schema: &Value) -> String {
    let mut bounds = String::new();
    let names = [
        ("minimum", "at least", ""),
        ("maximum", "at most", ""),
        ("minLength", "at least", " characters"),
        ("maxLength", "at most", " characters"),
        ("maxItems", "at most", " of them"),
        ("maxProperties", "at most", " of them"),
    ];
    for (name, word, unit) in names {
        if let Some(bound) = schema[name].as_f64() {
            write!(bounds, ", {word} {bound}{unit}").unwrap();
        }
    }
    bounds
}

fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// What would be taken for Markdown or for HTML.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for letter in text.chars() {
        if "\\`*_<[]".contains(letter) {
            escaped.push('\\');
        }
        escaped.push(letter);
    }
    escaped
}

/// What the API server refuses is told: no part of the schema is passed over.
#[test]
fn the_reference_knows_every_part_of_the_schema() {
    const KNOWN: [&str; 20] = [
        "title",
        "description",
        "type",
        "properties",
        "items",
        "additionalProperties",
        "required",
        "nullable",
        "enum",
        "default",
        "format",
        "minimum",
        "maximum",
        "minLength",
        "maxLength",
        "maxItems",
        "maxProperties",
        "x-kubernetes-int-or-string",
        "x-kubernetes-validations",
        "x-kubernetes-list-type",
    ];
    fn look(schema: &Value) {
        for (name, part) in schema.as_object().unwrap() {
            assert!(
                KNOWN.contains(&&**name) || name == "x-kubernetes-list-map-keys",
                "{name} is not told of"
            );
            match name.as_str() {
                "properties" => part.as_object().unwrap().values().for_each(look),
                "items" | "additionalProperties" => look(part),
                _ => {}
            }
        }
    }
    look(&nico_crds::definition()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]);
}
