//! What is said to the person on standard error: one line each, without credentials and without anything
//! that a terminal would take for a command.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

use nico_render::{ClusterKey, Desired, Diagnostic, Notice, Severity};

const RED: &str = "\u{1b}[1;31m";
const YELLOW: &str = "\u{1b}[1;33m";
const CYAN: &str = "\u{1b}[1;36m";
const PLAIN: &str = "\u{1b}[0m";

/// Standard error, where a failure to write is nobody's concern.
pub struct Report;

impl Report {
    /// It did not work, and why.
    pub fn error(error: &(dyn Error + 'static)) {
        write("error", RED, "", &chain(error));
    }

    /// It did not work for a cluster, and why.
    pub fn failure(cluster: &ClusterKey, error: &(dyn Error + 'static)) {
        write("error", RED, "", &format!("cluster {cluster}: {}", chain(error)));
    }

    /// It will hurt, or something is missing.
    pub fn warning(message: impl Display) {
        write("warning", YELLOW, "", &message.to_string());
    }

    /// Good to know.
    pub fn note(message: impl Display) {
        write("note", CYAN, "", &message.to_string());
    }

    /// How many other objects were read, never what: there may be Secrets among them.
    pub fn ignored(ignored: &BTreeMap<String, usize>) {
        if !ignored.is_empty() {
            let kinds: Vec<_> = ignored.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
            Self::note(format_args!("passed over: {}", kinds.join(", ")));
        }
    }

    /// What there is to say about a rendering.
    pub fn diagnostic(cluster: &ClusterKey, diagnostic: &Diagnostic) {
        let message = format_args!("cluster {cluster}: {diagnostic}");
        match diagnostic.severity() {
            Severity::Warning => Self::warning(message),
            Severity::Note => Self::note(message),
        }
    }

    /// What there is to say about a rendering, but for what [`Report::wipes`] says last.
    pub fn all_but_wipes(desired: &Desired) {
        let others = desired.diagnostics.iter().filter(|one| !matches!(one.notice, Notice::WipesDisk { .. }));
        others.for_each(|diagnostic| Self::diagnostic(&desired.cluster, diagnostic));
    }

    /// The disks that would be wiped.
    pub fn wipes(desired: &Desired) {
        let cluster = &desired.cluster;
        for diagnostic in &desired.diagnostics {
            if let Notice::WipesDisk { reinstall } = diagnostic.notice {
                let machine = diagnostic.machine.as_deref().unwrap_or_default();
                let again =
                    if reinstall { ", which was installed before: reinstall-for asks for it" } else { "" };
                Self::alarm(format_args!("WIPES THE DISK of machine {machine} (cluster {cluster}){again}"));
            }
        }
    }

    /// Nobody shall miss it.
    fn alarm(message: impl Display) {
        write("warning", RED, RED, &message.to_string());
    }
}

/// An error with all that is behind it.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut message = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        message = format!("{message}: {cause}");
        source = cause.source();
    }
    message
}

fn write(label: &str, colour: &str, of_message: &str, message: &str) {
    let mut out = io::stderr().lock();
    let message = clean(message);
    let _nobody_listens = if is_coloured(&out) {
        writeln!(out, "{colour}{label}:{PLAIN} {of_message}{message}{PLAIN}")
    } else {
        writeln!(out, "{label}: {message}")
    };
}

/// On a terminal, unless the person wants none (<https://no-color.org>).
pub fn is_coloured(out: &impl IsTerminal) -> bool {
    out.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// One line that shows no credentials.
fn clean(message: &str) -> String {
    escape(&without_credentials(message)).into_owned()
}

/// Control characters as Rust writes them.
pub fn escape(text: &str) -> Cow<'_, str> {
    let hostile = |letter: char| {
        letter.is_control()
            || matches!(letter, '\u{2028}' | '\u{2029}')
            // What turns the order of letters round.
            || matches!(letter, '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
    };
    if !text.contains(hostile) {
        return Cow::Borrowed(text);
    }
    let letter =
        |letter: char| if hostile(letter) { letter.escape_default().to_string() } else { letter.to_string() };
    Cow::Owned(text.chars().map(letter).collect())
}

/// `https://user:password@host` without user and password; the user of `ssh://git@host` is no secret.
fn without_credentials(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("://") {
        clean.push_str(before);
        clean.push_str("://");
        let end =
            after.find(|letter: char| letter.is_whitespace() || matches!(letter, '"' | '\'' | '<' | '>'));
        let (url, behind) = after.split_at(end.unwrap_or(after.len()));
        match url.rsplit_once('@') {
            Some((login, host)) if is_secret(before, login) => {
                clean.push_str("***@");
                clean.push_str(host);
            }
            Some(_) | None => clean.push_str(url),
        }
        rest = behind;
    }
    clean.push_str(rest);
    clean
}

/// What stands before an `@` in a URL: a login, or a host and a path (`host/file@2x`)?
fn is_secret(before: &str, login: &str) -> bool {
    let name = login.split('/').next().unwrap_or_default();
    let has_password = login.split_once(':').is_some_and(|(_, behind)| {
        !behind.split('/').next().unwrap_or_default().bytes().all(|byte| byte.is_ascii_digit())
            || !login.contains('/')
    });
    let is_login = name.len() == login.len() && !before.ends_with("ssh");
    is_login || has_password
}
