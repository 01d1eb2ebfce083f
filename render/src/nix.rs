//! Nix string literals: what is put in is what evaluates, to the character.
//!
//! The source of the rules is Nix's own lexer: in `"..."` a backslash takes the next character as it is
//! (but for `n`, `r` and `t`), `${` opens an interpolation, and a bare CR or CRLF becomes a LF. There
//! is no escape for other control characters: they stand as they are. A NUL cannot stand in a string.

/// A string with a NUL, which Nix cannot hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a NUL character, which Nix cannot hold in a string")]
pub struct NulInString;

/// Appends the literal that evaluates to exactly `text`.
pub fn push_string(out: &mut String, text: &str) -> Result<(), NulInString> {
    out.reserve(text.len().saturating_add(2));
    out.push('"');
    let mut rest = text;
    while let Some(place) = rest.find(['"', '\\', '$', '\n', '\r', '\t', '\0']) {
        let (plain, special) = rest.split_at(place);
        out.push_str(plain);
        let mut characters = special.chars();
        let Some(character) = characters.next() else {
            break;
        };
        rest = characters.as_str();
        match character {
            '\0' => return Err(NulInString),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '$' if rest.starts_with('{') => out.push_str("\\$"),
            '$' => out.push('$'),
            quoted => {
                out.push('\\');
                out.push(quoted);
            }
        }
    }
    out.push_str(rest);
    out.push('"');
    Ok(())
}

/// The literal that evaluates to exactly `text`.
pub fn string(text: &str) -> Result<String, NulInString> {
    let mut out = String::new();
    push_string(&mut out, text)?;
    Ok(out)
}
