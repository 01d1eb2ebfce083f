//! The API server of one control plane, at its own address.

use std::time::Duration;

use http::Request;
use kube::Client;
use nico_render::workload::Api;
use tokio::time::timeout;

/// How a verbose answer of an API server's ends that is ready.
const PASSED: &str = "readyz check passed";

/// Asks it for its checks; `etcd` is one of them.
pub async fn ask_control_plane(client: &Client, limit: Duration) -> Api {
    let Ok(request) = Request::get("/readyz?verbose").body(Vec::new()) else { return Api::Silent };
    match timeout(limit, client.request_text(request)).await {
        // Whoever answers otherwise there is no API server.
        Ok(Ok(text)) if text.contains(PASSED) => Api::Ready,
        // The answer that is no success is shown as the error's text.
        Ok(Err(kube::Error::Api(status))) => match failing(&status.message) {
            checks if checks.is_empty() => Api::Silent,
            checks => Api::NotReady(checks),
        },
        Ok(Ok(_) | Err(_)) | Err(_) => Api::Silent,
    }
}

/// The names of the checks behind `[-]`. What they say is not passed on.
fn failing(text: &str) -> Vec<String> {
    let names = text.split("[-]").skip(1).filter_map(|rest| rest.split_ascii_whitespace().next());
    let is_name = |name: &&str| name.len() <= 64 && name.bytes().all(|byte| byte.is_ascii_graphic());
    names.filter(is_name).take(16).map(str::to_owned).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use http::Response;
    use kube::client::Body;

    use super::*;

    #[tokio::test]
    async fn what_is_no_success_is_read_for_its_checks() {
        let asked = async |status: u16, text: &'static str| {
            let service = tower::service_fn(move |_: Request<Body>| async move {
                Response::builder().status(status).body(Body::from(text.as_bytes().to_vec()))
            });
            ask_control_plane(&Client::new(service, "default"), Duration::from_secs(5)).await
        };
        assert_eq!(asked(200, "[+]etcd ok\nreadyz check passed").await, Api::Ready);
        assert_eq!(asked(302, "").await, Api::Silent, "that is none");
        assert_eq!(asked(200, "welcome").await, Api::Silent, "nor is that");
        assert_eq!(asked(403, "forbidden").await, Api::Silent, "and that says nothing");
        let failing = Api::NotReady(vec!["etcd".to_owned()]);
        assert_eq!(
            asked(500, "[+]ping ok\n[-]etcd failed: reason withheld\nreadyz check failed").await,
            failing
        );
    }

    #[test]
    fn the_checks_that_fail_are_named() {
        let text =
            "[+]ping ok\n[-]etcd failed: reason withheld\n[-]poststarthook/x failed\nreadyz check failed";
        assert_eq!(failing(text), ["etcd", "poststarthook/x"]);
        assert!(failing("").is_empty());
    }
}
