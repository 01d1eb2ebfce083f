//! Other tools with the same objects: `PyYAML`'s dump, and `kubectl kustomize`.

use std::path::Path;
use std::process::Command;

use nico_render::Inventory;

use crate::timing::{median_of, seconds};
use crate::{objects, to_yaml};

/// Dumps what it loaded before, and prints the seconds: Python's start and the loading do not count.
const DUMP: &str = "
import sys, time, yaml
try:
    from yaml import CSafeDumper, CSafeLoader
except ImportError:
    sys.exit('PyYAML was built without libyaml')
objects = list(yaml.load_all(open(sys.argv[1], encoding='utf-8'), Loader=CSafeLoader))
for dumper in (yaml.SafeDumper, CSafeDumper):
    started = time.perf_counter()
    yaml.dump_all(objects, Dumper=dumper)
    print(time.perf_counter() - started)
";

const ROUNDS: usize = 3;

/// Measures them, in turn with ours.
pub fn beside_other_tools(inventory: &Inventory) {
    println!("The same objects, by other tools (their time through ours):");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let text = to_yaml(&objects(inventory));
    std::fs::write(folder.path().join("objects.yaml"), &text).expect("room for the objects");
    std::fs::write(folder.path().join("kustomization.yaml"), "resources: [objects.yaml]\n")
        .expect("room for a line");
    let (mut ours, mut plain, mut fast, mut kustomize) = (vec![], vec![], vec![], vec![]);
    for _ in 0..ROUNDS {
        ours.push(seconds(|| to_yaml(&objects(inventory)).len()));
        if let [slow, quick] = python(folder.path()).as_slice() {
            plain.push(*slow);
            fast.push(*quick);
        }
        kustomize.push(seconds(|| run_kustomize(folder.path())));
    }
    for (name, times) in
        [("PyYAML", &plain), ("PyYAML with libyaml", &fast), ("kubectl kustomize", &kustomize)]
    {
        if times.is_empty() {
            println!("  {name}: could not be run; tests/tools.sh installs PyYAML");
        } else {
            println!("  {name}: {:.1} times as long", median_of(times) / median_of(&ours));
        }
    }
}

fn python(folder: &Path) -> Vec<f64> {
    let output = Command::new("python3").args(["-c", DUMP]).arg(folder.join("objects.yaml")).output();
    let output = output.expect("python3 is needed: tests/tools.sh installs it");
    String::from_utf8_lossy(&output.stdout).lines().filter_map(|line| line.parse().ok()).collect()
}

fn run_kustomize(folder: &Path) {
    let kubectl = Path::new(env!("CARGO_MANIFEST_DIR")).join("../control-plane/bin/kubectl");
    let output = Command::new(kubectl).arg("kustomize").arg(folder).output();
    let output = output.expect("kubectl is needed: `make control-plane-binaries` builds it");
    assert!(output.status.success(), "kubectl kustomize: {}", String::from_utf8_lossy(&output.stderr));
}
