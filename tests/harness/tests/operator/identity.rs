//! A service account is itself, and may do what it may.

use kube::api::{ListParams, PostParams};
use nico_harness::{ControlPlane, wait_until};

use super::{BOUND, account, config_map, config_maps};

#[tokio::test]
async fn it_may_do_what_a_role_says_and_nothing_else() {
    let control_plane = ControlPlane::shared().await;
    let namespace = control_plane.namespace("identity").await;
    let account = account(control_plane, &namespace, &["list"]).await;
    let api = config_maps(account.client().await, &namespace);

    // A role takes a moment to come into force.
    wait_until("the role to be in force", BOUND, async || api.list(&ListParams::default()).await)
        .await
        .unwrap();
    let error = api.create(&PostParams::default(), &config_map("a")).await.unwrap_err();

    let kube::Error::Api(status) = error else { panic!("{error}") };
    assert!(status.is_forbidden(), "{status:?}");
    assert!(status.message.contains(&account.user()), "{status:?}");
}

#[tokio::test]
async fn an_account_of_the_manifests_is_taken_as_it_is() {
    let control_plane = ControlPlane::shared().await;
    let namespace = control_plane.namespace("identity").await;
    let first = control_plane.service_account(namespace.name(), "same").await;
    let second = control_plane.service_account(namespace.name(), "same").await;
    assert_eq!(first.user(), second.user());
    assert_eq!(first.user(), format!("system:serviceaccount:{namespace}:same"));
}

#[tokio::test]
async fn its_kubeconfig_is_complete_and_for_nobody_else() {
    use std::os::unix::fs::PermissionsExt as _;

    let control_plane = ControlPlane::shared().await;
    let namespace = control_plane.namespace("identity").await;
    let account = control_plane.service_account(namespace.name(), "whoever").await;
    let kubeconfig = account.kubeconfig();

    // The later one counts.
    let flag = format!("--kubeconfig={}", kubeconfig.display());
    let output = control_plane
        .kubectl(&[&flag, "auth", "whoami", "--output=jsonpath={.status.userInfo.username}"])
        .await;

    assert_eq!(String::from_utf8_lossy(&output.stdout), account.user(), "{output:?}");
    assert_eq!(kubeconfig.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert!(kubeconfig.starts_with(control_plane.folder()), "it has to go with the control plane");
    assert!(!format!("{account:?}").contains(account.token()));
}
