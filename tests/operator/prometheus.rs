//! A real Prometheus that scrapes one operator, as it does where the Prometheus Operator has set it up.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;

use nico_harness::Process;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::stage::{BOUND, OWN_NAMESPACE};

pub struct Prometheus {
    address: String,
    _process: Process,
    _folder: TempDir,
}

impl Prometheus {
    /// Scrapes this address, and evaluates these groups of rules.
    pub async fn start(target: &str, groups: &Value) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let labels = json!({ "namespace": OWN_NAMESPACE, "pod": "nico-operator-0", "service": "nico-operator-metrics" });
        let config = json!({
            "global": { "scrape_interval": "1s", "evaluation_interval": "1s" },
            "rule_files": ["rules.yaml"],
            "scrape_configs": [{
                "job_name": "nico-operator-metrics",
                "honor_labels": true,
                "static_configs": [{ "targets": [target], "labels": labels }],
            }],
        });
        // JSON is YAML.
        lay(folder.path(), "prometheus.yaml", &config);
        lay(folder.path(), "rules.yaml", &json!({ "groups": groups }));
        let process = Process::start("prometheus", |command| {
            command
                .arg(format!("--config.file={}", folder.path().join("prometheus.yaml").display()))
                .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
                .arg("--web.listen-address=127.0.0.1:0");
        });
        let line =
            process.line("where it listens", BOUND, |line| line.contains("msg=\"Listening on\"")).await;
        let line = line.expect("prometheus is needed: tests/tools.sh installs it");
        let (_, address) = line.rsplit_once("address=").unwrap();
        Self { address: address.trim().to_owned(), _process: process, _folder: folder }
    }

    /// What an expression gives now; an error where it gives nothing.
    pub async fn ask(&self, expression: &str) -> Result<Vec<Value>, String> {
        let answer = self.get(&format!("/api/v1/query?query={}", encoded(expression))).await?;
        let series = answer["result"].as_array().cloned().unwrap_or_default();
        if series.is_empty() { Err(format!("{expression}: nothing")) } else { Ok(series) }
    }

    /// The rules, and how they stand.
    pub async fn rules(&self) -> Result<Vec<Value>, String> {
        let answer = self.get("/api/v1/rules").await?;
        let groups = answer["groups"].as_array().cloned().unwrap_or_default();
        Ok(groups.iter().flat_map(|group| group["rules"].as_array().cloned().unwrap_or_default()).collect())
    }

    async fn get(&self, path: &str) -> Result<Value, String> {
        let (address, path) = (self.address.clone(), path.to_owned());
        let answer = tokio::task::spawn_blocking(move || {
            let mut stream = TcpStream::connect(&address)?;
            // Of this version no answer comes in pieces.
            write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n")?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            Ok::<_, std::io::Error>(answer)
        });
        let answer = answer.await.unwrap().map_err(|error| error.to_string())?;
        let (_, body) = answer.split_once("\r\n\r\n").ok_or_else(|| answer.clone())?;
        let body: Value = serde_json::from_str(body).map_err(|error| format!("{error}: {answer}"))?;
        if body["status"] == "success" { Ok(body["data"].clone()) } else { Err(body.to_string()) }
    }
}

fn lay(folder: &Path, name: &str, content: &Value) {
    std::fs::write(folder.join(name), content.to_string()).unwrap();
}

fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        let _ = write!(encoded, "%{byte:02X}");
        encoded
    })
}
