//! What can go wrong with a request.

use std::fmt;

use crate::call::Call;

/// A kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// An update, patch or delete is answered 409, and not sent.
    Conflict,
    /// 429 with `Retry-After`, not sent.
    TooManyRequests,
    /// 500, not sent: `InternalError`, or without a reason as where etcd timed out.
    ServerError,
    /// Never answered, not sent.
    TimeOut,
    /// A write is sent and has succeeded, but the answer is an I/O error.
    LostAnswer,
    /// The start of a watch is answered 410.
    Gone,
    /// An ERROR event with code 410 comes in a watch, and ends it.
    GoneInWatch,
    /// A watch ends, as the server ends it from time to time.
    WatchClosed,
    /// A watch breaks in the middle of an event, with an I/O error.
    WatchBroken,
    /// The connection is refused, and open watches break: the server is down for a while.
    Refused,
    /// The task that sent the request panics. Not among [`Settings::all`](super::Settings::all).
    Panic,
}

impl Kind {
    /// Each of them.
    pub const ALL: [Self; 11] = [
        Self::Conflict,
        Self::TooManyRequests,
        Self::ServerError,
        Self::TimeOut,
        Self::LostAnswer,
        Self::Gone,
        Self::GoneInWatch,
        Self::WatchClosed,
        Self::WatchBroken,
        Self::Refused,
        Self::Panic,
    ];

    /// Whether such a request can meet it.
    pub fn can_meet(self, call: &Call) -> bool {
        match self {
            Self::Conflict => ["update", "patch", "delete"].contains(&call.verb.as_str()),
            Self::LostAnswer => call.is_write(),
            Self::Gone | Self::GoneInWatch | Self::WatchClosed | Self::WatchBroken => call.verb == "watch",
            Self::TooManyRequests | Self::ServerError | Self::TimeOut | Self::Refused | Self::Panic => true,
        }
    }

    pub(super) fn is_in_watch(self) -> bool {
        match self {
            Self::GoneInWatch | Self::WatchClosed | Self::WatchBroken => true,
            Self::Conflict
            | Self::TooManyRequests
            | Self::ServerError
            | Self::TimeOut
            | Self::LostAnswer
            | Self::Gone
            | Self::Refused
            | Self::Panic => false,
        }
    }

    /// Whether nothing can keep it from happening once it is decided on.
    pub(super) fn is_certain(self) -> bool {
        !self.is_in_watch() && self != Self::LostAnswer
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Conflict => "conflict",
            Self::TooManyRequests => "too many requests",
            Self::ServerError => "server error",
            Self::TimeOut => "time-out",
            Self::LostAnswer => "lost answer",
            Self::Gone => "gone",
            Self::GoneInWatch => "gone inside a watch",
            Self::WatchClosed => "watch closed",
            Self::WatchBroken => "watch broken",
            Self::Refused => "connection refused",
            Self::Panic => "panic",
        })
    }
}
