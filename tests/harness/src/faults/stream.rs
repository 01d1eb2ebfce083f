//! Faults inside a watch. Its events are lines, and come through one by one.

use std::collections::VecDeque;
use std::io;

use bytes::Bytes;
use futures::stream;
use http::Response;
use http_body::{Body, Frame};
use http_body_util::{BodyExt as _, StreamBody};
use tokio::select;
use tokio::sync::watch;
use tower::BoxError;

use super::kind::Kind;
use super::layer::{AnswerBody, InjectedError, boxed};
use super::{Faults, Planned, answers};
use crate::call::Call;

/// How a half event looks.
pub(super) const HALF_AN_EVENT: &[u8] = br#"{"type":"MODIFIED","object":{"apiVer"#;

type Item = Result<Frame<Bytes>, BoxError>;

struct Watched {
    /// None once it has ended.
    body: Option<AnswerBody>,
    /// What came with events that were passed on, and is still to be.
    rest: Option<Bytes>,
    /// What comes before the end.
    last: VecDeque<Item>,
    faults: Faults,
    call: Call,
    strikes: watch::Receiver<Option<Kind>>,
    planned: Option<(Kind, u64)>,
    /// What it is to meet when its current event is complete.
    due: Option<Kind>,
    /// The events that were passed on.
    events: u64,
    between_events: bool,
}

pub(super) fn watched<B>(
    answer: Response<B>,
    faults: Faults,
    call: Call,
    strikes: watch::Receiver<Option<Kind>>,
    planned: Option<Planned>,
) -> Response<AnswerBody>
where
    B: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    if !answer.status().is_success() {
        if let Some(planned) = planned {
            faults.give_back(&planned);
        }
        return answer.map(boxed);
    }
    answer.map(|body| {
        let watched = Watched {
            body: Some(boxed(body)),
            rest: None,
            last: VecDeque::new(),
            faults,
            call,
            strikes,
            planned: planned.map(|planned| (planned.kind, planned.after_events)),
            due: None,
            events: 0,
            between_events: true,
        };
        boxed(StreamBody::new(stream::unfold(watched, |mut watched| async {
            let item = watched.next().await?;
            Some((item, watched))
        })))
    })
}

impl Watched {
    async fn next(&mut self) -> Option<Item> {
        loop {
            if let Some((kind, _after)) = self.planned.take_if(|(_kind, after)| *after <= self.events) {
                self.due = Some(kind);
            }
            if self.between_events
                && let Some(kind) = self.due.take()
            {
                self.meet(kind);
            }
            let Some(body) = &mut self.body else {
                return self.last.pop_front();
            };
            if let Some(rest) = self.rest.take() {
                return Some(Ok(Frame::data(self.pass(&rest))));
            }
            select! {
                biased;
                // An error: the faults are gone, but we hold them.
                Ok(()) = self.strikes.changed() => self.due = *self.strikes.borrow_and_update(),
                frame = body.frame() => {
                    let frame = match frame? {
                        Ok(frame) => frame,
                        Err(error) => return Some(Err(error)),
                    };
                    return Some(Ok(match frame.into_data() {
                        Ok(data) => Frame::data(self.pass(&data)),
                        Err(trailers) => trailers,
                    }));
                }
            }
        }
    }

    fn meet(&mut self, kind: Kind) {
        if !self.faults.happens(kind, &self.call) {
            return;
        }
        self.body = None;
        if kind == Kind::GoneInWatch {
            self.last.push_back(Ok(Frame::data(answers::gone_event().into())));
        } else if kind != Kind::WatchClosed {
            self.last.push_back(Ok(Frame::data(Bytes::from_static(HALF_AN_EVENT))));
            self.last
                .push_back(Err(io::Error::new(io::ErrorKind::ConnectionReset, InjectedError(kind)).into()));
        }
    }

    /// As much of what came as comes before the fault; the rest is kept.
    fn pass(&mut self, data: &Bytes) -> Bytes {
        let end = self.events_to_come().and_then(|events| after_lines(data, events)).unwrap_or(data.len());
        let (passed, rest) = (data.slice(..end), data.slice(end..));
        self.rest = (!rest.is_empty()).then_some(rest);
        self.events = self.events.saturating_add(lines(&passed));
        self.between_events = passed.ends_with(b"\n");
        passed
    }

    fn events_to_come(&self) -> Option<u64> {
        self.planned.map(|(_kind, after)| after.saturating_sub(self.events))
    }
}

fn lines(data: &[u8]) -> u64 {
    data.iter().filter(|byte| **byte == b'\n').fold(0, |count, _end| count.saturating_add(1))
}

/// Where so many lines end, which are at least one.
fn after_lines(data: &[u8], lines: u64) -> Option<usize> {
    let last = usize::try_from(lines).ok()?.checked_sub(1)?;
    let mut ends = data.iter().enumerate().filter(|(_place, byte)| **byte == b'\n');
    ends.nth(last).and_then(|(place, _byte)| place.checked_add(1))
}
