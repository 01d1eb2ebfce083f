//! Doing something to a machine: it takes its time, and it may fail.

use serde_json::Value;

use crate::body::Body;
use crate::context::Context;
use crate::event::Actor;
use crate::journal::Deed;
use crate::look::Failure;

/// What goes wrong before the machine is touched.
pub(crate) async fn evaluate(context: &Context, body: &Body, machine: &Body) -> Result<(), Failure> {
    needs_user(machine)?;
    if body.text("flake").is_none() {
        return Err(Failure::Refused("it has no flake".to_owned()));
    }
    // NIO leaves out a file whose Secret is missing, and then the flake that needs it cannot be evaluated.
    for secret in body.files().filter_map(|file| file.pointer("/secretRef/name").and_then(Value::as_str)) {
        if !context.server.has_secret(&body.namespace(), secret).await? {
            return Err(Failure::Refused(format!("the secret {secret} is missing")));
        }
    }
    Ok(())
}

/// A login has a default, an apply has none.
pub(crate) fn needs_user(machine: &Body) -> Result<(), Failure> {
    let user = machine.text("sshUser").map(|_user| ());
    user.ok_or_else(|| Failure::Refused("the Machine has no sshUser".to_owned()))
}

/// Whatever it is, it ends with what it began with.
pub(crate) async fn apply(context: &Context, body: &Body, deed: Deed) -> Result<(), Failure> {
    let texts: Vec<String> =
        body.files().filter_map(|file| file.get("inline")?.as_str()).map(str::to_owned).collect();
    let (world, settings) = (&context.world, &context.settings);
    let cleanup = body.is_deleted();
    let fails = world.ask(&deed.namespace, &deed.machine, |faults| {
        faults.fails(deed.actor, cleanup, &deed.files_hash, &texts)
    });
    let subject = match deed.actor {
        Actor::Handler => format!("{} by the handler", deed.configuration),
        Actor::Timer => format!("{} by the timer", deed.configuration),
    };
    let duration = world.slowed(&deed, context.random.within(&subject, &settings.apply));
    let (namespace, machine) = (deed.namespace.clone(), deed.machine.clone());
    let doing = world.journal.start(deed.clone());
    tokio::time::sleep(duration.min(settings.timeout)).await;
    world.released(&deed).await;
    // A connection that broke in the middle of it is a failure, whatever has been done until then.
    let success = !fails && duration <= settings.timeout && !world.is_lost(&namespace, &machine);
    doing.end(success);
    if success { Ok(()) } else { Err(Failure::Apply) }
}
