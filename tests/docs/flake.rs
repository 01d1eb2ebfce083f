//! The example flake under real Nix, purely and without a network: what lies in `examples/flake` with a `cluster.nix` of
//! NICO's own, over stubs of nixpkgs and disko; and its thin variant, which fetches it from a repository.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::pages::root;

/// What the flake asks for from the network, and the folder of the stub that stands for it.
const INPUTS: [(&str, &str); 2] =
    [("github:NixOS/nixpkgs/nixos-25.05", "nixpkgs"), ("github:nix-community/disko", "disko")];

/// A folder with a store of its own, and the flake in a repository.
struct Site(TempDir);

impl Site {
    fn new() -> Self {
        let site = Self(tempfile::tempdir().unwrap());
        copy(&root().join("tests/docs/stubs"), &site.path("stubs"));
        copy(&root().join("examples/flake"), &site.path("flake"));
        let file = site.path("flake/flake.nix");
        let mut text = std::fs::read_to_string(&file).unwrap();
        for (input, stub) in INPUTS {
            assert!(text.contains(input), "the flake does not ask for {input}");
            text = text.replace(input, &format!("path:{}", site.path("stubs").join(stub).display()));
        }
        std::fs::write(file, text).unwrap();
        site.commit("flake");
        succeeded(&site.nix("flake", &["flake", "lock"]));
        site.commit("flake");
        site
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn run(&self, program: &str, folder: &str, arguments: &[&str]) -> Output {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(self.path(folder)).env("HOME", self.path("home"));
        // Nothing of the person's own.
        for variable in ["XDG_CACHE_HOME", "XDG_CONFIG_HOME", "NIX_PATH", "GIT_DIR"] {
            command.env_remove(variable);
        }
        command.env("NIX_CONFIG", "build-users-group =\nexperimental-features = nix-command flakes");
        command.env("GIT_CONFIG_NOSYSTEM", "1");
        command
            .output()
            .unwrap_or_else(|error| panic!("{program} is needed, tests/tools.sh installs it: {error}"))
    }

    fn git(&self, folder: &str, arguments: &[&str]) -> String {
        let output = self.run("git", folder, arguments);
        String::from_utf8(succeeded(&output).stdout.clone()).unwrap().trim().to_owned()
    }

    fn commit(&self, folder: &str) {
        self.git(folder, &["init", "--quiet"]);
        self.git(folder, &["add", "--all"]);
        let who =
            ["-c", "user.name=test", "-c", "user.email=test@example", "commit", "--quiet", "-m", "test"];
        self.git(folder, &who);
    }

    fn nix(&self, folder: &str, arguments: &[&str]) -> Output {
        let store = self.path("store");
        let all = ["--store", store.to_str().unwrap(), "--offline"];
        self.run("nix", folder, &[&all, arguments].concat())
    }

    /// The configurations of all machines, as a flake gives them.
    fn configurations(&self, folder: &str) -> Output {
        let apply = "builtins.mapAttrs (_: machine: machine.config)";
        self.nix(folder, &["eval", "--json", ".#nixosConfigurations", "--apply", apply])
    }

    fn machines(&self, folder: &str) -> Value {
        serde_json::from_slice(&succeeded(&self.configurations(folder)).stdout).unwrap()
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }
}

fn succeeded(output: &Output) -> &Output {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for path in std::fs::read_dir(from).unwrap().map(|entry| entry.unwrap().path()) {
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            std::fs::copy(&path, &target).unwrap();
        }
    }
}

/// What NICO writes for a case of the fixtures, whose spec may be changed before.
fn cluster_nix(case: &str, change: impl FnOnce(String) -> String) -> String {
    let folder = tempfile::tempdir().unwrap();
    copy(&root().join("fixtures").join(case), folder.path());
    let cluster = folder.path().join("cluster.yaml");
    let text = change(std::fs::read_to_string(&cluster).unwrap());
    std::fs::write(&cluster, text).unwrap();
    let mut nico = Command::new(env!("CARGO_BIN_EXE_nico"));
    nico.args(["render", "-o", "nix", "cluster.yaml", "machines.yaml"]).current_dir(folder.path());
    String::from_utf8(succeeded(&nico.output().unwrap()).stdout.clone()).unwrap()
}

fn names(machines: &Value) -> Vec<&str> {
    machines.as_object().unwrap().keys().map(String::as_str).collect()
}

/// What one of the machines says of k3s: its role, whether it begins the cluster, and whom it joins.
fn k3s(machines: &Value, machine: &str) -> (String, bool, String) {
    let k3s = &machines[machine]["services"]["k3s"];
    assert_eq!(k3s["enable"], true, "{machine}");
    assert!(k3s["tokenFile"].as_str().unwrap().ends_with("join-token"), "{k3s}");
    assert_eq!(machines[machine]["networking"]["hostName"], machine);
    let flags = k3s["extraFlags"].to_string();
    assert!(flags.contains(&format!("--node-name={machine}")), "NICO looks for this name: {flags}");
    let text = |field: &str| k3s[field].as_str().unwrap().to_owned();
    (text("role"), k3s["clusterInit"].as_bool().unwrap(), text("serverAddr"))
}

fn has_name(machines: &Value, machine: &str, name: &str) -> bool {
    let flag = json!(format!("--tls-san={name}"));
    machines[machine]["services"]["k3s"]["extraFlags"].as_array().unwrap().contains(&flag)
}

#[test]
fn the_first_control_plane_begins_the_cluster_and_all_others_join_it() {
    let site = Site::new();
    site.write("flake/cluster.nix", &cluster_nix("three-plus-five", |cluster| cluster));
    let machines = site.machines("flake");
    let nodes: Vec<String> = (1..=8).map(|number| format!("node-{number}")).collect();
    let mut all: Vec<&str> = nodes.iter().map(String::as_str).collect();
    all.insert(0, "minimal");
    assert_eq!(names(&machines), all);

    let join = "https://10.0.0.1:6443";
    assert_eq!(k3s(&machines, "node-1"), ("server".to_owned(), true, String::new()));
    for server in ["node-2", "node-3"] {
        assert_eq!(k3s(&machines, server), ("server".to_owned(), false, join.to_owned()));
        for address in ["10.0.0.1", "10.0.0.2", "10.0.0.3"] {
            assert!(has_name(&machines, server, address), "{address}");
        }
    }
    for agent in ["node-4", "node-8"] {
        assert_eq!(k3s(&machines, agent), ("agent".to_owned(), false, join.to_owned()));
        assert!(!has_name(&machines, agent, "10.0.0.1"));
        assert!(!machines[agent]["networking"]["firewall"]["allowedTCPPorts"].to_string().contains("6443"));
    }
    for machine in all {
        assert_eq!(machines[machine]["disko"]["devices"]["disk"]["main"]["device"], "/dev/sda");
        assert_eq!(machines[machine]["boot"]["loader"]["systemd-boot"]["enable"], true);
    }
    assert!(machines["minimal"]["services"]["k3s"].is_null(), "who leaves runs nothing of the cluster");
    assert!(machines["minimal"]["systemd"]["services"]["forget-kubernetes"].is_object());
}

#[test]
fn other_shapes_of_clusters_are_served_too() {
    let site = Site::new();
    site.write("flake/cluster.nix", &cluster_nix("endpoint", |cluster| cluster));
    let machines = site.machines("flake");
    let vip = cluster_nix("endpoint", |cluster| cluster);
    let vip = vip.split_once("vip = \"").and_then(|(_, rest)| rest.split_once('"')).unwrap().0.to_owned();
    assert!(has_name(&machines, "node-1", &vip), "the endpoint is among the names");

    site.write("flake/cluster.nix", &cluster_nix("single-node", |cluster| cluster));
    let machines = site.machines("flake");
    assert_eq!(names(&machines), ["minimal", "node-1"]);
    assert!(k3s(&machines, "node-1").1, "it begins the cluster");

    // The example itself, as it lies there.
    copy(&root().join("examples/flake"), &site.path("example"));
    let example = std::fs::read_to_string(site.path("example/cluster.nix")).unwrap();
    site.write("flake/cluster.nix", &example);
    assert_eq!(names(&site.machines("flake")).len(), 6);

    // An address of the sixth version is written in brackets.
    let text = cluster_nix("three-plus-five", |cluster| cluster).replace("10.0.0.1\"", "fd00::1\"");
    site.write("flake/cluster.nix", &text);
    assert_eq!(k3s(&site.machines("flake"), "node-2").2, "https://[fd00::1]:6443");
}

/// The thin flake beside the repository, for a cluster that asks for a version, or for none.
fn thin(site: &Site, wanted: Option<&str>) {
    let wanted = wanted.map(|wanted| format!("ref: {wanted}")).unwrap_or_default();
    let text = cluster_nix("three-plus-five", |cluster| {
        assert!(cluster.contains("ref: release"), "{cluster}");
        cluster.replace("ref: release", &wanted)
    });
    // No cluster may name a file: the repository is elsewhere.
    let url = format!("file://{}", site.path("flake").display());
    let own = "https://git.example/fleet.git";
    assert!(text.contains(own), "{text}");
    site.write("thin/cluster.nix", &text.replace(own, &url));
}

#[test]
fn the_thin_flake_fetches_what_the_cluster_asks_for() {
    let site = Site::new();
    // The first version, and another one after it.
    site.git("flake", &["tag", "v1"]);
    let first = site.git("flake", &["rev-parse", "HEAD"]);
    let settings = std::fs::read_to_string(site.path("flake/settings.nix")).unwrap();
    site.write("flake/settings.nix", &settings.replace("/dev/sda", "/dev/sdb"));
    site.commit("flake");
    site.git("flake", &["tag", "v2"]);
    let second = site.git("flake", &["rev-parse", "HEAD"]);

    copy(&root().join("examples/flake/thin"), &site.path("thin"));
    let versions = std::fs::read_to_string(site.path("thin/versions.nix")).unwrap();
    let entry = |name: &str, rev: &str| {
        format!("{name} = {{ ref = \"refs/tags/{name}\"; rev = \"{rev}\"; dir = \"\"; }};")
    };
    let (before, _) = versions.split_once("  v1 = {").unwrap();
    site.write("thin/versions.nix", &format!("{before}{} {} }}", entry("v1", &first), entry("v2", &second)));
    thin(&site, Some("v1"));
    site.commit("thin");
    for (wanted, disk) in [("v1", "/dev/sda"), ("v2", "/dev/sdb"), ("v1", "/dev/sda")] {
        thin(&site, Some(wanted));
        let machines = site.machines("thin");
        assert_eq!(names(&machines).len(), 9, "of the cluster that lies beside the thin flake");
        assert_eq!(machines["node-4"]["disko"]["devices"]["disk"]["main"]["device"], disk, "{wanted}");
        assert!(k3s(&machines, "node-1").1);
    }

    thin(&site, Some("v3"));
    let refused = site.configurations("thin");
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.contains("spec.ref of the cluster home is v3") && said.contains("v1 v2"), "{said}");
    thin(&site, None);
    let said = String::from_utf8(site.configurations("thin").stderr).unwrap();
    assert!(said.contains("has no spec.ref"), "{said}");
}

/// Which flake the thin one would fetch, for a repository and a folder.
fn fetched(url: &str, subdir: Option<&str>, dir: Option<&str>) -> String {
    let site = Site(tempfile::tempdir().unwrap());
    copy(&root().join("examples/flake/thin"), &site.path("thin"));
    let subdir = subdir.map(|subdir| format!("subdir = \"{subdir}\";")).unwrap_or_default();
    let source = format!("{{ url = \"{url}\"; ref = \"v1\"; {subdir} }}");
    site.write("thin/cluster.nix", &format!("{{ name = \"home\"; nico.source = {source}; }}"));
    let dir = dir.map(|dir| format!("dir = \"{dir}\";")).unwrap_or_default();
    site.write(
        "thin/versions.nix",
        &format!("{{ v1 = {{ ref = \"refs/tags/v1\"; rev = \"abc\"; {dir} }}; }}"),
    );
    let expression = "let flake = builtins.scopedImport {
        builtins = builtins // { getFlake = url: { lib.nixosConfigurations = _: url; }; };
      } ./thin/flake.nix; in (flake.outputs { }).nixosConfigurations";
    let output = site.run("nix-instantiate", ".", &["--eval", "--json", "--expr", expression]);
    serde_json::from_slice(&succeeded(&output).stdout).unwrap()
}

#[test]
fn every_form_of_a_repository_that_a_cluster_may_name_can_be_fetched() {
    let query = "ref=refs/tags/v1&rev=abc";
    for (url, flake) in [
        ("https://git.example/fleet.git", "git+https://git.example/fleet.git"),
        ("ssh://git@git.example:2222/fleet.git", "git+ssh://git@git.example:2222/fleet.git"),
        ("git@git.example:team/fleet.git", "git+ssh://git@git.example/team/fleet.git"),
        ("git.example:/srv/fleet.git", "git+ssh://git.example/srv/fleet.git"),
    ] {
        assert_eq!(fetched(url, None, None), format!("{flake}?{query}"));
    }
    let url = "https://git.example/fleet.git";
    let in_folder = |folder: &str| format!("git+{url}?{query}&dir={folder}");
    assert_eq!(fetched(url, Some("clusters/home"), None), in_folder("clusters/home"));
    assert_eq!(fetched(url, Some("clusters/home"), Some("machines")), in_folder("machines"));
    assert_eq!(fetched(url, Some("clusters/home"), Some("")), format!("git+{url}?{query}"));
}
