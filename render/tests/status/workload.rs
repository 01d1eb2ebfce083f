//! What a running cluster says of itself: what is told of it, and what the rollout makes of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::jiff::SignedDuration;
use nico_crds::cluster::RequireNodeHealth;
use nico_crds::names::LOST;
use nico_crds::status::Phase;
use nico_render::workload::{
    Api, Kubeconfig, Need, Node, Probe, Silence, Sources, Stored, Trouble, Workload, health, health_as_told,
    is_pin_void, need, sources,
};
use nico_render::{Health, Observed};

use crate::scene::{Scene, after, annotate, deleting, find, key, line, says, short, state};
use crate::world::{NAMESPACE, machine_name};

const SECRET: &str = "c0-kubeconfig";

fn stored() -> Stored {
    Stored {
        secret: SECRET.to_owned(),
        until: Some("2027-11-01T00:00:00Z".parse().unwrap()),
        is_refused: false,
    }
}

fn trouble() -> Trouble {
    Trouble { reason: "HostKeyChanged", message: "m00 shows another host key".to_owned() }
}

fn node(name: &str) -> Node {
    Node { name: name.to_owned(), kubelet: Some("v1.34.1".to_owned()), ..Node::default() }
}

/// All is well.
pub fn probe(scene: &Scene, control_planes: u8, workers: u8) -> Probe {
    let names = (0..control_planes).chain(10..10 + workers).map(machine_name);
    Probe {
        at: scene.now,
        missed: Some(0),
        names: (0..control_planes).chain(10..10 + workers).map(machine_name).collect(),
        until: scene.now + SignedDuration::from_secs(90),
        nodes: Ok(names.map(|name| (name.clone(), node(&name))).collect()),
        apis: (0..control_planes).map(|number| (machine_name(number), Api::Ready)).collect(),
    }
}

/// What is asked for, whether they were healthy once, what becomes of the probe, and what is found.
type Case = (RequireNodeHealth, bool, fn(&mut Probe), Vec<(String, Health)>);

impl Scene {
    fn kubeconfig(&mut self, kubeconfig: Kubeconfig) {
        self.sight.workloads.entry(key()).or_default().kubeconfig = kubeconfig;
    }

    /// The kubeconfig is there, and this was said; the rollout takes notice.
    pub fn says(&mut self, probe: Probe) {
        let workload = Workload {
            kubeconfig: Kubeconfig { stored: Some(stored()), trouble: None },
            probe: Some(Arc::new(probe)),
            ..Workload::default()
        };
        let found = health(&self.world.inventory.clusters[0], Some(&workload), self.now);
        self.sight.health =
            found.into_iter().map(|(name, health)| ((NAMESPACE.to_owned(), name), health)).collect();
        self.sight.workloads.insert(key(), workload);
    }

    fn asks(&mut self, asks: RequireNodeHealth) {
        self.spec(|spec| spec.rollout.get_or_insert_default().require_node_health = Some(asks));
    }

    fn sources(&self) -> Sources {
        let observed = Observed::new(&self.world.inventory, &self.sight);
        sources(&self.world.inventory.clusters[0], &self.desired().unwrap(), &observed, self.now)
    }
}

pub fn nodes(probe: &mut Probe) -> &mut BTreeMap<String, Node> {
    probe.nodes.as_mut().unwrap()
}

#[test]
fn the_kubeconfig_is_told_with_its_secret() {
    let refused = Stored { is_refused: true, ..stored() };
    for (kubeconfig, expected, words) in [
        (Kubeconfig::default(), "False/WaitingForControlPlane", "all control planes are settled"),
        (Kubeconfig { stored: None, trouble: Some(trouble()) }, "False/HostKeyChanged", "another host key"),
        (Kubeconfig { stored: Some(stored()), trouble: None }, "True/Available", "2027-11-01T00:00:00Z"),
        (
            Kubeconfig { stored: Some(stored()), trouble: Some(trouble()) },
            "True/NotRenewed",
            "another host key",
        ),
        (Kubeconfig { stored: Some(refused.clone()), trouble: None }, "False/Refused", "fetched anew"),
        (Kubeconfig { stored: Some(refused), trouble: Some(trouble()) }, "False/Refused", "another host key"),
    ] {
        let mut scene = Scene::settled(1, 1);
        scene.kubeconfig(kubeconfig.clone());
        let told = scene.tell();
        assert_eq!(short(&told, "KubeconfigAvailable"), expected);
        says(&told, "KubeconfigAvailable", &[words]);
        assert_eq!(
            told.kubeconfig_secret.as_deref(),
            kubeconfig.stored.as_ref().map(|_| SECRET),
            "{expected}"
        );
        // After a restart nobody has looked yet.
        scene.sight.workloads.clear();
        assert_eq!(scene.look(), told);
    }
}

#[test]
fn the_health_of_all_is_told_in_their_lines_and_conditions() {
    let mut scene = Scene::settled(3, 2);
    scene.says(probe(&scene, 3, 2));
    let told = scene.tell();
    assert_eq!(short(&told, "NodesHealthy"), "True/AllReady");
    says(&told, "NodesHealthy", &["5 of 5", "v1.34.1"]);
    assert_eq!(short(&told, "ControlPlaneHealthy"), "True/AllReady");
    says(&told, "ControlPlaneHealthy", &["3 of 3", "etcd"]);
    assert_eq!(line(&told, 10).health.as_deref(), Some("Ready"));
    assert_eq!(line(&told, 10).kubelet.as_deref(), Some("v1.34.1"));
    assert_eq!(told.health_seen, Some(true));
    assert_eq!(told.phase, Some(Phase::Ready));
    scene.says(probe(&scene, 3, 2));
    assert_eq!(scene.at(after(30)).look(), told, "at rest nothing changes");
}

#[test]
fn a_node_that_is_not_ready_is_named() {
    let mut scene = Scene::settled(3, 2);
    scene.says(probe(&scene, 3, 2));
    scene.tell();
    let mut unwell = probe(&scene, 3, 2);
    nodes(&mut unwell).get_mut("m10").unwrap().unready = Some("KubeletNotReady".to_owned());
    nodes(&mut unwell).remove("m11");
    nodes(&mut unwell).get_mut("m00").unwrap().kubelet = Some("v1.35.0".to_owned());
    scene.says(unwell);
    let told = scene.look();
    assert_eq!(short(&told, "NodesHealthy"), "False/NotReady");
    says(&told, "NodesHealthy", &["3 of 5", "m10: KubeletNotReady", "m11: NoNode"]);
    assert_eq!((state(&told, 10), state(&told, 11)), ("NotReady", "NotReady"));
    assert_eq!(told.data_plane_ready.as_deref(), Some("0/2"));
    assert_eq!(told.phase, Some(Phase::ControlPlaneReady));

    let mut pressed = probe(&scene, 3, 2);
    nodes(&mut pressed).get_mut("m10").unwrap().pressure = vec!["DiskPressure".to_owned()];
    scene.says(pressed);
    let told = scene.look();
    assert_eq!(short(&told, "NodesHealthy"), "False/Pressure");
    says(&told, "NodesHealthy", &["m10 has DiskPressure"]);
    assert_eq!(line(&told, 10).reason.as_deref(), Some("its Node has DiskPressure"));
    assert_eq!(told.phase, Some(Phase::Ready), "it is Ready all the same");
}

#[test]
fn an_api_server_that_is_unwell_alone_is_unknown_and_named() {
    for (api, words) in
        [(Api::NotReady(vec!["etcd".to_owned()]), "m01 fails etcd"), (Api::Silent, "m01 does not answer")]
    {
        let mut scene = Scene::settled(3, 1);
        scene.says(probe(&scene, 3, 1));
        scene.tell();
        let mut unwell = probe(&scene, 3, 1);
        unwell.apis.insert("m01".to_owned(), api);
        scene.says(unwell);
        let told = scene.look();
        assert_eq!(short(&told, "ControlPlaneHealthy"), "False/NotReady");
        says(&told, "ControlPlaneHealthy", &["2 of 3", words]);
        assert_eq!(short(&told, "NodesHealthy"), "True/AllReady");
        assert_eq!(state(&told, 1), "HealthUnknown", "no exemption for it: its etcd may be needed");
        assert!(line(&told, 1).reason.as_deref().unwrap().contains("API server"));
    }
}

#[test]
fn where_no_api_server_answers_for_itself_the_nodes_decide() {
    let mut scene = Scene::settled(3, 0);
    let mut hidden = probe(&scene, 3, 0);
    hidden.apis.values_mut().for_each(|api| *api = Api::Silent);
    scene.says(hidden);
    let told = scene.tell();
    assert_eq!(short(&told, "ControlPlaneHealthy"), "Unknown/OwnAddressesSilent");
    assert_eq!(told.health_seen, Some(true));
    assert_eq!(told.phase, Some(Phase::Ready));
}

#[test]
fn control_planes_without_nodes_are_judged_by_their_api_servers() {
    let mut scene = Scene::settled(3, 1);
    let mut k0s = probe(&scene, 3, 1);
    nodes(&mut k0s).retain(|name, _| name == "m10");
    scene.says(k0s.clone());
    let told = scene.tell();
    assert_eq!((short(&told, "NodesHealthy").as_str(), told.health_seen), ("True/AllReady", Some(true)));
    k0s.apis.insert("m02".to_owned(), Api::Silent);
    scene.says(k0s.clone());
    assert_eq!(state(&scene.look(), 2), "HealthUnknown");
    // One of them is a Node: then all should be.
    k0s.apis.insert("m02".to_owned(), Api::Ready);
    nodes(&mut k0s).insert("m00".to_owned(), node("m00"));
    scene.says(k0s);
    let told = scene.look();
    assert_eq!((state(&told, 0), state(&told, 2)), ("Settled", "HealthUnknown"));
    says(&told, "NodesHealthy", &["m02: it is no Node"]);
}

#[test]
fn what_does_not_answer_or_is_old_is_unknown() {
    for (silence, words) in [
        (Silence::NotAnswering, "does not answer"),
        (Silence::Denied, "does not let NICO in"),
        (Silence::Garbled, "no list of Nodes"),
    ] {
        let mut scene = Scene::settled(1, 1);
        scene.says(probe(&scene, 1, 1));
        scene.tell();
        let mut silent = probe(&scene, 1, 1);
        silent.nodes = Err(silence);
        silent.apis.insert("m00".to_owned(), Api::Silent);
        scene.says(silent);
        let told = scene.look();
        assert_eq!(short(&told, "NodesHealthy"), format!("Unknown/{}", silence.word()));
        says(&told, "NodesHealthy", &[words]);
        assert_eq!(short(&told, "ControlPlaneHealthy"), "Unknown/NotAnswering");
        assert_eq!((state(&told, 0), state(&told, 10)), ("HealthUnknown", "HealthUnknown"));
        assert!(line(&told, 10).reason.as_deref().unwrap().contains(words));
        assert_eq!(line(&told, 10).health.as_deref(), Some("Unknown"));
        assert_eq!(told.health_seen, Some(true), "once true, true for ever");
    }
    let mut scene = Scene::settled(1, 1);
    scene.says(probe(&scene, 1, 1));
    scene.tell();
    let old = probe(&scene, 1, 1);
    scene.at(after(91));
    scene.says(old);
    let told = scene.look();
    assert_eq!(short(&told, "NodesHealthy"), "Unknown/Stale");
    assert_eq!(short(&told, "ControlPlaneHealthy"), "Unknown/Stale");
    assert_eq!(state(&told, 10), "HealthUnknown");
}

#[test]
fn nobody_is_asked_without_a_kubeconfig() {
    let mut scene = Scene::settled(1, 1);
    scene.kubeconfig(Kubeconfig::default());
    let told = scene.tell();
    assert_eq!(short(&told, "NodesHealthy"), "Unknown/NoKubeconfig");
    assert_eq!(short(&told, "ControlPlaneHealthy"), "Unknown/NoKubeconfig");
    assert_eq!((told.phase, line(&told, 10).health.as_deref()), (Some(Phase::Ready), None));
    // It is there, and nobody has asked yet: what was told stays.
    scene.kubeconfig(Kubeconfig { stored: Some(stored()), trouble: None });
    assert_eq!(short(&scene.look(), "NodesHealthy"), "Unknown/NoKubeconfig");
}

#[test]
fn the_rollout_goes_by_it_as_the_spec_asks() {
    let ready = |_: &mut Probe| {};
    let unwell = |probe: &mut Probe| {
        nodes(probe).get_mut("m10").unwrap().unready = Some("KubeletNotReady".to_owned());
    };
    let silent = |probe: &mut Probe| probe.nodes = Err(Silence::NotAnswering);
    let not_ready = Health::NotReady { why: "KubeletNotReady".to_owned() };
    let all = |[control_plane, worker]: [Health; 2]| {
        vec![("m00".to_owned(), control_plane), ("m10".to_owned(), worker)]
    };
    let cases: [Case; 10] = [
        (RequireNodeHealth::Never, true, ready, vec![]),
        (RequireNodeHealth::Never, true, silent, vec![]),
        (RequireNodeHealth::Auto, false, ready, all([Health::Ready, Health::Ready])),
        (RequireNodeHealth::Auto, false, unwell, vec![("m00".to_owned(), Health::Ready)]),
        (RequireNodeHealth::Auto, false, silent, vec![]),
        (RequireNodeHealth::Auto, true, unwell, all([Health::Ready, not_ready.clone()])),
        (RequireNodeHealth::Auto, true, silent, all([Health::Unknown, Health::Unknown])),
        (RequireNodeHealth::Always, false, unwell, all([Health::Ready, not_ready])),
        (RequireNodeHealth::Always, false, silent, all([Health::Unknown, Health::Unknown])),
        (RequireNodeHealth::Always, true, ready, all([Health::Ready, Health::Ready])),
    ];
    for (asks, seen, change, expected) in cases {
        let mut scene = Scene::settled(1, 1);
        scene.asks(asks);
        scene.cluster(|cluster| cluster.status.as_mut().unwrap().health_seen = seen.then_some(true));
        let mut probe = probe(&scene, 1, 1);
        change(&mut probe);
        let workload = Workload { probe: Some(Arc::new(probe)), ..Workload::default() };
        let cluster = &scene.world.inventory.clusters[0];
        assert_eq!(health(cluster, Some(&workload), scene.now), expected, "{asks:?}, seen {seen}");
        let unknown = health(cluster, None, scene.now);
        let expected = if asks == RequireNodeHealth::Never || (asks == RequireNodeHealth::Auto && !seen) {
            vec![]
        } else {
            all([Health::Unknown, Health::Unknown])
        };
        assert_eq!(unknown, expected, "nobody has asked; {asks:?}, seen {seen}");
    }
}

#[test]
fn never_goes_by_nothing_and_tells_all_the_same() {
    let mut scene = Scene::settled(1, 1);
    scene.asks(RequireNodeHealth::Never);
    let mut unwell = probe(&scene, 1, 1);
    nodes(&mut unwell).get_mut("m10").unwrap().unready = Some("KubeletNotReady".to_owned());
    scene.says(unwell);
    let told = scene.tell();
    assert_eq!(line(&told, 10).health.as_deref(), Some("NotReady"));
    assert_eq!(state(&told, 10), "Settled");
    assert_eq!(short(&told, "NodesHealthy"), "False/NotReady");
    assert!(find(&told, "Ready").unwrap().status.as_deref() == Some("True"));
}

#[test]
fn it_is_fetched_from_settled_control_planes_once_all_are() {
    let mut scene = Scene::settled(3, 1);
    let names = |numbers: &[u8]| numbers.iter().copied().map(machine_name).collect::<Vec<_>>();
    let all = Sources { settled: names(&[0, 1, 2]), are_all: true, is_held: false };
    assert_eq!(scene.sources(), all);
    scene.lose_sight(1);
    assert_eq!(scene.sources(), Sources { settled: names(&[0, 2]), are_all: false, is_held: false });
    scene.annotate_machine(2, "unrelated");
    scene.configuration(2, |live| annotate(&mut live.metadata, LOST, "true"));
    assert_eq!(scene.sources().settled, names(&[0]));
    scene.put_in_flight(0, scene.now);
    assert_eq!(scene.sources(), Sources { settled: vec![], are_all: false, is_held: false });

    let mut scene = Scene::planned(3, 1);
    assert!(!scene.sources().are_all, "there is none");
    scene.asks(RequireNodeHealth::Always);
    assert!(!scene.sources().are_all);
}

#[test]
fn where_health_is_asked_from_the_beginning_the_first_one_gives_it() {
    for (asks, expected) in [
        (RequireNodeHealth::Auto, false),
        (RequireNodeHealth::Never, false),
        (RequireNodeHealth::Always, true),
    ] {
        let mut scene = Scene::settled(3, 0);
        scene.asks(asks);
        scene.world.inventory.configurations.retain(|live| live.metadata.name.as_deref() == Some("c0-m00"));
        let found = scene.sources();
        assert_eq!((found.settled, found.are_all), (vec!["m00".to_owned()], expected), "{asks:?}");
    }
}

#[test]
fn nothing_is_fetched_for_what_is_paused_or_goes() {
    let mut scene = Scene::settled(1, 0);
    scene.spec(|spec| spec.paused = Some(true));
    assert!(scene.sources().is_held);
    scene.spec(|spec| spec.paused = None);
    assert!(!scene.sources().is_held);
    scene.cluster(|cluster| deleting(&mut cluster.metadata));
    assert!(scene.sources().is_held);
}

#[test]
fn it_is_fetched_when_it_is_missing_refused_or_old() {
    let scene = Scene::settled(1, 0);
    let cluster = scene.world.inventory.clusters[0].as_ref().clone();
    let mut known = cluster.clone();
    known.status.as_mut().unwrap().kubeconfig_secret = Some(SECRET.to_owned());
    let mut python = known.clone();
    python.status.as_mut().unwrap().observed_generation = None;
    let all = Sources { settled: vec!["m00".to_owned()], are_all: true, is_held: false };
    let some = Sources { are_all: false, ..all.clone() };
    let none = Sources { settled: vec![], ..all.clone() };
    let held = Sources { is_held: true, ..all.clone() };
    let (good, refused) = (stored(), Stored { is_refused: true, ..stored() });
    let now = scene.now;
    let (past, future) = (now - SignedDuration::from_secs(1), now + SignedDuration::from_secs(1));
    for (cluster, sources, stored, renew_at, expected) in [
        (&cluster, &all, None, None, Need::Fetch),
        (&cluster, &some, None, None, Need::Nothing),
        (&known, &some, None, None, Need::Fetch),
        (&python, &some, None, None, Need::Nothing),
        (&known, &none, None, None, Need::Nothing),
        (&known, &held, None, None, Need::Nothing),
        (&known, &some, Some(&good), Some(future), Need::Nothing),
        (&known, &some, Some(&good), None, Need::Nothing),
        (&known, &some, Some(&good), Some(past), Need::Fetch),
        (&known, &some, Some(&refused), Some(future), Need::Fetch),
        (&known, &held, Some(&refused), Some(past), Need::Nothing),
    ] {
        let found = need(cluster, sources, stored, renew_at, now);
        assert_eq!(found, expected, "{sources:?} {stored:?} {renew_at:?}");
    }
}

#[test]
fn a_pin_goes_with_the_installation_that_it_was_made_on() {
    let mut scene = Scene::settled(1, 0);
    let void = |scene: &Scene, at| is_pin_void(at, &scene.world.inventory.configurations[0]);
    let before = crate::scene::time(crate::scene::WRITTEN) - SignedDuration::from_secs(1);
    assert!(void(&scene, before), "it joined after that");
    assert!(!void(&scene, scene.now));
    scene.nio_status(0, |status| status.last_applied_time = Some("2026-11-01T12:30:00Z".to_owned()));
    assert!(!void(&scene, scene.now), "it was only switched");
    scene.nio_status(0, |status| status.has_full_install = Some(true));
    assert!(void(&scene, scene.now));
}

#[test]
fn who_only_looks_takes_the_health_as_it_was_told() {
    let mut scene = Scene::settled(1, 2);
    scene.asks(RequireNodeHealth::Always);
    let mut said = probe(&scene, 1, 2);
    nodes(&mut said).get_mut("m10").unwrap().unready = Some("KubeletNotReady".to_owned());
    said.apis.insert("m00".to_owned(), Api::NotReady(vec!["etcd".to_owned()]));
    scene.says(said);
    let told = scene.tell();
    scene.cluster(|cluster| cluster.status.as_mut().unwrap().machines = told.machines.clone());
    let cluster = scene.world.inventory.clusters[0].clone();
    let not_ready = Health::NotReady { why: "as the status tells".to_owned() };
    let expected = [("m00", Health::Unknown), ("m10", not_ready), ("m11", Health::Ready)];
    let expected: Vec<_> =
        expected.into_iter().map(|(machine, health)| (machine.to_owned(), health)).collect();
    assert_eq!(health_as_told(&cluster), expected);
    scene.asks(RequireNodeHealth::Auto);
    assert!(health_as_told(&scene.world.inventory.clusters[0]).is_empty(), "it was never healthy");
}
