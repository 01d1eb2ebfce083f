//! Whose status is told: clusters in files, or on a server now.

use std::sync::Arc;

use anyhow::{Context, Result};
use k8s_openapi::jiff::Timestamp;
use nico_apply::clusters::{Clusters, read};
use nico_apply::connect::connect;
use nico_apply::observe::now;
use nico_render::ClusterKey;

use crate::cli::{Files, Status};
use crate::files;

/// Clusters, at a time.
pub struct Given {
    pub clusters: Clusters,
    pub at: Timestamp,
}

/// From files; None if they cannot be read, which is said.
pub fn by_files(arguments: &Status) -> Option<Given> {
    let Files { filename, recursive, at } = &arguments.files;
    let objects = files::read(filename, *recursive, arguments.namespace.as_deref())?;
    let clusters =
        objects.clusters.into_iter().map(|cluster| (ClusterKey::of(&cluster), Ok(Arc::new(cluster))));
    Some(Given { clusters: clusters.collect(), at: at.unwrap_or_else(now) })
}

/// From a server.
pub fn by_server(arguments: &Status) -> Result<Option<Given>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let clusters = runtime.context("cannot start the runtime")?.block_on(async {
        let client = connect(&arguments.server.target()).await?;
        read(&client, arguments.namespace.as_deref()).await
    })?;
    Ok(Some(Given { clusters, at: now() }))
}
