//! A registry of the test's own: Debian's `docker-registry` as a process on loopback,
//! and what is pushed to it. It checks nothing.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use crate::web::ask;

/// Today's type of a layer with a component.
pub(crate) const WASM: &str = "application/wasm";

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const SIGNATURE: &str = "application/vnd.fusebox.minisig";

/// `tester` with the password `between us`.
const HTPASSWD: &str = "tester:$2y$05$abcdefghijklmnopqrstuuvEKXGLbm9clLOlrDd2sWxdmv66uH1yS\n";
const LOGIN: &str = "Basic dGVzdGVyOmJldHdlZW4gdXM=";

/// `sha256:` and the digest of bytes.
pub(crate) fn digest(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

/// A registry, which ends with this value.
pub(crate) struct Registry {
    child: Option<Child>,
    folder: TempDir,
    address: SocketAddr,
    login: bool,
}

impl Registry {
    /// Anybody may push and pull.
    pub(crate) fn start() -> Self {
        Self::new(false)
    }

    /// `tester` may, with the password `between us`.
    pub(crate) fn start_with_login() -> Self {
        Self::new(true)
    }

    fn new(login: bool) -> Self {
        let mut registry = Self {
            child: None,
            folder: tempfile::tempdir().expect("a folder"),
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            login,
        };
        registry.begin();
        registry
    }

    /// Starts it, or starts it again where it was.
    pub(crate) fn begin(&mut self) {
        let at = |name: &str| self.folder.path().join(name);
        fs::write(at("htpasswd"), HTPASSWD).expect("a file is written");
        let auth = match self.login {
            true => format!(
                "auth: {{htpasswd: {{realm: tests, path: {:?}}}}}\n",
                at("htpasswd")
            ),
            false => String::new(),
        };
        let config = format!(
            "version: 0.1\nlog: {{level: info}}\nstorage: {{filesystem: {{rootdirectory: {:?}}}}}\nhttp: {{addr: \"{}\"}}\n{auth}",
            at("data"),
            self.address,
        );
        fs::write(at("config.yml"), config).expect("a file is written");
        let mut child = Command::new("docker-registry")
            .arg("serve")
            .arg(at("config.yml"))
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("docker-registry starts; `cargo xtask test --only provision` installs it");
        let mut lines = BufReader::new(child.stderr.take().expect("a pipe")).lines();
        self.child = Some(child);
        let said = lines.by_ref().map_while(Result::ok).find_map(|line| {
            let (_, rest) = line.split_once("listening on ")?;
            rest.split('"').next()?.parse().ok()
        });
        self.address = said.expect("docker-registry says where it listens");
        // It must always be able to write.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
    }

    /// Ends it, as a crash would.
    pub(crate) fn end(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It can have ended by itself just now.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Host and port, as messages name it.
    pub(crate) fn host(&self) -> String {
        self.address.to_string()
    }

    /// The address of an artifact.
    pub(crate) fn url(&self, what: &str) -> String {
        format!("oci://{}/{what}", self.address)
    }

    /// A component as the standard has it; gives the digest of its manifest.
    pub(crate) fn push(&self, name: &str, tag: &str, wasm: &[u8]) -> String {
        self.push_layers(name, tag, &[(WASM, wasm)], &json!({}))
    }

    /// An artifact with these layers and annotations.
    pub(crate) fn push_layers(
        &self,
        name: &str,
        tag: &str,
        layers: &[(&str, &[u8])],
        annotations: &Value,
    ) -> String {
        let config = self.blob(name, "application/vnd.wasm.config.v0+json", b"{}");
        let layers = layers
            .iter()
            .map(|(kind, bytes)| self.blob(name, kind, bytes));
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": config,
            "layers": layers.collect::<Vec<_>>(),
            "annotations": annotations,
        });
        self.manifest(name, tag, MANIFEST, &manifest)
    }

    /// A signature that refers to a manifest. This registry has no list of those that
    /// refer: they stand in an index under a tag, as the standard says.
    pub(crate) fn attach(&self, name: &str, to: &str, signature: &str) {
        let layer = self.blob(name, SIGNATURE, signature.as_bytes());
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "artifactType": SIGNATURE,
            "config": self.blob(name, "application/vnd.oci.empty.v1+json", b"{}"),
            "layers": [layer],
            "subject": {"mediaType": MANIFEST, "digest": to, "size": 1},
        });
        let bytes = manifest.to_string();
        let own = self.manifest(name, &digest(bytes.as_bytes()), MANIFEST, &manifest);
        let index = json!({
            "schemaVersion": 2,
            "mediaType": INDEX,
            "manifests": [{
                "mediaType": MANIFEST,
                "digest": own,
                "size": bytes.len(),
                "artifactType": SIGNATURE,
            }],
        });
        self.manifest(name, &to.replace(':', "-"), INDEX, &index);
    }

    fn manifest(&self, name: &str, tag: &str, kind: &str, manifest: &Value) -> String {
        let bytes = manifest.to_string();
        let path = format!("/v2/{name}/manifests/{tag}");
        self.send("PUT", &path, kind, bytes.as_bytes(), 201);
        digest(bytes.as_bytes())
    }

    fn blob(&self, name: &str, kind: &str, bytes: &[u8]) -> Value {
        let digest = digest(bytes);
        let began = self.send(
            "POST",
            &format!("/v2/{name}/blobs/uploads/"),
            kind,
            b"",
            202,
        );
        let location = began
            .rsplit_once(&self.host())
            .map_or(began.as_str(), |(_, path)| path);
        let path = format!("{location}&digest={digest}");
        self.send("PUT", &path, "application/octet-stream", bytes, 201);
        json!({"mediaType": kind, "digest": digest, "size": bytes.len()})
    }

    /// Gives the header `location`.
    fn send(&self, method: &str, path: &str, kind: &str, body: &[u8], expected: u16) -> String {
        let headers = [("Content-Type", kind), ("Authorization", LOGIN)];
        let answer = ask(self.address, method, path, &headers, body);
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        assert_eq!(answer.status, expected, "{method} {path}: {text}");
        answer.header("location").unwrap_or_default().to_owned()
    }

    /// The file in which it keeps a blob.
    pub(crate) fn kept(&self, digest: &str) -> PathBuf {
        let hex = digest.strip_prefix("sha256:").expect("a digest");
        let blobs = Path::new("data/docker/registry/v2/blobs/sha256");
        let blob = blobs.join(&hex[..2]).join(hex).join("data");
        self.folder.path().join(blob)
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.end();
    }
}
