//! Looks for the kubeconfig on a control plane.

use crate::ssh::{Visit, VisitError};

/// Where distributions put it, each readable by root only: k3s, RKE2, k0s, kubeadm; then the usual places.
pub const PATHS: [&str; 6] = [
    "/etc/rancher/k3s/k3s.yaml",
    "/etc/rancher/rke2/rke2.yaml",
    "/var/lib/k0s/pki/admin.conf",
    "/etc/kubernetes/admin.conf",
    "/root/.kube/config",
    "/etc/kubernetes/kubeconfig",
];

/// The first of its arguments that is a file with something in it.
const FIRST: &str = r#"for file do [ -s "$file" ] && exec cat -- "$file"; done; exit 3"#;

/// What it exits with where there is none.
const NONE: i32 = 3;

/// Why no text was found.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The visit came to nothing.
    #[error(transparent)]
    Visit(#[from] VisitError),
    /// There is none.
    #[error("there is no kubeconfig at {0}; spec.kubeconfig.path says where else it is")]
    NoFile(String),
    /// It cannot be read there.
    #[error(
        "reading the kubeconfig failed there (exit code {0}); who is not root needs sudo without a password"
    )]
    Unreadable(i32),
    /// What is there is no text.
    #[error("what is there is no text in UTF-8")]
    NoText,
}

/// The text of the first one that is there: at `path` alone where the spec names one.
///
/// # Errors
///
/// None is there, or the visit came to nothing.
pub async fn fetch(visit: &Visit<'_>, path: Option<&str>) -> Result<String, FetchError> {
    let paths = path.as_slice();
    let paths: &[&str] = if paths.is_empty() { &PATHS } else { paths };
    let first: Vec<_> = ["sh", "-c", FIRST, "sh"].into_iter().chain(paths.iter().copied()).collect();
    let mut answer = visit.run(&first).await?;
    if answer.code == Some(NONE) && path.is_none() {
        answer = visit.run(&["kubectl", "config", "view", "--raw", "--flatten"]).await?;
        // Whatever keeps it from saying anything.
        answer.code = answer.code.filter(|code| *code == 0).or(Some(NONE));
    }
    match answer.code {
        Some(0) if !answer.output.trim_ascii().is_empty() => {}
        Some(0 | NONE) => return Err(FetchError::NoFile(paths.join(", "))),
        code => return Err(FetchError::Unreadable(code.unwrap_or(-1))),
    }
    String::from_utf8(answer.output).map_err(|_| FetchError::NoText)
}
