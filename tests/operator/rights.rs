//! The rights that are delivered: all of them are used, none is missing, and without those that no audit line
//! shows the server refuses.

use std::collections::BTreeSet;
use std::path::Path;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use kube::client::{Body, ClientBuilder};
use kube::{Client, Config};
use nico_harness::audit::{Right, denied, granted, used};
use nico_harness::{ControlPlane, ServiceAccount};
use serde_json::{Value, json};
use tower::{BoxError, Layer, Service};

use crate::adoption::{COMMIT, put_recorded};
use crate::faults::Inside;
use crate::stage::{
    BOUND, CONFIGURATIONS, INSTALL, OWN_NAME, OWN_NAMESPACE, Stage, cluster, operators_account,
};
use crate::visits::{Visits, workload};

fn rights() -> BTreeSet<Right> {
    granted(&std::fs::read_to_string(INSTALL).unwrap())
}

/// Rights that the server asks for beside the one of the request, and no audit line shows: see
/// `without_them_the_server_refuses`. (A server-side apply that creates is logged as a patch.)
fn is_silent(right: &Right) -> bool {
    let silent = [
        ("kubernetesclusters/finalizers", "update"),
        ("secrets", "delete"),
        ("nixosconfigurations", "create"),
    ];
    silent.contains(&(right.resource.as_str(), right.verb.as_str()))
}

async fn control_plane() -> ControlPlane {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    ControlPlane::start_with(&[&root.join("crds"), &root.join("fixtures/nio/python.yaml")]).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_granted_is_used_and_nothing_that_is_needed_is_denied() {
    let control_plane = control_plane().await;
    let account = operators_account(&control_plane).await;
    everyday(&control_plane, &account).await;
    visiting(&control_plane, &account).await;
    taking_over(&control_plane, &account).await;
    without_streamed_lists(&control_plane, &account).await;

    let events = control_plane.audit_so_far().await;
    let refused = denied(&events, &account.user());
    assert!(refused.is_empty(), "{refused:?}");
    let used = used(&events, &account.user());
    let unused: Vec<_> =
        rights().into_iter().filter(|right| !used.contains(right) && !is_silent(right)).collect();
    assert!(unused.is_empty(), "{unused:?}");
}

/// A cluster comes, has fields of it edited, and goes; with a Lease.
async fn everyday(control_plane: &ControlPlane, account: &ServiceAccount) {
    let stage = Stage::on(control_plane, "everyday").await;
    let lease = ["--leader-elect", "--leader-elect-namespace", OWN_NAMESPACE];
    let operator = stage.operator_with(&account.kubeconfig(), &lease);
    stage.machines(4).await;
    stage.put(&[cluster("home", 1, 1, &json!({}))]).await;
    stage.wait_installed(2).await;
    // The same event twice is one, with a count.
    for hand in ["person", "other"] {
        let edit = json!({ "spec": { "onRemoveFlake": "#other" } });
        stage.patch(CONFIGURATIONS, "home-node-1", hand, &edit).await;
        stage
            .wait("it to come back", async || {
                let live = stage.get(CONFIGURATIONS, "home-node-1").await;
                if live["spec"]["onRemoveFlake"] == "#minimal" {
                    Ok(())
                } else {
                    Err(live["spec"].to_string())
                }
            })
            .await;
    }
    stage
        .wait("the event to be counted", async || {
            let events = stage.list("events.v1.events.k8s.io").await;
            let counted =
                events.iter().any(|event| event["reason"] == "PutBack" && event["series"]["count"] == 2);
            counted.then_some(()).ok_or_else(|| format!("{events:?}"))
        })
        .await;
    stage.kubectl(&["delete", "kubernetescluster", "home", "--wait=false"]).await;
    stage.wait_gone("kubernetesclusters").await;
    assert!(operator.terminate(BOUND).await.unwrap().success());
}

/// A kubeconfig is fetched, and once more after somebody took it and the host key away.
async fn visiting(control_plane: &ControlPlane, account: &ServiceAccount) {
    let stage = Stage::on(control_plane, "visiting").await;
    let visits = Visits::on(stage, workload().await, [127, 0, 4, 51]).await;
    visits.lay_kubeconfig("file", visits.workload.kubeconfig(), "https://127.0.0.1");
    let operator = visits.operator_as(account, "10s", &[]);
    visits.stage.put(&[visits.machine("node-1", &json!({})), visits.cluster("home", "node-1", "file")]).await;
    visits.wait_reason("home", "Available").await;
    let pin = json!({ "data": { "node-1": null } });
    visits.stage.patch("configmap", "home-known-hosts", "person", &pin).await;
    visits.stage.kubectl(&["delete", "secret", "home-kubeconfig"]).await;
    visits
        .stage
        .wait("the host key to be pinned anew", async || {
            let pinned = visits.stage.get("configmap", "home-known-hosts").await["data"]["node-1"].clone();
            if pinned.is_string() { Ok(()) } else { Err("it is not") }
        })
        .await;
    assert!(operator.terminate(BOUND).await.unwrap().success());
}

async fn taking_over(control_plane: &ControlPlane, account: &ServiceAccount) {
    let mut stage = Stage::on(control_plane, "legacy").await;
    stage.stop_nio().await;
    put_recorded(&stage, &json!({})).await;
    stage.control().push(COMMIT);
    stage.start_nio();
    let operator = stage.operator_with(&account.kubeconfig(), &[]);
    stage
        .wait("the token to be owned", async || {
            let token = stage.get("secret", "home-join-token").await;
            token["metadata"]["ownerReferences"][0]["uid"].as_str().map(drop).ok_or("not yet")
        })
        .await;
    stage
        .wait("all to be taken over", async || {
            let all = stage.list(CONFIGURATIONS).await;
            let stamped = all
                .iter()
                .filter(|one| one["metadata"]["annotations"]["nico.homystack.com/text"].is_string());
            let stamped = stamped.count();
            if stamped == 5 { Ok(()) } else { Err(format!("{stamped}")) }
        })
        .await;
    assert!(operator.terminate(BOUND).await.unwrap().success());
}

/// A server that streams no lists, as older ones: lists are read then.
async fn without_streamed_lists(control_plane: &ControlPlane, account: &ServiceAccount) {
    let stage = Stage::on(control_plane, "older").await;
    let operator = Inside::start(&stage, older(account.config().await));
    stage.machines(1).await;
    stage.put(&[cluster("home", 1, 0, &json!({ "installPolicy": "SwitchOnly" }))]).await;
    stage.wait_installed(1).await;
    operator.end().await;
}

/// A client of a server that does not know `sendInitialEvents`, and says so as such a server does.
fn older(config: Config) -> Client {
    ClientBuilder::try_from(config).unwrap().with_layer(&Older).build()
}

#[derive(Clone)]
struct Older;

type Answer = UnsyncBoxBody<Bytes, BoxError>;

#[derive(Clone)]
struct OlderService<S>(S);

impl<S> Layer<S> for Older {
    type Service = OlderService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        OlderService(inner)
    }
}

impl<S, B> Service<Request<Body>> for OlderService<S>
where
    S: Service<Request<Body>, Response = Response<B>, Error = BoxError> + Send,
    S::Future: Send + 'static,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<Answer>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Response<Answer>, BoxError>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        if request.uri().query().is_some_and(|query| query.contains("sendInitialEvents")) {
            let status = json!({
                "kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Invalid", "code": 422,
                "message": "sendInitialEvents: Forbidden: it is not enabled",
            });
            let body = Full::new(Bytes::from(status.to_string())).map_err(Into::into).boxed_unsync();
            let answer = Response::builder().status(422).body(body);
            return Box::pin(async move { Ok(answer?) });
        }
        let answer = self.0.call(request);
        Box::pin(async move {
            let (parts, body) = answer.await?.into_parts();
            Ok(Response::from_parts(parts, body.map_err(Into::into).boxed_unsync()))
        })
    }
}

/// Takes rules away from the delivered role.
async fn without(control_plane: &ControlPlane, take: impl Fn(&mut Value)) {
    let output = control_plane.kubectl(&["get", "clusterrole", OWN_NAME, "-o", "json"]).await;
    let mut role: Value = serde_json::from_slice(&output.stdout).unwrap();
    role["rules"].as_array_mut().unwrap().iter_mut().for_each(take);
    role["rules"]
        .as_array_mut()
        .unwrap()
        .retain(|rule| rule["verbs"].as_array().is_some_and(|verbs| !verbs.is_empty()));
    let file = tempfile::NamedTempFile::with_suffix(".json").unwrap();
    std::fs::write(file.path(), role.to_string()).unwrap();
    let output = control_plane.kubectl(&["replace", "-f", file.path().to_str().unwrap()]).await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// What is left when a verb is taken from the rule of these resources.
fn less(resources: &str, verb: &str) -> impl Fn(&mut Value) {
    move |rule| {
        if rule["resources"] == json!([resources]) {
            rule["verbs"].as_array_mut().unwrap().retain(|other| other != verb);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_them_the_server_refuses() {
    let control_plane = control_plane().await;
    let silent = [
        ("kubernetesclusters/finalizers", "update", "cannot set blockOwnerDeletion"),
        ("secrets", "delete", "cannot set an ownerRef on a resource you can't delete"),
        ("nixosconfigurations", "create", "cannot create resource"),
    ];
    for (resource, verb, refusal) in silent {
        let account = operators_account(&control_plane).await;
        without(&control_plane, less(resource, verb)).await;
        let stage = Stage::on(&control_plane, "refused").await;
        stage.machines(1).await;
        let operator = stage.operator_with(&account.kubeconfig(), &[]);
        if resource == "secrets" {
            // One that is there, and is to become the cluster's own.
            let labels = json!({ "nico.homystack.com/cluster": "home" });
            let token = json!({
                "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "home-join-token", "labels": labels },
                "stringData": { "token": "0123456789abcdef" },
            });
            stage.put(&[token]).await;
        }
        stage.put(&[cluster("home", 1, 0, &json!({}))]).await;
        operator
            .line(&format!("{verb} {resource} refused"), BOUND, |line| line.contains(refusal))
            .await
            .unwrap();
        assert!(stage.configurations().await.is_empty());
    }
}
