//! From a kubeconfig to a client.

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, Config};

use crate::ApplyError;

/// No answer within this time is an error: kube itself would wait for ever.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// Where the API server is, in kubectl's words.
#[derive(Clone, Debug, Default)]
pub struct Target<'a> {
    /// A kubeconfig; absent: `$KUBECONFIG`, `~/.kube/config`, or the pod's own.
    pub kubeconfig: Option<&'a Path>,
    /// A context of it; absent: the current one.
    pub context: Option<&'a str>,
}

/// Makes a client.
pub async fn connect(target: &Target<'_>) -> Result<Client, ApplyError> {
    let options =
        KubeConfigOptions { context: target.context.map(str::to_owned), ..KubeConfigOptions::default() };
    let mut config = match (target.kubeconfig, target.context) {
        (Some(path), _) => {
            let kubeconfig = Kubeconfig::read_from(path).map_err(|error| told(&error))?;
            Config::from_custom_kubeconfig(kubeconfig, &options).await.map_err(|error| told(&error))?
        }
        (None, Some(_)) => Config::from_kubeconfig(&options).await.map_err(|error| told(&error))?,
        (None, None) => Config::infer().await.map_err(|error| {
            let in_file = error.source().and_then(|source| source.downcast_ref());
            in_file.map_or_else(|| ApplyError::Kubeconfig(error.to_string()), told)
        })?,
    };
    config.read_timeout = Some(READ_TIMEOUT);
    Client::try_from(config).map_err(ApplyError::Client)
}

/// What is wrong with a kubeconfig. It is full of secrets, and the parser would show them: of what cannot
/// be parsed only the place is told.
fn told(error: &KubeconfigError) -> ApplyError {
    let words = match error {
        KubeconfigError::Parse(error) => error.location().map_or_else(
            || "it is no kubeconfig".to_owned(),
            |place| format!("it is no kubeconfig: line {}, column {}", place.line(), place.column()),
        ),
        KubeconfigError::CurrentContextNotSet
        | KubeconfigError::KindMismatch
        | KubeconfigError::ApiVersionMismatch
        | KubeconfigError::LoadContext(_)
        | KubeconfigError::LoadClusterOfContext(_)
        | KubeconfigError::FindPath
        | KubeconfigError::ReadConfig(..)
        | KubeconfigError::MissingClusterUrl
        | KubeconfigError::ParseClusterUrl(_)
        | KubeconfigError::ParseProxyUrl(_)
        | KubeconfigError::LoadCertificateAuthority(_)
        | KubeconfigError::LoadClientCertificate(_)
        | KubeconfigError::LoadClientKey(_)
        | KubeconfigError::ParseCertificates(_) => error.to_string(),
    };
    ApplyError::Kubeconfig(words)
}
