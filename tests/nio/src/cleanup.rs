//! Cleaning a machine up whose configuration is being deleted, and which can be reached.

use k8s_openapi::jiff::Timestamp;
use serde_json::json;

use crate::api::Resource;
use crate::apply;
use crate::body::Body;
use crate::context::Context;
use crate::journal::Deed;
use crate::kopf::nio_time;
use crate::look::{Failure, tell_configuration};

/// Applies `onRemoveFlake`, which needs none of the files: a Secret may be missing. Without that flake
/// nothing is applied; the machine only counts as free.
pub(crate) async fn clean(context: &Context, body: &Body, machine: &Body, deed: Deed) -> Result<(), Failure> {
    let applies = body.text("onRemoveFlake").is_some();
    if applies {
        apply::needs_user(machine)?;
        apply::apply(context, body, deed.clone()).await?;
    }
    let free = json!({ "hasConfiguration": false, "appliedConfiguration": null, "appliedCommit": null });
    context.server.write_status(Resource::Machine, &deed.namespace, &deed.machine, &free).await?;
    if applies {
        let now = nio_time(Timestamp::now());
        tell_configuration(context, body, &deed, &now, ("Removed", "Configuration successfully removed"))
            .await?;
    }
    Ok(())
}
