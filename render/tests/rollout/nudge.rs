//! Rule 6: a nudge makes NIO look at once.

use nico_crds::names::NUDGE;

use crate::world::World;

/// NIO has ended with other files than the live ones.
fn gone_back() -> World {
    let mut world = World::running(1, 1);
    world.pass(1000);
    world.nc("w0").status.as_mut().unwrap().additional_files_hash = Some("0ld".to_owned());
    world
}

#[test]
fn one_annotation_with_the_time_of_that_apply_and_one_for_each() {
    let mut world = gone_back();
    let applied = world.find("w0").unwrap().status.clone().unwrap().last_applied_time;
    let before = world.find("w0").unwrap().spec.clone();
    world.does(&["w0 Nudge"]);
    assert_eq!(world.annotation("w0", NUDGE), applied);
    assert_eq!(world.find("w0").unwrap().spec, before);
    world.does(&[]);
    // Another apply that was not of these files.
    world.nc("w0").status.as_mut().unwrap().last_applied_time = Some(world.now.to_string());
    world.does(&["w0 Nudge"]);
    world.does(&[]);
    world.apply("w0");
    world.does(&[]);
}

#[test]
fn only_where_it_helps() {
    type Spoil = fn(&mut World);
    let spoils: [(&str, Spoil); 5] = [
        ("the handler is not at rest", |world| world.annotate("w0", crate::world::HANDLED, "{\"spec\":{}}")),
        ("unreachable", |world| world.reachable("w0", false)),
        ("these files", |world| world.apply("w0")),
        ("nothing was ever applied", |world| world.nc("w0").status = None),
        ("paused", |world| world.spec().paused = Some(true)),
    ];
    for (what, spoil) in spoils {
        let mut world = gone_back();
        spoil(&mut world);
        assert_eq!(world.steps(), Vec::<String>::new(), "{what}");
    }
}

#[test]
fn new_content_needs_none() {
    let mut world = gone_back();
    world.content("v2");
    world.pass(9000);
    assert_eq!(world.steps(), ["w0 Content"]);
}
