//! What the tests of machines that leave share: a cluster that runs, on machines that NIO's stand-in serves, with the
//! API server that is the cluster; and what was done on both, in one order.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use nico_crds::names::{LEAVING, MEMBER_GONE};
use nico_harness::proxy::Proxy;
use nico_harness::{ControlPlane, Event, Front, Passage, Process, ServiceAccount, audit};
use serde_json::{Value, json};

use crate::built::Built;
use crate::faults::is_operator;
use crate::fleet::{HOME, whole};
use crate::stage::{CONFIGURATIONS, cluster, shared_account};
use crate::visits::Visits;

/// What k3s calls the version of its kubelet.
pub const K3S: &str = "v1.34.1+k3s1";

/// So many control planes, then so many workers: `<prefix>-1` and so on, each with its Node.
pub struct Scene {
    pub visits: Visits<'static>,
    pub built: Built,
    pub operator: Arc<Process>,
    prefix: String,
    control_planes: usize,
    marks: (audit::Mark, audit::Mark),
    account: ServiceAccount,
    _ways: Ways,
}

/// How the API server is reached at the addresses of the control planes.
enum Ways {
    /// There is one at the first already.
    Passages {
        _open: Vec<Passage>,
    },
    Front(Front),
}

impl Ways {
    async fn open(addresses: &[Ipv4Addr], visits: &Visits<'_>, by: Option<&Proxy>) -> Self {
        if let Some(proxy) = by {
            return Self::Front(Front::open(addresses, proxy.address()).await);
        }
        let mut passages = Vec::new();
        for address in &addresses[1..] {
            passages.push(Passage::open(*address, visits.workload.port()).await);
        }
        Self::Passages { _open: passages }
    }

    /// Lays a kubeconfig on the machines that leads there.
    fn lay(&self, visits: &Visits<'_>, mut kubeconfig: Value) {
        match self {
            Self::Passages { .. } => visits.lay_kubeconfig("file", kubeconfig, "https://127.0.0.1"),
            Self::Front(front) => {
                let authority = k8s_openapi::ByteString(front.certificate().as_bytes().to_vec());
                kubeconfig["clusters"][0]["cluster"] = json!({
                    "server": format!("https://127.0.0.1:{}", front.port()),
                    "certificate-authority-data": authority,
                });
                visits.lay("file", serde_yaml::to_string(&kubeconfig).unwrap());
            }
        }
    }
}

/// What was done, and when.
pub type Steps = Vec<(String, String)>;

/// What a scene is to be like.
pub struct Wanted<'a> {
    /// Nobody else has it.
    pub prefix: &'a str,
    pub control_planes: usize,
    pub workers: usize,
    /// The version that the kubelets tell.
    pub kubelet: &'a str,
    pub rollout: Value,
    /// Whom the operator is to the server that it runs on, if it is not who it usually is.
    pub account: Option<ServiceAccount>,
    /// By whom the operator reaches the cluster.
    pub by: Option<&'a Proxy>,
}

impl<'a> Wanted<'a> {
    pub fn new(prefix: &'a str, control_planes: usize, workers: usize) -> Self {
        let (account, by) = (None, None);
        Self { prefix, control_planes, workers, kubelet: K3S, rollout: json!({}), account, by }
    }
}

impl Scene {
    /// One that runs, and is well.
    pub async fn new(plane: Arc<ControlPlane>, wanted: Wanted<'_>) -> Self {
        let Wanted { prefix, control_planes, workers, kubelet, rollout, account, by } = wanted;
        let addresses: Vec<_> = (0..control_planes).map(|_| Ipv4Addr::from(address())).collect();
        let built = Built::new(plane.clone(), prefix).await;
        let visits = Visits::to(plane, prefix, addresses[0].octets()).await;
        let ways = Ways::open(&addresses, &visits, by).await;
        let mut kubeconfig = visits.workload.kubeconfig();
        kubeconfig["users"][0]["user"] = json!({ "token": built.account.token() });
        ways.lay(&visits, kubeconfig);
        for number in 1..=control_planes + workers {
            let name = format!("{prefix}-{number}");
            let own = addresses.get(number - 1).map(ToString::to_string);
            let own = own.unwrap_or_else(|| format!("{name}.example"));
            visits.stage.put(&[visits.machine(&name, &json!({ "hostname": own }))]).await;
            built.node(&name, kubelet, true).await;
            if number <= control_planes && kubelet == K3S {
                built.join(&name).await;
            }
        }
        let account = match account {
            Some(account) => account,
            None => shared_account().await.clone(),
        };
        let operator = Arc::new(visits.operator_as(&account, "3s", &[]));
        let marks = (visits.stage.control_plane.audit_mark().await, visits.workload.audit_mark().await);
        let prefix = prefix.to_owned();
        let scene = Self { visits, built, operator, prefix, control_planes, marks, account, _ways: ways };
        scene.begin(workers, &rollout).await;
        scene
    }

    /// The operator is started once more.
    pub fn start_again(&self) -> Arc<Process> {
        Arc::new(self.visits.operator_as(&self.account, "3s", &[]))
    }

    async fn begin(&self, workers: usize, rollout: &Value) {
        let mut whole_rollout = json!({
            "bootstrap": "AllAtOnce", "minReadySeconds": 1, "progressDeadlineSeconds": 600,
        });
        for (field, value) in rollout.as_object().unwrap() {
            whole_rollout[field] = value.clone();
        }
        let count = self.control_planes;
        let spec = json!({
            "controlPlane": { "machines": self.names(1..=count) },
            "dataPlane": { "machines": self.names(count + 1..=count + workers) },
            "installPolicy": "SwitchOnly",
            "rollout": whole_rollout,
            "kubeconfig": { "path": self.visits.file("file") },
        });
        self.visits.stage.put(&[cluster(HOME, 1, 1, &spec)]).await;
        self.visits.stage.wait_condition(HOME, "NodesHealthy").await;
        self.visits.stage.wait_condition(HOME, "ControlPlaneHealthy").await;
        whole(&self.visits.stage).await;
    }

    pub fn name(&self, number: usize) -> String {
        format!("{}-{number}", self.prefix)
    }

    pub fn names(&self, numbers: impl IntoIterator<Item = usize>) -> Vec<String> {
        numbers.into_iter().map(|number| self.name(number)).collect()
    }

    /// Changes the cluster's spec, as a person.
    pub async fn edit(&self, spec: Value) {
        self.visits.stage.patch("kubernetescluster", HOME, "person", &json!({ "spec": spec })).await;
    }

    pub async fn status(&self) -> Value {
        self.visits.stage.get("kubernetescluster", HOME).await["status"].clone()
    }

    /// Waits until what a machine waits for is told, by this reason and in these words.
    pub async fn wait_waiting(&self, machine: &str, reason: &str, words: &[&str]) -> String {
        self.visits
            .stage
            .wait(&format!("{machine} to be {reason}"), async || {
                let status = self.status().await;
                let told = waits(&status, machine);
                let conditions = status["conditions"].as_array().cloned().unwrap_or_default();
                let is_so = conditions.iter().any(|one| one["reason"] == reason)
                    && words.iter().all(|word| told.contains(word));
                if is_so { Ok(told) } else { Err(status.to_string()) }
            })
            .await
    }

    /// The same where others wait for something else, and the conditions tell that first.
    pub async fn wait_told(&self, machine: &str, words: &[&str]) {
        self.visits
            .stage
            .wait(&format!("it to be told of {machine}: {words:?}"), async || {
                let status = self.status().await;
                let told = waits(&status, machine);
                if words.iter().all(|word| told.contains(word)) { Ok(()) } else { Err(status.to_string()) }
            })
            .await;
    }

    /// Waits for an event that begins so.
    pub async fn wait_event(&self, begins: &str) {
        self.visits
            .stage
            .wait(&format!("the event {begins:?}"), async || {
                let events = self.visits.stage.events().await;
                if events.iter().any(|event| event.starts_with(begins)) {
                    Ok(())
                } else {
                    Err(events.join("\n"))
                }
            })
            .await;
    }

    /// The operator goes over it so many times more.
    pub async fn passes(&self, count: u64) {
        crate::quiet::passes(&self.visits.stage, &self.operator, count).await;
    }

    pub async fn configuration(&self, machine: &str) -> Value {
        self.visits.stage.get(CONFIGURATIONS, &format!("{HOME}-{machine}")).await
    }

    /// Waits until the configuration of a machine is gone.
    pub async fn wait_gone(&self, machine: &str) {
        self.visits
            .stage
            .wait(&format!("the configuration of {machine} to go"), async || {
                let live = self.configuration(machine).await;
                if live.is_null() { Ok(()) } else { Err(self.status().await.to_string()) }
            })
            .await;
    }

    /// Everything that was done for machines to leave, on both servers, in its order, in words.
    pub async fn done(&self) -> Vec<String> {
        self.steps().await.into_iter().map(|(_, said)| said).collect()
    }

    /// The same with the times.
    pub async fn steps(&self) -> Steps {
        let to = self.visits.stage.control_plane.audit_mark().await;
        let mut there = self.visits.stage.control_plane.audit_between(self.marks.0, to);
        let namespace = Some(self.visits.namespace().name());
        there.retain(|event| event.namespace.as_deref() == namespace && is_operator(event));
        let mut steps: Steps =
            there.iter().filter_map(|event| Some((event.received.clone(), ordered(event)?))).collect();
        let to = self.visits.workload.audit_mark().await;
        let here = self.visits.workload.audit_between(self.marks.1, to);
        steps.extend(here.iter().filter_map(|event| Some((event.received.clone(), self.seen(event)?))));
        steps.sort();
        steps
    }

    /// What NICO wrote to the cluster, whatever came of it.
    pub async fn written_there(&self) -> Vec<Event> {
        let to = self.visits.workload.audit_mark().await;
        let mut events = self.visits.workload.audit_between(self.marks.1, to);
        events.retain(|event| event.is_write() && event.user == self.built.account.user());
        events
    }

    /// A write in the cluster, in words.
    fn seen(&self, event: &Event) -> Option<String> {
        let is_done = event.is_write() && (200..300).contains(&event.code);
        let name = event.name.clone().filter(|_| is_done)?;
        let sent = event.request_object.as_ref();
        let is_noted = |what: &str| {
            let note = format!("etcd.k3s.cattle.io/{what}");
            sent.is_some_and(|sent| sent["metadata"]["annotations"][note].is_string())
        };
        let is_nico = event.user == self.built.account.user();
        let is_ours = event.namespace.as_deref() == Some(&self.built.namespace);
        match (event.verb.as_str(), event.resource.as_str(), event.subresource.as_deref()) {
            ("create", "pods", Some("eviction")) if is_nico => Some(format!("evicts {name}")),
            ("delete", "pods", None) if is_ours => Some(format!("{name} ends")),
            ("delete", "nodes", None) if is_nico => Some(format!("deletes Node {name}")),
            ("patch", "nodes", None) if is_nico && sent?["spec"]["unschedulable"] == true => {
                Some(format!("cordons {name}"))
            }
            ("patch", "nodes", None) if is_nico && is_noted("remove") => Some(format!("asks {name} to go")),
            ("patch", "nodes", None) if name.starts_with(&self.prefix) && is_noted("removed-node-name") => {
                Some(format!("{name} is no member"))
            }
            _ if is_nico => Some(format!("{} {} {name}?", event.verb, event.resource)),
            _ => None,
        }
    }
}

/// What the operator did to a configuration that goes, in words.
fn ordered(event: &Event) -> Option<String> {
    let is_done = event.is_write() && (200..300).contains(&event.code) && event.resource == CONFIGURATIONS;
    let machine = event.name.as_deref().filter(|_| is_done)?.strip_prefix(&format!("{HOME}-"))?;
    let noted = &event.request_object.as_ref()?["metadata"]["annotations"];
    if event.verb == "delete" {
        Some(format!("lets {machine} go"))
    } else if noted[MEMBER_GONE].is_string() {
        Some(format!("notes that {machine} is no member"))
    } else {
        noted[LEAVING].is_string().then(|| format!("{machine} leaves"))
    }
}

/// What a machine waits for, in words.
fn waits(status: &Value, machine: &str) -> String {
    let waiting = status["rollout"]["waiting"].as_array().cloned().unwrap_or_default();
    let waiting = waiting.iter().filter_map(Value::as_str);
    let of = waiting.filter_map(|told| told.strip_prefix(&format!("machine {machine} ")));
    of.collect::<Vec<_>>().join("; ")
}

/// One of its own, in this process.
fn address() -> [u8; 4] {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    [127, 0, 6, NEXT.fetch_add(1, Ordering::Relaxed)]
}
