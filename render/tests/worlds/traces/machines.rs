//! Machine objects that go and come.

use nico_crds::names::REINSTALL_FOR;

use super::{has_configuration, wipes, world};
use crate::genes::Act;

#[test]
fn a_machine_object_deleted_and_created_anew() {
    for says_false in [false, true] {
        let mut script = world(1, 2).begin();
        script.world.genes.first_look_says_false = says_false;
        script.until_done().act(Act::DeleteMachine { machine: 11 });
        script.until("its configuration is gone", |world| !has_configuration(world, 11)).passes(600);
        script.act(Act::AddMachine { machine: 11, rack: 'b' }).passes(20_000);
        script.assert(wipes(&script.world, 11) == 2, "it runs what nobody cleaned, and is not wiped");
        script.assert(!has_configuration(&script.world, 11), "nor taken");
        script.act(Act::MarkMachine { machine: 11, key: REINSTALL_FOR, value: Some("c0") });
        script.until_done().ends_well();
        script.assert(wipes(&script.world, 11) == 4, "a person asked for it");
    }
}

#[test]
fn a_machine_object_that_comes_back_before_nio_noticed() {
    let mut script = world(1, 2).begin();
    script
        .until_done()
        .act(Act::DeleteMachine { machine: 11 })
        .act(Act::AddMachine { machine: 11, rack: 'b' });
    script.ends_well();
    script.assert(wipes(&script.world, 11) == 2, "its disk stays");
}
