//! What is taken from a kubeconfig, what is refused, and where the server is looked for.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::indexing_slicing, reason = "a test fails by panicking")]

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::jiff::Timestamp;
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::{Access, Login, Place, Refusal, Way, read, ways, write};

/// A certificate of the year 2026, and its key.
fn certificate() -> (String, String) {
    let mut params = CertificateParams::new(vec!["node.example".to_owned()]).unwrap();
    params.not_before = date_time_ymd(2026, 1, 1);
    params.not_after = date_time_ymd(2026, 12, 31);
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    (STANDARD.encode(certificate.pem()), STANDARD.encode(key.serialize_pem()))
}

/// As k3s writes it.
fn config() -> Value {
    let (certificate, key) = certificate();
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{
            "name": "default",
            "cluster": { "certificate-authority-data": certificate, "server": "https://127.0.0.1:6443" },
        }],
        "contexts": [{ "name": "default", "context": { "cluster": "default", "user": "default" } }],
        "current-context": "default",
        "users": [{
            "name": "default",
            "user": { "client-certificate-data": certificate, "client-key-data": key },
        }],
    })
}

fn spring() -> Timestamp {
    "2026-04-01T00:00:00Z".parse().unwrap()
}

fn accepted(config: &Value) -> Access {
    read(&config.to_string(), spring()).unwrap()
}

/// With another value at a place; null takes it away.
fn refused(place: &str, value: Value) -> Refusal {
    let mut config = config();
    let (parent, field) = place.rsplit_once('/').unwrap();
    let parent = config.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    if value.is_null() {
        parent.remove(field);
    } else {
        parent.insert(field.to_owned(), value);
    }
    read(&config.to_string(), spring()).expect_err("it should be refused")
}

#[test]
fn what_k3s_writes_is_read() {
    let access = accepted(&config());
    assert_eq!(access.server.to_string(), "https://127.0.0.1:6443/");
    let Login::Certificate { validity, .. } = access.login else { panic!("no certificate") };
    assert_eq!(validity.until, "2026-12-31T00:00:00Z".parse().unwrap());
    assert_eq!(validity.renew_at(), "2026-08-31T16:00:00Z".parse().unwrap());
}

#[test]
fn what_leads_elsewhere_is_refused() {
    let user = "/users/0/user";
    let cases = [
        (
            "exec",
            json!({ "command": "sh", "apiVersion": "client.authentication.k8s.io/v1" }),
            Refusal::RunsProgram("exec"),
        ),
        ("auth-provider", json!({ "name": "gcp", "config": {} }), Refusal::RunsProgram("auth-provider")),
        ("tokenFile", json!("/run/token"), Refusal::Path("tokenFile")),
        ("client-certificate", json!("/pki/admin.crt"), Refusal::Path("client-certificate")),
        ("client-key", json!("/pki/admin.key"), Refusal::Path("client-key")),
        ("as", json!("somebody"), Refusal::NotAccepted("as")),
    ];
    for (field, value, refusal) in cases {
        assert_eq!(refused(&format!("{user}/{field}"), value), refusal, "{field}");
    }
    let cluster = "/clusters/0/cluster";
    let cases = [
        ("certificate-authority", json!("/pki/ca.crt"), Refusal::Path("certificate-authority")),
        ("proxy-url", json!("http://proxy.example"), Refusal::NotAccepted("proxy-url")),
        ("insecure-skip-tls-verify", json!(true), Refusal::Insecure),
        ("server", json!("http://127.0.0.1:6443"), Refusal::Insecure),
        ("server", json!("https://a:b@127.0.0.1:6443"), Refusal::NotAccepted("server")),
        ("server", json!("/run/k3s.sock"), Refusal::Insecure),
    ];
    for (field, value, refusal) in cases {
        assert_eq!(refused(&format!("{cluster}/{field}"), value), refusal, "{field}");
    }
}

#[test]
fn what_is_incomplete_is_refused() {
    let garbage = STANDARD.encode("no certificate");
    assert_eq!(refused("/current-context", Value::Null), Refusal::Missing("current-context"));
    let cases = [
        ("/users/0/user/client-key-data", Value::Null, Refusal::Missing("client-key-data")),
        ("/users/0/user/client-key-data", json!(garbage), Refusal::NotPem("client-key-data")),
        ("/users/0/user/client-certificate-data", Value::Null, Refusal::Missing("client-certificate-data")),
        ("/users/0/user/client-certificate-data", json!(garbage), Refusal::NotPem("client-certificate-data")),
        ("/users/0/user/client-certificate-data", json!("%"), Refusal::NotPem("client-certificate-data")),
        ("/users/0/user", json!({}), Refusal::Missing("its user's client certificate or token")),
        (
            "/users/0/user",
            json!({ "token": " " }),
            Refusal::Missing("its user's client certificate or token"),
        ),
        ("/users/0/name", json!("other"), Refusal::Missing("the user of its context")),
        ("/clusters/0/name", json!("other"), Refusal::Missing("the cluster of its context")),
        (
            "/clusters/0/cluster/certificate-authority-data",
            Value::Null,
            Refusal::Missing("certificate-authority-data"),
        ),
        (
            "/clusters/0/cluster/certificate-authority-data",
            json!(garbage),
            Refusal::NotPem("certificate-authority-data"),
        ),
    ];
    for (place, value, refusal) in cases {
        assert_eq!(refused(place, value), refusal, "{place}");
    }
    for text in ["", "\0", "[", "a: [b", "- 1", "kind: Config", "hello"] {
        assert!(read(text, spring()).is_err(), "{text:?}");
    }
}

#[test]
fn a_certificate_that_has_ended_is_refused() {
    let late = "2027-01-01T00:00:00Z".parse().unwrap();
    assert!(matches!(read(&config().to_string(), late), Err(Refusal::Ended(_))));
}

#[test]
fn no_refusal_quotes_the_file() {
    let mut config = config();
    config["users"][0]["user"] = json!({ "client-certificate-data": "canary", "client-key-data": "canary" });
    let error = read(&config.to_string(), spring()).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("canary"));
    let access = accepted(&self::config());
    let Login::Certificate { key, .. } = &access.login else { panic!("no certificate") };
    assert!(!format!("{access:?}").contains(key.expose_secret()), "nor is the key to be seen");
}

#[test]
fn a_loopback_server_is_looked_for_at_the_place() {
    let place = Place { host: "10.0.0.1", port: None };
    for server in
        ["https://127.0.0.1:6443", "https://localhost:6443", "https://0.0.0.0:6443", "https://[::1]:6443"]
    {
        let mut config = config();
        config["clusters"][0]["cluster"]["server"] = json!(server);
        let access = accepted(&config);
        let found = ways(&access, &place);
        let servers: Vec<_> = found.iter().map(|way| way.server.to_string()).collect();
        assert_eq!(servers, ["https://10.0.0.1:6443/"; 3], "{server}");
        assert_eq!(found[0].tls_server_name, None);
        let host = access.server.host().unwrap().trim_matches(['[', ']']);
        assert_eq!(found[1].tls_server_name.as_deref(), Some(host));
        assert_eq!(found[2].tls_server_name.as_deref(), Some("kubernetes.default.svc"));
    }
}

#[test]
fn an_endpoint_has_its_own_port_and_a_name_is_kept() {
    let mut config = config();
    config["clusters"][0]["cluster"]["tls-server-name"] = json!("kubernetes");
    let found = ways(&accepted(&config), &Place { host: "fd00::1", port: Some(8443) });
    let way = Way {
        server: "https://[fd00::1]:8443".parse().unwrap(),
        tls_server_name: Some("kubernetes".to_owned()),
    };
    assert_eq!(found, [way]);
}

#[test]
fn another_server_stays_as_it_is() {
    let mut config = config();
    config["clusters"][0]["cluster"]["server"] = json!("https://api.example:6443/sub");
    let found = ways(&accepted(&config), &Place { host: "10.0.0.1", port: Some(1) });
    let servers: Vec<_> = found.iter().map(|way| way.server.to_string()).collect();
    assert_eq!(servers, ["https://api.example:6443/sub"]);
}

#[test]
fn what_is_written_can_be_read_again_and_holds_nothing_else() {
    let mut config = config();
    config["clusters"][0]["cluster"]["extensions"] = json!([{ "name": "x", "extension": { "canary": 1 } }]);
    config["users"].as_array_mut().unwrap().push(json!({ "name": "canary", "user": { "token": "canary" } }));
    let access = accepted(&config);
    let place = Place { host: "10.0.0.1", port: None };
    let way = ways(&access, &place).remove(1);
    let written = write("home", &access, &way).unwrap();
    let text = written.expose_secret();
    assert!(!text.contains("canary"), "{text}");
    assert!(text.contains("server: https://10.0.0.1:6443\n"), "{text}");
    let again = read(text, spring()).unwrap();
    assert_eq!(again.tls_server_name.as_deref(), Some("127.0.0.1"));
    assert_eq!(again.authority, access.authority);
    assert!(text.contains("current-context: home\n"), "{text}");
}

#[tokio::test]
async fn an_answer_without_end_is_not_read() {
    use http::{Request, Response};
    use http_body_util::{BodyExt as _, Full};
    use kube::client::{Body, DynBody};
    use tower::util::{BoxService, MapResponseLayer};
    use tower::{BoxError, Layer as _};

    let asked = async |length: usize| {
        let server = tower::service_fn(move |_: Request<Body>| async move {
            let text = Full::from(vec![b'x'; length]).map_err(BoxError::from);
            Ok::<_, BoxError>(Response::new(Box::new(text) as Box<DynBody>))
        });
        let service = MapResponseLayer::new(super::login::bound).layer(BoxService::new(server));
        let client = kube::Client::new(service, "default");
        client.request_text(Request::get("/version").body(Vec::new()).unwrap()).await.map(|text| text.len())
    };
    let most = super::login::LONGEST_ANSWER;
    assert_eq!(asked(most).await.unwrap(), most);
    assert!(asked(most + 1).await.is_err());
}
