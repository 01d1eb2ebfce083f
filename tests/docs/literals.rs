//! The string literals of Rust sources, tests aside: what of them stands in the code, and not in comments.

use std::path::{Path, PathBuf};

/// A string literal of the code.
#[derive(Debug, PartialEq, Eq)]
pub struct Literal {
    /// Its file, relative to the repository.
    pub file: String,
    /// What stands between the quotes, escapes as they are.
    pub text: String,
}

/// Those of all files under a folder of the repository.
pub fn of(folder: &str) -> Vec<Literal> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut all = Vec::new();
    for path in files(&root.join(folder), "rs") {
        if path.file_name().is_some_and(|name| name == "tests.rs") {
            continue;
        }
        let file = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
        let source = std::fs::read_to_string(&path).unwrap();
        // Tests stand at the end of a file.
        let code = source.split("#[cfg(test)]\n").next().unwrap();
        all.extend(literals(code).into_iter().map(|text| Literal { file: file.clone(), text }));
    }
    all
}

/// The files with an extension under a folder, in order.
pub fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|other| other == extension) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// What is skipped over is a comment, a character or code.
fn literals(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = code;
    while let Some(first) = rest.chars().next() {
        let after = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("r\"") || rest.starts_with("r#\"") {
            let hashes = rest[1..].find('"').unwrap();
            let end = format!("\"{}", "#".repeat(hashes));
            let begin = 2 + hashes;
            let length = rest[begin..].find(&end).unwrap();
            found.push(rest[begin..begin + length].to_owned());
            begin + length + end.len()
        } else if first == '"' {
            let length = end_of_string(&rest[1..]);
            found.push(rest[1..=length].to_owned());
            length + 2
        } else if first == '\'' {
            end_of_character(rest)
        } else if first.is_alphanumeric() || first == '_' {
            // A word; it may end with the `r` of a raw string only if it is nothing else.
            rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len())
        } else {
            first.len_utf8()
        };
        rest = &rest[after..];
    }
    found
}

/// The place of the quote that ends it.
fn end_of_string(text: &str) -> usize {
    let mut escaped = false;
    let is_end = |c: char| {
        let ends = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    };
    text.find(is_end).expect("a string ends")
}

/// `'a'` and `'\''`, but not the lifetime `'a`.
fn end_of_character(text: &str) -> usize {
    let mut letters = text.char_indices().skip(1);
    match letters.next() {
        Some((_, '\\')) => {
            let escaped = letters.next().unwrap().0;
            escaped + 1 + text[escaped + 1..].find('\'').unwrap() + 1
        }
        Some((_, _)) => match letters.next() {
            Some((place, '\'')) => place + 1,
            Some((_, _)) | None => 1,
        },
        None => 1,
    }
}

#[test]
fn literals_are_told_from_comments_characters_and_lifetimes() {
    let code = r##"
        // "no"
        fn f<'a>(a: &'a str) -> char { let x = ('"', '\'', '\\', 'ß'); "one \" \\"; r#"two " "#; r"three"; hard("four") }
        "five\
         six"
    "##;
    assert_eq!(literals(code), [r#"one \" \\"#, "two \" ", "three", "four", "five\\\n         six"]);
}
