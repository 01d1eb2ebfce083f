//! A kubeconfig of the real API server, fetched from a real sshd, and logged in with.

use std::fs;
use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use nico_apply::kubeconfig::{FetchError, LoginError, Place, Verified, answers, client, fetch, login, read};
use nico_apply::ssh::{HostKeys, VisitError};
use nico_harness::ControlPlane;
use serde_json::{Value, json};

use crate::Scene;

const LIMIT: Duration = Duration::from_secs(10);

/// The administrator's kubeconfig of the test's server, as a distribution would have written it.
fn of_server(control_plane: &ControlPlane, server: &str) -> Value {
    let text = fs::read_to_string(control_plane.kubeconfig_path()).unwrap();
    let mut config: Value = serde_saphyr::from_str(&text).unwrap();
    config["clusters"][0]["cluster"]["server"] = json!(server);
    config
}

fn port(control_plane: &ControlPlane) -> u16 {
    let text = fs::read_to_string(control_plane.kubeconfig_path()).unwrap();
    let config: Value = serde_saphyr::from_str(&text).unwrap();
    let server: http::Uri = config["clusters"][0]["cluster"]["server"].as_str().unwrap().parse().unwrap();
    server.port_u16().unwrap()
}

/// Lays the file where the spec says it is, and fetches it.
async fn fetched(scene: &Scene, text: &[u8]) -> Result<String, FetchError> {
    let file = scene.sshd.folder().join("kubeconfig");
    fs::write(&file, text).unwrap();
    let visit = scene.visit(&HostKeys::AcceptNew).await.unwrap();
    let fetched = fetch(&visit, file.to_str()).await;
    visit.end().await;
    fetched
}

async fn logged_in(text: &str, place: &Place<'_>) -> Result<Verified, LoginError> {
    login("home", &read(text, Timestamp::now())?, place, LIMIT).await
}

#[tokio::test]
async fn what_listens_on_loopback_is_reached_at_the_machine() {
    let control_plane = ControlPlane::shared().await;
    let port = port(control_plane);
    let scene = Scene::new([127, 0, 3, 11]).await;
    // k3s and RKE2 write the first, k0s the second; kubeadm writes an endpoint with a name or an address.
    for server in ["https://127.0.0.1", "https://localhost", "https://0.0.0.0"] {
        let config = of_server(control_plane, &format!("{server}:{port}"));
        let text = fetched(&scene, config.to_string().as_bytes()).await.unwrap();
        let place = Place { host: "127.0.0.1", port: None };
        let verified = logged_in(&text, &place).await.unwrap();
        answers(&verified.text, LIMIT).await.unwrap();
        let client = client(&verified.text, LIMIT).await.unwrap();
        let nodes: kube::Api<k8s_openapi::api::core::v1::Node> = kube::Api::all(client);
        nodes.list(&kube::api::ListParams::default()).await.unwrap();
    }
}

#[tokio::test]
async fn who_does_not_answer_or_is_another_is_refused() {
    let control_plane = ControlPlane::shared().await;
    let port = port(control_plane);
    let here = Place { host: "127.0.0.1", port: None };
    let closed = of_server(control_plane, "https://127.0.0.1:1").to_string();
    let error = logged_in(&closed, &here).await.err().unwrap();
    assert!(matches!(error, LoginError::Unreachable(_)), "{error:?}");
    let mut stranger = of_server(control_plane, &format!("https://127.0.0.1:{port}"));
    stranger["users"][0]["user"] = json!({ "token": "canary" });
    let error = logged_in(&stranger.to_string(), &here).await.err().unwrap();
    assert!(matches!(error, LoginError::Denied(401, _)), "{error:?}");
    assert!(!format!("{error:?}").contains("canary"));
}

#[tokio::test]
async fn no_file_no_text_and_too_much_of_it_are_told_apart() {
    let scene = Scene::new([127, 0, 3, 12]).await;
    let error = fetched(&scene, b"").await.unwrap_err();
    assert!(matches!(error, FetchError::NoFile(_)), "{error:?}");
    let error = fetched(&scene, b"\xff\xfe\x00").await.unwrap_err();
    assert!(matches!(error, FetchError::NoText), "{error:?}");
    let error = fetched(&scene, &vec![b'a'; 1024 * 1024]).await.unwrap_err();
    assert!(matches!(error, FetchError::Visit(VisitError::TooMuch(_))), "{error:?}");
}
