//! What the contents that a person asks for do to machines. A content is told by the `ref` of the spec.

use std::collections::BTreeMap;

use super::nio::TIMEOUT;

/// What a content does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trait {
    Good,
    /// Its apply fails on these machines, and leaves them half changed.
    Fails(Vec<u8>),
    /// Its apply succeeds, and the Nodes of these machines are not Ready then.
    Breaks(Vec<u8>),
    /// The same, and the members of the control plane are down too.
    Downs(Vec<u8>),
    /// Its apply takes so many seconds on these machines.
    Slow(Vec<u8>, i64),
}

/// The contents of a world, by their `ref`. Unknown ones are good.
#[derive(Clone, Debug, Default)]
pub struct Contents {
    pub traits: BTreeMap<String, Trait>,
}

impl Contents {
    pub fn fails(&self, content: &str, machine: u8) -> bool {
        matches!(self.traits.get(content), Some(Trait::Fails(machines)) if machines.contains(&machine))
    }

    pub fn breaks(&self, content: &str, machine: u8) -> bool {
        match self.traits.get(content) {
            Some(Trait::Breaks(machines) | Trait::Downs(machines)) => machines.contains(&machine),
            Some(Trait::Good | Trait::Fails(_) | Trait::Slow(..)) | None => false,
        }
    }

    pub fn downs(&self, content: &str, machine: u8) -> bool {
        matches!(self.traits.get(content), Some(Trait::Downs(machines)) if machines.contains(&machine))
    }

    pub fn takes(&self, content: &str, machine: u8) -> Option<i64> {
        match self.traits.get(content) {
            Some(Trait::Slow(machines, seconds)) if machines.contains(&machine) => Some(*seconds),
            Some(Trait::Good | Trait::Fails(_) | Trait::Breaks(_) | Trait::Downs(_) | Trait::Slow(..))
            | None => None,
        }
    }

    pub fn is_bad(&self, content: &str) -> bool {
        match self.traits.get(content) {
            Some(Trait::Fails(_) | Trait::Breaks(_) | Trait::Downs(_)) => true,
            Some(Trait::Slow(_, seconds)) => *seconds > TIMEOUT,
            Some(Trait::Good) | None => false,
        }
    }
}
