//! The operator, as it is installed: the real binary with the rights of its `ServiceAccount`, on a real API
//! server, beside a stand-in for NIO whose log of applies and wipes is the truth.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::indexing_slicing, reason = "a missing field of JSON is null, and then a failed assertion")]
#![allow(clippy::arithmetic_side_effects, reason = "small numbers of our own")]
#![allow(missing_docs, reason = "these are tests")]

mod adoption;
mod asked;
mod bringup;
mod built;
mod dashboards;
mod deletion;
mod disks;
mod edits;
mod exchange;
mod failures;
mod farewell;
mod faults;
mod fleet;
mod heads;
mod health;
mod interrupted;
mod invariants;
mod judged;
mod killed;
mod kubeconfig;
mod leaving;
mod members;
mod metrics;
mod outage;
mod phases;
mod prometheus;
mod quiet;
mod ready;
mod refused;
mod replicas;
mod restore;
mod resumed;
mod rights;
mod rollout;
mod scene;
mod secrets;
mod sequences;
mod silent;
mod stage;
mod steps;
mod twin;
mod unreachable;
mod unvisitable;
mod visits;
