//! The image and the workflows fit what runs them: it cannot be built where these tests run.

use crate::support::{installed, read};

/// The instructions of the last stage.
fn last_stage() -> Vec<String> {
    let file = read("Dockerfile").replace("\\\n", " ");
    let lines: Vec<_> = file.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect();
    let from = lines.iter().rposition(|line| line.starts_with("FROM ")).unwrap();
    lines[from..].to_vec()
}

#[test]
fn it_runs_as_the_user_that_the_deployment_names_and_ssh_knows_it() {
    let stage = last_stage();
    let user = stage.iter().find_map(|line| line.strip_prefix("USER ")).unwrap();
    let deployment = installed("Deployment");
    let context = &deployment["spec"]["template"]["spec"]["containers"][0]["securityContext"];
    assert_eq!(user, format!("{}:{}", context["runAsUser"], context["runAsGroup"]));
    let text = stage.join("\n");
    // ssh ends at once where its user is in no list.
    assert!(text.contains(&format!("useradd --uid {}", context["runAsUser"])), "{text}");
    assert!(text.contains("openssh-client"), "{text}");
    assert!(text.contains("ENTRYPOINT [\"/usr/local/bin/nico\"]"), "{text}");
}

#[test]
fn one_version_of_rust_builds_everywhere() {
    let version = env!("CARGO_PKG_RUST_VERSION");
    assert!(read("Dockerfile").contains(&format!("FROM rust:{version}-")));
    assert!(read(".github/workflows/ci.yml").contains(&format!("rustup toolchain install {version} ")));
}
