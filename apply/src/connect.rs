//! From a kubeconfig to clients.

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use kube::client::ClientBuilder;
use kube::client::retry::RetryPolicy;
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, Config};
use tower::buffer::BufferLayer;
use tower::retry::RetryLayer;

use crate::ApplyError;

/// No answer within this time is an error: kube itself would wait for ever.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// A server that is busy says so; it is asked again so often, and no longer than the whole takes patience.
const RETRIES: u32 = 3;
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// Requests that may wait for the connection.
const QUEUE: usize = 1024;

/// Where the API server is, in kubectl's words.
#[derive(Clone, Debug, Default)]
pub struct Target<'a> {
    /// A kubeconfig; absent: `$KUBECONFIG`, `~/.kube/config`, or the pod's own.
    pub kubeconfig: Option<&'a Path>,
    /// A context of it; absent: the current one.
    pub context: Option<&'a str>,
}

/// The ways to a server.
#[derive(Clone)]
pub struct Clients {
    /// For what is answered at once.
    pub requests: Client,
    /// For watches, which may be quiet for long: whoever watches sees to the time-outs.
    pub watching: Client,
}

/// Makes a client for requests.
pub async fn connect(target: &Target<'_>) -> Result<Client, ApplyError> {
    requests(configure(target).await?)
}

/// Makes the clients of an operator.
pub async fn connect_all(target: &Target<'_>) -> Result<Clients, ApplyError> {
    clients(configure(target).await?)
}

/// The clients of an operator, from a configuration.
pub fn clients(config: Config) -> Result<Clients, ApplyError> {
    Ok(Clients { watching: watching(config.clone())?, requests: requests(config)? })
}

fn requests(mut config: Config) -> Result<Client, ApplyError> {
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    config.read_timeout = Some(READ_TIMEOUT);
    config.default_retry = false;
    let policy = RetryPolicy::new(FIRST_PAUSE, LONGEST_PAUSE, RETRIES, true);
    let policy = policy.map_err(|error| ApplyError::Client(kube::Error::Service(error.into())))?;
    let builder = ClientBuilder::try_from(config).map_err(ApplyError::Client)?;
    Ok(builder.with_layer(&BufferLayer::new(QUEUE)).with_layer(&RetryLayer::new(policy)).build())
}

fn watching(mut config: Config) -> Result<Client, ApplyError> {
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    config.read_timeout = None;
    config.default_retry = false;
    Client::try_from(config).map_err(ApplyError::Client)
}

async fn configure(target: &Target<'_>) -> Result<Config, ApplyError> {
    let options =
        KubeConfigOptions { context: target.context.map(str::to_owned), ..KubeConfigOptions::default() };
    match (target.kubeconfig, target.context) {
        (Some(path), _) => {
            let kubeconfig = Kubeconfig::read_from(path).map_err(|error| told(&error))?;
            Config::from_custom_kubeconfig(kubeconfig, &options).await.map_err(|error| told(&error))
        }
        (None, Some(_)) => Config::from_kubeconfig(&options).await.map_err(|error| told(&error)),
        (None, None) => Config::infer().await.map_err(|error| {
            let in_file = error.source().and_then(|source| source.downcast_ref());
            in_file.map_or_else(|| ApplyError::Kubeconfig(error.to_string()), told)
        }),
    }
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
