//! What a person is told when no kubeconfig can be had: a reason of `KubeconfigAvailable`, and what to do. Nothing in
//! it depends on the time, so that what fails again tells nothing new; nothing in it is a secret.

use nico_crds::names::{KNOWN_HOSTS_KEY, SSH_KEY_KEY};
use nico_render::workload::{Stored, Trouble};

use crate::ApplyError;
use crate::kubeconfig::{FetchError, LoginError, Refusal};
use crate::ssh::VisitError;

fn trouble(reason: &'static str, message: String) -> Trouble {
    Trouble { reason, message }
}

pub(super) fn unreadable() -> Trouble {
    trouble("SecretUnreadable", "the Secret with the kubeconfig cannot be read; the log says why".to_owned())
}

pub(super) fn panicked() -> Trouble {
    let message = "fetching the kubeconfig has panicked, which is a mistake in NICO; the log says where, and it is \
                   tried again later";
    trouble("Panicked", message.to_owned())
}

pub(super) fn taken(secret: &str) -> Trouble {
    let message = format!(
        "a Secret {secret} is there that is not this cluster's, and is left alone; remove or rename it, and the \
         kubeconfig is stored there"
    );
    trouble("SecretTaken", message)
}

pub(super) fn not_stored(error: &ApplyError) -> Trouble {
    trouble("NotStored", error.to_string())
}

pub(super) fn not_newer(stored: Option<&Stored>) -> Trouble {
    let message = match stored {
        Some(Stored { is_refused: true, .. }) => {
            "what the control planes have is what is stored already; renew their certificates"
        }
        Some(_) | None => {
            "what the control planes have does not last longer than what is stored; renew their certificates"
        }
    };
    trouble("NotNewer", message.to_owned())
}

pub(super) fn no_room() -> Trouble {
    let message = "there is no private folder for SSH keys, neither in /dev/shm nor in $TMPDIR; mount one of them \
                   writable (an emptyDir with medium: Memory)";
    trouble("NoPrivateFolder", message.to_owned())
}

pub(super) fn no_address(machine: &str) -> Trouble {
    trouble("NoAddress", format!("Machine {machine} has no address"))
}

pub(super) fn no_key(machine: &str) -> Trouble {
    let message = format!(
        "Machine {machine} names no SSH key; set spec.sshKeySecretRef, as only keys are used to visit it"
    );
    trouble("NoKey", message)
}

pub(super) fn only_password(machine: &str) -> Trouble {
    let message = format!(
        "Machine {machine} has only a password (spec.sshPasswordSecretRef), and only keys are used to visit it; set \
         spec.sshKeySecretRef"
    );
    trouble("OnlyPassword", message)
}

pub(super) fn key_elsewhere(machine: &str, namespace: &str) -> Trouble {
    let message = format!(
        "the SSH key of Machine {machine} lies in namespace {namespace}, which NICO may not read; allow it with \
         `nico run --ssh-key-namespace {namespace}`, or set spec.sshKeySecretRef.namespace to a Secret in the \
         Machine's own"
    );
    trouble("KeyNamespaceNotAllowed", message)
}

pub(super) fn key_unreadable(machine: &str, secret: &str, error: &ApplyError) -> Trouble {
    trouble("KeyUnreadable", format!("the SSH key of Machine {machine}, Secret {secret}: {error}"))
}

pub(super) fn key_missing(machine: &str, secret: &str, field: &str) -> Trouble {
    let message = format!(
        "the SSH key of Machine {machine}, Secret {secret}, is not there, or has no {field}; the type \
         kubernetes.io/ssh-auth has it in {SSH_KEY_KEY}"
    );
    trouble("KeyMissing", message)
}

pub(super) fn pins_unreadable(config_map: &str, error: &ApplyError) -> Trouble {
    trouble("KnownHostsUnreadable", format!("ConfigMap {config_map}: {error}"))
}

pub(super) fn taken_pins(config_map: &str) -> Trouble {
    let message = format!(
        "a ConfigMap {config_map} is there that is not this cluster's: label it nico.homystack.com/cluster with the \
         cluster's name if the host keys in it are right, or remove it"
    );
    trouble("KnownHostsTaken", message)
}

pub(super) fn host_key_unknown(machine: &str, secret: &str, config_map: &str) -> Trouble {
    let message = format!(
        "the host key of {machine} is not written down, and unknown ones are not accepted (--ssh-host-keys strict): \
         write it into the Secret {secret}, key {KNOWN_HOSTS_KEY}, or into the ConfigMap {config_map}, key {machine}"
    );
    trouble("HostKeyUnknown", message)
}

pub(super) fn bad_known_hosts(machine: &str, place: &str, line: usize) -> Trouble {
    let message = format!(
        "the host keys of {machine} in {place}: line {line} is none (names that are not hashed, a key type, and the \
         key in base64)"
    );
    trouble("KnownHostsUnreadable", message)
}

pub(super) fn not_pinned(machine: &str, error: &ApplyError) -> Trouble {
    trouble(
        "HostKeyNotPinned",
        format!("the host key of {machine} cannot be kept, so it is not used: {error}"),
    )
}

pub(super) fn visit(machine: &str, secret: &str, error: &VisitError) -> Trouble {
    tracing::debug!(machine, error = crate::error::chain(error), "the visit came to nothing");
    let reason = match error {
        VisitError::NoWord(_) => "NotVisitable",
        VisitError::Room(_) => "NoPrivateFolder",
        VisitError::NoClient(_) => "NoSSH",
        VisitError::HostKeyChanged => "HostKeyChanged",
        VisitError::HostKeyUnknown => "HostKeyUnknown",
        VisitError::Denied => "KeyRefused",
        VisitError::Unreachable(_) => "Unreachable",
        VisitError::TooLate { .. } => "TimedOut",
        VisitError::TooMuch(_) => "TooMuchOutput",
        VisitError::BrokeOff(_) => "ConnectionLost",
    };
    let advice = match error {
        VisitError::HostKeyChanged => {
            "; if it was installed anew by hand, take its entry out of the ConfigMap with the host keys"
                .to_owned()
        }
        VisitError::Denied => format!(" (Secret {secret}); put its public key there, or name another user"),
        VisitError::NoWord(_)
        | VisitError::Room(_)
        | VisitError::NoClient(_)
        | VisitError::HostKeyUnknown
        | VisitError::Unreachable(_)
        | VisitError::TooLate { .. }
        | VisitError::TooMuch(_)
        | VisitError::BrokeOff(_) => String::new(),
    };
    trouble(reason, format!("{machine}: {error}{advice}"))
}

pub(super) fn fetch(machine: &str, secret: &str, error: &FetchError) -> Trouble {
    match error {
        FetchError::Visit(error) => visit(machine, secret, error),
        FetchError::NoFile(_) => trouble("NotFound", format!("{machine}: {error}")),
        FetchError::Unreadable(_) => trouble("NotReadable", format!("{machine}: {error}")),
        FetchError::NoText => trouble("NotAcceptable", format!("{machine}: {error}")),
    }
}

pub(super) fn refused(machine: &str, refusal: &Refusal) -> Trouble {
    trouble("NotAcceptable", format!("the kubeconfig of {machine} is not used: {refusal}"))
}

pub(super) fn login(machine: &str, error: &LoginError) -> Trouble {
    match error {
        LoginError::Refused(refusal) => refused(machine, refusal),
        LoginError::NoPlace(_)
        | LoginError::NoClient(_)
        | LoginError::Silent(_)
        | LoginError::Denied(..)
        | LoginError::Unreachable(_) => {
            trouble("LoginFailed", format!("the kubeconfig of {machine} does not log in: {error}"))
        }
    }
}
