//! Waiting ends when there is something to return, or when its time is over.

#![allow(clippy::unwrap_used)]

use std::cell::Cell;
use std::time::Duration;

use nico_harness::wait_until;

#[tokio::test]
async fn the_value_is_returned_as_soon_as_there_is_one() {
    let asked = Cell::new(0);
    let value = wait_until("three questions", Duration::from_secs(30), async || {
        asked.set(asked.get() + 1);
        (asked.get() == 3).then_some("here").ok_or("not yet")
    })
    .await
    .unwrap();
    assert_eq!((value, asked.get()), ("here", 3));
}

#[tokio::test]
async fn the_error_says_what_was_awaited_and_what_was_there_instead() {
    let error = wait_until("a green light", Duration::from_millis(10), async || Err::<(), _>("it is red"))
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "waited 10ms for a green light; last: it is red");
}

#[tokio::test]
async fn a_condition_that_hangs_is_bounded_too() {
    let hanging = async || std::future::pending::<Result<(), &str>>().await;
    let error = wait_until("an answer", Duration::from_millis(10), hanging).await.unwrap_err();
    assert_eq!(error.to_string(), "waited 10ms for an answer; last: it never answered");
}
