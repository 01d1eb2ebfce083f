//! Placeholder.
#![allow(missing_docs, clippy::unused_self)]
use std::time::Duration;
#[derive(Clone, Debug, Default)]
pub struct Metrics;
#[derive(Clone, Copy, Debug)]
pub enum Outcome {
    Success,
    Conflict,
    Error,
}
impl Metrics {
    pub fn wrote(&self, _verb: &str, _resource: &str, _outcome: Outcome) {}
    pub fn failed(&self, _namespace: &str, _cluster: &str, _kind: &str) {}
    pub fn reconciled(&self, _namespace: &str, _cluster: &str, _took: Duration, _well: bool) {}
    pub fn created(&self, _namespace: &str, _cluster: &str, _role: &str) {}
    pub fn deleted(&self, _namespace: &str, _cluster: &str) {}
    pub fn forget(&self, _namespace: &str, _cluster: &str) {}
}
