//! Strings that somebody could put where a string may stand.

use proptest::prelude::*;

/// Pieces that mean something to Nix, YAML, JSON or a shell.
const PIECES: [&str; 34] = [
    "\"",
    "\\",
    "${",
    "$${",
    "$$$${",
    "$",
    "{",
    "}",
    "''",
    "''${",
    "'''",
    "\r",
    "\n",
    "\r\n",
    "\t",
    "\u{1}",
    "\u{8}",
    "\u{b}",
    "\u{c}",
    "\u{1b}",
    "\u{7f}",
    "\u{85}",
    "\u{a0}",
    "\u{2028}",
    "\u{feff}",
    "\u{1f600}",
    "\u{10ffff}",
    "é",
    " ",
    "#",
    "/*",
    "nico = { revision = 9; };",
    "name",
    "\\n",
];

/// Up to a dozen of them in a row; now and then a long one.
pub fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => prop::sample::select(PIECES.to_vec()).prop_map(str::to_owned),
        1 => "[ -~]{0,6}",
        1 => any::<char>().prop_filter("Nix holds no NUL", |character| *character != '\0').prop_map(String::from),
    ];
    prop_oneof![
        30 => prop::collection::vec(piece.clone(), 0..12).prop_map(|pieces| pieces.concat()),
        1 => piece.prop_map(|piece| piece.repeat(700)),
    ]
}
