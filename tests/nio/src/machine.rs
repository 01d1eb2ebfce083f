//! What a machine truly is, beside what the API says of it.

use crate::event::{Event, Kind, Phase};

/// A machine, as what was done to it has left it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Machine {
    /// What is on it.
    pub content: Content,
    /// How many wipes were begun: the disk is gone from the beginning on.
    pub wipes: usize,
    /// How many switches were begun.
    pub switches: usize,
    /// How many clean-ups were begun.
    pub cleanups: usize,
    /// How many of these have not ended.
    pub under_way: usize,
}

/// What is on a machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Content {
    /// What was there before NIO.
    #[default]
    Untouched,
    /// This one runs.
    Runs(Applied),
    /// This one was begun and not finished: a failed apply leaves half of the new and half of the old, and a
    /// wipe has destroyed the old by its mere beginning.
    Half(Applied),
    /// `onRemoveFlake` runs.
    Clean,
}

/// What was applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// The name of the configuration.
    pub configuration: String,
    /// The hash of its files.
    pub files_hash: String,
    /// The commit.
    pub commit: String,
    /// `nico.revision` in its `cluster.nix`.
    pub revision: Option<u64>,
}

impl Machine {
    pub(crate) fn after<'a>(events: impl Iterator<Item = &'a Event>) -> Self {
        let mut machine = Self::default();
        for event in events.filter(|event| event.kind != Kind::Rest) {
            match event.phase {
                Phase::Started => machine.start(event),
                Phase::Ended { success } => machine.end(event, success),
            }
        }
        machine
    }

    fn start(&mut self, event: &Event) {
        self.under_way += 1;
        match event.kind {
            Kind::Wipe => {
                self.wipes += 1;
                self.content = Content::Half(Applied::of(event));
            }
            Kind::Switch => self.switches += 1,
            Kind::Cleanup => self.cleanups += 1,
            Kind::Rest => {}
        }
    }

    /// Of two at once the later end counts.
    fn end(&mut self, event: &Event, success: bool) {
        self.under_way = self.under_way.saturating_sub(1);
        self.content = match (event.kind, success) {
            (Kind::Cleanup, true) => Content::Clean,
            (_, true) => Content::Runs(Applied::of(event)),
            (_, false) => Content::Half(Applied::of(event)),
        };
    }

    /// The hash of the files that it runs, if it runs anything.
    pub fn runs(&self) -> Option<&str> {
        match &self.content {
            Content::Runs(applied) => Some(&applied.files_hash),
            Content::Untouched | Content::Half(_) | Content::Clean => None,
        }
    }
}

impl Applied {
    fn of(event: &Event) -> Self {
        Self {
            configuration: event.configuration.clone(),
            files_hash: event.files_hash.clone(),
            commit: event.commit.clone(),
            revision: event.revision,
        }
    }
}
