//! Keeps the log: in memory, and line by line in a file.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use k8s_openapi::jiff::Timestamp;

use crate::event::{Actor, Event, Kind, Phase};
use crate::log::Log;

/// The log as it is written. Whoever starts anew on the same one finds the machines as they were left.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    written: Mutex<Written>,
}

#[derive(Debug, Default)]
struct Written {
    events: Vec<Event>,
    file: Option<File>,
}

/// What an event says, but for its place and phase.
#[derive(Clone, Debug)]
pub(crate) struct Deed {
    pub namespace: String,
    pub machine: String,
    pub configuration: String,
    pub uid: String,
    pub actor: Actor,
    pub kind: Kind,
    pub files_hash: String,
    pub commit: String,
    pub generation: i64,
    pub revision: Option<u64>,
    pub full_install: bool,
    pub copied_after: u64,
}

impl Journal {
    /// Goes on with a file of JSON lines, which may be absent. A last line that was cut off is dropped.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).read(true).append(true).open(path)?;
        let mut events = Vec::new();
        let mut whole = 0;
        let mut reader = BufReader::new(&file);
        let mut line = String::new();
        while reader.read_line(&mut line)? > 0 && line.ends_with('\n') {
            events.push(serde_json::from_str(&line).map_err(io::Error::other)?);
            whole += u64::try_from(line.len()).map_err(io::Error::other)?;
            line.clear();
        }
        file.set_len(whole)?;
        Ok(Self { written: Mutex::new(Written { events, file: Some(file) }) })
    }

    fn written(&self) -> MutexGuard<'_, Written> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All of it, up to now.
    pub fn log(&self) -> Log {
        Log::new(self.written().events.clone())
    }

    /// The place of the last event.
    pub fn place(&self) -> u64 {
        self.written().events.last().map_or(0, |event| event.seq)
    }

    /// Notes that something begins. It ends with [`Doing::end`], or without success when it is dropped.
    pub fn start(self: &Arc<Self>, deed: Deed) -> Doing {
        let run = self.write(None, &deed, Phase::Started);
        Doing { journal: self.clone(), deed, run, ended: false }
    }

    /// Notes something that has no beginning.
    pub fn note(&self, deed: &Deed) {
        self.write(None, deed, Phase::Ended { success: true });
    }

    /// Returns the run.
    fn write(&self, run: Option<u64>, deed: &Deed, phase: Phase) -> u64 {
        let mut written = self.written();
        let seq = written.events.last().map_or(0, |event| event.seq) + 1;
        let Deed { actor, kind, generation, revision, full_install, copied_after, .. } = *deed;
        let event = Event {
            seq,
            at: Timestamp::now(),
            run: run.unwrap_or(seq),
            namespace: deed.namespace.clone(),
            machine: deed.machine.clone(),
            configuration: deed.configuration.clone(),
            uid: deed.uid.clone(),
            actor,
            kind,
            phase,
            files_hash: deed.files_hash.clone(),
            commit: deed.commit.clone(),
            generation,
            revision,
            full_install,
            copied_after,
        };
        if let Some(file) = &mut written.file
            && let Err(error) = append(file, &event)
        {
            tracing::error!(%error, "cannot write the log");
        }
        let run = event.run;
        written.events.push(event);
        run
    }
}

/// In one write, so that a reader finds whole lines.
fn append(file: &mut File, event: &Event) -> io::Result<()> {
    let mut line = serde_json::to_vec(event)?;
    line.push(b'\n');
    file.write_all(&line)
}

/// Something that has begun.
#[derive(Debug)]
pub(crate) struct Doing {
    journal: Arc<Journal>,
    deed: Deed,
    run: u64,
    ended: bool,
}

impl Doing {
    /// It ends.
    pub fn end(mut self, success: bool) {
        self.ended = true;
        self.journal.write(Some(self.run), &self.deed, Phase::Ended { success });
    }
}

impl Drop for Doing {
    fn drop(&mut self) {
        if !self.ended {
            self.journal.write(Some(self.run), &self.deed, Phase::Ended { success: false });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::Arc;

    use super::{Deed, Journal};
    use crate::event::{Actor, Kind, Phase};

    fn deed() -> Deed {
        Deed {
            namespace: "fleet".to_owned(),
            machine: "node-1".to_owned(),
            configuration: "home-node-1".to_owned(),
            uid: "u".to_owned(),
            actor: Actor::Timer,
            kind: Kind::Wipe,
            files_hash: "h".to_owned(),
            commit: "c".to_owned(),
            generation: 1,
            revision: Some(2),
            full_install: true,
            copied_after: 0,
        }
    }

    #[test]
    fn what_is_cut_off_has_failed_and_a_line_that_is_cut_off_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let journal = Arc::new(Journal::open(&path).unwrap());
        journal.start(deed()).end(true);
        drop(journal.start(deed()));
        let log = journal.log();
        let phases: Vec<Phase> = log.events().iter().map(|event| event.phase).collect();
        let (ended, cut) = (Phase::Ended { success: true }, Phase::Ended { success: false });
        assert_eq!(phases, [Phase::Started, ended, Phase::Started, cut]);
        drop(journal);

        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(r#""actor":"timer","kind":"wipe","phase":"ended","success":true,"#), "{text}");
        fs::write(&path, format!("{text}{{\"seq\":5")).unwrap();
        let again = Journal::open(&path).unwrap();
        assert_eq!(again.log(), log);
        again.note(&deed());
        assert_eq!(Journal::open(&path).unwrap().log().events().len(), 5);
    }
}
