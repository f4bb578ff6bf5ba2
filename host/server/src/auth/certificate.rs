//! Clients that are known by their certificates.
//!
//! It owns the name that a certificate gives. That it is good was shown in the handshake.

use std::time::{Duration, SystemTime};

use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// The name in a certificate, and its end; none: it can't be read, or has no name.
pub(super) fn read(der: &[u8]) -> Option<(String, SystemTime)> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let name = alternative_name(&certificate).or_else(|| common_name(&certificate))?;
    let ends = u64::try_from(certificate.validity().not_after.timestamp()).ok()?;
    Some((name, SystemTime::UNIX_EPOCH + Duration::from_secs(ends)))
}

fn alternative_name(certificate: &X509Certificate<'_>) -> Option<String> {
    let names = certificate.subject_alternative_name().ok()??;
    names
        .value
        .general_names
        .iter()
        .find_map(|name| match name {
            GeneralName::URI(name) | GeneralName::RFC822Name(name) | GeneralName::DNSName(name) => {
                Some((*name).to_owned())
            }
            _ => None,
        })
}

fn common_name(certificate: &X509Certificate<'_>) -> Option<String> {
    let mut names = certificate.subject().iter_common_name();
    names.find_map(|name| name.as_str().ok().map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair};

    use super::*;

    fn check(names: &[&str], common: &str, expected: Option<&str>) {
        let names: Vec<String> = names.iter().map(|one| (*one).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        if !common.is_empty() {
            params.distinguished_name.push(DnType::CommonName, common);
        }
        let made = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        let read = read(made.der()).map(|(name, _)| name);
        assert_eq!(read.as_deref(), expected);
    }

    #[test]
    fn a_client_is_called_by_what_its_certificate_says() {
        check(&["ci.example.com", "b"], "common", Some("ci.example.com"));
        check(&[], "common", Some("common"));
        check(&["127.0.0.1"], "common", Some("common"));
        check(&[], "", None);
        assert!(read(b"x").is_none());
    }
}
