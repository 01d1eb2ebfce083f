//! Telling a stand-in in another process what goes wrong, by files in a folder.
//!
//! | file | says | content |
//! |---|---|---|
//! | `commit` | the head of the default branch | a commit |
//! | `fail/<machine>` | applies fail that begin from now on | nothing: all; a number: so many; else a text that an inline file has, or the hash of the files |
//! | `fail-handler/<machine>`, `fail-timer/<machine>`, `fail-cleanup/<machine>` | the same of these | the same |
//! | `slow/<machine>` | what begins from now on takes longer | `3x`, `500ms` or `2s` |
//! | `slow-timer/<machine>` | the same of the timer | `500ms` or `2s` |
//! | `lose/<machine>` | it cannot be reached | nothing |
//! | `hold/<machine>` | what is applied does not end | `handler`, `timer`, or nothing: both |
//! | `twin/<machine>` | the timer comes round whenever the handler begins | nothing |
//!
//! Where a file is removed all is well again. Instead of `<machine>` also `<namespace>/<machine>`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use std::{fs, io};

use crate::control::Control;
use crate::event::Actor;
use crate::faults::{Fail, Faults, Whose};

/// The folders in it.
const FOLDERS: [&str; 9] =
    ["fail", "fail-handler", "fail-timer", "fail-cleanup", "slow", "slow-timer", "lose", "hold", "twin"];

/// A folder by which a world is controlled: `nio-stand-in --help` lists its files. It alone says what is
/// wrong with machines that it names, or has named.
#[derive(Debug)]
pub struct ControlFolder {
    path: PathBuf,
    control: Control,
    seen: BTreeMap<PathBuf, Seen>,
}

/// A file as it was last: what is written anew counts anew.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    text: String,
    modified: Option<SystemTime>,
}

/// What a file says that cannot be understood.
#[derive(Debug, thiserror::Error)]
#[error("{}: {wrong}", path.display())]
pub struct NotUnderstood {
    path: PathBuf,
    wrong: &'static str,
}

impl ControlFolder {
    /// Makes the folders that are missing.
    pub fn open(path: &Path, control: Control) -> io::Result<Self> {
        for folder in FOLDERS {
            fs::create_dir_all(path.join(folder))?;
        }
        Ok(Self { path: path.to_owned(), control, seen: BTreeMap::new() })
    }

    /// Does what the files say, if they say anything new. To be called again and again.
    pub fn obey(&mut self) -> io::Result<Vec<NotUnderstood>> {
        let mut now = BTreeMap::new();
        for folder in FOLDERS {
            read(&self.path, Path::new(folder), &mut now)?;
        }
        if let Some(commit) = seen(&self.path.join("commit"))? {
            now.insert(PathBuf::from("commit"), commit);
        }
        let mut wrong = Vec::new();
        let gone = self.seen.keys().filter(|path| !now.contains_key(*path)).map(|path| (path, None));
        let news = now.iter().filter(|(path, seen)| self.seen.get(*path) != Some(seen));
        for (path, text) in gone.chain(news.map(|(path, seen)| (path, Some(seen.text.trim())))) {
            if let Err(what) = self.tell(path, text) {
                wrong.push(NotUnderstood { path: self.path.join(path), wrong: what });
            }
        }
        self.seen = now;
        Ok(wrong)
    }

    /// One file that is new, or gone.
    fn tell(&self, path: &Path, text: Option<&str>) -> Result<(), &'static str> {
        let path = path.to_str().ok_or("its name is no text")?;
        let Some((folder, machine)) = path.split_once('/') else {
            if let Some(commit) = text.filter(|commit| !commit.is_empty()) {
                self.control.push(commit);
            }
            return Ok(());
        };
        let set = setting(folder, text)?;
        self.control.world.change(machine, set);
        Ok(())
    }
}

type Set = Box<dyn FnOnce(&mut Faults)>;

fn setting(folder: &str, text: Option<&str>) -> Result<Set, &'static str> {
    let fail = |whose: Whose| -> Set {
        let fail = text.map(fail);
        Box::new(move |faults| match fail {
            Some(fail) => drop(faults.fails.insert(whose, fail)),
            None => drop(faults.fails.remove(&whose)),
        })
    };
    let is_there = text.is_some();
    Ok(match folder {
        "fail" => fail(Whose::Any),
        "fail-handler" => fail(Whose::Handler),
        "fail-timer" => fail(Whose::Timer),
        "fail-cleanup" => fail(Whose::Cleanup),
        "slow" => {
            let (factor, delay) = text.map_or(Ok((1.0, Duration::ZERO)), slowness)?;
            Box::new(move |faults| (faults.factor, faults.delay) = (factor, delay))
        }
        "slow-timer" => {
            let delay = text.map_or(Ok(Duration::ZERO), duration)?;
            Box::new(move |faults| faults.timer_delay = delay)
        }
        "lose" => Box::new(move |faults| faults.lost = is_there),
        "hold" => {
            let held: &[Actor] = match text {
                None => &[],
                Some("") => &[Actor::Handler, Actor::Timer],
                Some("handler") => &[Actor::Handler],
                Some("timer") => &[Actor::Timer],
                Some(_) => return Err("it should say `handler`, `timer`, or nothing"),
            };
            Box::new(move |faults| faults.held = held.iter().copied().collect())
        }
        "twin" => Box::new(move |faults| faults.twin = is_there),
        _ => return Err("there is no such folder"),
    })
}

fn fail(text: &str) -> Fail {
    match (text, text.parse()) {
        ("", _) => Fail::Always,
        (_, Ok(times)) => Fail::Times(times),
        (_, Err(_)) => Fail::Content(text.to_owned()),
    }
}

fn slowness(text: &str) -> Result<(f64, Duration), &'static str> {
    match text.strip_suffix('x').map(str::parse::<f64>) {
        Some(Ok(factor)) if factor.is_finite() && factor >= 0.0 => Ok((factor, Duration::ZERO)),
        Some(_) => Err("it should say how many times as long, as in `3x`"),
        None => Ok((1.0, duration(text)?)),
    }
}

fn duration(text: &str) -> Result<Duration, &'static str> {
    let wrong = "it should say how long, as in `500ms` or `2s`";
    let (number, unit) = match text.strip_suffix("ms") {
        Some(number) => (number, 0.001),
        None => (text.strip_suffix('s').ok_or(wrong)?, 1.0),
    };
    let seconds: f64 = number.trim().parse().map_err(|_| wrong)?;
    Duration::try_from_secs_f64(seconds * unit).map_err(|_| wrong)
}

/// The files in a folder, and in the folders in it.
fn read(root: &Path, folder: &Path, into: &mut BTreeMap<PathBuf, Seen>) -> io::Result<()> {
    for entry in fs::read_dir(root.join(folder))? {
        let name = folder.join(entry?.file_name());
        let path = root.join(&name);
        if path.is_dir() {
            read(root, &name, into)?;
        } else if let Some(seen) = seen(&path)? {
            into.insert(name, seen);
        }
    }
    Ok(())
}

/// None where it is not there (any more).
fn seen(path: &Path) -> io::Result<Option<Seen>> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let modified = fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
    Ok(Some(Seen { text, modified }))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Duration;

    use super::ControlFolder;
    use crate::control::Control;
    use crate::event::Actor;
    use crate::faults::Faults;

    #[test]
    fn a_file_says_what_goes_wrong_until_it_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let control = Control::new();
        let mut obeyed = ControlFolder::open(folder.path(), control.clone()).unwrap();
        let faults = || control.world.ask("fleet", "node-1", |faults| faults.clone());

        fs::write(path("commit"), "abc\n").unwrap();
        fs::write(path("slow/node-1"), "3x").unwrap();
        fs::write(path("slow-timer/node-1"), "500ms\n").unwrap();
        fs::write(path("hold/node-1"), "timer").unwrap();
        fs::write(path("fail-timer/node-1"), "2").unwrap();
        fs::write(path("lose/node-1"), "").unwrap();
        fs::write(path("twin/node-1"), "").unwrap();
        assert!(obeyed.obey().unwrap().is_empty());
        assert_eq!(control.commit(), "abc");
        let mut said = faults();
        assert_eq!((said.factor, said.timer_delay), (3.0, Duration::from_millis(500)));
        assert_eq!(said.held, [Actor::Timer].into());
        assert!(said.lost && said.twin);
        assert_eq!([(); 3].map(|()| said.fails(Actor::Timer, false, "", &[])), [true, true, false]);
        assert!(!said.fails(Actor::Handler, false, "", &[]));

        for file in ["slow", "slow-timer", "hold", "fail-timer", "lose", "twin"] {
            fs::remove_file(path(file).join("node-1")).unwrap();
        }
        assert!(obeyed.obey().unwrap().is_empty());
        assert_eq!(faults(), Faults::default());
        assert_eq!(control.commit(), "abc");
    }

    #[test]
    fn a_machine_of_one_namespace_is_meant_alone() {
        let folder = tempfile::tempdir().unwrap();
        let control = Control::new();
        let mut obeyed = ControlFolder::open(folder.path(), control.clone()).unwrap();
        fs::create_dir(folder.path().join("lose/fleet")).unwrap();
        fs::write(folder.path().join("lose/fleet/node-1"), "").unwrap();
        assert!(obeyed.obey().unwrap().is_empty());
        assert!(control.world.is_lost("fleet", "node-1"));
        assert!(!control.world.is_lost("other", "node-1"));
    }

    #[test]
    fn what_cannot_be_understood_is_said_and_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let control = Control::new();
        let mut obeyed = ControlFolder::open(folder.path(), control.clone()).unwrap();
        fs::write(folder.path().join("slow/node-1"), "soon").unwrap();
        let wrong = obeyed.obey().unwrap();
        let [wrong] = &*wrong else { panic!("{wrong:?}") };
        assert!(wrong.to_string().ends_with("slow/node-1: it should say how long, as in `500ms` or `2s`"));
        assert_eq!(control.world.ask("fleet", "node-1", |faults| faults.clone()), Faults::default());
        assert!(obeyed.obey().unwrap().is_empty(), "it is said once");
    }
}
