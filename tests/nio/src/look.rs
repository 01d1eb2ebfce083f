//! One look at a configuration: is there anything to apply, and if so, applying it. Handler and timer do
//! the same.
//!
//! It takes a copy of the object, and asks the API for nothing but the Machine and Secrets. So a copy that
//! is old is applied as if it were new.

use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};

use crate::api::Resource;
use crate::apply;
use crate::body::Body;
use crate::cleanup;
use crate::context::Context;
use crate::event::{Actor, Kind};
use crate::hash;
use crate::journal::Deed;
use crate::kopf::nio_time;

/// A copy of a configuration.
#[derive(Clone, Debug)]
pub(crate) struct Copy {
    pub body: Body,
    /// The place in the log when it was taken.
    pub taken_after: u64,
}

/// Why a look failed. It is tried again after a while.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("Configuration reconciliation failed: {0}")]
    Api(#[from] kube::Error),
    #[error("Configuration reconciliation failed: '{0}'")]
    NoField(&'static str),
    #[error("Configuration reconciliation failed: (404) Reason: Not Found: machines \"{0}\" not found")]
    NoMachine(String),
    #[error(
        "Configuration reconciliation failed: Failed to get remote commit hash for {0}: Ref '{0}' not found in repository"
    )]
    NoRef(String),
    #[error("Configuration reconciliation failed: Failed to get secret {0}")]
    NoCredentials(String),
    #[error("Configuration reconciliation failed: Failed to apply configuration")]
    Apply,
    /// The real one says this only in its log.
    #[error("Configuration reconciliation failed: Failed to apply configuration ({0})")]
    Refused(String),
}

/// Looks, and applies what there is to apply.
pub(crate) async fn look(context: &Context, copy: &Copy, actor: Actor) -> Result<(), Failure> {
    let Copy { body, .. } = copy;
    let namespace = body.namespace();
    let name = body.machine().ok_or(Failure::NoField("machineRef"))?;
    let machine = context.server.machine(&namespace, name).await?;
    let machine = machine.ok_or_else(|| Failure::NoMachine(name.to_owned()))?;
    tokio::time::sleep(context.settings.look).await;
    if context.world.is_lost(&namespace, name) {
        return unreachable(context, body, name).await;
    }
    let commit = resolve(context, body).await?;
    let files_hash = hash::files_hash(body.spec(), machine.spec());
    let deed = Deed {
        namespace,
        machine: name.to_owned(),
        configuration: body.name(),
        uid: body.uid(),
        actor,
        kind: kind(body),
        files_hash,
        commit,
        generation: body.generation(),
        revision: body.revision(),
        full_install: body.is_set("fullInstall"),
        copied_after: copy.taken_after,
    };
    if body.is_deleted() {
        return cleanup::clean(context, body, &machine, deed).await;
    }
    if !has_changed(body, &deed) {
        return Ok(());
    }
    apply::evaluate(context, body, &machine).await?;
    apply::apply(context, body, deed.clone()).await?;
    let now = nio_time(Timestamp::now());
    tell_machine(context, &deed, &now).await?;
    tell_configuration(context, body, &deed, &now, ("Success", "Configuration successfully applied")).await
}

/// `hasFullInstall` is what NIO writes after an installation, and this is not what it reads here. So an
/// installation is never over.
fn kind(body: &Body) -> Kind {
    if body.is_deleted() {
        Kind::Cleanup
    } else if body.is_set("fullInstall") && !is_installed(body) {
        Kind::Wipe
    } else {
        Kind::Switch
    }
}

/// Nobody ever writes this field.
fn is_installed(body: &Body) -> bool {
    body.status().get("fullDiskInstallCompleted") == Some(&Value::Bool(true))
}

/// Nothing else makes NIO apply: no flake, no `fullInstall`, no subdirectory, no content of a Secret.
fn has_changed(body: &Body, deed: &Deed) -> bool {
    let status = |field: &str| body.status().get(field).and_then(Value::as_str).unwrap_or_default();
    status("appliedCommit") != deed.commit || status("additionalFilesHash") != deed.files_hash
}

/// One failed login, and the commit is forgotten. The hash and the Machine stay as they are.
async fn unreachable(context: &Context, body: &Body, machine: &str) -> Result<(), Failure> {
    let status = json!({
        "appliedCommit": null,
        "lastAppliedTime": null,
        "targetMachine": machine,
        "conditions": [{
            "type": "Applied",
            "status": "False",
            "lastTransitionTime": nio_time(Timestamp::now()),
            "reason": "MissingCredentials",
            "message": "Configuration application skipped due to missing SSH credentials",
        }],
    });
    let (namespace, name) = (body.namespace(), body.name());
    Ok(context.server.write_status(Resource::Configuration, &namespace, &name, &status).await?)
}

/// The ref has to exist as a branch or tag; what is cloned is the default branch, whatever it says.
async fn resolve(context: &Context, body: &Body) -> Result<String, Failure> {
    body.text("gitRepo").ok_or(Failure::NoField("gitRepo"))?;
    if let Some(secret) = body.spec().pointer("/credentialsRef/name").and_then(Value::as_str)
        && !context.server.has_secret(&body.namespace(), secret).await?
    {
        return Err(Failure::NoCredentials(secret.to_owned()));
    }
    let name = body.text("ref").unwrap_or("main");
    let is_commit = matches!(name.len(), 40 | 64) && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_commit { Err(Failure::NoRef(name.to_owned())) } else { Ok(context.world.commit()) }
}

async fn tell_machine(context: &Context, deed: &Deed, now: &str) -> Result<(), Failure> {
    let status = json!({
        "hasConfiguration": true,
        "appliedConfiguration": deed.configuration,
        "appliedCommit": deed.commit,
        "lastAppliedTime": now,
    });
    let Deed { namespace, machine, .. } = deed;
    Ok(context.server.write_status(Resource::Machine, namespace, machine, &status).await?)
}

/// After a success, of whatever kind.
pub(crate) async fn tell_configuration(
    context: &Context,
    body: &Body,
    deed: &Deed,
    now: &str,
    (reason, message): (&str, &str),
) -> Result<(), Failure> {
    let folder =
        format!("{}\0{}\0{}", deed.commit, body.text("configurationSubdir").unwrap_or(""), deed.files_hash);
    let status = json!({
        "appliedCommit": deed.commit,
        "lastAppliedTime": now,
        "targetMachine": deed.machine,
        "configurationHash": hash::sha256(&folder),
        "additionalFilesHash": deed.files_hash,
        "hasFullInstall": deed.kind == Kind::Wipe || is_installed(body),
        "conditions": [{
            "type": "Applied",
            "status": "True",
            "lastTransitionTime": now,
            "reason": reason,
            "message": message,
        }],
    });
    let Deed { namespace, configuration, .. } = deed;
    Ok(context.server.write_status(Resource::Configuration, namespace, configuration, &status).await?)
}
