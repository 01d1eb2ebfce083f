//! The text of an object that is sent to be applied.

use std::fmt::Write as _;

use serde::Serialize;

/// The body of an apply, as JSON that is YAML too.
///
/// The server reads the body of an apply as YAML. In there some characters that JSON has in a string as they
/// are mean something else (U+0085, U+2028 and U+2029 end a line, and what stands around them is dropped
/// without a word), or are refused (U+007F to U+009F, U+FFFE, U+FFFF). Escaped, all of them arrive. Those
/// above U+FFFF stand as they are: as JSON escapes them, in pairs, YAML refuses them.
pub fn body(object: &impl Serialize) -> Result<String, serde_json::Error> {
    let text = serde_json::to_string(object)?;
    let is_safe = |character: char| !matches!(character, '\u{7f}'..='\u{ffff}');
    if text.chars().all(is_safe) {
        return Ok(text);
    }
    let mut escaped = String::with_capacity(text.len().saturating_mul(2));
    for character in text.chars() {
        if is_safe(character) {
            escaped.push(character);
        } else {
            // Only in strings, for the rest of JSON is ASCII. Writing into a text does not fail.
            let _infallible = write!(escaped, "\\u{:04x}", u32::from(character));
        }
    }
    Ok(escaped)
}
