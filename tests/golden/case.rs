//! A case of the fixtures, and what `nico` makes of it.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;
use serde_json::Value;
use similar::TextDiff;

pub struct Case {
    folder: PathBuf,
}

/// What was printed.
pub struct Rendered {
    pub stdout: String,
    pub stderr: String,
    pub objects: Vec<Value>,
    /// The live configurations that went in.
    pub live: Vec<Value>,
}

/// All folders with a cluster in it.
pub fn all() -> Vec<Case> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let entries = std::fs::read_dir(fixtures).unwrap().map(|entry| entry.unwrap().path());
    let mut folders: Vec<_> = entries.filter(|path| path.join("cluster.yaml").exists()).collect();
    folders.sort();
    folders.into_iter().map(|folder| Case { folder }).collect()
}

impl Case {
    pub fn name(&self) -> String {
        self.folder.file_name().unwrap().to_str().unwrap().to_owned()
    }

    /// A file of the case; empty where there is none.
    pub fn read(&self, file: &str) -> String {
        std::fs::read_to_string(self.folder.join(file)).unwrap_or_default()
    }

    pub fn has(&self, file: &str) -> bool {
        self.folder.join(file).exists()
    }

    pub fn write(&self, file: &str, text: &str) {
        std::fs::write(self.folder.join(file), text).unwrap();
    }

    /// A command, over what the case gives; before each file stands what the command wants there.
    pub fn nico(&self, command: &str, before: &str) -> Command {
        let files = ["cluster.yaml", "machines.yaml", "live.yaml"].into_iter().filter(|file| self.has(file));
        let files = files.flat_map(|file| [before, file]).filter(|argument| !argument.is_empty());
        let mut nico = Command::new(env!("CARGO_BIN_EXE_nico"));
        nico.current_dir(&self.folder).arg(command).args(files).args(self.read("arguments").lines());
        nico
    }

    pub fn render(&self) -> Rendered {
        let output = self.nico("render", "").output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let (stdout, stderr) = (text(output.stdout), text(output.stderr));
        assert!(output.status.success(), "{}: {stderr}", self.name());
        Rendered { objects: documents(&stdout), live: documents(&self.read("live.yaml")), stdout, stderr }
    }

    pub fn bless(&self, rendered: &Rendered) {
        std::fs::create_dir_all(self.folder.join("expected")).unwrap();
        std::fs::write(self.folder.join("expected/stdout.yaml"), &rendered.stdout).unwrap();
        std::fs::write(self.folder.join("expected/stderr.txt"), &rendered.stderr).unwrap();
    }

    pub fn differences(&self, rendered: &Rendered) -> Vec<String> {
        [("expected/stdout.yaml", &rendered.stdout), ("expected/stderr.txt", &rendered.stderr)]
            .into_iter()
            .filter_map(|(file, printed)| self.difference(file, printed))
            .collect()
    }

    /// What was printed against what is expected in a file.
    pub fn difference(&self, file: &str, printed: &str) -> Option<String> {
        let expected = self.read(file);
        let name = format!("{}/{file}", self.name());
        let diff = TextDiff::from_lines(expected.as_str(), printed);
        (expected != printed).then(|| diff.unified_diff().header(&name, "printed").to_string())
    }
}

fn documents(text: &str) -> Vec<Value> {
    serde_yaml::Deserializer::from_str(text)
        .map(|document| Value::deserialize(document).unwrap())
        .filter(|value| !value.is_null())
        .collect()
}

impl Rendered {
    /// The machines, in order, of all configurations that are printed.
    pub fn machines(&self) -> Vec<&str> {
        self.objects.iter().map(|object| object["spec"]["machineRef"]["name"].as_str().unwrap()).collect()
    }

    /// The machines of a role.
    pub fn of_role(&self, role: &str) -> Vec<&str> {
        let of_role = |object: &&Value| object["metadata"]["labels"]["nico.homystack.com/role"] == role;
        let machines = self.objects.iter().filter(of_role);
        machines.map(|object| object["spec"]["machineRef"]["name"].as_str().unwrap()).collect()
    }

    pub fn control_planes(&self) -> Vec<&str> {
        self.of_role("control-plane")
    }

    pub fn workers(&self) -> Vec<&str> {
        self.of_role("worker")
    }

    /// The configuration of a machine.
    pub fn of(&self, machine: &str) -> &Value {
        self.objects.iter().find(|object| object["spec"]["machineRef"]["name"] == machine).unwrap()
    }

    /// The machines whose disks are wiped.
    pub fn wiped(&self) -> Vec<&str> {
        self.machines()
            .into_iter()
            .filter(|machine| self.of(machine)["spec"]["fullInstall"] == true)
            .collect()
    }

    /// The text of cluster.nix.
    pub fn text(&self, machine: &str) -> &str {
        self.of(machine)["spec"]["additionalFiles"][0]["inline"].as_str().unwrap()
    }

    pub fn revision(&self, machine: &str) -> u64 {
        nico_render::cluster_nix::revision_of(self.text(machine)).unwrap_or(0)
    }

    /// The machines in cluster.nix, as they stand there.
    pub fn listed(&self, machine: &str) -> Vec<&str> {
        let lines = self.text(machine).lines().filter_map(|line| line.trim().strip_prefix("{ name = \""));
        lines.map(|rest| rest.split('"').next().unwrap()).collect()
    }

    /// The files of all configurations that went in are the ones that come out.
    pub fn keeps_all_files(&self) -> bool {
        self.live.iter().all(|live| {
            let name = &live["metadata"]["name"];
            let same = |object: &&Value| object["metadata"]["name"] == *name;
            let out = self.objects.iter().find(same);
            out.is_some_and(|out| out["spec"]["additionalFiles"] == live["spec"]["additionalFiles"])
        })
    }

    /// No live text comes out again: each was written anew.
    pub fn writes_all_files(&self) -> bool {
        self.live.iter().all(|live| {
            let text = &live["spec"]["additionalFiles"][0]["inline"];
            self.objects.iter().all(|out| out["spec"]["additionalFiles"][0]["inline"] != *text)
        })
    }

    #[track_caller]
    pub fn says(&self, words: &str) {
        assert!(self.stderr.contains(words), "{words:?} is not said in:\n{}", self.stderr);
    }

    #[track_caller]
    pub fn does_not_say(&self, words: &str) {
        assert!(!self.stderr.contains(words), "{words:?} is said in:\n{}", self.stderr);
    }
}
