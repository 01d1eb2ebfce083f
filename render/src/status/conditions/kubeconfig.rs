//! Whether the cluster can be reached by others: `KubeconfigAvailable`.

use super::{DELETING, KUBECONFIG_AWAITED, NOT_RENEWED, Verdict};
use crate::status::look::Look;
use crate::status::words;
use crate::workload::{Kubeconfig, Stored};

pub(super) fn available(look: &Look<'_>) -> Verdict {
    let Some(workload) = look.workload() else { return Verdict::Untold };
    match &workload.kubeconfig {
        Kubeconfig { stored: Some(stored), trouble: None } if stored.lets_in(look.now) => {
            Verdict::holds("Available", there(stored))
        }
        Kubeconfig { stored: Some(stored), trouble } => {
            let why = trouble
                .as_ref()
                .map_or_else(|| "it is fetched anew".to_owned(), |trouble| trouble.message.clone());
            if stored.lets_in(look.now) {
                Verdict::holds(NOT_RENEWED, format!("{}; it cannot be renewed: {why}", there(stored)))
            } else {
                Verdict::fails(
                    "Refused",
                    format!("with the Secret {} nobody is let in any more; {why}", stored.secret),
                )
            }
        }
        Kubeconfig { stored: None, trouble: Some(trouble) } => {
            Verdict::fails(trouble.reason, trouble.message.as_str())
        }
        Kubeconfig { stored: None, trouble: None } if look.is_deleting() => {
            Verdict::fails(DELETING, "it is being deleted")
        }
        Kubeconfig { stored: None, trouble: None } => Verdict::fails(
            KUBECONFIG_AWAITED,
            "it is fetched by SSH as soon as all control planes are settled",
        ),
    }
}

fn there(stored: &Stored) -> String {
    match stored.until {
        Some(until) => {
            format!(
                "the Secret {} has it; its client certificate ends at {}",
                stored.secret,
                words::seconds(until)
            )
        }
        None => format!("the Secret {} has it; its token does not say when it ends", stored.secret),
    }
}
