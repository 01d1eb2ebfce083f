//! The kubeconfig that is handed on: this way into the cluster, under the cluster's name, and nothing else.

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::read::{Access, Login};
use super::way::Way;

/// As YAML.
///
/// # Errors
///
/// It cannot be written as YAML.
pub fn write(
    cluster: &str,
    access: &Access,
    way: &Way,
) -> Result<SecretString, serde_saphyr::ser_error::Error> {
    let user = format!("{cluster}-admin");
    let mut server = json!({
        "server": text_of(way),
        "certificate-authority-data": access.authority,
    });
    if let (Some(name), Value::Object(fields)) = (&way.tls_server_name, &mut server) {
        fields.insert("tls-server-name".to_owned(), json!(name));
    }
    let login = match &access.login {
        Login::Certificate { certificate, key, .. } => {
            json!({ "client-certificate-data": certificate, "client-key-data": key.expose_secret() })
        }
        Login::Token(token) => json!({ "token": token.expose_secret() }),
    };
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{ "name": cluster, "cluster": server }],
        "users": [{ "name": user, "user": login }],
        "contexts": [{ "name": cluster, "context": { "cluster": cluster, "user": user } }],
        "current-context": cluster,
    });
    serde_saphyr::to_string(&config).map(SecretString::from)
}

/// Without the slash that a URI without a path gets.
fn text_of(way: &Way) -> String {
    let text = way.server.to_string();
    text.strip_suffix('/').unwrap_or(&text).to_owned()
}
