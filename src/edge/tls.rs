//! TLS 1.2 and 1.3 by rustls.

use std::{path::Path, sync::Arc};

use rustls::{
    ServerConfig,
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{self, PemObject},
    },
};
use tokio_rustls::TlsAcceptor;

/// An acceptor for a certificate chain and its key, offering HTTP/2 and HTTP/1.1.
///
/// # Errors
/// A sentence that names the setting, its file and what is wrong with it.
pub fn acceptor(cert: &Path, key: &Path) -> Result<TlsAcceptor, String> {
    let chain = CertificateDer::pem_file_iter(cert)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .and_then(|chain| if chain.is_empty() { Err(pem::Error::NoItemsFound) } else { Ok(chain) })
        .map_err(|error| broken("TLS_CERT", cert, "certificate", error))?;
    let private = PrivateKeyDer::from_pem_file(key)
        .map_err(|error| broken("TLS_KEY", key, "private key", error))?;
    let mut config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .map_err(|error| format!("TLS_CERT and TLS_KEY do not serve together: {error}"))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn broken(setting: &str, path: &Path, what: &str, error: pem::Error) -> String {
    let path = path.display();
    match error {
        pem::Error::Io(error) => format!("{setting}: the file {path} cannot be read: {error}"),
        pem::Error::NoItemsFound => format!("{setting}: the file {path} has no {what} in PEM"),
        error => format!("{setting}: the file {path} is not PEM: {error:?}"),
    }
}
