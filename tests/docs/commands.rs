//! The commands of the pages that need no server are run, block by block, and do what is shown.
//!
//! A block of `sh` with the word `console-test` is run by `sh -e`, with this `nico`, in a folder of its own. `in=FOLDER`
//! lays the files of that folder of the repository there; `exit=CODE` says how the last command ends. A block `text
//! output` right behind it is what it prints: a line `...` stands for any number of lines.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::markdown::{Block, blocks};
use crate::pages::{self, Page};

/// What a block that is run asks for.
struct Wish<'b> {
    files: Option<&'b str>,
    code: i32,
}

impl<'b> Wish<'b> {
    fn of(block: &'b Block<'_>) -> Option<Self> {
        let mut words = block.info.split(' ');
        let is_shell = words.next() == Some("sh");
        if !is_shell || words.next() != Some("console-test") {
            assert!(!block.info.contains("console-test"), "{}", block.info);
            return None;
        }
        let mut wish = Self { files: None, code: 0 };
        for word in words {
            match word.split_once('=') {
                Some(("in", folder)) => wish.files = Some(folder),
                Some(("exit", code)) => wish.code = code.parse().unwrap(),
                _ => panic!("{word} means nothing"),
            }
        }
        Some(wish)
    }
}

fn is_shell(block: &Block<'_>) -> bool {
    ["sh", "bash"].contains(&block.info.split(' ').next().unwrap())
}

fn lay(folder: &Path, at: &Path) {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for path in entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file()) {
        std::fs::copy(&path, at.join(path.file_name().unwrap())).unwrap();
    }
}

/// What it printed, if it ended as it should.
fn run(page: &Page, block: &Block<'_>, wish: &Wish<'_>) -> String {
    let place = format!("{}:{}", page.name, block.line);
    let folder = tempfile::tempdir().unwrap();
    if let Some(files) = wish.files {
        lay(&pages::root().join(files), folder.path());
    }
    let nico = Path::new(env!("CARGO_BIN_EXE_nico")).parent().unwrap();
    let path = format!("{}:{}", nico.display(), std::env::var("PATH").unwrap());
    let mut shell = Command::new("sh");
    shell.args(["-e", "-c", &block.lines.join("\n")]).current_dir(folder.path()).env("PATH", path);
    let output = shell.stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(wish.code), "{place}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

/// Whether the lines are those that are shown.
fn is_as_shown(printed: &[&str], shown: &[&str]) -> bool {
    match shown.split_first() {
        None => printed.is_empty(),
        Some((&"...", rest)) => (0..=printed.len()).any(|from| is_as_shown(&printed[from..], rest)),
        Some((line, rest)) => {
            printed.split_first().is_some_and(|(first, others)| first == line && is_as_shown(others, rest))
        }
    }
}

#[test]
fn the_commands_do_what_the_pages_say() {
    let pages = pages::all();
    let mut count = 0;
    for page in &pages {
        let blocks = blocks(&page.text);
        for (place, block) in blocks.iter().enumerate() {
            let Some(wish) = Wish::of(block) else { continue };
            let printed = run(page, block, &wish);
            count += 1;
            let Some(shown) = blocks.get(place + 1).filter(|next| next.info == "text output") else {
                continue;
            };
            let lines: Vec<_> = printed.lines().collect();
            let place = format!("{}:{}", page.name, shown.line);
            assert!(is_as_shown(&lines, &shown.lines), "{place} does not show what is printed:\n{printed}");
        }
    }
    assert!(count >= 8, "only {count} blocks are run");
}

#[test]
fn what_can_be_run_is_run() {
    for page in pages::all() {
        for block in blocks(&page.text).iter().filter(|block| is_shell(block)) {
            let commands = block.lines.iter().map(|line| line.trim_start());
            let is_offline = |line: &str| {
                let files = ["nico plan -f", "nico status -f", "nico render", "nico crds"];
                files.iter().any(|command| line.starts_with(command)) && !line.contains('|')
            };
            let mut commands = commands.filter(|line| !line.is_empty() && !line.starts_with('#')).peekable();
            let can_be_run = commands.peek().is_some() && commands.all(is_offline);
            let place = format!("{}:{}", page.name, block.line);
            assert!(!can_be_run || Wish::of(block).is_some(), "{place} can be run: mark it console-test");
        }
    }
}

#[test]
fn what_is_shown_as_output_belongs_to_a_command_that_is_run() {
    for page in pages::all() {
        let blocks = blocks(&page.text);
        for (place, _) in blocks.iter().enumerate().filter(|(_, block)| block.info == "text output") {
            let before = place.checked_sub(1).map(|before| &blocks[before]);
            assert!(before.is_some_and(|before| Wish::of(before).is_some()), "{}", page.name);
        }
    }
}

/// Whether a shell would read them; not what they do.
#[test]
fn every_shell_block_is_shell() {
    for page in pages::all() {
        for block in blocks(&page.text).iter().filter(|block| is_shell(block)) {
            let output = Command::new("sh").args(["-n", "-c", &block.lines.join("\n")]).output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{}:{}: {said}", page.name, block.line);
        }
    }
}

#[test]
fn what_is_shown_may_leave_lines_out() {
    let printed = ["a", "b", "c", "d"];
    for (shown, fits) in [
        (&["a", "b", "c", "d"][..], true),
        (&["a", "...", "d"], true),
        (&["..."], true),
        (&["...", "c", "..."], true),
        (&["a", "..."], true),
        (&["a", "b"], false),
        (&["...", "b"], false),
        (&["a", "...", "b", "d"], false),
    ] {
        assert_eq!(is_as_shown(&printed, shown), fits, "{shown:?}");
    }
}
