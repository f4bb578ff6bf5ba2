//! Whom a bridge trusts: the certificates of the system, those of a file, or
//! anybody.
//!
//! It owns the client's side of TLS. It never opens a connection.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use super::{BridgeError, Options};
use crate::transport::tls::{provider, read_certificates};

/// The client's side of TLS, without protocols to choose from.
pub(super) fn client(options: &Options) -> Result<ClientConfig, BridgeError> {
    let provider = provider();
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()?;
    if options.insecure {
        let anybody = Arc::new(Anybody(provider));
        let builder = builder
            .dangerous()
            .with_custom_certificate_verifier(anybody);
        return Ok(builder.with_no_client_auth());
    }
    Ok(builder
        .with_root_certificates(roots(options)?)
        .with_no_client_auth())
}

fn roots(options: &Options) -> Result<RootCertStore, BridgeError> {
    let mut roots = RootCertStore::empty();
    if let Some(file) = &options.ca {
        for certificate in read_certificates("--ca", file)? {
            roots.add(certificate)?;
        }
        return Ok(roots);
    }
    let system = rustls_native_certs::load_native_certs();
    // A system has certificates that no library reads; the others count.
    roots.add_parsable_certificates(system.certs);
    Ok(roots)
}

/// Takes every certificate, and still checks that its owner speaks.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
