//! Whether somebody answers, and lets us in.

use std::time::Duration;

use http::Response;
use http_body_util::Limited;
use kube::client::{ClientBuilder, DynBody};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::timeout;
use tower::util::MapResponseLayer;

use super::read::{Access, Login, Refusal};
use super::validity::Validity;
use super::way::{Place, ways};
use super::write::write;

/// In bytes. A page of 500 Nodes has some 10 MB where each has many images.
pub(super) const LONGEST_ANSWER: usize = 32 << 20;

/// A kubeconfig with which a login succeeded.
pub struct Verified {
    /// The file, in YAML.
    pub text: SecretString,
    /// From when to when its client certificate is valid; a token does not say.
    pub validity: Option<Validity>,
}

/// Nobody lets us in.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// It is not what it should be.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The address of the machine, or the endpoint, is none.
    #[error("there is no server at \"{0}\"")]
    NoPlace(String),
    /// No client can be made of it.
    #[error("no client can be made of it")]
    NoClient(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It does not answer in time.
    #[error("its server did not answer within {} s", .0.as_secs())]
    Silent(Duration),
    /// It answers otherwise.
    #[error("its server does not let us in (HTTP {0})")]
    Denied(u16, #[source] Box<kube::Error>),
    /// It cannot be reached, or is another one.
    #[error("its server cannot be reached, or does not bear the certificate that it should")]
    Unreachable(#[source] Box<kube::Error>),
}

/// Logs in with what a machine gave, and asks for the version, by each way until one is open.
///
/// # Errors
///
/// Why the last way was closed.
pub async fn login(
    cluster: &str,
    access: &Access,
    place: &Place<'_>,
    limit: Duration,
) -> Result<Verified, LoginError> {
    let mut last = LoginError::NoPlace(place.host.to_owned());
    for way in ways(access, place) {
        let text = write(cluster, access, &way).map_err(|error| LoginError::NoClient(Box::new(error)))?;
        match answers(&text, limit).await {
            Ok(()) => {
                let validity = match &access.login {
                    Login::Certificate { validity, .. } => Some(*validity),
                    Login::Token(_) => None,
                };
                return Ok(Verified { text, validity });
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Whether the server of a kubeconfig of ours lets us in.
///
/// # Errors
///
/// Why not.
pub async fn answers(text: &SecretString, limit: Duration) -> Result<(), LoginError> {
    let client = client(text, limit).await?;
    match timeout(limit, client.apiserver_version()).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(kube::Error::Api(status))) => {
            Err(LoginError::Denied(status.code, Box::new(kube::Error::Api(status))))
        }
        Ok(Err(error)) => Err(LoginError::Unreachable(Box::new(error))),
        Err(_) => Err(LoginError::Silent(limit)),
    }
}

/// A client of its own, which asks once, waits no longer than that, and reads no answer without end: whoever is root
/// there could send one.
///
/// # Errors
///
/// It is no kubeconfig of ours.
pub async fn client(text: &SecretString, limit: Duration) -> Result<Client, LoginError> {
    let no_client = |error: Box<dyn std::error::Error + Send + Sync>| LoginError::NoClient(error);
    let kubeconfig = Kubeconfig::from_yaml(text.expose_secret()).map_err(|error| no_client(error.into()))?;
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
        .await
        .map_err(|error| no_client(error.into()))?;
    config.connect_timeout = Some(limit);
    config.read_timeout = Some(limit);
    config.write_timeout = Some(limit);
    config.default_retry = false;
    let builder = ClientBuilder::try_from(config).map_err(|error| no_client(error.into()))?;
    Ok(builder.with_layer(&MapResponseLayer::new(bound)).build())
}

/// The same answer; reading more of it than this is an error.
pub(super) fn bound(answer: Response<Box<DynBody>>) -> Response<Limited<Box<DynBody>>> {
    answer.map(|body| Limited::new(body, LONGEST_ANSWER))
}
