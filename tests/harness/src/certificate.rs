//! Client certificates that a control plane accepts, valid for as long as a test wants.

// A missing field of JSON is null, and then a failed test; the times are a test's own.
#![allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use std::fs;
use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use rcgen::{CertificateParams, DnType, Issuer, KeyPair, date_time_ymd};
use serde_json::{Value, json};

use crate::control_plane::ControlPlane;

impl ControlPlane {
    /// A kubeconfig with a client certificate of an administrator's, as distributions write one: everything is in it.
    pub fn certified(&self, from: Timestamp, until: Timestamp) -> Value {
        let read = |name: &str| fs::read_to_string(self.folder().join(name)).expect("the authority is there");
        let key = KeyPair::from_pem(&read("client-authority.key")).expect("the authority has a key");
        let authority = Issuer::from_ca_cert_pem(&read("client-authority.crt"), key);
        let authority = authority.expect("the authority has a certificate");
        let mut wanted = CertificateParams::default();
        wanted.distinguished_name.push(DnType::CommonName, "admin");
        wanted.distinguished_name.push(DnType::OrganizationName, "system:masters");
        let moment = |at: Timestamp| {
            let seconds = u64::try_from(at.as_second()).expect("it is after 1970");
            date_time_ymd(1970, 1, 1) + Duration::from_secs(seconds)
        };
        (wanted.not_before, wanted.not_after) = (moment(from), moment(until));
        let key = KeyPair::generate().expect("a key is made");
        let certificate = wanted.signed_by(&key, &authority).expect("a certificate is signed");
        let mut kubeconfig = self.kubeconfig();
        kubeconfig["users"][0]["user"] = json!({
            "client-certificate-data": base64(&certificate.pem()),
            "client-key-data": base64(&key.serialize_pem()),
        });
        kubeconfig
    }

    /// The administrator's kubeconfig.
    pub fn kubeconfig(&self) -> Value {
        let text = fs::read_to_string(self.kubeconfig_path()).expect("the kubeconfig is readable");
        serde_saphyr::from_str(&text).expect("the kubeconfig is YAML")
    }

    /// The port of its API server, at 127.0.0.1.
    pub fn port(&self) -> u16 {
        let kubeconfig = self.kubeconfig();
        let server = kubeconfig["clusters"][0]["cluster"]["server"].as_str().expect("it has a server");
        let server: http::Uri = server.parse().expect("its server is a URL");
        server.port_u16().expect("its server has a port")
    }
}

/// As Kubernetes writes bytes.
fn base64(text: &str) -> Value {
    json!(k8s_openapi::ByteString(text.as_bytes().to_vec()))
}
