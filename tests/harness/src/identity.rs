//! Who a client is to the API server, when it is not the admin.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1;
use kube::api::{ObjectMeta, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use serde_json::{Value, json};

use crate::control_plane::ControlPlane;

/// Longer than any test.
const TOKEN_SECONDS: i64 = 24 * 60 * 60;

/// A service account's identity: its token, and where to use it.
#[derive(Clone)]
pub struct ServiceAccount {
    namespace: String,
    name: String,
    token: String,
    /// Of a kubeconfig.
    cluster: Value,
    folder: PathBuf,
}

impl ControlPlane {
    /// The identity of a service account, which is made unless it is there. It
    /// may do what roles that are bound to it say: nothing, at first.
    pub async fn service_account(&self, namespace: &str, name: &str) -> ServiceAccount {
        let accounts: Api<v1::ServiceAccount> = Api::namespaced(self.client().await, namespace);
        let account = v1::ServiceAccount {
            metadata: ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() },
            ..v1::ServiceAccount::default()
        };
        match accounts.create(&PostParams::default(), &account).await {
            Ok(_) => {}
            Err(kube::Error::Api(status)) if status.is_already_exists() => {}
            Err(error) => panic!("cannot create the service account {namespace}/{name}: {error}"),
        }
        let spec =
            TokenRequestSpec { expiration_seconds: Some(TOKEN_SECONDS), ..TokenRequestSpec::default() };
        let request = TokenRequest { spec, ..TokenRequest::default() };
        let token = accounts
            .create_token_request(name, &PostParams::default(), &request)
            .await
            .unwrap_or_else(|error| panic!("no token for {namespace}/{name}: {error}"))
            .status
            .expect("a token that was asked for is in the status")
            .token;
        let kubeconfig = fs::read_to_string(self.kubeconfig_path()).expect("the kubeconfig is readable");
        let kubeconfig: Value = serde_saphyr::from_str(&kubeconfig).expect("the kubeconfig is YAML");
        let cluster =
            kubeconfig.pointer("/clusters/0/cluster").expect("the kubeconfig has a cluster").clone();
        ServiceAccount {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            token,
            cluster,
            folder: self.folder().to_owned(),
        }
    }
}

impl ServiceAccount {
    /// As the audit log and RBAC name it.
    pub fn user(&self) -> String {
        format!("system:serviceaccount:{}:{}", self.namespace, self.name)
    }

    /// Its bearer token.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The same identity at another address, such as a proxy's. (kubectl, unlike
    /// kube's client, sends no token over plain HTTP.)
    #[must_use]
    pub fn at(&self, url: &str) -> Self {
        Self { cluster: json!({"server": url}), ..self.clone() }
    }

    /// Writes a new kubeconfig for it, which goes with the control plane.
    pub fn kubeconfig(&self) -> PathBuf {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = self.folder.join(format!("{}-{}-{number}.kubeconfig", self.namespace, self.name));
        self.write_kubeconfig(&path);
        path
    }

    fn write_kubeconfig(&self, path: &Path) {
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
            // JSON is YAML.
            .and_then(|mut file| file.write_all(self.content().to_string().as_bytes()))
            .unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display()));
    }

    fn content(&self) -> Value {
        json!({
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "contexts": [{
                "name": "test",
                "context": {"cluster": "test", "user": "test", "namespace": self.namespace},
            }],
            "clusters": [{"name": "test", "cluster": self.cluster}],
            "users": [{"name": "test", "user": {"token": self.token}}],
        })
    }

    /// For clients with settings of their own.
    pub async fn config(&self) -> Config {
        let kubeconfig: Kubeconfig = serde_json::from_value(self.content()).expect("it is a kubeconfig");
        let mut config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
            .await
            .expect("the kubeconfig is complete");
        // HTTPS_PROXY is not meant for a server on this machine.
        config.proxy_url = None;
        config
    }

    /// A new client with its rights.
    pub async fn client(&self) -> Client {
        Client::try_from(self.config().await).expect("the kubeconfig makes a client")
    }
}

/// Without the token.
impl fmt::Debug for ServiceAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ServiceAccount").field(&self.user()).finish()
    }
}
