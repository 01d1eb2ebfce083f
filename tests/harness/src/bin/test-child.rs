//! A process of the tests of this crate: it writes through the API server like
//! an operator, or holds a process of its own.

#![allow(clippy::expect_used, clippy::print_stdout)]

use std::error::Error;
use std::{env, future};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{ObjectMeta, PostParams, WatchEvent, WatchParams};
use kube::{Api, Client, ResourceExt as _};
use nico_harness::Process;
use tokio::select;
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["hold"] => hold().await,
        ["write", namespace, count] => {
            let mut terminate = signal(SignalKind::terminate())?;
            let writing = write(namespace, count.parse()?);
            select! {
                end = writing => end,
                _signal = terminate.recv() => {
                    println!("told to end");
                    Ok(())
                }
            }
        }
        _ => Err("usage: test-child hold | test-child write NAMESPACE COUNT".into()),
    }
}

/// Says which process it holds, and waits to be killed.
async fn hold() -> Result<(), Box<dyn Error>> {
    let process = Process::start("sleep", |command| {
        command.arg("600");
    });
    println!("{}", process.pid());
    future::pending().await
}

/// Creates so many `ConfigMaps`, four at a time, and tells what it sees of them.
async fn write(namespace: &str, count: u32) -> Result<(), Box<dyn Error>> {
    let api: Api<ConfigMap> = Api::namespaced(Client::try_default().await?, namespace);
    stream::iter(0..count)
        .map(|number| {
            let name = Some(format!("written-{number}"));
            let metadata = ObjectMeta { name, ..ObjectMeta::default() };
            let object = ConfigMap { metadata, ..ConfigMap::default() };
            let api = &api;
            async move { api.create(&PostParams::default(), &object).await }
        })
        .buffer_unordered(4)
        .try_for_each(|made| async move {
            println!("wrote {}", made.name_any());
            Ok(())
        })
        .await?;
    let mut events = Box::pin(api.watch(&WatchParams::default(), "0").await?);
    println!("watching");
    while let Some(event) = events.next().await {
        match event? {
            WatchEvent::Added(seen) => println!("saw {}", seen.name_any()),
            WatchEvent::Modified(_) | WatchEvent::Deleted(_) | WatchEvent::Bookmark(_) => {}
            WatchEvent::Error(status) => return Err(format!("{status:?}").into()),
        }
    }
    Ok(())
}
