//! The difference between what should be and what a server holds, where there is none: by `nico diff`, and by
//! kubectl for the same configurations.

use std::process::Command;
use std::time::Instant;

use super::first_apply::{Applied, rendered};
use super::operator::nico;
use crate::timing::median_of;

/// The first one warms everything up, and does not count.
const ROUNDS: usize = 6;

pub async fn measure(applied: &Applied) {
    let Applied { site, namespace } = applied;
    let file = rendered(site, namespace).await;
    let path = file.path().to_str().expect("a path that is text");
    let (mut ours, mut kubectls) = (Vec::new(), Vec::new());
    for number in 0..ROUNDS {
        let begun = Instant::now();
        let mut command = Command::new(nico());
        command.args(["diff", "--namespace", namespace, "--kubeconfig"]);
        command.arg(site.control_plane.kubeconfig_path());
        let output = tokio::task::spawn_blocking(move || command.output()).await.expect("no panic");
        let took = begun.elapsed().as_secs_f64();
        let output = output.expect("the release binary");
        assert_eq!(
            (output.status.code(), output.stdout.as_slice()),
            (Some(0), &b""[..]),
            "there is no difference: {}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        let begun = Instant::now();
        let arguments = ["diff", "--server-side", "--field-manager=nico", "-f", path];
        let output = site.control_plane.kubectl(&arguments).await;
        let kubectl = begun.elapsed().as_secs_f64();
        assert_eq!(
            output.status.code(),
            Some(0),
            "there is no difference: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        if number > 0 {
            ours.push(took);
            kubectls.push(kubectl);
        }
    }
    let ratios = ours.iter().zip(&kubectls).map(|(ours, kubectl)| kubectl / ours).collect();
    println!(
        "  nico diff of them took {:.2} s, kubectl diff --server-side {:.2} s: {:.1} times as long (aim: 10 at least)",
        median_of(&ours),
        median_of(&kubectls),
        median_of(&ratios)
    );
}
