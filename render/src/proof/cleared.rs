//! That the clearing of `fullInstall` holds: NIO works on copies, and until its handler has begun anew
//! with the cleared one, an apply that it begins may still wipe the disk.

use k8s_openapi::jiff::Timestamp;
use nico_crds::NixosConfiguration;
use nico_crds::machine::Dialect;

use super::{Finding, Lack, attempts, python};

/// Whether no apply that NIO begins from now on wipes the disk. `written`: when NICO last wrote the
/// configuration, if that is known; the clearing was not later.
pub fn cleared(configuration: &NixosConfiguration, dialect: Dialect, written: Option<Timestamp>) -> Finding {
    if configuration.spec.full_install == Some(true) {
        return Finding::No(Lack::WipesDisk);
    }
    match dialect {
        Dialect::Python => python_cleared(configuration, written),
        // It looks for the end of an installation where it notes it.
        Dialect::Go => Finding::Yes(()),
    }
}

fn python_cleared(configuration: &NixosConfiguration, written: Option<Timestamp>) -> Finding {
    match python::handled_full_install(configuration) {
        Some(Ok(false)) => return Finding::Yes(()),
        Some(Err(lack)) => return Finding::Unknown(lack),
        // It was never on, or has succeeded without it since.
        None if !may_have_installed(configuration) => return Finding::Yes(()),
        Some(Ok(true)) | None => {}
    }
    if written.is_some_and(|written| attempts::failed_after(configuration, written)) {
        return Finding::Yes(());
    }
    Finding::No(Lack::ClearingNotHandled)
}

/// The last success was an installation, or does not say what it was.
fn may_have_installed(configuration: &NixosConfiguration) -> bool {
    let status = configuration.status.as_ref();
    configuration.shows_an_apply() && status.and_then(|status| status.has_full_install) != Some(false)
}
