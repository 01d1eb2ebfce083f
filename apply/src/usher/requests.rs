//! What is sent for each step: bound to what it was decided on, and answered in time.

use std::time::Duration;

use k8s_openapi::api::core::v1::{Node, Pod};
use k8s_openapi::api::policy::v1::Eviction;
use k8s_openapi::apimachinery::pkg::apis::meta::v1 as meta;
use k8s_openapi::jiff::Timestamp;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams, Preconditions};
use kube::core::ObjectMeta;
use kube::{Api, Client};
use nico_crds::names::{DRAINED_SINCE, FIELD_MANAGER, MEMBER_ASKED_AT};
use nico_render::rollout::NodeStep;
use nico_render::workload;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::error::{chain, has_code};

/// How a request ended.
pub(super) enum Answer {
    /// It is done.
    Done,
    /// What it was decided on is gone, or has changed.
    Gone,
    /// A `PodDisruptionBudget` forbids it now, or the server is busy: later.
    Later,
    /// It was refused otherwise.
    Refused(String),
    /// Nobody answered in time.
    Silent,
}

/// The way to a cluster.
pub(super) struct Requests {
    pub client: Client,
    /// So long an answer may take.
    pub limit: Duration,
}

impl Requests {
    pub async fn cordon(&self, step: &NodeStep, since: Timestamp) -> Answer {
        let changes = json!({ "spec": { "unschedulable": true } });
        self.annotate(step, &json!({ DRAINED_SINCE: since.to_string() }), changes).await
    }

    pub async fn remove_member(&self, step: &NodeStep, of: &str, at: Timestamp) -> Answer {
        let notes = json!({ format!("etcd.{of}.cattle.io/remove"): "true", MEMBER_ASKED_AT: at.to_string() });
        self.annotate(step, &notes, json!({})).await
    }

    /// A merge, for there may be no annotations yet. The version binds it, as it does an update.
    async fn annotate(&self, step: &NodeStep, notes: &Value, mut patch: Value) -> Answer {
        let metadata = json!({ "uid": step.uid, "resourceVersion": step.version, "annotations": notes });
        if let Value::Object(fields) = &mut patch {
            fields.insert("metadata".to_owned(), metadata);
        }
        let api: Api<Node> = Api::all(self.client.clone());
        let params = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        self.answer(api.patch(&step.node, &params, &Patch::Merge(patch))).await
    }

    pub async fn delete(&self, step: &NodeStep) -> Answer {
        let api: Api<Node> = Api::all(self.client.clone());
        let params = DeleteParams::background().preconditions(Preconditions {
            uid: Some(step.uid.clone()),
            resource_version: Some(step.version.clone()),
        });
        self.answer(api.delete(&step.node, &params)).await
    }

    /// Not by `Api::evict`: kube 5.0 writes the options as `delete_options`, which no server reads, so that what they
    /// ask for is lost without a word: here, that it is this pod, and not the next one of its name.
    pub async fn evict(&self, pod: &workload::Pod) -> Answer {
        let preconditions = meta::Preconditions { uid: Some(pod.uid.clone()), ..Default::default() };
        let options =
            meta::DeleteOptions { preconditions: Some(preconditions), ..meta::DeleteOptions::default() };
        let eviction = Eviction {
            delete_options: Some(options),
            metadata: ObjectMeta {
                name: Some(pod.name.clone()),
                namespace: Some(pod.namespace.clone()),
                ..ObjectMeta::default()
            },
        };
        let api: Api<Pod> = Api::namespaced(self.client.clone(), &pod.namespace);
        let params = PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() };
        let request = api.create_subresource::<_, Value>("eviction", &pod.name, &params, &eviction);
        self.answer(request).await
    }

    async fn answer<T>(&self, request: impl Future<Output = Result<T, kube::Error>>) -> Answer {
        match timeout(self.limit, request).await {
            Ok(Ok(_)) => Answer::Done,
            Ok(Err(error)) if has_code(&error, 404) || has_code(&error, 409) => Answer::Gone,
            Ok(Err(error)) if has_code(&error, 429) || is_terminating(&error) => Answer::Later,
            Ok(Err(error @ kube::Error::Api(_))) => Answer::Refused(chain(&error)),
            Ok(Err(_)) | Err(_) => Answer::Silent,
        }
    }
}

/// The pod's namespace goes, and the pod with it.
fn is_terminating(error: &kube::Error) -> bool {
    let kube::Error::Api(status) = error else { return false };
    let mut causes = status.details.iter().flat_map(|details| &details.causes);
    status.code == 403 && causes.any(|cause| cause.reason == "NamespaceTerminating")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]
mod tests {
    use std::sync::{Arc, Mutex};

    use http::{Request, Response};
    use http_body_util::BodyExt as _;
    use kube::client::Body;
    use nico_crds::names::Role;
    use nico_render::rollout::NodeAct;
    use nico_render::workload::Kind;

    use super::*;

    /// What was sent: method, path and query, body.
    type Sent = Arc<Mutex<Vec<(String, String, Value)>>>;

    /// A way to a server that answers everything so.
    fn to(status: u16) -> (Requests, Sent) {
        let sent = Sent::default();
        let seen = sent.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let seen = seen.clone();
            async move {
                let (parts, body) = request.into_parts();
                let body = body.collect().await.unwrap().to_bytes();
                let body = serde_json::from_slice(&body).unwrap();
                seen.lock().unwrap().push((parts.method.to_string(), parts.uri.to_string(), body));
                let said = json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "code": status });
                Ok::<_, kube::Error>(
                    Response::builder()
                        .status(status)
                        .body(Body::from(said.to_string().into_bytes()))
                        .unwrap(),
                )
            }
        });
        let client = Client::new(service, "default");
        (Requests { client, limit: Duration::from_secs(5) }, sent)
    }

    fn step() -> NodeStep {
        NodeStep {
            machine: "m".to_owned(),
            role: Role::Worker,
            node: "n".to_owned(),
            uid: "u".to_owned(),
            version: "7".to_owned(),
            seen_at: Timestamp::UNIX_EPOCH,
            act: NodeAct::Delete,
        }
    }

    fn pod() -> workload::Pod {
        workload::Pod {
            namespace: "shop".to_owned(),
            name: "web".to_owned(),
            uid: "p".to_owned(),
            kind: Kind::Evictable,
            created_at: None,
            goes: false,
            budgets: Vec::new(),
        }
    }

    #[tokio::test]
    async fn each_is_bound_to_what_it_was_decided_on() {
        let (requests, sent) = to(200);
        requests.cordon(&step(), Timestamp::UNIX_EPOCH).await;
        requests.remove_member(&step(), "rke2", Timestamp::UNIX_EPOCH).await;
        requests.delete(&step()).await;
        requests.evict(&pod()).await;
        let sent = sent.lock().unwrap().clone();
        let (method, path, body) = &sent[0];
        assert_eq!((method.as_str(), path.as_str()), ("PATCH", "/api/v1/nodes/n?&fieldManager=nico"));
        let notes = json!({ "nico.homystack.com/drained-since": "1970-01-01T00:00:00Z" });
        let bound = |notes: Value| json!({ "uid": "u", "resourceVersion": "7", "annotations": notes });
        assert_eq!(*body, json!({ "metadata": bound(notes), "spec": { "unschedulable": true } }));
        let (_, _, body) = &sent[1];
        let notes = json!({
            "etcd.rke2.cattle.io/remove": "true",
            "nico.homystack.com/member-asked-at": "1970-01-01T00:00:00Z",
        });
        assert_eq!(*body, json!({ "metadata": bound(notes) }));
        let (method, _, body) = &sent[2];
        assert_eq!(method, "DELETE");
        assert_eq!(body["preconditions"], json!({ "uid": "u", "resourceVersion": "7" }));
        let (method, path, body) = &sent[3];
        assert_eq!(method, "POST");
        assert!(path.starts_with("/api/v1/namespaces/shop/pods/web/eviction"), "{path}");
        assert_eq!(body["deleteOptions"]["preconditions"], json!({ "uid": "p" }));
        assert_eq!((&body["kind"], &body["apiVersion"]), (&json!("Eviction"), &json!("policy/v1")));
    }

    #[tokio::test]
    async fn how_it_ended_is_told_by_the_answer() {
        for (status, wanted) in
            [(201, "done"), (404, "gone"), (409, "gone"), (429, "later"), (500, "refused"), (403, "refused")]
        {
            let (requests, _) = to(status);
            let came = match requests.evict(&pod()).await {
                Answer::Done => "done",
                Answer::Gone => "gone",
                Answer::Later => "later",
                Answer::Refused(_) => "refused",
                Answer::Silent => "silent",
            };
            assert_eq!(came, wanted, "{status}");
        }
    }
}
