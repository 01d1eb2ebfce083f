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
#[error("line {line} is no host key (a key type and the key in base64)")]
pub struct HostKeysError {
    /// Which, from 1 on.
    pub line: usize,
}

impl HostKeys {
    /// From lines that a person wrote, with any names in front, or with none: all of them are taken for keys
    /// of this machine. `@revoked` and `@cert-authority` keep their meaning.
    ///
    /// # Errors
    ///
    /// A line that is neither empty, a comment nor a key.
    pub fn of_person(machine: &str, text: &str) -> Result<Self, HostKeysError> {
        let mut lines = String::new();
        for (place, line) in text.lines().map(str::trim).enumerate() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let line = renamed(machine, line).ok_or(HostKeysError { line: place.saturating_add(1) })?;
            lines.push_str(&line);
            lines.push('\n');
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

/// `[@marker] [names] type key [comment]`, under the machine's name.
fn renamed(machine: &str, line: &str) -> Option<String> {
    let mut words = line.split_ascii_whitespace().peekable();
    let marker = words.next_if(|word| word.starts_with('@'));
    if !words.peek().is_some_and(|word| is_type(word)) {
        words.next();
    }
    let (kind, key) = (words.next().filter(|word| is_type(word))?, words.next().filter(|word| is_key(word))?);
    let marker = marker.map(|marker| format!("{marker} ")).unwrap_or_default();
    Some(format!("{marker}{machine} {kind} {key}"))
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
    fn lines_are_kept_under_the_name_of_the_machine() {
        let text = format!(
            "# mine\n\nssh-ed25519 {KEY} root@x\n10.0.0.1,[x]:22 ssh-rsa {KEY}\n|1|a|b ssh-rsa {KEY}\n@revoked * ssh-rsa {KEY}\n"
        );
        let keys = HostKeys::of_person("node-1", &text).unwrap();
        let expected = format!(
            "node-1 ssh-ed25519 {KEY}\nnode-1 ssh-rsa {KEY}\nnode-1 ssh-rsa {KEY}\n@revoked node-1 ssh-rsa {KEY}\n"
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
            "node ssh-ed25519 %%%%%%%%%%%%%%%%%%%%",
        ] {
            let text = format!("# mine\n{line}\n");
            assert_eq!(HostKeys::of_person("node-1", &text), Err(HostKeysError { line: 2 }), "{line}");
        }
    }
}
