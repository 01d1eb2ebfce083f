//! Machines that leave a cluster whose API server forbids what is to be done there, and says so every time.

use k8s_openapi::api::admissionregistration::v1::{
    ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding,
};
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams};
use nico_crds::names::LOST;
use serde_json::json;

use crate::built::{create, shared};
use crate::scene::{Scene, Wanted};
use crate::steps::assert_order;

impl Scene {
    /// From now on nobody may change this Node.
    async fn forbid(&self, node: &str) {
        let policy = json!({ "metadata": { "name": node }, "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": { "resourceRules": [{
                "apiGroups": [""], "apiVersions": ["v1"], "operations": ["UPDATE"], "resources": ["nodes"],
                "resourceNames": [node],
            }] },
            "validations": [{ "expression": "false", "message": "not today" }],
        } });
        let binding = json!({ "metadata": { "name": node }, "spec": {
            "policyName": node, "validationActions": ["Deny"],
        } });
        create::<ValidatingAdmissionPolicy>(&Api::all(self.built.client.clone()), &policy).await;
        create::<ValidatingAdmissionPolicyBinding>(&Api::all(self.built.client.clone()), &binding).await;
        // A server takes it in in its own time.
        let (try_it, of_no_use) = (PatchParams { dry_run: true, ..PatchParams::default() }, json!({}));
        let touch = Patch::Merge(json!({ "metadata": { "labels": of_no_use } }));
        while self.built.nodes().patch(node, &try_it, &touch).await.is_ok() {
            tokio::task::yield_now().await;
        }
    }

    async fn allow(&self, node: &str) {
        let bindings: Api<ValidatingAdmissionPolicyBinding> = Api::all(self.built.client.clone());
        bindings.delete(node, &DeleteParams::default()).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_is_named_and_tried_until_it_is_allowed() {
    let scene = Scene::new(shared().await, Wanted::new("refused", 1, 2)).await;
    let [stays, leaves] = [scene.name(2), scene.name(3)];
    // Of a pod with two budgets the API server says, as something fails, that it cannot be evicted.
    scene.built.pod("web", &leaves, &json!({})).await;
    scene.built.budget("one", "web", 0).await;
    scene.built.budget("other", "web", 0).await;
    scene.forbid(&leaves).await;
    scene.edit(json!({ "dataPlane": { "machines": [stays] } })).await;

    let node = format!("the Node {leaves}");
    scene.wait_waiting(&leaves, "RefusedByCluster", &[&node, "denied request", LOST]).await;
    let message = scene.visits.stage.wait_condition("home", "RemovalWaiting").await;
    assert!(message.contains(&node), "{message}");
    assert!(!scene.configuration(&leaves).await.is_null());

    scene.allow(&leaves).await;
    let pod = format!("the pod {}/web", scene.built.namespace);
    scene.wait_waiting(&leaves, "RefusedByCluster", &[&pod, "more than one"]).await;
    scene.built.drop_budget("other").await;
    scene.wait_gone(&leaves).await;
    let wanted = [
        format!("{leaves} leaves"),
        format!("cordons {leaves}"),
        "evicts web".to_owned(),
        "web ends".to_owned(),
        format!("deletes Node {leaves}"),
        format!("lets {leaves} go"),
    ];
    assert_order(&scene.done().await, &wanted);
}
