//! Who may vouch for the servers of a connection, where that is not left to the system.

use super::client::client;
use aws_smithy_http_client::tls::{TlsContext, TrustStore};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

/// Certificates that vouch for servers, instead of those of the system.
#[derive(Debug, Clone)]
pub struct Authority(SharedHttpClient);

impl Authority {
    /// From certificates in PEM, at least one. An error is a phrase about the text.
    pub fn parse(pem: &str) -> Result<Authority, String> {
        // The client itself looks at them when it is too late to say so.
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
            let certificate = certificate.map_err(|problem| format!("it holds no certificates in PEM: {problem}"))?;
            roots.add(certificate).map_err(|problem| format!("a certificate in it cannot be used: {problem}"))?;
        }
        if roots.is_empty() {
            return Err("it holds no certificate in PEM".to_owned());
        }
        let context = TlsContext::builder().with_trust_store(TrustStore::empty().with_pem_certificate(pem)).build();
        let context = context.map_err(|problem| problem.to_string())?;
        Ok(Authority(client(Some(context))))
    }

    /// The client of HTTP that trusts it.
    pub(super) fn client(&self) -> SharedHttpClient {
        self.0.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::Authority;

    #[test]
    fn what_is_no_certificate_is_told() {
        let said = |text: &str| Authority::parse(text).map(drop).unwrap_err();
        assert!(said("").contains("no certificate"));
        assert!(said("some text").contains("no certificate"));
        let wrong = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(said(wrong).contains("cannot be used"), "{}", said(wrong));
        assert!(said("-----BEGIN CERTIFICATE-----\n????\n").contains("no certificates in PEM"));
    }
}
