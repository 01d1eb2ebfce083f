//! Where a cluster listens for others than itself.

use std::net::IpAddr;

use http::Uri;
use http::uri::{Authority, Scheme};

use super::read::Access;

/// A name that the certificate of every API server bears, whatever addresses it has (Kubernetes' documentation, "PKI
/// certificates and requirements").
pub(crate) const KNOWN_AS: &str = "kubernetes.default.svc";

/// Where a control plane can be reached from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place<'a> {
    /// A name or an address.
    pub host: &'a str,
    /// Absent: as the kubeconfig says.
    pub port: Option<u16>,
}

/// A server, and the name that its certificate has to bear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// The server.
    pub server: Uri,
    /// The name, where it is not the host.
    pub tls_server_name: Option<String>,
}

/// The ways to try, in this order. What says that it listens on the loopback interface, or on all of them, is
/// looked for at `place`: first by a certificate for that place, then by the one that it has for itself, or for the
/// cluster.
pub fn ways(access: &Access, place: &Place<'_>) -> Vec<Way> {
    let host = access.server.host().unwrap_or_default();
    let named = || access.tls_server_name.clone();
    if !is_local(host) {
        return vec![Way { server: access.server.clone(), tls_server_name: named() }];
    }
    let Some(server) = moved(&access.server, place) else { return Vec::new() };
    let there = Way { server: server.clone(), tls_server_name: named() };
    if access.tls_server_name.is_some() {
        return vec![there];
    }
    let known_as = |name: &str| Way { server: server.clone(), tls_server_name: Some(name.to_owned()) };
    vec![there, known_as(unbracketed(host)), known_as(KNOWN_AS)]
}

fn is_local(host: &str) -> bool {
    match unbracketed(host).parse::<IpAddr>() {
        Ok(address) => {
            let address = address.to_canonical();
            address.is_loopback() || address.is_unspecified()
        }
        Err(_) => host.eq_ignore_ascii_case("localhost"),
    }
}

fn moved(server: &Uri, place: &Place<'_>) -> Option<Uri> {
    let host = match place.host.parse::<IpAddr>() {
        Ok(IpAddr::V6(address)) => format!("[{address}]"),
        Ok(IpAddr::V4(_)) | Err(_) => place.host.to_owned(),
    };
    let authority = match place.port.or(server.port_u16()) {
        Some(port) => format!("{host}:{port}"),
        None => host,
    };
    let path = server.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    Uri::builder()
        .scheme(Scheme::HTTPS)
        .authority(authority.parse::<Authority>().ok()?)
        .path_and_query(path)
        .build()
        .ok()
}

fn unbracketed(host: &str) -> &str {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}
