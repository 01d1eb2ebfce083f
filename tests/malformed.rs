//! What cannot be right is refused in one clear line that names the file, the line and the field, with
//! exit code 2, nothing on standard output, and no panic.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(missing_docs, reason = "these are tests")]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

const CLUSTER: &str = "apiVersion: nico.homystack.com/v1alpha1
kind: KubernetesCluster
metadata:
  name: home
spec:
  gitRepo: https://git.example/fleet.git
  controlPlane:
    machines: [node-1]
";

const MACHINE: &str = "apiVersion: nio.homystack.com/v1alpha1
kind: Machine
metadata:
  name: node-1
spec:
  hostname: node-1.example
status:
  discoverable: true
";

fn render(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_nico"))
        .arg("render")
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap()
}

/// One line, that says all of this, and nothing else.
fn assert_refused(case: &str, output: &Output, says: &[&str]) {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{case}: {errors}");
    assert!(output.stdout.is_empty(), "{case}: something on standard output");
    assert!(!errors.contains("panicked"), "{case}: {errors}");
    let lines: Vec<_> = errors.lines().collect();
    assert_eq!(lines.len(), 1, "{case}: {errors}");
    assert!(errors.starts_with("error: "), "{case}: {errors}");
    for said in says {
        assert!(errors.contains(said), "{case}: {errors:?} lacks {said:?}");
    }
}

/// A content, and what is said of it. The file is called `input.yaml`.
#[allow(clippy::too_many_lines, reason = "a table")]
fn contents() -> Vec<(&'static str, String, Vec<&'static str>)> {
    let with = |from: &str, to: &str| CLUSTER.replace(from, to);
    let bomb = (1..12_u8).fold("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned(), |text, level| {
        let before = level.saturating_sub(1);
        let aliases = vec![format!("*a{before}"); 10].join(", ");
        text + &format!("a{level}: &a{level} [{aliases}]\n")
    });
    let bound = "x".repeat(2049);
    vec![
        ("truncated", with("machines: [node-1]", "machines: [node-1"), vec!["input.yaml:"]),
        ("bad indentation", with("  name: home", "  name: home\n bad"), vec!["input.yaml:"]),
        ("a tab", with("  name: home", "\tname: home"), vec!["input.yaml:4"]),
        (
            "duplicate key",
            with("kind: KubernetesCluster", "kind: KubernetesCluster\nkind: Other"),
            vec!["input.yaml:3", "kind: ", "twice", "line 2"],
        ),
        (
            "duplicate key, deep down",
            with("    machines: [node-1]", "    machines: [node-1]\n    count: 1\n    machines: [node-2]"),
            vec!["input.yaml:10", "spec.controlPlane.machines: ", "twice", "line 8"],
        ),
        (
            "duplicate key, in a list of a list",
            "apiVersion: v1\nkind: List\nitems:\n- kind: A\n- apiVersion: v1\n  kind: B\n  a:\n  - b: 1\n    b: 2\n".to_owned(),
            vec!["input.yaml:9", "items[1].a[0].b: ", "line 8"],
        ),
        ("a list for a name", format!("{CLUSTER}  ? [a, b]\n  : c\n"), vec!["input.yaml:9", "spec: ", "a list"]),
        ("text without an end", with("home", "\"home"), vec!["input.yaml:4", "not valid YAML", "quote"]),
        ("an unknown escape", with("home", "\"h\\qome\""), vec!["input.yaml:4", "escape"]),
        ("an unknown alias", with("home", "*home"), vec!["input.yaml:4", "anchor"]),
        ("an alias in itself", with("[node-1]", "&a [node-1, *a]"), vec!["input.yaml:8", "alias"]),
        ("alias bomb", bomb, vec!["input.yaml:", "aliases"]),
        ("deep nesting", "[".repeat(100_000), vec!["input.yaml:"]),
        (
            "wrong type",
            with("machines: [node-1]", "machines: node-1"),
            vec![
                "input.yaml:8",
                "KubernetesCluster home",
                "spec.controlPlane.machines",
                "must be an array, not a string",
            ],
        ),
        (
            "text for a number",
            with("machines: [node-1]", "count: three"),
            vec!["input.yaml:8", "spec.controlPlane.count", "must be an integer, not a string"],
        ),
        (
            "unknown field",
            with("  gitRepo:", "  gitrepo:"),
            vec!["input.yaml:6", "spec.gitrepo", "did you mean gitRepo?"],
        ),
        (
            "unknown nested field",
            with("machines: [node-1]", "machines: [node-1]\n    machineSelecter: {}"),
            vec!["input.yaml:9", "spec.controlPlane.machineSelecter", "machineSelector"],
        ),
        (
            "unsupported value",
            with("  gitRepo:", "  installPolicy: Wipe\n  gitRepo:"),
            vec!["input.yaml:6", "spec.installPolicy", "\"FullInstall\", \"SwitchOnly\""],
        ),
        (
            "broken rule",
            with("https://git.example/fleet.git", "file:///srv/fleet.git"),
            vec!["input.yaml:6", "spec.gitRepo", "gitRepo must be a URL"],
        ),
        (
            "listed twice",
            with("[node-1]", "[node-1, node-1]"),
            vec!["input.yaml:8", "spec.controlPlane.machines", "only once"],
        ),
        (
            "too long",
            with("https://git.example/fleet.git", &format!("https://git.example/{bound}")),
            vec!["input.yaml:6", "spec.gitRepo", "2048"],
        ),
        (
            "missing field",
            with("  controlPlane:\n    machines: [node-1]\n", ""),
            vec!["input.yaml:", "spec.controlPlane", "Required value"],
        ),
        (
            "no name",
            with("  name: home", "  labels: {}"),
            vec!["input.yaml:3", "metadata.name", "Required value"],
        ),
        ("a bad name", with("name: home", "name: Home/../x"), vec!["input.yaml:4", "metadata.name"]),
        (
            "an unknown version",
            with("v1alpha1", "v1"),
            vec!["input.yaml:1", "\"nico.homystack.com/v1alpha1\"", "\"nico.homystack.com/v1\""],
        ),
        (
            "an unknown version of NIO",
            format!("{CLUSTER}---\n{}", MACHINE.replace("v1alpha1", "v2")),
            vec!["input.yaml:10", "apiVersion: ", "\"nio.homystack.com/v1alpha1\"", "\"nio.homystack.com/v2\""],
        ),
        (
            "an unknown kind of ours",
            with("KubernetesCluster", "KubernetesClutser"),
            vec!["input.yaml:2", "kind: ", "\"KubernetesClutser\"", "\"KubernetesCluster\""],
        ),
        (
            "two clusters of one name",
            format!("{CLUSTER}---\n{CLUSTER}"),
            vec!["input.yaml:10", "KubernetesCluster home", "the same object", "input.yaml:1"],
        ),
        (
            "one machine twice, in two ways",
            format!(
                "{CLUSTER}---\n{MACHINE}---\napiVersion: v1\nkind: List\nitems:\n- {}",
                MACHINE.replace('\n', "\n  ").trim_end()
            ),
            vec!["input.yaml:22", "Machine node-1", "the same object", "input.yaml:10"],
        ),
        ("no kind", "metadata: {}\n".to_owned(), vec!["input.yaml:1", "kind"]),
        ("a list of text", "- a\n- b\n".to_owned(), vec!["input.yaml:1", "a list", "a Kubernetes object"]),
        ("plain text", "# A\nhello\n".to_owned(), vec!["input.yaml:2", "a string", "a Kubernetes object"]),
        ("a list in the List", "apiVersion: v1\nkind: List\nitems:\n- []\n".to_owned(), vec!["input.yaml:4", "a list"]),
        (
            "items that are none",
            "apiVersion: v1\nkind: List\nitems: 3\n".to_owned(),
            vec!["input.yaml:3", "items"],
        ),
        ("only a Machine", MACHINE.to_owned(), vec!["input.yaml", "no KubernetesCluster", "1 Machine"]),
        (
            "only a Secret",
            "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\n".to_owned(),
            vec!["no KubernetesCluster", "1 Secret"],
        ),
        (
            "a Machine of a wrong type",
            format!("{CLUSTER}---\n{}", MACHINE.replace("true", "12")),
            vec!["input.yaml:17", "Machine node-1", "status.discoverable", "must be a boolean, not a number"],
        ),
        (
            "a host name that YAML takes for a boolean",
            format!("{CLUSTER}---\n{}", MACHINE.replace("node-1.example", "no")),
            vec!["input.yaml:15", "spec.hostname", "must be a string, not a boolean", "quotes"],
        ),
        (
            "a label that YAML takes for a number",
            with("  name: home", "  name: home\n  labels:\n    example.com/rack: 0755"),
            vec!["input.yaml:6", "metadata.labels", "must be a string, not a number", "quotes"],
        ),
        (
            "a configuration of a wrong type",
            format!(
                "{CLUSTER}---\napiVersion: nio.homystack.com/v1alpha1\nkind: NixosConfiguration\nmetadata:\n  name: a\n\
                 spec:\n  additionalFiles:\n  - path: a\n    valueType: Inline\n    inline: [x]\n"
            ),
            vec!["input.yaml:18", "NixosConfiguration a", "spec.additionalFiles[0].inline", "a string, not a list"],
        ),
        (
            "both NIOs",
            format!(
                "{CLUSTER}---\n{MACHINE}---\n{}",
                MACHINE.replace("name: node-1", "name: node-2").replace("hostname", "host")
            ),
            vec!["input.yaml:19", "node-2", "node-1", "spec.host"],
        ),
        ("empty", String::new(), vec!["input.yaml:1", "is empty"]),
        ("only separators", "---\n---\n".to_owned(), vec!["input.yaml:1", "is empty"]),
        ("a NUL", with("home", "ho\0me"), vec!["input.yaml:4", "NUL"]),
        (
            "a NUL as an escape",
            format!("{CLUSTER}---\n{}", MACHINE.replace("node-1.example", "\"node-1\\0\"")),
            vec!["default/home", "controlPlane[0].ip", "NUL"],
        ),
        (
            "no repository",
            with("  gitRepo: https://git.example/fleet.git\n", ""),
            vec!["default/home", "spec.gitRepo", "--default-git-repo"],
        ),
        ("broken JSON", "{\"apiVersion\": \"v1\", ".to_owned(), vec!["input.yaml:1"]),
        ("an escape for terminals", with("  gitRepo:", "  \"\\e[31m\": a\n  gitRepo:"), vec!["input.yaml:6", "\\u{1b}[31m"]),
    ]
}

#[test]
fn malformed_contents_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for (case, content, says) in contents() {
        std::fs::write(folder.path().join("input.yaml"), content).unwrap();
        let output = render(folder.path(), &["input.yaml"]);
        assert_refused(case, &output, &says);
    }
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let utf16: Vec<u8> =
        [0xff, 0xfe].into_iter().chain(CLUSTER.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    let latin: Vec<u8> =
        CLUSTER.replace("home", "h\u{1}me").bytes().map(|byte| if byte == 1 { 0xf6 } else { byte }).collect();
    let binary: Vec<u8> = (0..=255).cycle().skip(1).take(10_000).collect();
    let cases = [
        ("UTF-16", utf16, vec!["input.yaml:1", "UTF-16", "UTF-8"]),
        ("Latin-1", latin, vec!["input.yaml:4", "UTF-8"]),
        ("binary", binary, vec!["input.yaml:"]),
        ("100 MB of garbage", b"garbage ".repeat(12_500_000), vec!["input.yaml", "larger than 64 MiB"]),
    ];
    for (case, bytes, says) in cases {
        std::fs::write(folder.path().join("input.yaml"), bytes).unwrap();
        assert_refused(case, &render(folder.path(), &["input.yaml"]), &says);
    }
}

#[test]
fn paths_that_lead_nowhere_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("empty")).unwrap();
    std::fs::create_dir(folder.path().join("machines")).unwrap();
    std::fs::write(folder.path().join("machines/machine.yaml"), MACHINE).unwrap();
    std::fs::write(folder.path().join("machines/comments.yaml"), "# nothing\n").unwrap();
    std::os::unix::fs::symlink("loop", folder.path().join("loop")).unwrap();
    let cases: [(&str, &[&str], &[&str]); 8] = [
        ("missing", &["missing.yaml"], &["missing.yaml", "cannot be read", "No such file"]),
        ("an empty directory", &["empty"], &["empty", "no file that ends in .yaml, .yml or .json"]),
        (
            "a directory without any cluster",
            &["machines"],
            &["machines", "no KubernetesCluster", "1 Machine"],
        ),
        ("a link to itself", &["loop"], &["loop", "cannot be read"]),
        ("one of two is missing", &["machines", "missing.yaml"], &["missing.yaml"]),
        ("a device without end", &["/dev/zero"], &["/dev/zero", "larger than 64 MiB"]),
        ("what opens and cannot be read", &["/proc/self/mem"], &["/proc/self/mem", "cannot be read"]),
        ("a file as a directory", &["machines/machine.yaml/"], &["machine.yaml/", "cannot be read"]),
    ];
    for (case, arguments, says) in cases {
        assert_refused(case, &render(folder.path(), arguments), says);
    }
}

#[test]
fn a_cluster_that_is_not_there_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("input.yaml"), CLUSTER).unwrap();
    let output = render(folder.path(), &["input.yaml", "--cluster", "work"]);
    assert_refused("unknown cluster", &output, &["--cluster work", "default/home"]);
    let two = format!("{CLUSTER}---\n{}", CLUSTER.replace("name: home", "name: work"));
    std::fs::write(folder.path().join("input.yaml"), two).unwrap();
    let output = render(folder.path(), &["input.yaml", "-o", "nix"]);
    assert_refused("Nix of two", &output, &["-o nix", "--cluster", "default/home", "default/work"]);
}

#[test]
fn one_bad_cluster_leaves_nothing_on_standard_output() {
    let folder = tempfile::tempdir().unwrap();
    let bad =
        CLUSTER.replace("name: home", "name: work").replace("  gitRepo: https://git.example/fleet.git\n", "");
    std::fs::write(folder.path().join("input.yaml"), format!("{CLUSTER}---\n{bad}")).unwrap();
    assert_refused("one of two", &render(folder.path(), &["input.yaml"]), &["default/work", "spec.gitRepo"]);
}

/// Nothing that is a secret, or stands in a Secret, is ever repeated.
#[test]
fn a_secret_is_not_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let url = "https://me:hunter2@git.example/fleet.git";
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData:\n  token: hunter2\n";
    let with = |from: &str, to: &str| CLUSTER.replace(from, to);
    let cases = [
        (
            "in gitRepo",
            with("https://git.example/fleet.git", url),
            vec!["input.yaml:6", "spec.gitRepo", "credentials"],
        ),
        (
            "in another field",
            with("  gitRepo:", &format!("  installPolicy: {url}\n  gitRepo:")),
            vec!["https://***@git.example"],
        ),
        (
            "in a name",
            with("  gitRepo:", &format!("  ? {url}\n  : a\n  gitRepo:")),
            vec!["input.yaml:6", "https://***@git.example"],
        ),
        (
            "a field twice in a Secret",
            format!("{CLUSTER}---\n{secret}  token: hunter2\n"),
            vec!["input.yaml:15", "stringData.token"],
        ),
        ("a broken Secret", format!("{CLUSTER}---\n{secret}  other: \"hunter2\n"), vec!["input.yaml:15"]),
        ("a Secret alone", secret.to_owned(), vec!["1 Secret"]),
    ];
    for (case, content, says) in cases {
        std::fs::write(folder.path().join("input.yaml"), content).unwrap();
        let output = render(folder.path(), &["input.yaml"]);
        assert_refused(case, &output, &says);
        assert!(!String::from_utf8_lossy(&output.stderr).contains("hunter2"), "{case}");
    }
    std::fs::write(folder.path().join("input.yaml"), CLUSTER).unwrap();
    let output = render(folder.path(), &["input.yaml", "--default-git-repo", url]);
    assert_refused("on the command line", &output, &["--default-git-repo", "credentials"]);
    assert!(!String::from_utf8_lossy(&output.stderr).contains("hunter2"));
}

#[test]
fn all_that_is_wrong_is_said_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let bad = CLUSTER.replace("gitRepo: https", "count: 1\n  gitRepo: ftp").replace("[node-1]", "node-1");
    std::fs::write(folder.path().join("a.yaml"), bad).unwrap();
    std::fs::write(folder.path().join("b.json"), "{\n  \"a\": }").unwrap();
    std::fs::write(folder.path().join("c.yaml"), format!("---\n---\n{MACHINE}---\n{MACHINE}")).unwrap();
    let output = render(folder.path(), &["."]);
    let errors = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<_> = errors.lines().collect();
    let begin = [
        "error: ./a.yaml:6: KubernetesCluster home: spec.count: unknown field",
        "error: ./a.yaml:9: KubernetesCluster home: spec.controlPlane.machines: must be an array",
        "error: ./b.json:2: not valid JSON: ",
        "error: ./c.yaml:12: Machine node-1: the same object stands in ./c.yaml:3 already",
    ];
    assert_eq!(lines.len(), begin.len(), "{errors}");
    assert_eq!(output.status.code(), Some(2));
    for begin in begin {
        assert!(lines.iter().any(|line| line.starts_with(begin)), "{errors} lacks {begin}");
    }
}

#[test]
fn standard_input_is_bounded_and_named() {
    let run = |bytes: &[u8]| {
        let mut child = Command::new(env!("CARGO_BIN_EXE_nico"))
            .args(["render", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // It need not be read to its end.
        let _broken_pipe = child.stdin.take().unwrap().write_all(bytes);
        child.wait_with_output().unwrap()
    };
    assert_refused("broken", &run(b"kind: ["), &["standard input:1: "]);
    assert_refused("empty", &run(b""), &["standard input:1: ", "empty"]);
    assert_refused(
        "100 MB",
        &run(&b"garbage ".repeat(12_500_000)),
        &["standard input: ", "larger than 64 MiB"],
    );
}

/// NIO keeps a copy of each configuration in an annotation, and those end at 256 KiB.
#[test]
fn a_cluster_that_nio_could_not_keep_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let cluster = CLUSTER
        .replace("    machines: [node-1]", "    count: 3500\n    machineSelector: {matchLabels: {rack: a}}");
    let machine = |number: usize| {
        format!(
            "---\napiVersion: nio.homystack.com/v1alpha1\nkind: Machine\nmetadata: {{name: rack-a-node-{number:04}, labels: \
             {{rack: a}}}}\nspec: {{hostname: rack-a-node-{number:04}.fleet.example}}\nstatus: {{discoverable: true}}\n"
        )
    };
    let machines: String = (0..3500).map(machine).collect();
    std::fs::write(folder.path().join("input.yaml"), cluster + &machines).unwrap();
    let output = render(folder.path(), &["input.yaml"]);
    assert_refused("too large", &output, &["default/home", "home-rack-a-node-0000", "204800 bytes"]);
}

#[test]
fn what_is_no_namespace_is_refused_by_every_command() {
    let commands: [&[&str]; 5] =
        [&["render", "-"], &["plan"], &["diff"], &["apply", "--once"], &["run", "--metrics-port", "0"]];
    for command in commands {
        for namespace in ["", "../x", "Fleet", "-a"] {
            let option = format!("--namespace={namespace}");
            let output =
                Command::new(env!("CARGO_BIN_EXE_nico")).args(command).arg(&option).output().unwrap();
            let errors = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(2), "{command:?} {option}: {errors}");
            assert!(errors.contains("--namespace") && errors.contains("1 to 63 characters"), "{errors}");
        }
    }
}
