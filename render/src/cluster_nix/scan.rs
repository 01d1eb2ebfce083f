//! Reads back what a text of ours says: its revision, and the address of a machine. Tolerant of another
//! layout (another version may have written it), and never fooled by what stands in strings.

/// A piece of Nix that matters here. White space and comments do not.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    Text(String),
    Sign(char),
}

/// The revision, if the text is one of ours: `revision = N;` in the set `nico`.
pub fn revision_of(text: &str) -> Option<u64> {
    let tokens = tokens(text)?;
    let start = tokens.windows(3).position(|window| is_opening(window, "nico"))?;
    let mut depth = 0_u32;
    let inside = tokens.get(start.checked_add(2)?..)?;
    for (place, token) in inside.iter().enumerate() {
        match token {
            Token::Sign('{') => depth = depth.checked_add(1)?,
            Token::Sign('}') => depth = depth.checked_sub(1)?,
            Token::Word(word) if word == "revision" && depth == 1 => {
                return number(inside.get(place.checked_add(1)?..)?);
            }
            Token::Word(_) | Token::Text(_) | Token::Sign(_) => {}
        }
        if depth == 0 {
            return None;
        }
    }
    None
}

/// The text carries `nico.revision`; the Python operator's does not.
pub fn is_ours(text: &str) -> bool {
    revision_of(text).is_some()
}

/// The address that the text gives a machine: `{ name = "machine"; ip = "address"; }`.
pub fn address_of(text: &str, machine: &str) -> Option<String> {
    let tokens = tokens(text)?;
    tokens.windows(8).find_map(|window| match window {
        [
            Token::Word(name),
            Token::Sign('='),
            Token::Text(of),
            Token::Sign(';'),
            Token::Word(ip),
            Token::Sign('='),
            Token::Text(address),
            Token::Sign(';'),
        ] if name == "name" && ip == "ip" && of == machine => Some(address.clone()),
        _ => None,
    })
}

fn is_opening(window: &[Token], name: &str) -> bool {
    matches!(window, [Token::Word(word), Token::Sign('='), Token::Sign('{')] if word == name)
}

fn number(tokens: &[Token]) -> Option<u64> {
    match tokens {
        // Nix's integers have 64 bits with a sign, and there has to be room for the next one.
        [Token::Sign('='), Token::Word(digits), Token::Sign(';'), ..] => {
            digits.parse::<i64>().ok().filter(|number| *number < i64::MAX)?.try_into().ok()
        }
        _ => None,
    }
}

/// None where the text ends within a string or a comment.
fn tokens(text: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        rest = if first.is_whitespace() {
            rest.trim_start()
        } else if rest.starts_with('#') {
            rest.split_once(['\n', '\r']).map_or("", |(_, after)| after)
        } else if let Some(comment) = rest.strip_prefix("/*") {
            comment.split_once("*/")?.1
        } else if let Some(quoted) = rest.strip_prefix('"') {
            let (content, after) = quoted_string(quoted)?;
            tokens.push(Token::Text(content));
            after
        } else if let Some(indented) = rest.strip_prefix("''") {
            tokens.push(Token::Text(String::new()));
            indented_string(indented)?
        } else if is_word(first) {
            let end = rest.find(|character| !is_word(character)).unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            tokens.push(Token::Word(word.to_owned()));
            after
        } else {
            tokens.push(Token::Sign(first));
            rest.get(first.len_utf8()..)?
        };
    }
    Some(tokens)
}

fn is_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '_' | '-' | '\'')
}

/// The value of a `"..."` and what follows it. We write no interpolation, so none is looked for.
fn quoted_string(text: &str) -> Option<(String, &str)> {
    let mut content = String::new();
    let mut characters = text.chars();
    loop {
        match characters.next()? {
            '"' => return Some((content, characters.as_str())),
            '\\' => content.push(match characters.next()? {
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                other => other,
            }),
            other => content.push(other),
        }
    }
}

/// What follows a `''...''`. Its value is never asked for.
fn indented_string(text: &str) -> Option<&str> {
    let mut rest = text;
    loop {
        let (_, after) = rest.split_once("''")?;
        // `'''`, `''$` and `''\` are escapes within the string.
        match after.chars().next() {
            Some(escaped @ ('\'' | '$' | '\\')) => rest = after.get(escaped.len_utf8()..)?,
            Some(_) | None => return Some(after),
        }
    }
}
