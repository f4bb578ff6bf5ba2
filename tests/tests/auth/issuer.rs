//! An issuer of tokens of the tests' own: a real server with its metadata and keys,
//! which can be changed and switched off.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http_body_util::Full;
use hyper::service::service_fn;
use hyper::{Request, Response, body::Incoming};
use hyper_util::rt::TokioIo;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// A key of the tests' own for RSA, which takes long to make: PKCS #1, and its modulus.
const RSA: &str = include_str!("rsa_key.b64");
const RSA_MODULUS: &str = include_str!("rsa_modulus.txt");

/// What signs tokens.
#[derive(Clone)]
pub(crate) struct Signer {
    pub(crate) id: String,
    pub(crate) alg: Algorithm,
    key: EncodingKey,
    jwk: Value,
}

impl Signer {
    pub(crate) fn elliptic(id: &str) -> Self {
        let pair = rcgen::KeyPair::generate().expect("a key");
        let public = pair.public_key_raw();
        let [x, y] = [&public[1..33], &public[33..65]].map(|one| URL_SAFE_NO_PAD.encode(one));
        Self {
            id: id.to_owned(),
            alg: Algorithm::ES256,
            key: EncodingKey::from_ec_der(pair.serialized_der()),
            jwk: json!({"kty": "EC", "crv": "P-256", "use": "sig", "kid": id, "x": x, "y": y}),
        }
    }

    pub(crate) fn rsa(id: &str) -> Self {
        let lines: String = RSA.split_whitespace().collect();
        let der = base64::engine::general_purpose::STANDARD
            .decode(lines)
            .expect("base64");
        Self {
            id: id.to_owned(),
            alg: Algorithm::RS256,
            key: EncodingKey::from_rsa_der(&der),
            jwk: json!({
                "kty": "RSA", "alg": "RS256", "kid": id, "e": "AQAB", "n": RSA_MODULUS.trim(),
            }),
        }
    }

    pub(crate) fn sign(&self, claims: &Value) -> String {
        let header = Header {
            alg: self.alg,
            kid: Some(self.id.clone()),
            ..Header::default()
        };
        encode(&header, claims, &self.key).expect("a token")
    }

    /// The public key, as text.
    pub(crate) fn public(&self) -> String {
        self.jwk.to_string()
    }
}

/// Seconds since 1970, and so many more.
pub(crate) fn seconds(more: i64) -> i64 {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("a time");
    i64::try_from(now.as_secs()).expect("a time") + more
}

/// The server. It stops with its value.
pub(crate) struct Issuer {
    pub(crate) address: SocketAddr,
    keys: Arc<Mutex<Vec<Value>>>,
    asked: Arc<AtomicUsize>,
    runtime: Option<Runtime>,
}

impl Issuer {
    pub(crate) fn start(signers: &[&Signer]) -> Self {
        Self::start_at(SocketAddr::from(([127, 0, 0, 1], 0)), signers)
    }

    pub(crate) fn start_at(address: SocketAddr, signers: &[&Signer]) -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let listener = runtime
            .block_on(TcpListener::bind(address))
            .expect("a listener");
        let address = listener.local_addr().expect("an address");
        let issuer = Self {
            address,
            keys: Arc::default(),
            asked: Arc::default(),
            runtime: Some(runtime),
        };
        issuer.rotate(signers);
        let (keys, asked) = (issuer.keys.clone(), issuer.asked.clone());
        let serve = async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (keys, asked) = (keys.clone(), asked.clone());
                let service = service_fn(move |request: Request<Incoming>| {
                    let answer = answer(request.uri().path(), address, &keys, &asked);
                    async move { Ok::<_, std::convert::Infallible>(answer) }
                });
                tokio::spawn(
                    hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service),
                );
            }
        };
        issuer.runtime.as_ref().expect("it runs").spawn(serve);
        issuer
    }

    /// As its tokens have it.
    pub(crate) fn name(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Has these keys from now on.
    pub(crate) fn rotate(&self, signers: &[&Signer]) {
        let mut keys = self.keys.lock().expect("nobody panics with it");
        *keys = signers.iter().map(|one| one.jwk.clone()).collect();
        // One of a kind that nobody knows is no reason to refuse the others.
        keys.push(json!({"kty": "new", "kid": "x"}));
    }

    /// How often its keys were asked for.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn answer(
    path: &str,
    address: SocketAddr,
    keys: &Mutex<Vec<Value>>,
    asked: &AtomicUsize,
) -> Response<Full<Bytes>> {
    let body = match path {
        // A server of OpenID Connect alone.
        "/.well-known/openid-configuration" => json!({
            "issuer": format!("http://{address}"),
            "jwks_uri": format!("http://{address}/keys"),
        }),
        "/keys" => {
            asked.fetch_add(1, Ordering::Relaxed);
            json!({"keys": *keys.lock().expect("nobody panics with it")})
        }
        _ => {
            let mut response = Response::new(Full::default());
            *response.status_mut() = hyper::StatusCode::NOT_FOUND;
            return response;
        }
    };
    Response::new(Full::new(Bytes::from(body.to_string())))
}
