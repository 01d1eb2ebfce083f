//! Random objects and edits, the same for the same seed.

#![allow(clippy::arithmetic_side_effects, reason = "small numbers of our own")]

use serde_json::{Map, Value, json};

/// splitmix64.
pub struct Dice(pub u64);

impl Dice {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(bound).unwrap()).unwrap()
    }

    pub fn of<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())].clone()
    }

    pub fn one_in(&mut self, of: usize) -> bool {
        self.below(of) == 0
    }

    /// Some of them, in any order.
    pub fn some_of<T: Clone>(&mut self, choices: &[T]) -> Vec<T> {
        let mut left = choices.to_vec();
        let mut taken = Vec::new();
        for _ in 0..self.below(choices.len() + 1) {
            taken.push(left.remove(self.below(left.len())));
        }
        taken
    }

    /// Some fields of an object.
    fn fields(&mut self, choices: &[(&str, Vec<Value>)]) -> Map<String, Value> {
        let mut fields = Map::new();
        for (field, values) in choices {
            if !self.one_in(3) {
                fields.insert((*field).to_owned(), self.of(values));
            }
        }
        fields
    }
}

const FINALIZERS: [&str; 4] =
    ["nico.homystack.com/a", "nico.homystack.com/b", "other.example/c", "other.example/d"];

/// What the random objects have in common.
pub struct World {
    pub kind: &'static str,
    pub subresource: Option<&'static str>,
    /// Clusters that own objects, by name and uid.
    pub owners: Vec<(String, String)>,
    /// Bodies of applies that are real.
    pub bases: Vec<Value>,
}

impl World {
    /// What NICO might want of the object.
    pub fn desired(&self, dice: &mut Dice) -> Value {
        let mut body = dice.of(&self.bases);
        for _ in 0..dice.below(4) {
            merge(&mut body, &self.edit(dice, false));
        }
        body
    }

    /// A merge patch. Some can only be written by an update.
    pub fn edit(&self, dice: &mut Dice, by_update: bool) -> Value {
        match (self.kind, self.subresource) {
            ("KubernetesCluster", Some(_)) => json!({ "status": status(dice) }),
            ("KubernetesCluster", None) => json!({ "metadata": self.metadata(dice, by_update) }),
            ("Secret", _) => match dice.below(2) {
                0 => json!({ "metadata": self.metadata(dice, by_update) }),
                _ => json!({ "data": data(dice) }),
            },
            _ => match dice.below(2) {
                0 => json!({ "metadata": self.metadata(dice, by_update) }),
                _ => json!({ "spec": spec(dice, by_update) }),
            },
        }
    }

    fn metadata(&self, dice: &mut Dice, by_update: bool) -> Value {
        match dice.below(4) {
            0 => {
                let values = [json!("a"), json!("b"), Value::Null];
                let label =
                    dice.of(&["nico.homystack.com/cluster", "nico.homystack.com/role", "foreign", "x.y/z"]);
                let one = json!({ label: dice.of(&values) });
                json!({ "labels": dice.of(&[Value::Null, json!({}), one]) })
            }
            1 => {
                let values = [json!("1"), json!("2"), Value::Null];
                let note = dice.of(&["nico.homystack.com/text", "nico.homystack.com/ordinal", "foreign"]);
                json!({ "annotations": { note: dice.of(&values) } })
            }
            2 => {
                let mut finalizers = dice.some_of(&FINALIZERS);
                if by_update && !finalizers.is_empty() && dice.one_in(3) {
                    finalizers.push(dice.of(&finalizers));
                }
                json!({ "finalizers": dice.of(&[json!(finalizers), json!(finalizers), Value::Null]) })
            }
            _ => {
                let owners = dice.some_of(&self.owners).into_iter().map(|(name, uid)| {
                    let mut owner = json!({
                        "apiVersion": "nico.homystack.com/v1alpha1", "kind": "KubernetesCluster", "name": name, "uid": uid,
                    });
                    if dice.one_in(2) {
                        owner["blockOwnerDeletion"] = dice.of(&[true, false]).into();
                    }
                    owner
                });
                json!({ "ownerReferences": owners.collect::<Vec<_>>() })
            }
        }
    }
}

fn data(dice: &mut Dice) -> Value {
    let values = [json!("YQ=="), json!("Yg=="), Value::Null];
    let one = json!({ dice.of(&["token", "kubeconfig", "value"]): dice.of(&values) });
    dice.of(&[one.clone(), one, json!({})])
}

fn spec(dice: &mut Dice, by_update: bool) -> Value {
    // An applier that goes from `{ name }` to `{}` is refused: the server makes a null of it.
    let empty = if by_update { json!({}) } else { Value::Null };
    let nameless = if by_update { json!({ "name": Value::Null }) } else { Value::Null };
    let file = |text: &str| json!([{ "path": "cluster.nix", "valueType": "Inline", "inline": text }]);
    let fields = [
        ("machineRef", vec![json!({ "name": "other" })]),
        ("ref", vec![json!("main"), json!("next"), Value::Null]),
        ("flake", vec![json!("#a"), json!("#b"), Value::Null]),
        ("fullInstall", vec![json!(true), json!(false), Value::Null]),
        ("configurationSubdir", vec![json!("nix"), Value::Null]),
        ("credentialsRef", vec![empty, json!({ "name": "x" }), nameless, Value::Null]),
        ("additionalFiles", vec![json!([]), file("a"), file("b"), Value::Null]),
    ];
    // An applier that lets go what must be there is refused.
    let fields = if by_update { &fields } else { &fields[1..] };
    let mut spec = Map::new();
    for _ in 0..=dice.below(2) {
        let (field, values) = dice.of(fields);
        spec.insert(field.to_owned(), dice.of(&values));
    }
    Value::Object(spec)
}

fn status(dice: &mut Dice) -> Value {
    let mut conditions = Vec::new();
    for kind in dice.some_of(&["Ready", "Paused", "A<B&C>", "Foreign"]) {
        let mut condition = dice.fields(&[
            ("status", vec![json!("True"), json!("False"), Value::Null]),
            ("reason", vec![json!("A"), json!("B")]),
            ("observedGeneration", vec![json!(1), json!(2)]),
        ]);
        condition.insert("type".to_owned(), kind.into());
        conditions.push(Value::Object(condition));
    }
    let mut machines = Vec::new();
    for name in dice.some_of(&["node-1", "node-2", "node.3"]) {
        let mut machine = dice.fields(&[("state", vec![json!("Settled"), json!("InFlight")])]);
        machine.insert("name".to_owned(), name.into());
        machines.push(Value::Object(machine));
    }
    let fields = [
        ("phase", vec![json!("Ready"), json!("Failed"), Value::Null]),
        ("bootstrapped", vec![json!(true), Value::Null]),
        (
            "appliedMachines",
            vec![
                json!({}),
                json!({ "node-1": "a" }),
                json!({ "node-1": Value::Null, "node.3": "b" }),
                Value::Null,
            ],
        ),
        ("selectedControlPlaneMachines", vec![json!([]), json!(["a", "b"]), json!(["b", "a"]), Value::Null]),
        (
            "controlPlane",
            vec![json!({}), json!({ "ready": 1 }), json!({ "ready": 1, "total": 3 }), Value::Null],
        ),
        ("conditions", vec![json!(conditions), json!(conditions), json!(conditions), Value::Null]),
        ("machines", vec![json!(machines), json!(machines), json!(machines), Value::Null]),
    ];
    let mut status = Map::new();
    for _ in 0..=dice.below(2) {
        let (field, values) = dice.of(&fields);
        status.insert(field.to_owned(), dice.of(&values));
    }
    Value::Object(status)
}

/// A merge patch (RFC 7396): it leaves no null.
pub fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    for (field, value) in patch {
        if value.is_null() {
            target.as_object_mut().unwrap().remove(field);
        } else {
            merge(&mut target[field], value);
        }
    }
}
