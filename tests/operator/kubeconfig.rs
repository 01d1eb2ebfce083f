//! The kubeconfig: fetched from a real sshd, logged in with on a real API server, stored, renewed, and never replaced
//! by less.

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::visits::Visits;

fn hence(minutes: i64) -> Timestamp {
    Timestamp::now() + SignedDuration::from_mins(minutes)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_each_distribution_writes_becomes_a_secret_that_others_can_use() {
    let visits = Visits::new("forms", [127, 0, 4, 1]).await;
    let certified = || visits.workload.certified(hence(-60), hence(60 * 24));
    let named = |mut kubeconfig: Value, context: &str, cluster: &str, user: &str| {
        kubeconfig["clusters"][0]["name"] = json!(cluster);
        kubeconfig["users"][0]["name"] = json!(user);
        kubeconfig["contexts"][0] =
            json!({ "name": context, "context": { "cluster": cluster, "user": user } });
        kubeconfig["current-context"] = json!(context);
        kubeconfig
    };
    let k3s = named(certified(), "default", "default", "default");
    visits.lay_kubeconfig("k3s", k3s.clone(), "https://127.0.0.1");
    visits.lay_kubeconfig("rke2", k3s, "https://0.0.0.0");
    visits.lay_kubeconfig("k0s", named(certified(), "Default", "local", "user"), "https://localhost");
    let kubeadm = named(certified(), "kubernetes-admin@kubernetes", "kubernetes", "kubernetes-admin");
    visits.lay_kubeconfig("kubeadm", kubeadm, &format!("https://{}", visits.address));
    visits.lay_kubeconfig("token", visits.workload.kubeconfig(), "https://127.0.0.1");
    let node = json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": "seen-from-outside" } });
    let file = tempfile::NamedTempFile::with_suffix(".json").unwrap();
    std::fs::write(file.path(), node.to_string()).unwrap();
    visits.workload.apply_yaml(file.path()).await;

    let _operator = visits.operator(&[]).await;
    let forms = ["k3s", "rke2", "k0s", "kubeadm", "token"];
    for form in forms {
        visits.stage.put(&[visits.machine(&format!("{form}-1"), &json!({}))]).await;
        visits.stage.put(&[visits.cluster(form, &format!("{form}-1"), form)]).await;
    }
    for form in forms {
        let message = visits.wait_reason(form, "Available").await;
        assert!(message.contains(&format!("{form}-kubeconfig")), "{message}");
        let live = visits.stage.get("kubernetescluster", form).await;
        assert_eq!(live["status"]["kubeconfigSecret"], format!("{form}-kubeconfig"));
        let secret = visits.secret(form).await;
        assert_eq!(secret["data"]["kubeconfig"], secret["data"]["value"]);
        assert_eq!(secret["metadata"]["labels"]["cluster.x-k8s.io/cluster-name"], form);
        assert_eq!(secret["metadata"]["ownerReferences"][0]["uid"], live["metadata"]["uid"]);
        assert_eq!(secret["metadata"]["ownerReferences"][0]["controller"], true);
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), visits.stored(form).await).unwrap();
        let path = file.path().to_str().unwrap();
        let listed = visits.workload.kubectl(&["--kubeconfig", path, "get", "nodes", "-o", "name"]).await;
        let nodes = String::from_utf8(listed.stdout).unwrap();
        assert!(nodes.contains("node/seen-from-outside"), "{form}: {nodes}");
        let pinned = visits.stage.get("configmap", &format!("{form}-known-hosts")).await;
        let key = visits.sshd.host_key();
        let key = key.split_whitespace().nth(1).unwrap();
        let text = pinned["data"][format!("{form}-1")].as_str().unwrap_or_default().to_owned();
        assert!(text.contains(key), "{pinned}");
    }
    visits.stage.kubectl(&["delete", "kubernetescluster", "k3s"]).await;
    visits
        .stage
        .wait("what was the cluster's to go with it", async || {
            let left = [visits.secret("k3s").await, visits.stage.get("configmap", "k3s-known-hosts").await];
            if left.iter().all(Value::is_null) { Ok(()) } else { Err(format!("{left:?}")) }
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_ends_soon_is_renewed_and_never_by_less() {
    let mut visits = Visits::new("renewal", [127, 0, 4, 2]).await;
    // Two thirds of its life are over.
    let ends_soon = visits.workload.certified(hence(-60), hence(20));
    visits.lay_kubeconfig("file", ends_soon, "https://127.0.0.1");
    let _operator = visits.operator(&[]).await;
    visits.stage.put(&[visits.machine("node-1", &json!({})), visits.cluster("home", "node-1", "file")]).await;
    let message = visits.wait_reason("home", "NotRenewed").await;
    assert!(message.contains("does not last longer"), "{message}");
    let first = visits.secret("home").await;

    // One that ends sooner, one that is none, a host that is another.
    let less = visits.workload.certified(hence(-60), hence(10));
    visits.lay_kubeconfig("file", less, "https://127.0.0.1");
    visits.again("home", "1").await;
    visits.lay("other", "no kubeconfig");
    let path = json!({ "spec": { "kubeconfig": { "path": visits.file("other") } } });
    visits.stage.patch("kubernetescluster", "home", "person", &path).await;
    wait_message(&visits, "is not a kubeconfig").await;
    visits.sshd.change_host_key().await;
    visits.again("home", "12").await;
    wait_message(&visits, "host key is not the one").await;
    let unchanged = visits.secret("home").await;
    assert_eq!(unchanged["metadata"]["resourceVersion"], first["metadata"]["resourceVersion"]);

    // A person looks into it, and takes the pin away.
    let pin = json!({ "data": { "node-1": null } });
    visits.stage.patch("configmap", "home-known-hosts", "person", &pin).await;
    let more = visits.workload.certified(hence(-1), hence(60 * 24 * 365));
    visits.lay_kubeconfig("other", more, "https://127.0.0.1");
    visits.again("home", "123").await;
    visits.wait_reason("home", "Available").await;
    let renewed = visits.secret("home").await;
    assert_eq!(renewed["metadata"]["uid"], first["metadata"]["uid"]);
    assert_ne!(renewed["data"], first["data"]);
}

async fn wait_message(visits: &Visits<'_>, text: &str) {
    visits
        .stage
        .wait(&format!("to be told: {text}"), async || {
            let message = visits.wait_reason("home", "NotRenewed").await;
            if message.contains(text) { Ok(()) } else { Err(message) }
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_lets_nobody_in_is_replaced_and_one_of_somebody_else_is_left_alone() {
    let visits = Visits::new("refused", [127, 0, 4, 3]).await;
    let kubeconfig = visits.workload.certified(hence(-1), hence(60 * 24));
    visits.lay_kubeconfig("file", kubeconfig, "https://127.0.0.1");
    let theirs = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "taken-kubeconfig" },
        "stringData": { "value": "theirs" },
    });
    visits.stage.put(&[theirs]).await;
    let _operator = visits.operator(&[]).await;
    for name in ["home", "taken"] {
        let machine = format!("{name}-1");
        let objects = [visits.machine(&machine, &json!({})), visits.cluster(name, &machine, "file")];
        visits.stage.put(&objects).await;
    }
    visits.wait_reason("taken", "SecretTaken").await;
    assert!(visits.secret("taken").await["metadata"]["ownerReferences"].is_null());
    visits.wait_reason("home", "Available").await;

    // Deleted by hand: it comes back.
    visits.stage.kubectl(&["delete", "secret", "home-kubeconfig"]).await;
    visits
        .stage
        .wait("it to come back", async || {
            let secret = visits.secret("home").await;
            if secret.is_null() { Err("it is gone") } else { Ok(()) }
        })
        .await;
    visits.wait_reason("home", "Available").await;

    // Without its label it is not seen any more: it is found, and gets it back.
    let before = visits.secret("home").await;
    let patch = json!({ "metadata": { "labels": { "nico.homystack.com/cluster": null } } });
    visits.stage.patch("secret", "home-kubeconfig", "person", &patch).await;
    visits
        .stage
        .wait("the label to come back", async || {
            let secret = visits.secret("home").await;
            let label = &secret["metadata"]["labels"]["nico.homystack.com/cluster"];
            if *label == "home" { Ok(()) } else { Err(secret["metadata"].to_string()) }
        })
        .await;
    assert_eq!(visits.secret("home").await["data"], before["data"]);
    visits.wait_reason("home", "Available").await;

    // Half of it taken away: it is whole again.
    let patch = json!({ "data": { "value": null } });
    visits.stage.patch("secret", "home-kubeconfig", "person", &patch).await;
    visits
        .stage
        .wait("it to be whole again", async || {
            let data = visits.secret("home").await["data"].clone();
            if data["value"] == before["data"]["value"] { Ok(()) } else { Err("it is not") }
        })
        .await;

    // As after a cluster was started anew: whom it names is unknown there.
    let mut stranger = visits.workload.kubeconfig();
    stranger["users"][0]["user"] = json!({ "token": "nobody" });
    let text = serde_yaml::to_string(&stranger).unwrap();
    let bytes = k8s_openapi::ByteString(text.into_bytes());
    let patch = json!({ "data": { "kubeconfig": bytes, "value": bytes } });
    visits.stage.patch("secret", "home-kubeconfig", "person", &patch).await;
    visits
        .stage
        .wait("it to be replaced", async || {
            let stored = visits.stored("home").await;
            if stored.contains("client-key-data") { Ok(()) } else { Err("not yet") }
        })
        .await;
    visits.wait_reason("home", "Available").await;
}
