//! The world that the planner acts in: an API server's objects, the Python NIO, machines.

pub mod clean;
pub mod contents;
pub mod fields;
pub mod hash;
pub mod look;
pub mod machine;
pub mod nio;
pub mod nodes;
pub mod server;
pub mod snapshot;

use k8s_openapi::jiff::Timestamp;

pub const NAMESPACE: &str = "fleet";

pub fn timestamp(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

pub fn time_text(seconds: i64) -> String {
    timestamp(seconds).to_string()
}

pub fn parse_time(text: &str) -> Option<i64> {
    text.parse::<Timestamp>().ok().map(Timestamp::as_second)
}
