//! The host keys of one machine, as lines of a `known_hosts` file (`sshd(8)`).

/// What a machine is known by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostKeys {
    /// By these lines; another key is refused.
    Known(String),
    /// By nothing yet: what it shows first is believed, and is to be kept.
    AcceptNew,
}

/// Text that is not what a `known_hosts` file holds.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} is no host key (names that are not hashed, a key type, and the key in base64)")]
pub struct HostKeysError {
    /// Which, from 1 on.
    pub line: usize,
}

impl HostKeys {
    /// From lines that a person wrote. Those that name no host are about this machine; those that name some, only
    /// where its own name or one of these addresses is among them. `@revoked` and `@cert-authority` keep their
    /// meaning.
    ///
    /// # Errors
    ///
    /// A line that is neither empty, a comment nor a key, or that hides whom it is about.
    pub fn of_person(machine: &str, addresses: &[&str], text: &str) -> Result<Self, HostKeysError> {
        let is_own = |name: &str| name == machine || addresses.contains(&name);
        let mut lines = String::new();
        for (place, line) in text.lines().map(str::trim).enumerate() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let line = Line::read(line).ok_or(HostKeysError { line: place.saturating_add(1) })?;
            if line.is_about(&is_own) {
                lines.push_str(&line.under(machine));
                lines.push('\n');
            }
        }
        Ok(Self::Known(lines))
    }

    pub(super) fn lines(&self) -> &str {
        match self {
            Self::Known(lines) => lines,
            Self::AcceptNew => "",
        }
    }
}

/// `[@marker] [names] type key [comment]`
struct Line<'a> {
    marker: Option<&'a str>,
    names: Option<&'a str>,
    kind: &'a str,
    key: &'a str,
}

impl<'a> Line<'a> {
    fn read(line: &'a str) -> Option<Self> {
        let mut words = line.split_ascii_whitespace().peekable();
        let marker = words.next_if(|word| word.starts_with('@'));
        let names = words.next_if(|word| !is_type(word));
        // A hash cannot be compared with names without knowing the port that it was made with.
        let is_hidden = names.is_some_and(|names| names.starts_with('|'));
        let kind = words.next().filter(|word| is_type(word) && !is_hidden)?;
        let key = words.next().filter(|word| is_key(word))?;
        Some(Self { marker, names, kind, key })
    }

    fn is_about(&self, is_own: &impl Fn(&str) -> bool) -> bool {
        self.names.is_none_or(|names| names.split(',').any(|name| name == "*" || is_own(without_port(name))))
    }

    fn under(&self, machine: &str) -> String {
        let marker = self.marker.map(|marker| format!("{marker} ")).unwrap_or_default();
        format!("{marker}{machine} {} {}", self.kind, self.key)
    }
}

/// `[host]:port`
fn without_port(name: &str) -> &str {
    name.strip_prefix('[').and_then(|rest| rest.split_once(']')).map_or(name, |(host, _)| host)
}

fn is_type(word: &str) -> bool {
    ["ssh-", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-"].iter().any(|prefix| word.starts_with(prefix))
}

fn is_key(word: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte);
    word.len() > 16 && word.bytes().all(letter)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    const KEY: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIFakeFakeFakeFake";

    #[test]
    fn lines_about_the_machine_are_kept_under_its_name() {
        let text = format!(
            "# mine\n\nssh-ed25519 {KEY} root@x\n10.0.0.1,[x]:22 ssh-rsa {KEY}\n[10.0.0.1]:2222 ssh-dss {KEY}\n\
             other,10.0.0.2 ssh-ed448 {KEY}\n@revoked * ssh-rsa {KEY}\n"
        );
        let keys = HostKeys::of_person("node-1", &["10.0.0.1"], &text).unwrap();
        let expected = format!(
            "node-1 ssh-ed25519 {KEY}\nnode-1 ssh-rsa {KEY}\nnode-1 ssh-dss {KEY}\n@revoked node-1 ssh-rsa {KEY}\n"
        );
        assert_eq!(keys.lines(), expected);
    }

    #[test]
    fn what_is_no_key_is_named_by_its_line() {
        for line in [
            "hello",
            "node ssh-ed25519",
            "ssh-ed25519 short",
            "a b c",
            "|1|a|b ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIFakeFakeFakeFake",
            "node ssh-ed25519 %%%%%%%%%%%%%%%%%%%%",
        ] {
            let text = format!("# mine\n{line}\n");
            assert_eq!(HostKeys::of_person("node-1", &[], &text), Err(HostKeysError { line: 2 }), "{line}");
        }
    }
}
