use k8s_openapi::jiff::Timestamp;

use super::Log;
use crate::event::{Actor, Event, Kind, Phase};

/// Builds a log of one object a machine.
#[derive(Default)]
struct Story(Vec<Event>);

impl Story {
    fn event(&mut self, machine: &str, kind: Kind, phase: Phase, files: &str, run: Option<u64>) -> u64 {
        let seq = self.0.len() as u64 + 1;
        self.0.push(Event {
            seq,
            at: Timestamp::UNIX_EPOCH,
            run: run.unwrap_or(seq),
            namespace: "fleet".to_owned(),
            machine: machine.to_owned(),
            configuration: format!("home-{machine}"),
            uid: format!("uid-{machine}"),
            actor: Actor::Handler,
            kind,
            phase,
            files_hash: files.to_owned(),
            commit: "c".to_owned(),
            generation: 1,
            revision: None,
            full_install: kind == Kind::Wipe,
            copied_after: seq - 1,
        });
        run.unwrap_or(seq)
    }

    fn start(&mut self, machine: &str, kind: Kind, files: &str) -> u64 {
        self.event(machine, kind, Phase::Started, files, None)
    }

    fn end(&mut self, run: u64) {
        let start = self.0[usize::try_from(run - 1).unwrap()].clone();
        self.event(&start.machine, start.kind, Phase::Ended { success: true }, &start.files_hash, Some(run));
    }

    fn whole(&mut self, machine: &str, kind: Kind, files: &str) {
        let run = self.start(machine, kind, files);
        self.end(run);
    }

    /// The handler is at rest with `fullInstall` as said.
    fn rest(&mut self, machine: &str, full_install: bool) {
        self.event(machine, Kind::Rest, Phase::Ended { success: true }, "", None);
        self.0.last_mut().unwrap().full_install = full_install;
    }

    fn log(&self) -> Log {
        Log::new(self.0.clone())
    }
}

#[test]
fn what_nio_doubles_is_one_installation() {
    let mut story = Story::default();
    let (handler, timer) = (story.start("a", Kind::Wipe, "1"), story.start("a", Kind::Wipe, "1"));
    story.end(handler);
    story.rest("a", true);
    story.end(timer);
    story.whole("a", Kind::Wipe, "1");
    assert_eq!((story.log().installations("a"), story.log().machine("a").wipes), (1, 3));

    // Begun after the rest, but with a copy from before it.
    story.rest("a", false);
    let late = story.start("a", Kind::Wipe, "1");
    story.0.last_mut().unwrap().copied_after = 1;
    story.end(late);
    assert_eq!(story.log().installations("a"), 1);
    assert_eq!(story.log().installations("b"), 0);
}

#[test]
fn a_wipe_of_other_files_or_after_the_clearing_is_another_installation() {
    let mut story = Story::default();
    story.whole("a", Kind::Wipe, "1");
    story.whole("a", Kind::Wipe, "2");
    assert_eq!(story.log().installations("a"), 2);
    story.rest("a", false);
    story.whole("a", Kind::Switch, "3");
    assert_eq!(story.log().installations("a"), 2);
    story.whole("a", Kind::Wipe, "2");
    story.whole("a", Kind::Wipe, "2");
    assert_eq!(story.log().installations("a"), 4);
}

#[test]
fn twins_are_one_apply_and_what_comes_after_is_another() {
    let mut story = Story::default();
    let first = story.start("a", Kind::Switch, "1");
    let twin = story.start("a", Kind::Switch, "1");
    story.end(first);
    // Of the same files, beside the twin alone.
    let third = story.start("a", Kind::Switch, "1");
    let other = story.start("a", Kind::Switch, "2");
    for run in [twin, third, other] {
        story.end(run);
    }
    assert_eq!(story.log().applies("a"), 2);
    story.whole("a", Kind::Switch, "1");
    story.whole("a", Kind::Cleanup, "1");
    assert_eq!(story.log().applies("a"), 3);
}

#[test]
fn order_and_overlap_are_of_machines() {
    let mut story = Story::default();
    story.whole("b", Kind::Wipe, "1");
    let mark = story.log().mark();
    let (c, twin) = (story.start("c", Kind::Switch, "1"), story.start("c", Kind::Switch, "1"));
    story.end(c);
    let a = story.start("a", Kind::Switch, "1");
    story.end(twin);
    story.end(a);
    story.whole("b", Kind::Switch, "2");
    story.whole("d", Kind::Cleanup, "2");
    assert_eq!(story.log().order(), ["b", "c", "a"]);
    assert_eq!(story.log().since(mark).order(), ["c", "a", "b"]);
    assert_eq!((story.log().overlapping(), story.log().of("c").overlapping()), (2, 1));
}
