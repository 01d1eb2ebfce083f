//! The private key with which a machine is visited: from the Secret that its `Machine` names, and from no other
//! namespace than a person allowed.

use k8s_openapi::api::core::v1::Secret;
use kube::{Api, Client, ResourceExt as _};
use nico_crds::Machine;
use nico_crds::machine::Dialect;
use nico_crds::names::{KNOWN_HOSTS_KEY, SSH_KEY_KEY};
use nico_render::workload::Trouble;
use secrecy::SecretString;

use super::trouble;
use crate::hands::writer::Writer;

/// NIO looks there where a reference names no namespace (Python NIO).
const DEFAULT_NAMESPACE: &str = "default";

/// What is in a Machine's key Secret.
pub(super) struct Key {
    /// The private key.
    pub private: SecretString,
    /// The host keys that a person wrote down beside it.
    pub known_hosts: Option<String>,
    /// The Secret, for people.
    pub secret: String,
}

/// Reads it.
pub(super) async fn key(
    writer: &Writer,
    allowed: &[String],
    dialect: Dialect,
    machine: &Machine,
) -> Result<Key, Trouble> {
    let name = machine.name_any();
    let own = machine.namespace().unwrap_or_default();
    let Some(reference) = &machine.spec.ssh_key_secret_ref else {
        let has_password = machine.spec.ssh_password_secret_ref.is_some();
        return Err(if has_password { trouble::only_password(&name) } else { trouble::no_key(&name) });
    };
    let secret = reference.name.as_deref().filter(|name| !name.is_empty());
    let secret = secret.ok_or_else(|| trouble::no_key(&name))?;
    let elsewhere = match dialect {
        Dialect::Python => DEFAULT_NAMESPACE,
        Dialect::Go => own.as_str(),
    };
    let namespace = reference.namespace.as_deref().filter(|name| !name.is_empty()).unwrap_or(elsewhere);
    if namespace != own && !allowed.iter().any(|allowed| allowed == namespace) {
        return Err(trouble::key_elsewhere(&name, namespace));
    }
    let field = reference.key.as_deref().unwrap_or(SSH_KEY_KEY);
    let place = format!("{namespace}/{secret}");
    let found = get(writer.client.clone(), writer, namespace, secret).await;
    let found = found.map_err(|error| trouble::key_unreadable(&name, &place, &error))?;
    let found = found.ok_or_else(|| trouble::key_missing(&name, &place, field))?;
    let text = |key: &str| {
        let bytes = found.data.as_ref()?.get(key)?;
        String::from_utf8(bytes.0.clone()).ok().filter(|text| !text.trim().is_empty())
    };
    let private = text(field).ok_or_else(|| trouble::key_missing(&name, &place, field))?;
    Ok(Key { private: private.into(), known_hosts: text(KNOWN_HOSTS_KEY), secret: place })
}

async fn get(
    client: Client,
    writer: &Writer,
    namespace: &str,
    name: &str,
) -> Result<Option<Secret>, crate::ApplyError> {
    let api: Api<Secret> = Api::namespaced(client, namespace);
    writer.read("the Secret with an SSH key", api.get_opt(name)).await
}
