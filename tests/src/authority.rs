//! An authority of a test's own, which signs certificates into files. Knows nothing of
//! who is shown them.

use std::fs;
use std::path::PathBuf;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tempfile::TempDir;

/// Who signs certificates, in a folder of its own.
pub struct Authority {
    folder: TempDir,
    issuer: Issuer<'static, KeyPair>,
}

/// The files of a certificate and its key.
#[derive(Debug)]
pub struct Shown {
    /// PEM
    pub certificate: PathBuf,
    /// PEM
    pub key: PathBuf,
}

impl Authority {
    /// One that nobody knows yet.
    ///
    /// # Panics
    /// If no file can be written.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).expect("a certificate");
        fs::write(folder.path().join("ca.pem"), certificate.pem()).expect("it is written");
        Self {
            folder,
            issuer: Issuer::new(params, key),
        }
    }

    /// Its own certificate, for who is to trust what it signs.
    pub fn file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// Signs one for these names, with spaces between them, in files of this name.
    ///
    /// # Panics
    /// If they are no names, or no file can be written.
    pub fn sign(&self, names: &str, files: &str) -> Shown {
        let key = KeyPair::generate().expect("a key");
        let names: Vec<String> = names.split(' ').map(str::to_owned).collect();
        let params = CertificateParams::new(names).expect("names");
        let signed = params.signed_by(&key, &self.issuer).expect("a certificate");
        let shown = Shown {
            certificate: self.folder.path().join(format!("{files}.pem")),
            key: self.folder.path().join(format!("{files}.key")),
        };
        fs::write(&shown.key, key.serialize_pem()).expect("it is written");
        fs::write(&shown.certificate, signed.pem()).expect("it is written");
        shown
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority").finish_non_exhaustive()
    }
}
