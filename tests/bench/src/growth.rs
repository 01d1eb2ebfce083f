//! Large clusters: time and memory should grow with the bytes written, no faster. Every configuration
//! names every machine, so the bytes grow with the square of the machines.

use std::process::Command;

use crate::fleet::{Layout, fleet};
use crate::timing::{median_of, seconds};
use crate::{by_the_crate, objects, to_yaml};

const ROUNDS: usize = 5;
const MEGA: f64 = 1e6;

struct Measured {
    bytes: f64,
    seconds: f64,
    memory: f64,
    /// The seconds that the YAML crate alone takes for the finished objects.
    serialising: f64,
}

/// One line a size: the child has no other size's memory.
pub fn by_size(sizes: &[usize]) {
    println!("One cluster, by its size:");
    let mut smallest: Option<Measured> = None;
    for machines in sizes {
        let measured = measure(*machines);
        let (time, memory) = (measured.seconds / measured.bytes, measured.memory / measured.bytes);
        let growth = smallest.as_ref().map_or_else(String::new, |first| {
            let factor = |now: f64, then: f64| now / then;
            format!(
                "; a byte takes {:.2} times the time and {:.2} times the memory of the smallest's",
                factor(time, first.seconds / first.bytes),
                factor(memory, first.memory / first.bytes)
            )
        });
        println!(
            "  {machines} machines: {:.1} MB, {:.0} ms ({:.2} times serialising alone), {:.1} MB of memory{growth}",
            measured.bytes / MEGA,
            measured.seconds * 1e3,
            measured.seconds / measured.serialising,
            measured.memory / MEGA
        );
        smallest = smallest.or(Some(measured));
    }
}

fn measure(machines: usize) -> Measured {
    let program = std::env::current_exe().expect("this program");
    let output = Command::new(program).arg(machines.to_string()).output().expect("this program can be run");
    let text = String::from_utf8_lossy(&output.stdout);
    let figures: Vec<f64> = text.split_whitespace().filter_map(|figure| figure.parse().ok()).collect();
    match figures.as_slice() {
        [bytes, seconds, memory, serialising] => {
            Measured { bytes: *bytes, seconds: *seconds, memory: *memory, serialising: *serialising }
        }
        other => unreachable_figures(other),
    }
}

#[allow(clippy::panic, reason = "a bench that cannot run has to say so and end")]
fn unreachable_figures(figures: &[f64]) -> Measured {
    panic!("a child told {figures:?} instead of bytes, seconds, memory and seconds")
}

/// The child: one size, and nothing else in its memory.
pub fn child(machines: usize) {
    let inventory = fleet(1, machines, Layout::OneNamespace);
    let before = peak_memory();
    let bytes = to_yaml(&objects(&inventory)).len();
    let memory = peak_memory() - before;
    let times = (0..ROUNDS).map(|_| seconds(|| to_yaml(&objects(&inventory)))).collect();
    let finished = objects(&inventory);
    let serialising = (0..ROUNDS).map(|_| seconds(|| by_the_crate(&finished))).collect();
    println!("{bytes} {} {memory} {}", median_of(&times), median_of(&serialising));
}

/// The most memory that this process ever had, in bytes (Linux).
fn peak_memory() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes =
        line.and_then(|line| line.split_whitespace().next()).and_then(|text| text.parse::<f64>().ok());
    kilobytes.unwrap_or_default() * 1024.0
}
