//! What ssh is told about a machine, as its configuration file (`ssh_config(5)`).

use std::fmt::Write as _;
use std::path::Path;

use super::error::VisitError;

/// A machine to be visited.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// Its name: what its host key is kept under, whatever its address becomes.
    pub machine: &'a str,
    /// A name or an address.
    pub host: &'a str,
    /// Who comes.
    pub user: &'a str,
}

impl Target<'_> {
    /// What goes to ssh as an argument, or into its configuration file, must be a word and no option.
    pub(super) fn check(&self) -> Result<(), VisitError> {
        let words = [("name", self.machine), ("host", self.host), ("sshUser", self.user)];
        match words.into_iter().find(|(_, word)| !is_word(word)) {
            Some((field, _)) => Err(VisitError::NoWord(field)),
            None => Ok(()),
        }
    }

    /// Whether it comes as root, and needs no `sudo`.
    pub(super) fn is_root(&self) -> bool {
        self.user == "root"
    }
}

fn is_word(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-:%+".contains(&byte);
    !text.is_empty() && text.len() <= 255 && !text.starts_with('-') && text.bytes().all(plain)
}

/// Ours holds for the machine alone, and comes first: of each option ssh takes the first value that it
/// finds. The operator's own file gives the rest: ports, jump hosts and what these need.
pub(super) fn config(target: &Target<'_>, operator: Option<&Path>) -> String {
    let mut text = String::new();
    let _ = write!(
        text,
        "Host {host}\n\
         \x20 HostKeyAlias {machine}\n\
         \x20 HashKnownHosts no\n\
         \x20 GlobalKnownHostsFile /dev/null\n\
         \x20 UpdateHostKeys no\n\
         \x20 CheckHostIP no\n\
         \x20 PreferredAuthentications publickey\n\
         \x20 PasswordAuthentication no\n\
         \x20 KbdInteractiveAuthentication no\n\
         \x20 GSSAPIAuthentication no\n\
         \x20 IdentityAgent none\n\
         \x20 ForwardAgent no\n\
         \x20 ForwardX11 no\n\
         \x20 ClearAllForwardings yes\n\
         \x20 PermitLocalCommand no\n\
         \x20 RequestTTY no\n\
         \x20 LogLevel INFO\n",
        host = target.host,
        machine = target.machine,
    );
    if let Some(path) = operator {
        let _ = write!(text, "Host *\n  Include \"{}\"\n", path.display());
    }
    text
}
