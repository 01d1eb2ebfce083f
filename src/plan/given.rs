//! What a plan is made from: files, or what is on a server now.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use k8s_openapi::jiff::Timestamp;
use nico_apply::ApplyError;
use nico_apply::connect::connect;
use nico_apply::observe::{Scope, look_at_tokens, look_at_what_was_told, now, observe_objects, sight_of};
use nico_render::{ClusterKey, Inventory, Sight};

use crate::cli::{Files, Plan};
use crate::files;
use crate::input::Place;
use crate::report::Report;

/// What a plan is made from.
pub struct Given {
    pub inventory: Inventory,
    pub sight: Sight,
    pub at: Timestamp,
    /// Where each cluster stands, in files.
    pub origins: BTreeMap<ClusterKey, Place>,
    /// Not all was to be seen: the rest is taken to be as usual.
    pub is_partial: bool,
}

/// From files; None if they cannot be read, which is said.
pub fn by_files(arguments: &Plan) -> Option<Given> {
    let Files { filename, recursive, at } = &arguments.files;
    let mut objects = files::read(filename, *recursive, arguments.namespace.as_deref())?;
    for configuration in &mut objects.configurations {
        let metadata = &mut configuration.metadata;
        if metadata.uid.as_deref().unwrap_or_default().is_empty() {
            // Only to tell it from others.
            let place =
                [metadata.namespace.as_deref(), metadata.name.as_deref()].map(Option::unwrap_or_default);
            metadata.uid = Some(place.join("/"));
        }
    }
    let at = at.unwrap_or_else(now);
    let origins = std::mem::take(&mut objects.origins);
    let mut inventory = objects.inventory(arguments.default_git_repo.as_deref());
    inventory.observed_at = Some(at);
    let mut sight = sight_of(&inventory);
    look_at_what_was_told(&inventory, &mut sight, at);
    Some(Given { sight, inventory, at, origins, is_partial: true })
}

/// From a server.
pub fn by_server(arguments: &Plan) -> Result<Option<Given>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let given = runtime.context("cannot start the runtime")?.block_on(observe(arguments))?;
    Ok(Some(given))
}

async fn observe(arguments: &Plan) -> Result<Given, ApplyError> {
    let client = connect(&arguments.server.target()).await?;
    let scope = Scope {
        namespace: arguments.namespace.as_deref(),
        default_git_repo: arguments.default_git_repo.as_deref(),
    };
    let (inventory, mut sight) = observe_objects(&client, &scope).await?;
    let is_partial = match look_at_tokens(&client, &inventory, &mut sight).await {
        Ok(()) => false,
        Err(ApplyError::Read { cause: kube::Error::Api(status), .. }) if status.code == 403 => {
            Report::note(
                "the Secrets with the join tokens may not be read; they are taken to be as they should",
            );
            true
        }
        Err(error) => return Err(error),
    };
    let at = now();
    look_at_what_was_told(&inventory, &mut sight, at);
    Ok(Given { inventory, sight, at, origins: BTreeMap::new(), is_partial })
}
