//! Waiting for a condition, never for a length of time.

use std::fmt::{self, Display};
use std::time::Duration;

use tokio::time::{sleep, timeout};

/// Short beside what is waited for, long beside a request.
const PAUSE: Duration = Duration::from_millis(50);

/// Asks again and again until the condition gives a value, which is returned;
/// why it gave none the last time is part of the error.
///
/// ```
/// # use std::time::Duration;
/// # async fn example(ready: impl Fn() -> bool) -> Result<(), nico_harness::TimedOut> {
/// nico_harness::wait_until("all to be ready", Duration::from_secs(30), async || {
///     ready().then_some(()).ok_or("not all are")
/// })
/// .await
/// # }
/// ```
pub async fn wait_until<T, E: Display>(
    what: &str,
    bound: Duration,
    mut condition: impl AsyncFnMut() -> Result<T, E>,
) -> Result<T, TimedOut> {
    let mut last = "it never answered".to_owned();
    let asking = async {
        loop {
            match condition().await {
                Ok(value) => return value,
                Err(reason) => last = reason.to_string(),
            }
            sleep(PAUSE).await;
        }
    };
    timeout(bound, asking).await.map_err(|_elapsed| TimedOut { what: what.to_owned(), bound, last })
}

/// A condition did not come true in time.
#[derive(thiserror::Error)]
#[error("waited {bound:?} for {what}; last: {last}")]
pub struct TimedOut {
    what: String,
    bound: Duration,
    last: String,
}

/// As text, because this is how `unwrap` and a test's `?` show it.
impl fmt::Debug for TimedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Display::fmt(self, f)
    }
}
