//! What people are told, beside the data: on standard error.

use std::io::{self, Write};

use nico_render::{ClusterKey, Desired, Notice, Severity};

/// Standard error, where a failure to write is nobody's concern.
pub struct Report;

impl Report {
    /// A line.
    pub fn line(text: &str) {
        let _ = writeln!(io::stderr().lock(), "{text}");
    }

    /// An error, with what lies beneath it.
    pub fn error(error: &anyhow::Error) {
        Self::line(&format!("error: {error:#}"));
    }

    /// What there is to say about a rendering. What wipes a disk is said last and loudest.
    pub fn diagnostics(desired: &Desired) {
        let cluster = &desired.cluster;
        let (wipes, others): (Vec<_>, Vec<_>) = desired
            .diagnostics
            .iter()
            .partition(|diagnostic| matches!(diagnostic.notice, Notice::WipesDisk { .. }));
        for diagnostic in others {
            let kind = match diagnostic.severity() {
                Severity::Warning => "warning",
                Severity::Note => "note",
            };
            Self::line(&format!("{kind}: cluster {cluster}: {diagnostic}"));
        }
        for diagnostic in wipes {
            let reinstall = matches!(diagnostic.notice, Notice::WipesDisk { reinstall: true });
            Self::wipe(cluster, diagnostic.machine.as_deref().unwrap_or_default(), reinstall);
        }
    }

    fn wipe(cluster: &ClusterKey, machine: &str, reinstall: bool) {
        let why = if reinstall { " which was installed before (reinstall-for)" } else { "" };
        Self::line(&format!("!!! WIPES THE DISK of machine {machine}{why} (cluster {cluster}) !!!"));
    }
}
