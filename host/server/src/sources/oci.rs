//! Plugins in registries: what a tag stands for, the layer with the component, and
//! its signatures.
//!
//! It owns the layout of such an artifact. The protocol is `oci_client`'s.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::SystemTime;

use bytes::BytesMut;
use futures_util::StreamExt as _;
use http::HeaderValue;
use oci_client::client::{
    Certificate, CertificateEncoding, ClientConfig, ClientProtocol, Config, ImageLayer,
};
use oci_client::errors::OciDistributionError;
use oci_client::manifest::{
    ImageIndexEntry, OCI_IMAGE_MEDIA_TYPE, OciDescriptor, OciImageManifest,
};
use oci_client::{Client, Reference};

use super::cache::{Record, hex};
use super::credentials::{self, Login};
use super::error::{FetchError, root};
use super::{CONNECT_TIMEOUT, Fetcher, Look, USER_AGENT};
use crate::config::PluginSource;
use crate::signatures::{self, SIGNATURE_MAX_BYTES};

/// What a layer with a component calls itself: today, and before there was a
/// standard.
const WASM: [&str; 2] = [
    "application/wasm",
    "application/vnd.wasm.content.layer.v1+wasm",
];

/// The type of what says how the layer is to be run.
const CONFIG: &str = "application/vnd.wasm.config.v0+json";

/// The annotation with the text of a signature.
const ANNOTATION: &str = "fusebox.minisig";

/// The type of an artifact with one, which refers to the manifest of the plugin.
const ARTIFACT_TYPE: &str = "application/vnd.fusebox.minisig";

/// Layers that an artifact may have.
const LAYERS_MAX: usize = 32;

/// Signatures of one plugin that are looked at.
const SIGNATURES_MAX: usize = 8;

/// The largest manifest: it is read whole.
const MANIFEST_MAX_BYTES: i64 = 4 << 20;

/// One artifact, and who asks for it.
struct Registry<'a> {
    fetcher: &'a Fetcher,
    client: Client,
    reference: Reference,
    login: Login,
}

/// What stands for a plugin in a registry, if it isn't what was `known`.
pub(super) async fn look(
    fetcher: &Fetcher,
    reference: &Reference,
    source: &PluginSource,
    known: Option<&Record>,
) -> Result<Look, FetchError> {
    let login = credentials::registry(reference.registry()).await?;
    let reference = match source.pin() {
        Some(pin) => reference.clone_with_digest(pin.to_owned()),
        None => reference.clone(),
    };
    let registry = Registry {
        client: client(fetcher, &reference)?,
        fetcher,
        reference,
        login,
    };
    if let Some(known) = known
        && registry.digest().await? == known.digest
    {
        return Ok(Look::Same);
    }
    let record = registry.pull(source.url.to_string()).await?;
    Ok(Look::New(record))
}

fn client(fetcher: &Fetcher, reference: &Reference) -> Result<Client, FetchError> {
    let certificates = fetcher.certificates.iter().map(|one| Certificate {
        encoding: CertificateEncoding::Der,
        data: one.to_vec(),
    });
    let registry = reference.resolve_registry();
    let is_plain =
        is_loopback(registry) || fetcher.settings.insecure.iter().any(|one| one == registry);
    let config = ClientConfig {
        protocol: match is_plain {
            true => ClientProtocol::Http,
            false => ClientProtocol::Https,
        },
        extra_root_certificates: certificates.collect(),
        platform_resolver: Some(Box::new(wasm_of)),
        connect_timeout: Some(CONNECT_TIMEOUT),
        read_timeout: Some(fetcher.settings.timeout),
        user_agent: USER_AGENT,
        ..ClientConfig::default()
    };
    Client::try_from(config).map_err(|error| FetchError::Client(root(&error)))
}

/// A registry on this machine alone: nobody is in between.
fn is_loopback(registry: &str) -> bool {
    let host = registry.rsplit_once(':').map_or(registry, |(host, _)| host);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// The manifest for wasm in an index of several.
fn wasm_of(entries: &[ImageIndexEntry]) -> Option<String> {
    let is_wasm = |entry: &&ImageIndexEntry| {
        let platform = entry.platform.as_ref();
        platform.is_some_and(|platform| platform.architecture.to_string() == "wasm")
    };
    let found = entries.iter().find(is_wasm);
    found.map(|entry| entry.digest.clone())
}

impl Registry<'_> {
    fn failed(&self, error: OciDistributionError) -> FetchError {
        FetchError::registry(self.host(), &self.login.advice, error)
    }

    fn host(&self) -> &str {
        self.reference.registry()
    }

    /// Of the manifest that the reference stands for now.
    async fn digest(&self) -> Result<String, FetchError> {
        let asked = self
            .client
            .fetch_manifest_digest(&self.reference, &self.login.auth);
        asked.await.map_err(|error| self.failed(error))
    }

    async fn pull(&self, url: String) -> Result<Record, FetchError> {
        let pulled = self
            .client
            .pull_image_manifest_and_list_digest(&self.reference, &self.login.auth)
            .await;
        let (manifest, own, list) = pulled.map_err(|error| self.failed(error))?;
        let layer = wasm_layer(&manifest)?;
        let max_bytes = self.fetcher.max_bytes;
        let Some(sha256) = layer.digest.strip_prefix("sha256:") else {
            return Err(FetchError::Artifact {
                reason: format!(
                    "its layer has the digest {}, and not one of sha256",
                    layer.digest
                ),
            });
        };
        if u64::try_from(layer.size).is_err() || layer.size as u64 > max_bytes {
            return Err(FetchError::TooLarge { max_bytes });
        }
        let sha256 = match self.fetcher.holds(sha256).await? {
            true => sha256.to_owned(),
            false => {
                let bytes = self.blob(layer, max_bytes).await?;
                self.fetcher.keep(bytes, Some(&layer.digest)).await?
            }
        };
        let signatures = match self.fetcher.asks_for_signatures {
            true => self.signatures(&manifest, layer, &own).await?,
            false => Vec::new(),
        };
        Ok(Record {
            url,
            digest: list.unwrap_or(own),
            sha256,
            signatures,
        })
    }

    /// A blob, not larger than it says itself and than it may be.
    async fn blob(&self, of: &OciDescriptor, max_bytes: u64) -> Result<Vec<u8>, FetchError> {
        let stream = self.client.pull_blob_stream(&self.reference, of).await;
        let mut stream = stream.map_err(|error| self.failed(error))?;
        let mut bytes = BytesMut::new();
        while let Some(part) = stream.next().await {
            let part = part.map_err(|error| FetchError::stream(self.host(), error))?;
            if (bytes.len() + part.len()) as u64 > max_bytes {
                return Err(FetchError::TooLarge { max_bytes });
            }
            bytes.extend_from_slice(&part);
        }
        Ok(bytes.into())
    }

    /// Those in the annotations, or else those of artifacts that refer to this one.
    async fn signatures(
        &self,
        manifest: &OciImageManifest,
        layer: &OciDescriptor,
        digest: &str,
    ) -> Result<Vec<String>, FetchError> {
        let annotations = [&manifest.annotations, &layer.annotations];
        let texts = annotations.into_iter().flatten();
        let texts: Vec<String> = texts
            .filter_map(|all| all.get(ANNOTATION))
            .filter(|text| text.len() <= SIGNATURE_MAX_BYTES)
            .cloned()
            .collect();
        if !texts.is_empty() {
            return Ok(texts);
        }
        let subject = self.reference.clone_with_digest(digest.to_owned());
        let index = self.client.pull_referrers(&subject, Some(ARTIFACT_TYPE));
        let index = index.await.map_err(|error| self.failed(error))?;
        let mut texts = Vec::new();
        // A registry that doesn't know of types gives all there are.
        let ours = index.manifests.iter().filter(|entry| {
            entry.artifact_type.as_deref() == Some(ARTIFACT_TYPE)
                && entry.size <= MANIFEST_MAX_BYTES
        });
        for entry in ours.take(SIGNATURES_MAX) {
            let found = self.reference.clone_with_digest(entry.digest.clone());
            let pulled = self.client.pull_image_manifest(&found, &self.login.auth);
            let (found, _) = pulled.await.map_err(|error| self.failed(error))?;
            let is_small = |layer: &&OciDescriptor| layer.size <= SIGNATURE_MAX_BYTES as i64;
            for layer in found.layers.iter().take(1).filter(is_small) {
                let bytes = self.blob(layer, SIGNATURE_MAX_BYTES as u64).await?;
                texts.extend(signatures::text(bytes).ok());
            }
        }
        Ok(texts)
    }
}

/// Puts a component into a registry, in the standard layout, with its signature as
/// an annotation; gives the digest of the manifest.
pub(super) async fn push(
    fetcher: &Fetcher,
    reference: &Reference,
    bytes: Vec<u8>,
    signature: Option<String>,
) -> Result<String, FetchError> {
    let login = credentials::registry(reference.registry()).await?;
    let client = client(fetcher, reference)?;
    let layer = ImageLayer::new(bytes, WASM[0].to_owned(), None);
    let about = serde_json::json!({
        "created": humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
        "architecture": "wasm",
        "os": "wasip2",
        "layerDigests": [layer.sha256_digest()],
    });
    let config = Config::new(about.to_string().into_bytes(), CONFIG.to_owned(), None);
    let annotations = signature.map(|text| BTreeMap::from([(ANNOTATION.to_owned(), text)]));
    let layers = [layer];
    let mut manifest = OciImageManifest::build(&layers, &config, annotations);
    manifest.media_type = Some(OCI_IMAGE_MEDIA_TYPE.to_owned());
    let host = reference.registry();
    let failed = |error| FetchError::registry(host, &login.advice, error);
    // Its own way to write a manifest leaves line ends in texts as they are, which is
    // no JSON; a signature has four lines.
    let body = serde_json::to_vec(&manifest).map_err(|error| failed(error.into()))?;
    let digest = format!("sha256:{}", hex(&body));
    let [layer] = layers;
    let registry = reference.resolve_registry();
    client.store_auth_if_needed(registry, &login.auth).await;
    for (data, of) in [
        (layer.data, &manifest.layers[0]),
        (config.data, &manifest.config),
    ] {
        let pushed = client.push_blob(reference, data, &of.digest).await;
        pushed.map_err(failed)?;
    }
    let kind = HeaderValue::from_static(OCI_IMAGE_MEDIA_TYPE);
    let pushed = client.push_manifest_raw(reference, body, kind).await;
    pushed.map_err(failed)?;
    Ok(digest)
}

/// The one layer with a component.
fn wasm_layer(manifest: &OciImageManifest) -> Result<&OciDescriptor, FetchError> {
    let artifact = |reason: String| FetchError::Artifact { reason };
    let layers = &manifest.layers;
    if layers.len() > LAYERS_MAX {
        let count = layers.len();
        return Err(artifact(format!(
            "it has {count} layers; {LAYERS_MAX} at most are looked at"
        )));
    }
    let is_wasm = |layer: &&OciDescriptor| WASM.contains(&layer.media_type.as_str());
    let found: Vec<&OciDescriptor> = layers.iter().filter(is_wasm).collect();
    match found.as_slice() {
        [one] => Ok(one),
        [] => {
            let types = layers.iter().map(|layer| format!("`{}`", layer.media_type));
            let types = types.collect::<Vec<_>>().join(", ");
            Err(artifact(format!(
                "a layer of the type `{}` is wanted, and it has {}",
                WASM[0],
                if types.is_empty() { "none" } else { &types }
            )))
        }
        more => Err(artifact(format!(
            "it has {} layers of the type `{}`, and one is wanted",
            more.len(),
            more[0].media_type
        ))),
    }
}
