//! `make bench`: ratios, measured side by side in one run. No time is asserted: the machine is shared. What is
//! asserted is that the operator asks for nothing at rest.
//!
//! With an argument it measures one thing only: `rendering`, `planning`, `apply` (with
//! `diff`), or `rest`.

#![allow(clippy::print_stdout, reason = "printing is its job")]
#![allow(clippy::indexing_slicing, reason = "a missing field of JSON is null")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a bench that cannot run has to say so and end")]
#![allow(clippy::cast_precision_loss, clippy::arithmetic_side_effects, reason = "figures for people")]

mod fleet;
mod growth;
mod others;
mod planning;
mod server;
mod timing;

use nico_crds::NixosConfiguration;
use nico_render::{Inventory, render_all};

use fleet::{Layout, fleet, live};
use timing::side_by_side;

const CLUSTERS: usize = 100;
const MACHINES: usize = 100;

fn main() {
    match std::env::args().nth(1).as_deref() {
        None => {
            rendering();
            planning::planning();
            server::apply();
            server::rest();
        }
        Some("rendering") => rendering(),
        Some("planning") => planning::planning(),
        Some("apply") => server::apply(),
        Some("rest") => server::rest(),
        // A child of `growth` measures its own memory.
        Some(machines) => growth::child(machines.parse().expect("rendering, planning, apply or rest")),
    }
}

fn rendering() {
    println!(
        "Rendering {CLUSTERS} clusters of {MACHINES} machines to YAML, beside serialising the finished objects:"
    );
    for layout in [Layout::NamespaceEach, Layout::OneNamespace] {
        let inventory = fleet(CLUSTERS, MACHINES, layout);
        beside_serialising(&format!("new, {layout}"), &inventory);
        let running = live(&inventory);
        beside_serialising(&format!("running, {layout}"), &running);
    }
    // A tenth: they take that long.
    others::beside_other_tools(&fleet(CLUSTERS / 10, MACHINES, Layout::NamespaceEach));
    growth::by_size(&[250, 500, 1000]);
}

/// The objects that a rendering gives.
fn objects(inventory: &Inventory) -> Vec<NixosConfiguration> {
    let rendered = render_all(inventory).into_values();
    let desired = rendered.map(|desired| desired.expect("the fleet is sound"));
    desired.flat_map(|desired| desired.configurations).map(|configuration| configuration.object).collect()
}

/// As `nico render` prints it.
fn to_yaml(objects: &[NixosConfiguration]) -> String {
    let mut text = String::new();
    for object in objects {
        if !text.is_empty() {
            text.push_str("---\n");
        }
        nico_crds::yaml::write(&mut text, object).expect("plain data");
    }
    text
}

/// The same by the YAML crate alone.
fn by_the_crate(objects: &[NixosConfiguration]) -> String {
    let mut text = String::new();
    for object in objects {
        text.push_str("---\n");
        let options = serde_saphyr::ser_options! { folded_wrap_chars: usize::MAX };
        serde_saphyr::to_fmt_writer_with_options(&mut text, object, options).expect("plain data");
    }
    text
}

fn beside_serialising(name: &str, inventory: &Inventory) {
    let finished = objects(inventory);
    let rendered = || {
        let objects = objects(inventory);
        (to_yaml(&objects), objects)
    };
    let (render, serialise) = side_by_side(rendered, || by_the_crate(&finished));
    println!("  {name}: {} objects, {:.1} MB", finished.len(), by_the_crate(&finished).len() as f64 / 1e6);
    println!("    {}", timing::ratio(&render, &serialise));
}
