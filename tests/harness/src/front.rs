//! TLS in front of what speaks none, as of a [proxy](crate::proxy): whoever comes is shown a certificate of its own, and
//! what it sends is passed on.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use rcgen::{CertificateParams, KeyPair};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;

/// It is known by this name wherever it listens, as every API server is.
const NAME: &str = "kubernetes.default.svc";

/// A front at some addresses. It closes, with all that is under way, when it is dropped.
#[derive(Debug)]
pub struct Front {
    port: u16,
    certificate: String,
    doors: Vec<JoinHandle<()>>,
}

impl Front {
    /// At these loopback addresses, each at the same port.
    pub async fn open(addresses: &[Ipv4Addr], to: SocketAddr) -> Self {
        let key = KeyPair::generate().expect("a key is made");
        let names = addresses.iter().map(ToString::to_string).chain([NAME.to_owned()]);
        let wanted = CertificateParams::new(names.collect::<Vec<_>>()).expect("these are names");
        let certificate = wanted.self_signed(&key).expect("a certificate is signed");
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .expect("there are such")
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
            )
            .expect("the key is that of the certificate");
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let (mut port, mut doors) = (0, Vec::new());
        for address in addresses {
            let listener = TcpListener::bind((*address, port)).await;
            let listener =
                listener.unwrap_or_else(|error| panic!("cannot listen at {address}:{port}: {error}"));
            port = listener.local_addr().expect("it is bound").port();
            doors.push(tokio::spawn(serve(listener, acceptor.clone(), to)));
        }
        Self { port, certificate: certificate.pem(), doors }
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its certificate, as PEM: nobody else has signed it.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }
}

async fn serve(listener: TcpListener, acceptor: TlsAcceptor, to: SocketAddr) {
    let mut under_way = JoinSet::new();
    while let Ok((here, _)) = listener.accept().await {
        let acceptor = acceptor.clone();
        under_way.spawn(async move {
            // Who does not like the certificate goes.
            let Ok(mut here) = acceptor.accept(here).await else { return };
            if let Ok(mut there) = TcpStream::connect(to).await {
                // Either end may close it.
                let _ = copy_bidirectional(&mut here, &mut there).await;
            }
        });
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        for door in &self.doors {
            door.abort();
        }
    }
}
