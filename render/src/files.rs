//! The hash that NIO forms of a configuration's files, bit for bit: the proof of what was applied.
//!
//! `status.additionalFilesHash` is the SHA-256 of what Python's `json.dumps(files, sort_keys=True)`
//! writes: separators with a blank behind them, everything that is not ASCII as `\uXXXX`.

use std::io::{self, BufWriter, Write};

use nico_crds::configuration::{AdditionalFile, ValueType};
use serde::Serialize;
use serde_json::ser::{CharEscape, Formatter, Serializer};
use sha2::{Digest, Sha256};

/// Larger than most pieces, and small enough to stay in the processor's cache.
const BUFFER: usize = 4096;

/// What NIO says in `additionalFilesHash` once it has applied these files. None where that cannot be
/// told: of a `NixosFacter` entry NIO hashes the facts.
pub fn hash(files: &[AdditionalFile]) -> Option<String> {
    let files: Vec<_> = files.iter().map(Hashed::of).collect::<Option<_>>()?;
    // The text comes in small pieces, between one escape and the next.
    let mut digest = BufWriter::with_capacity(BUFFER, Digesting(Sha256::new()));
    files.serialize(&mut Serializer::with_formatter(&mut digest, Python::spaced())).ok()?;
    Some(hex(&digest.into_inner().ok()?.0.finalize()))
}

/// How many bytes a value takes in the annotation in which kopf keeps its copy of an object: JSON
/// without blanks, everything that is not ASCII as `\uXXXX`. Exact for values without fractions, whose
/// digits Python may choose otherwise. What is no JSON fits nowhere: the greatest number.
pub fn python_json_len(value: &impl Serialize) -> usize {
    let mut count = Counting(0);
    let written = value.serialize(&mut Serializer::with_formatter(&mut count, Python::compact()));
    written.map_or(usize::MAX, |()| count.0)
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().flat_map(|byte| hex_digits(*byte)).map(char::from).collect()
}

fn hex_digits(byte: u8) -> [u8; 2] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    [byte >> 4, byte & 0xf].map(|nibble| DIGITS.get(usize::from(nibble)).copied().unwrap_or(b'0'))
}

/// A file as NIO hashes it. The fields stand in the order of their names.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Hashed<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    inline: Option<&'a str>,
    path: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_ref: Option<HashedSecret<'a>>,
    value_type: ValueType,
}

/// The reference as the server holds it; the keys sorted.
#[derive(Serialize)]
struct HashedSecret<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
    name: &'a str,
}

impl<'a> Hashed<'a> {
    fn of(file: &'a AdditionalFile) -> Option<Self> {
        let (inline, secret_ref) = match file.value_type {
            ValueType::Inline => (Some(file.inline.as_deref()?), None),
            ValueType::SecretRef => (None, Some(file.secret_ref.as_ref()?)),
            ValueType::NixosFacter => return None,
        };
        let secret_ref =
            secret_ref.map(|secret| HashedSecret { key: secret.key.as_deref(), name: &secret.name });
        Some(Self { inline, path: &file.path, secret_ref, value_type: file.value_type })
    }
}

/// JSON as Python's `json.dumps` lays it out, `ensure_ascii` on.
struct Python {
    item: &'static [u8],
    key: &'static [u8],
}

impl Python {
    const fn spaced() -> Self {
        Self { item: b", ", key: b": " }
    }

    const fn compact() -> Self {
        Self { item: b",", key: b":" }
    }

    fn separate<W: ?Sized + Write>(&self, writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(self.item) }
    }
}

/// A UTF-16 unit as Python escapes it.
fn escaped(unit: u16) -> [u8; 6] {
    let [high, low] = unit.to_be_bytes().map(hex_digits);
    let ([a, b], [c, d]) = (high, low);
    [b'\\', b'u', a, b, c, d]
}

impl Formatter for Python {
    fn begin_array_value<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.separate(writer, first)
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.separate(writer, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(self.key)
    }

    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        // Python escapes DEL as well: what is plain ends with the tilde. Any byte above it is DEL or
        // begins a character.
        while let Some((plain, special)) =
            rest.bytes().position(|byte| byte > b'~').and_then(|place| rest.split_at_checked(place))
        {
            writer.write_all(plain.as_bytes())?;
            let mut characters = special.chars();
            if let Some(character) = characters.next() {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    writer.write_all(&escaped(*unit))?;
                }
            }
            rest = characters.as_str();
        }
        writer.write_all(rest.as_bytes())
    }

    fn write_char_escape<W: ?Sized + Write>(&mut self, writer: &mut W, escape: CharEscape) -> io::Result<()> {
        let short: &[u8] = match escape {
            CharEscape::Quote => b"\\\"",
            CharEscape::ReverseSolidus => b"\\\\",
            CharEscape::Solidus => b"/",
            CharEscape::Backspace => b"\\b",
            CharEscape::FormFeed => b"\\f",
            CharEscape::LineFeed => b"\\n",
            CharEscape::CarriageReturn => b"\\r",
            CharEscape::Tab => b"\\t",
            CharEscape::AsciiControl(byte) => return writer.write_all(&escaped(byte.into())),
        };
        writer.write_all(short)
    }
}

struct Digesting(Sha256);

impl Write for Digesting {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Counting(usize);

impl Write for Counting {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.saturating_add(bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
