//! What is told is so: what was expected, and what was found instead.

use std::fmt::Debug;

/// It is not so.
#[derive(Debug, thiserror::Error)]
#[error("\n  expected: {expected}\n  found:    {found}")]
pub struct Unexpected {
    pub expected: String,
    pub found: String,
}

/// What is found has to be what is wanted.
pub fn same<T: Debug + PartialEq>(what: &str, found: &T, wanted: &T) -> Result<(), Unexpected> {
    holds(found == wanted, &format!("{what}: {wanted:?}"), || format!("{found:?}"))
}

/// It has to be so.
pub fn holds(is_so: bool, expected: &str, found: impl FnOnce() -> String) -> Result<(), Unexpected> {
    if is_so { Ok(()) } else { Err(Unexpected { expected: expected.to_owned(), found: found() }) }
}

/// The text has to say these words.
pub fn says(whose: &str, text: &str, words: &[&str]) -> Result<(), Unexpected> {
    // Tables break their lines anywhere.
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let is_so = words.iter().all(|words| text.contains(words));
    holds(is_so, &format!("{whose} says {words:?}"), || text.clone())
}
