//! From a kubeconfig to a client.

use std::path::Path;
use std::time::Duration;

use kube::config::{KubeConfigOptions, Kubeconfig};
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
        (Some(path), _) => Config::from_custom_kubeconfig(Kubeconfig::read_from(path)?, &options).await?,
        (None, Some(_)) => Config::from_kubeconfig(&options).await?,
        (None, None) => Config::infer().await?,
    };
    config.read_timeout = Some(READ_TIMEOUT);
    Client::try_from(config).map_err(ApplyError::Client)
}
