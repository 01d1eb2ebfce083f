//! What the audit log tells of one user, and of a stretch of time.

use std::collections::BTreeSet;

use futures::TryStreamExt as _;
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::{DeleteParams, ListParams, PostParams, WatchParams};
use nico_harness::{ControlPlane, audit, wait_until};

use super::{BOUND, account, config_map, config_maps, role};

#[tokio::test]
async fn what_was_granted_is_what_was_used_and_what_was_denied_is_told() {
    let control_plane = ControlPlane::shared().await;
    let namespace = control_plane.namespace("rights").await;
    let verbs = ["create", "get", "list", "watch", "delete"];
    let account = account(control_plane, &namespace, &verbs).await;
    let granted = {
        let (_folder, file) = role(&namespace, &verbs);
        audit::granted(&std::fs::read_to_string(file).unwrap())
    };
    let api = config_maps(account.client().await, &namespace);
    wait_until("the role to be in force", BOUND, async || api.list(&ListParams::default()).await)
        .await
        .unwrap();
    let from = control_plane.audit_mark().await;

    api.create(&PostParams::default(), &config_map("a")).await.unwrap();
    api.create(&PostParams::default(), &config_map("a")).await.unwrap_err();
    api.get("a").await.unwrap();
    api.list(&ListParams::default()).await.unwrap();
    let short = WatchParams::default().timeout(1);
    let _events: Vec<_> = api.watch(&short, "0").await.unwrap().try_collect().await.unwrap();

    let user = account.user();
    let events = control_plane.audit_between(from, control_plane.audit_mark().await);
    let unused: Vec<String> =
        granted.difference(&audit::used(&events, &user)).map(ToString::to_string).collect();
    assert_eq!(unused, ["delete configmaps"]);
    assert!(audit::denied(&events, &user).is_empty());
    let verbs = |events: Vec<&nico_harness::Event>| -> Vec<String> {
        events.into_iter().map(|event| format!("{} {}", event.verb, event.code)).collect()
    };
    assert_eq!(verbs(audit::writes(&events, &user)), ["create 201", "create 409"]);
    assert_eq!(verbs(audit::reads(&events, &user)), ["get 200", "list 200", "watch 200"]);

    api.delete("a", &DeleteParams::default()).await.unwrap();
    let secrets: Api<Secret> = Api::namespaced(account.client().await, namespace.name());
    secrets.list(&ListParams::default()).await.unwrap_err();

    let events = control_plane.audit_between(from, control_plane.audit_mark().await);
    assert_eq!(audit::used(&events, &user), granted);
    let denied: Vec<_> = audit::denied(&events, &user).iter().map(|event| event.resource.as_str()).collect();
    assert_eq!(denied, ["secrets"]);
}

#[tokio::test]
async fn between_two_marks_is_what_happened_between_them() {
    let control_plane = ControlPlane::shared().await;
    let namespace = control_plane.namespace("marks").await;
    let api = config_maps(control_plane.client().await, &namespace);
    let names = |events: Vec<nico_harness::Event>| -> Vec<String> {
        events
            .into_iter()
            .filter(|event| event.namespace.as_deref() == Some(namespace.name()) && event.is_change())
            .filter_map(|event| event.name)
            .collect()
    };
    for round in 0..20 {
        let name = |part| format!("{part}-{round}");
        api.create(&PostParams::default(), &config_map(&name("before"))).await.unwrap();
        let first = control_plane.audit_mark().await;
        api.create(&PostParams::default(), &config_map(&name("between"))).await.unwrap();
        let second = control_plane.audit_mark().await;
        api.create(&PostParams::default(), &config_map(&name("after"))).await.unwrap();
        assert_eq!(names(control_plane.audit_between(first, second)), [name("between")]);
        assert!(first < second);
    }
    let all = names(control_plane.audit_so_far().await).into_iter().filter(|name| name.contains('-'));
    assert_eq!(all.collect::<BTreeSet<_>>().len(), 60);
}
