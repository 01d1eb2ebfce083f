//! `nico status` from files: what is wrong is said and ends with 2, and colours are for terminals.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(missing_docs, reason = "these are tests")]

use std::process::Command;

const SEVERAL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/status/several.yaml");
const TROUBLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/status/in-trouble.yaml");

/// Standard output, standard error and exit code.
fn status(arguments: &[&str]) -> (String, String, i32) {
    let mut nico = Command::new(env!("CARGO_BIN_EXE_nico"));
    let output = nico.arg("status").args(arguments).env_remove("KUBECONFIG").output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr), output.status.code().unwrap())
}

#[test]
fn what_cannot_be_right_is_said_and_nothing_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let bad = folder.path().join("bad.yaml");
    std::fs::write(
        &bad,
        "apiVersion: nico.homystack.com/v1alpha1\nkind: KubernetesCluster\nmetadata: {name: home}\nspec:\n  \
         controlPlane: {machines: [node-1]}\nstatus:\n  phase: Dreaming\n",
    )
    .unwrap();
    let bad = bad.to_str().unwrap();
    let cases: [(&[&str], &str); 8] = [
        (&["-f", bad], "bad.yaml:7: KubernetesCluster home: status.phase"),
        (&["-f", "/nowhere.yaml"], "/nowhere.yaml"),
        (
            &["-f", SEVERAL, "none"],
            "error: none: there is no such KubernetesCluster; there are: fleet/home, fleet/new",
        ),
        (&["-f", SEVERAL, "fleet/none"], "error: fleet/none: there is no such"),
        (&["-f", SEVERAL, "home"], "error: home: there are several of that name; name the namespace too"),
        (&["-f", SEVERAL, "-n", "none"], "error: --namespace none"),
        (&["-f", SEVERAL, "--kubeconfig", "x"], "cannot be used with"),
        (&["--at", "2026-11-01T15:00:00Z"], "--filename"),
    ];
    for (arguments, words) in cases {
        let (told, errors, code) = status(arguments);
        assert_eq!((code, told.as_str()), (2, ""), "{arguments:?}: {errors}");
        assert!(errors.contains(words), "{arguments:?}: {errors:?} lacks {words:?}");
    }
}

#[test]
fn clusters_are_chosen_by_name_and_namespace() {
    for (arguments, expected) in [
        (&[][..], &["fleet/home", "fleet/new", "legacy/home"][..]),
        (&["-A"], &["fleet/home", "fleet/new", "legacy/home"]),
        (&["-n", "fleet"], &["fleet/home", "fleet/new"]),
        (&["-n", "legacy", "home"], &["legacy/home"]),
        (&["legacy/home", "new"], &["fleet/new", "legacy/home"]),
    ] {
        let (told, errors, code) = status(&[&["-f", SEVERAL][..], arguments].concat());
        assert_eq!(code, 0, "{errors}");
        let titles =
            told.lines().filter_map(|line| line.split([' ', ':']).next().filter(|word| word.contains('/')));
        assert_eq!(titles.collect::<Vec<_>>(), expected, "{told}");
    }
}

#[test]
fn colours_are_for_terminals_and_for_who_asks() {
    let at = ["-f", TROUBLE, "--at", "2026-11-01T15:00:00Z"];
    let (plain, _, _) = status(&at);
    assert!(!plain.contains('\u{1b}'), "{plain}");
    assert_eq!(status(&[&at[..], &["--color", "never"]].concat()).0, plain);
    let (coloured, _, _) = status(&[&at[..], &["--color", "always"]].concat());
    for grave in [
        "\u{1b}[1;31mOverdue\u{1b}[0m",
        "\u{1b}[33mUnreachable\u{1b}[0m",
        "\u{1b}[1;31mQuorumAtRisk\u{1b}[0m",
    ] {
        assert!(coloured.contains(grave), "{coloured}");
    }
}
