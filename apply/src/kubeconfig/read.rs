//! Takes out of a kubeconfig what is needed to log in, and refuses the rest.

use http::Uri;
use kube::config::{AuthInfo, Cluster, Kubeconfig};
use secrecy::{ExposeSecret, SecretString};

use super::validity::{self, Validity};

/// One way into a cluster: where it listens, what it is known by, and who comes.
#[derive(Debug)]
pub struct Access {
    /// Where it listens.
    pub server: Uri,
    /// What signs its certificate: PEM in base64.
    pub authority: String,
    /// The name that its certificate has to bear, where that is not the host of `server`.
    pub tls_server_name: Option<String>,
    /// Who comes.
    pub login: Login,
}

/// Who comes.
#[derive(Debug)]
pub enum Login {
    /// With a client certificate.
    Certificate {
        /// PEM in base64.
        certificate: String,
        /// PEM in base64.
        key: SecretString,
        /// When the certificate is valid.
        validity: Validity,
    },
    /// With a bearer token. It does not say how long it is valid.
    Token(SecretString),
}

/// Why a kubeconfig is not used. No text of the file is quoted: it may be a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is none.
    #[error("it is not a kubeconfig (YAML of kind Config)")]
    NotOne,
    /// It names nobody to come as, or nowhere to go to.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// Whoever uses it would run a command.
    #[error(
        "its user has `{0}`, which runs a program wherever it is used; a client certificate or a token is needed"
    )]
    RunsProgram(&'static str),
    /// It says where on that machine something lies.
    #[error(
        "its `{0}` is the path of a file, which lies on that machine only; its content is needed in its place"
    )]
    Path(&'static str),
    /// It leads elsewhere.
    #[error("its `{0}` is not accepted")]
    NotAccepted(&'static str),
    /// Its server could be anybody.
    #[error("its cluster has `insecure-skip-tls-verify`, or no `https` server: anybody could answer")]
    Insecure,
    /// It cannot be read as what it should be.
    #[error("its `{0}` is not what it should be (PEM in base64)")]
    NotPem(&'static str),
    /// No HTTP header can hold it.
    #[error("its `token` has a line break or other characters that no token has")]
    NotToken,
    /// Its client certificate is no longer valid.
    #[error("its client certificate ended on {0}")]
    Ended(k8s_openapi::jiff::Timestamp),
}

/// Reads what a machine gave. `now` tells what has ended.
///
/// # Errors
///
/// What is wrong with it, without a word of its content.
pub fn read(text: &str, now: k8s_openapi::jiff::Timestamp) -> Result<Access, Refusal> {
    let config = Kubeconfig::from_yaml(text).map_err(|_| Refusal::NotOne)?;
    let current = config.current_context.as_deref().ok_or(Refusal::Missing("current-context"))?;
    let context = config
        .contexts
        .iter()
        .find(|named| named.name == current)
        .and_then(|named| named.context.as_ref())
        .ok_or(Refusal::Missing("the context that current-context names"))?;
    let cluster = config
        .clusters
        .iter()
        .find(|named| named.name == context.cluster)
        .and_then(|named| named.cluster.as_ref())
        .ok_or(Refusal::Missing("the cluster of its context"))?;
    let user = config
        .auth_infos
        .iter()
        .find(|named| Some(&named.name) == context.user.as_ref())
        .and_then(|named| named.auth_info.as_ref())
        .ok_or(Refusal::Missing("the user of its context"))?;
    Ok(Access {
        server: server(cluster)?,
        authority: authority(cluster)?,
        tls_server_name: cluster.tls_server_name.clone(),
        login: login(user, now)?,
    })
}

fn server(cluster: &Cluster) -> Result<Uri, Refusal> {
    if cluster.proxy_url.is_some() {
        return Err(Refusal::NotAccepted("proxy-url"));
    }
    let server = cluster.server.as_deref().ok_or(Refusal::Missing("its server"))?;
    let uri: Uri = server.parse().map_err(|_| Refusal::NotAccepted("server"))?;
    let is_verified = uri.scheme_str() == Some("https") && cluster.insecure_skip_tls_verify != Some(true);
    if !is_verified {
        return Err(Refusal::Insecure);
    }
    // Whoever writes a name and a password there has them in every log.
    let has_login = uri.authority().is_none_or(|authority| authority.as_str().contains('@'));
    // 127.1 is an address to some resolvers.
    let host = uri.host().unwrap_or_default();
    let is_number = host.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let is_odd = host.is_empty() || (is_number && host.parse::<std::net::Ipv4Addr>().is_err());
    if has_login || is_odd { Err(Refusal::NotAccepted("server")) } else { Ok(uri) }
}

fn authority(cluster: &Cluster) -> Result<String, Refusal> {
    if cluster.certificate_authority.is_some() {
        return Err(Refusal::Path("certificate-authority"));
    }
    let field = "certificate-authority-data";
    let data = cluster.certificate_authority_data.clone().ok_or(Refusal::Missing(field))?;
    validity::certificates(&data).ok_or(Refusal::NotPem(field))?;
    Ok(data)
}

fn login(user: &AuthInfo, now: k8s_openapi::jiff::Timestamp) -> Result<Login, Refusal> {
    refuse_what_leads_elsewhere(user)?;
    match (&user.client_certificate_data, &user.client_key_data, &user.token) {
        (Some(certificate), Some(key), _) => {
            let field = "client-certificate-data";
            let validity = Validity::of(certificate).ok_or(Refusal::NotPem(field))?;
            if validity.until <= now {
                return Err(Refusal::Ended(validity.until));
            }
            let is_key = validity::is_private_key(key.expose_secret());
            let key = is_key.then(|| key.clone()).ok_or(Refusal::NotPem("client-key-data"))?;
            Ok(Login::Certificate { certificate: certificate.clone(), key, validity })
        }
        (None, None, Some(token)) if !token.expose_secret().trim().is_empty() => {
            // RFC 6750, 2.1: visible ASCII, and less.
            let is_token = token.expose_secret().bytes().all(|byte| byte.is_ascii_graphic());
            is_token.then(|| Login::Token(token.clone())).ok_or(Refusal::NotToken)
        }
        (Some(_), None, _) => Err(Refusal::Missing("client-key-data")),
        (None, Some(_), _) => Err(Refusal::Missing("client-certificate-data")),
        (None, None, _) => Err(Refusal::Missing("its user's client certificate or token")),
    }
}

fn refuse_what_leads_elsewhere(user: &AuthInfo) -> Result<(), Refusal> {
    let AuthInfo { exec, auth_provider, token_file, client_certificate, client_key, .. } = user;
    let impersonates = user.impersonate.is_some()
        || user.impersonate_uid.is_some()
        || user.impersonate_groups.is_some()
        || user.impersonate_user_extra.is_some();
    let refused = [
        (exec.is_some(), Refusal::RunsProgram("exec")),
        (auth_provider.is_some(), Refusal::RunsProgram("auth-provider")),
        (token_file.is_some(), Refusal::Path("tokenFile")),
        (client_certificate.is_some(), Refusal::Path("client-certificate")),
        (client_key.is_some(), Refusal::Path("client-key")),
        (impersonates, Refusal::NotAccepted("as")),
    ];
    refused.into_iter().find(|(is_so, _)| *is_so).map_or(Ok(()), |(_, refusal)| Err(refusal))
}
