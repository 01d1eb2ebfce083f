//! What each case of the fixtures is about.

use crate::case::Rendered;

type Means = fn(&Rendered);

const FIVE: [&str; 5] = ["node-1", "node-2", "node-3", "node-4", "node-5"];

/// A line a case.
pub const TABLE: &[(&str, Means)] = &[
    ("already-configured", |it| {
        assert_eq!(it.machines(), ["node-2"]);
        it.says("node-1: cannot join as control plane: it is already configured, by other-node-1");
        it.says("spec.controlPlane: wanted 2, found 1");
    }),
    ("both-roles", |it| {
        assert_eq!((it.control_planes(), it.workers()), (vec!["node-1"], vec!["node-2", "node-3"]));
        it.says("spec.dataPlane: wanted 3, found 2");
    }),
    ("clear-full-install", |it| {
        assert!(it.keeps_all_files());
        assert_eq!(it.wiped(), ["node-5"]);
        // It is being installed already: nothing new is announced.
        it.does_not_say("WIPES");
    }),
    ("commit-as-ref", |it| {
        it.says("looks like a commit");
        it.says("without encryption");
    }),
    ("configuration-deleted", |it| {
        assert_eq!(it.machines(), ["node-1", "node-2", "node-3", "node-4"]);
        it.says("node-5: leaves as worker: its NixosConfiguration is being deleted");
    }),
    ("default-repository", |it| {
        assert_eq!(it.of("node-1")["spec"]["gitRepo"], "https://git.example/default.git");
        assert!(it.text("node-1").contains("url = \"https://git.example/default.git\";"));
    }),
    ("deleting", |it| {
        assert!(it.objects.is_empty());
        it.says("being deleted");
    }),
    ("edited-by-hand", |it| {
        assert_eq!(it.revision("node-4"), 3);
        assert!(!it.text("node-4").contains("evil"));
        assert_eq!((it.revision("node-5"), &it.of("node-5")["spec"]["flake"]), (1, &"#node-5".into()));
    }),
    ("endpoint", |it| assert!(it.text("node-1").contains("  vip = \"10.0.0.100\";\n"))),
    ("explicit-lists", |it| {
        assert_eq!((it.control_planes(), it.workers()), (vec!["node-3", "node-1"], vec!["node-4", "node-2"]));
        assert_eq!(it.listed("node-1"), ["node-3", "node-1", "node-4", "node-2"]);
    }),
    ("explicit-wins", |it| {
        assert_eq!(it.control_planes(), ["node-2"]);
        it.says("machineSelector and count are not looked at");
    }),
    ("foreign-claim", |it| {
        assert_eq!(it.machines(), ["node-2"]);
        it.says("claimed by the NixosConfiguration \"theirs\"");
    }),
    ("go-dialect", |it| {
        let files = &it.of("node-2")["spec"]["additionalFiles"];
        assert_eq!(files[0]["path"], "clusters/home/cluster.nix");
        assert_eq!(files[1]["path"], "clusters/home/join-token");
        assert_eq!(files[1]["secretRef"]["key"], "token");
        assert_eq!(files[2]["secretRef"]["key"], "ssh-privatekey");
        assert!(it.text("node-1").contains("ip = \"10.0.0.2\""));
    }),
    ("head-awaited", |it| {
        assert!(it.objects.is_empty());
        it.says("node-1: is to be the first control plane");
    }),
    ("head-gone", |it| {
        assert!(it.keeps_all_files());
        assert_eq!(it.listed("node-2").first(), Some(&"node-1"));
        it.says("the first control plane is lost");
    }),
    ("head-kept", |it| {
        assert!(it.keeps_all_files());
        assert_eq!(it.control_planes(), ["node-2", "node-3", "node-1"]);
        it.says("node-2: the spec no longer has it");
    }),
    ("head-lost", |it| {
        assert!(it.keeps_all_files());
        assert_eq!(it.machines(), FIVE);
        it.says("annotate the cluster nico.homystack.com/rebootstrap");
    }),
    ("head-succeeded", |it| {
        assert_eq!(it.control_planes(), ["node-2", "node-3", "node-6"]);
        assert_eq!(it.listed("node-4").first(), Some(&"node-2"));
        it.says("node-2: becomes the first control plane, as node-1 is lost");
    }),
    ("hostile-strings", |it| {
        assert!(it.wiped().is_empty());
        assert_eq!(it.machines().len(), 10);
    }),
    ("inject-keys", |it| {
        assert_eq!(it.of("node-1")["spec"]["additionalFiles"][2]["secretRef"]["name"], "node-1-key");
        assert!(it.of("node-2")["spec"]["additionalFiles"][2].is_null());
        assert!(it.of("node-3")["spec"]["additionalFiles"][2].is_null());
        it.says("node-1: its private SSH key is injected");
        it.says("node-3: spec.injectMachineSshKey: its key Secret is in the namespace \"default\"");
    }),
    ("installed-before", |it| assert_eq!(it.wiped(), ["node-3"])),
    ("labels-change", |it| {
        assert!(it.keeps_all_files());
        it.says("node-2: its labels no longer match spec.controlPlane; it stays");
        it.says("node-5: its labels no longer match spec.dataPlane; it stays");
    }),
    ("left-uncleaned", |it| {
        assert_eq!(it.machines(), ["node-1"]);
        it.says("node-2: left the cluster, and NIO does not show that it cleaned it");
        it.says("node-2: cannot join as control plane: it is claimed by the cluster \"home\"");
    }),
    ("lower-name-appears", |it| {
        assert!(it.keeps_all_files());
        assert_eq!(it.machines(), FIVE);
    }),
    ("machine-edited-by-hand", |it| {
        assert!(it.keeps_all_files());
        assert_eq!(it.machines(), FIVE);
        assert_eq!(it.of("node-4")["metadata"]["name"], "home-node-4");
    }),
    ("machine-gone", |it| {
        assert_eq!((it.control_planes(), it.workers()), (vec!["node-1", "node-2"], vec!["node-4", "node-6"]));
        it.says("node-3: leaves as control plane: its Machine is gone");
    }),
    ("marked-lost", |it| {
        assert_eq!(it.workers(), ["node-5", "node-6"]);
        assert!(!it.listed("node-1").contains(&"node-4"));
    }),
    ("name-collision", |it| {
        assert_eq!(it.machines(), ["d", "c"]);
        it.says("the name \"a-b-c\" of its NixosConfiguration is taken by KubernetesCluster \"a-b\"");
    }),
    ("name-too-long", |it| {
        assert_eq!(
            it.objects.iter().map(|object| object["metadata"]["name"].as_str().unwrap().len()).max(),
            Some(253)
        );
        assert_eq!(it.objects.len(), 2);
        it.says("would have 254 characters; 253 are allowed");
    }),
    ("not-discoverable", |it| {
        assert_eq!(it.machines(), ["node-2", "node-4"]);
        it.says("node-3: cannot join as worker: it is not discoverable");
    }),
    ("order-kept", |it| {
        assert!(it.keeps_all_files());
        assert_eq!(it.control_planes(), ["node-2", "node-3", "node-1"]);
    }),
    ("paused", |it| {
        assert!(it.keeps_all_files());
        it.says("spec.paused: nothing is written");
    }),
    ("private-repository", |it| {
        assert_eq!(it.of("node-1")["spec"]["credentialsRef"]["name"], "git-credentials");
        assert!(!it.text("node-1").contains("git-credentials"));
    }),
    ("rebootstrap", |it| {
        assert_eq!(it.control_planes(), ["node-2", "node-3"]);
        it.says("node-2: STARTS THE CLUSTER ANEW");
    }),
    ("recorded", |it| {
        assert!(it.keeps_all_files());
        assert_eq!((it.machines(), it.wiped()), (FIVE.to_vec(), vec![]));
        it.does_not_say("out of date");
    }),
    ("recorded-adopted", |it| {
        assert!(it.keeps_all_files());
        assert_eq!(it.machines(), FIVE);
    }),
    ("recorded-adopted-one-more", |it| {
        assert!(it.writes_all_files());
        assert_eq!(it.workers(), ["node-4", "node-5", "node-6"]);
        assert!(FIVE.iter().all(|machine| it.revision(machine) == 3));
        assert_eq!((it.revision("node-6"), it.wiped()), (1, vec!["node-6"]));
    }),
    ("recorded-one-more", |it| {
        assert!(it.keeps_all_files());
        assert_eq!((it.machines(), it.wiped()), (FIVE.to_vec(), vec![]));
        it.says("joining [node-6], leaving []");
    }),
    ("recorded-stale", |it| {
        assert!(it.keeps_all_files());
        it.says("node-5: its cluster.nix, written by the former operator, is out of date");
    }),
    ("ref-changes", |it| {
        assert!(it.writes_all_files());
        assert!(
            FIVE.iter().all(|machine| it.revision(machine) == 3 && it.of(machine)["spec"]["ref"] == "next")
        );
    }),
    ("ref-goes-back", |it| {
        assert!(it.writes_all_files());
        assert!(
            FIVE.iter().all(|machine| it.revision(machine) == 4 && it.of(machine)["spec"]["ref"].is_null())
        );
    }),
    ("reinstall-for", |it| {
        assert_eq!(it.wiped(), ["node-1", "node-4"]);
        assert_eq!(it.machines(), ["node-1", "node-3", "node-4"]);
        it.says("WIPES THE DISK of machine node-1 (cluster fleet/home), which was installed before");
    }),
    ("restored-without-status", |it| {
        assert!(it.keeps_all_files());
        assert_eq!(it.control_planes(), ["node-2", "node-3", "node-1"]);
        let owner = &it.of("node-2")["metadata"]["ownerReferences"][0];
        assert_eq!(owner["uid"], "9d0e3f44-2b11-4c0a-8a53-7a5d1c7e6f22");
    }),
    ("role-change", |it| {
        assert_eq!(it.machines(), ["node-1", "node-2", "node-3", "node-5"]);
        it.says("node-4: leaves as worker: it is to have the other role");
        it.says("node-4: cannot join as control plane: it is still a worker");
    }),
    ("role-edited-by-hand", |it| {
        assert!(it.keeps_all_files());
        assert_eq!(it.control_planes(), ["node-1", "node-2", "node-3"]);
    }),
    ("running", |it| {
        assert!(it.keeps_all_files());
        assert_eq!(it.machines(), FIVE);
    }),
    ("scale-down", |it| {
        assert_eq!((it.control_planes(), it.workers()), (vec!["node-1", "node-2"], vec!["node-4", "node-6"]));
    }),
    ("scale-up", |it| {
        assert_eq!(it.control_planes(), ["node-1", "node-2", "node-3", "node-0"]);
        assert_eq!(it.workers(), ["node-4", "node-5", "node-3b"]);
        assert_eq!(it.wiped(), ["node-0", "node-3b"]);
        assert!(it.writes_all_files());
    }),
    ("single-node", |it| {
        assert_eq!((it.machines(), it.wiped()), (vec!["node-1"], vec!["node-1"]));
        it.says("warning: WIPES THE DISK of machine node-1 (cluster fleet/home)\n");
        it.says("metadata.uid is not known");
        assert!(it.of("node-1")["metadata"]["ownerReferences"].is_null());
    }),
    ("switch-only", |it| {
        assert!(it.wiped().is_empty());
        it.does_not_say("WIPES");
        it.says("minReadySeconds: 10 is short");
    }),
    ("three-plus-five", |it| {
        assert_eq!(it.control_planes(), ["node-1", "node-2", "node-3"]);
        assert_eq!(it.workers(), ["node-4", "node-5", "node-6", "node-7", "node-8"]);
        assert_eq!(it.wiped().len(), 8);
    }),
    ("too-few", |it| {
        assert_eq!(it.machines(), ["node-1", "node-2", "node-4"]);
        it.says("spec.controlPlane: wanted 3, found 2");
    }),
    ("two-clusters", |it| {
        assert_eq!(it.machines(), ["node-1", "node-2", "node-3"]);
        let clusters: Vec<_> = it
            .objects
            .iter()
            .map(|object| &object["metadata"]["labels"]["nico.homystack.com/cluster"])
            .collect();
        assert_eq!(clusters, ["old", "old", "young"]);
    }),
    ("without-live-objects", |it| {
        assert_eq!((it.machines(), it.wiped()), (FIVE.to_vec(), vec![]));
        it.says("runs \"home-node-1\", which is not among the objects given");
    }),
];
