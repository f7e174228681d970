//! TLS with the meaning of libpq's parameters: which modes try what, and whom a certificate convinces.

use super::binding::end_point;
use super::login::{Login, invalid};
use crate::base::causes;
use crate::postgres::PostgresError;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// `sslmode`: what is tried, in order, and what is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// Never TLS.
    Disable,
    /// TLS where the server insists.
    Allow,
    /// TLS where the server has it.
    Prefer,
    /// TLS or nothing.
    Require,
    /// The same, with a certificate that somebody trusted signed.
    VerifyCa,
    /// The same, made out to the host.
    VerifyFull,
}

/// How a connection to a server is secured.
pub(super) struct Security {
    /// What is tried.
    pub(super) mode: Mode,
    /// TLS begins at once, without asking the server first.
    pub(super) is_direct: bool,
    config: Arc<ClientConfig>,
}

impl Security {
    /// As the parameters of a login say. Reads certificate files, if TLS may be used at all.
    pub(super) fn of(login: &Login) -> Result<Security, PostgresError> {
        let words = ["prefer", "disable", "allow", "require", "verify-ca", "verify-full"];
        let mut mode = match login.word("sslmode", &words)? {
            "disable" => Mode::Disable,
            "allow" => Mode::Allow,
            "require" => Mode::Require,
            "verify-ca" => Mode::VerifyCa,
            "verify-full" => Mode::VerifyFull,
            _ => Mode::Prefer,
        };
        let is_direct = login.word("sslnegotiation", &["postgres", "direct"])? == "direct";
        if is_direct && matches!(mode, Mode::Disable | Mode::Allow | Mode::Prefer) {
            return Err(invalid("`sslnegotiation=direct` needs `sslmode=require` or stronger".to_owned()));
        }
        let provider = Arc::new(aws_lc_rs::default_provider());
        let roots = if mode == Mode::Disable { Vec::new() } else { trusted(login, &mut mode)? };
        let verifier = Verifier::new(mode, roots, login, &provider)?;
        let versions = versions(login)?;
        let builder = ClientConfig::builder_with_provider(provider.clone());
        let builder = builder.with_protocol_versions(&versions).map_err(|e| invalid(e.to_string()))?;
        let builder = builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier));
        let identity = if mode == Mode::Disable { None } else { identity(login)? };
        let mut config = match identity {
            Some((chain, key)) => {
                let key = provider.key_provider.load_private_key(key);
                let key = key.map_err(|e| invalid(format!("`sslkey` cannot be used: {e}")))?;
                // Not compared with each other: whether they fit, and are of a version, the server judges.
                let certified = SingleCertAndKey::from(CertifiedKey::new(chain, key));
                builder.with_client_cert_resolver(Arc::new(certified))
            }
            None => builder.with_no_client_auth(),
        };
        config.enable_sni = login.get("sslsni") != Some("0");
        if is_direct {
            config.alpn_protocols = vec![b"postgresql".to_vec()];
        }
        Ok(Security { mode, is_direct, config: Arc::new(config) })
    }

    /// Speaks TLS over an open socket. Gives what channel binding binds to, when the certificate has such a thing.
    pub(super) async fn secure(
        &self,
        socket: TcpStream,
        host: &str,
        server: &str,
    ) -> Result<(TlsStream<TcpStream>, Option<Vec<u8>>), PostgresError> {
        let failed = |problem: String| PostgresError::Unreachable { server: server.to_owned(), problem };
        // Without a check of names any name will do; an empty one cannot be sent.
        let name = ServerName::try_from(host.to_owned()).or_else(|_| ServerName::try_from("unnamed".to_owned()));
        let name = name.map_err(|e| failed(format!("TLS: {e}")))?;
        let stream = TlsConnector::from(self.config.clone()).connect(name, socket).await;
        let stream = stream.map_err(|e| failed(format!("TLS: {}", causes(&e))))?;
        let certificate = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
        let binding = certificate.and_then(|certificate| end_point(certificate));
        Ok((stream, binding))
    }
}

/// Judges the server's certificate as `sslmode` says.
#[derive(Debug)]
struct Verifier {
    chain: Option<Arc<WebPkiServerVerifier>>,
    /// Certificates that are trusted themselves, whoever signed them.
    pinned: Vec<CertificateDer<'static>>,
    names: bool,
    provider: Arc<CryptoProvider>,
}

impl Verifier {
    fn new(
        mode: Mode,
        roots: Vec<CertificateDer<'static>>,
        login: &Login,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Verifier, PostgresError> {
        let checks = matches!(mode, Mode::VerifyCa | Mode::VerifyFull);
        let mut chain = None;
        if checks {
            let mut store = RootCertStore::empty();
            store.add_parsable_certificates(roots.iter().cloned());
            let builder = WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider.clone());
            let built = builder.with_crls(revoked(login)?).build();
            chain = Some(built.map_err(|e| invalid(format!("`sslrootcert` or `sslcrl` cannot be used: {e}")))?);
        }
        let names = mode == Mode::VerifyFull;
        Ok(Verifier { chain, pinned: roots, names, provider: provider.clone() })
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Some(chain) = &self.chain else { return Ok(ServerCertVerified::assertion()) };
        match chain.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            // The name is looked at when everything else is good.
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if !self.names => Ok(ServerCertVerified::assertion()),
            // A server whose own certificate is the file of `sslrootcert`: nobody else needs to have signed it.
            Err(error) if self.pinned.iter().any(|pinned| pinned == end_entity) => {
                if !self.names {
                    return Ok(ServerCertVerified::assertion());
                }
                let parsed = rustls::server::ParsedCertificate::try_from(end_entity).map_err(|_| error)?;
                rustls::client::verify_server_name(&parsed, server_name)?;
                Ok(ServerCertVerified::assertion())
            }
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Certificates of `sslrootcert`. With `require` and such a file, the certificate is checked, as libpq does.
fn trusted(login: &Login, mode: &mut Mode) -> Result<Vec<CertificateDer<'static>>, PostgresError> {
    if login.get("sslrootcert") == Some("system") {
        if *mode != Mode::VerifyFull {
            return Err(invalid("`sslrootcert=system` needs `sslmode=verify-full`".to_owned()));
        }
        return Ok(rustls_native_certs::load_native_certs().certs);
    }
    let file = login.file("sslrootcert", "root.crt").filter(|file| file.exists());
    match (&file, *mode) {
        (None, Mode::VerifyCa | Mode::VerifyFull) => {
            let path = login.get("sslrootcert").unwrap_or("~/.postgresql/root.crt");
            Err(invalid(format!("`sslmode` checks certificates, and `{path}` is not there; set `sslrootcert`")))
        }
        (Some(file), Mode::Require | Mode::VerifyCa | Mode::VerifyFull) => {
            if *mode == Mode::Require {
                *mode = Mode::VerifyCa;
            }
            read_pem(file)
        }
        _ => Ok(Vec::new()),
    }
}

/// Certificates that were taken back: of `sslcrl`, `sslcrldir` or `~/.postgresql/root.crl`.
fn revoked(login: &Login) -> Result<Vec<CertificateRevocationListDer<'static>>, PostgresError> {
    let mut files = Vec::new();
    if let Some(folder) = login.get("sslcrldir") {
        let entries = fs::read_dir(folder).map_err(|e| invalid(format!("`sslcrldir` {folder}: {e}")))?;
        files.extend(entries.flatten().map(|entry| entry.path()).filter(|path| path.is_file()));
    }
    match login.get("sslcrl") {
        Some(file) => files.push(PathBuf::from(file)),
        None => files.extend(login.file("sslcrl", "root.crl").filter(|file| file.exists())),
    }
    let mut lists = Vec::new();
    for file in files {
        lists.extend(read_pem(&file)?);
    }
    Ok(lists)
}

type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// The client's certificate and key, when there are any.
fn identity(login: &Login) -> Result<Option<Identity>, PostgresError> {
    if login.get("sslcertmode") == Some("disable") {
        return Ok(None);
    }
    let Some(certificate) = login.file("sslcert", "postgresql.crt").filter(|file| file.exists()) else {
        return Ok(None);
    };
    let key = login.file("sslkey", "postgresql.key").unwrap_or_default();
    let told = key.display();
    if key.to_string_lossy().contains(':') && !key.exists() {
        return Err(PostgresError::NotSupported { what: "a key on a token (`sslkey=engine:key`)".to_owned() });
    }
    let about = fs::metadata(&key).map_err(|e| invalid(format!("`sslkey` {told}: {e}")))?;
    let forbidden = if about.uid() == 0 { 0o037 } else { 0o077 };
    if about.permissions().mode() & forbidden != 0 {
        return Err(invalid(format!("`sslkey` {told} can be read by others; run `chmod 600 {told}`")));
    }
    let read = PrivateKeyDer::from_pem_file(&key);
    let read = read.map_err(|e| invalid(format!("`sslkey` {told} is no key without a passphrase: {e}")))?;
    Ok(Some((read_pem(&certificate)?, read)))
}

fn read_pem<T: PemObject>(file: &Path) -> Result<Vec<T>, PostgresError> {
    let unreadable = |e: rustls::pki_types::pem::Error| invalid(format!("{}: {e}", file.display()));
    T::pem_file_iter(file).map_err(unreadable)?.collect::<Result<Vec<T>, _>>().map_err(unreadable)
}

/// Versions of TLS between `ssl_min_protocol_version` and `ssl_max_protocol_version`.
fn versions(login: &Login) -> Result<Vec<&'static rustls::SupportedProtocolVersion>, PostgresError> {
    let rank = |name: &'static str, otherwise: u8| match login.get(name) {
        None => Ok(otherwise),
        Some(value) => ["tlsv1", "tlsv1.1", "tlsv1.2", "tlsv1.3"]
            .iter()
            .zip(0..)
            .find_map(|(word, rank)| value.eq_ignore_ascii_case(word).then_some(rank))
            .ok_or_else(|| invalid(format!("`{name}` is no version of TLS"))),
    };
    let range = rank("ssl_min_protocol_version", 2)?..=rank("ssl_max_protocol_version", 3)?;
    let mut all = Vec::new();
    if range.contains(&2) {
        all.push(&rustls::version::TLS12);
    }
    if range.contains(&3) {
        all.push(&rustls::version::TLS13);
    }
    if all.is_empty() {
        return Err(PostgresError::NotSupported { what: "TLS before version 1.2".to_owned() });
    }
    Ok(all)
}
