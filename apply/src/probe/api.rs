//! The API server of one control plane, at its own address.

use std::time::Duration;

use http::Request;
use kube::Client;
use tokio::time::timeout;

use crate::kubeconfig::Place;

/// Where one control plane's API server is asked.
#[derive(Clone, Debug)]
pub struct Endpoint<'a> {
    /// The machine.
    pub machine: &'a str,
    /// Its own address, not that of all of them.
    pub place: Place<'a>,
}

/// How an API server is, by its own word (`/readyz`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApiHealth {
    /// It and its etcd are ready.
    Ready,
    /// It answers, and these of its checks fail.
    NotReady(Vec<String>),
    /// It does not answer.
    Silent,
}

/// Asks it for its checks; `etcd` is one of them.
pub async fn ask_control_plane(client: &Client, limit: Duration) -> ApiHealth {
    let Ok(request) = Request::get("/readyz?verbose").body(Vec::new()) else { return ApiHealth::Silent };
    match timeout(limit, client.request_text(request)).await {
        Ok(Ok(_)) => ApiHealth::Ready,
        // The answer that is no success is shown as the error's text.
        Ok(Err(kube::Error::Api(status))) => ApiHealth::NotReady(failing(&status.message)),
        Ok(Err(_)) | Err(_) => ApiHealth::Silent,
    }
}

/// The names of the checks behind `[-]`. What they say is not passed on.
fn failing(text: &str) -> Vec<String> {
    let names = text.split("[-]").skip(1).filter_map(|rest| rest.split_ascii_whitespace().next());
    let is_name = |name: &&str| name.len() <= 64 && name.bytes().all(|byte| byte.is_ascii_graphic());
    names.filter(is_name).take(16).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checks_that_fail_are_named() {
        let text =
            "[+]ping ok\n[-]etcd failed: reason withheld\n[-]poststarthook/x failed\nreadyz check failed";
        assert_eq!(failing(text), ["etcd", "poststarthook/x"]);
        assert!(failing("").is_empty());
    }
}
