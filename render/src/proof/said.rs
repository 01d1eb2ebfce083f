//! What NIO said, fit for everybody's eyes: it quotes commands and addresses, and a secret may be among them.
//!
//! Only what is surely a word passes, and nothing at all of what follows a word such as `password`, or the
//! option of a command.

/// So much of it is enough to know what to look for.
const MAX_CHARACTERS: usize = 160;
/// The longest word that passes. Keys and tokens are longer, or mixed with digits.
const MAX_WORD: usize = 16;
/// What stands for everything that does not pass.
const LEFT_OUT: &str = "...";
/// What follows one of these may be the secret itself, whatever it looks like.
const BEFORE_SECRETS: [&str; 16] = [
    "auth",
    "authorization",
    "basic",
    "bearer",
    "begin",
    "credential",
    "credentials",
    "key",
    "login",
    "passphrase",
    "passwd",
    "password",
    "pwd",
    "secret",
    "token",
    "user",
];

/// The words of it that cannot be a secret; None where there is none.
pub(crate) fn safe(text: &str) -> Option<String> {
    let mut words: Vec<&str> = Vec::new();
    let mut length = 0_usize;
    for word in text.split_whitespace() {
        length = length.saturating_add(word.len()).saturating_add(1);
        let shown = if length <= MAX_CHARACTERS && is_word(word) { word } else { LEFT_OUT };
        words.push(shown);
        if length > MAX_CHARACTERS {
            break;
        }
        if comes_before_a_secret(word) {
            words.push(LEFT_OUT);
            break;
        }
    }
    words.dedup_by(|one, other| one == other && *one == LEFT_OUT);
    words.iter().any(|word| *word != LEFT_OUT).then(|| words.join(" "))
}

fn is_word(word: &str) -> bool {
    let word = word.trim_matches(['.', ',', ':', ';', '!', '?', '(', ')', '\'', '"']);
    is_plain(word) || is_number(word) || is_error(word)
}

/// Letters, as they stand in a sentence.
fn is_plain(word: &str) -> bool {
    let rest = word.strip_prefix(|first: char| first.is_ascii_alphabetic());
    word.len() <= MAX_WORD && rest.is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_lowercase()))
}

/// A small one, such as an exit code.
fn is_number(word: &str) -> bool {
    (1..=3).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_digit())
}

/// `CalledProcessError`, `TimeoutException`: Python's names for what went wrong.
fn is_error(word: &str) -> bool {
    let ends_so = ["Error", "Exception"].iter().any(|end| word.ends_with(end));
    ends_so && word.len() <= 2 * MAX_WORD && word.bytes().all(|byte| byte.is_ascii_alphabetic())
}

fn comes_before_a_secret(word: &str) -> bool {
    let word = word.to_ascii_lowercase();
    let mut parts = word.split(|letter: char| !letter.is_ascii_alphabetic());
    word.starts_with('-') || parts.any(|part| BEFORE_SECRETS.contains(&part))
}
