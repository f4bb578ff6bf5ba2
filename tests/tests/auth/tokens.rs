//! Access tokens of an issuer: which are taken, what they let their bearers do, and
//! what a client is told that needs one.

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};

use super::issuer::{Issuer, Signer, seconds};
use super::*;

const AUDIENCE: &str = "https://mcp.example.com/mcp";
const METADATA: &str = "https://mcp.example.com/.well-known/oauth-protected-resource/mcp";

fn config(issuer: &Issuer, more: &str) -> String {
    format!(
        "[oauth]\nissuer = \"{}\"\naudience = \"{AUDIENCE}\"\n{more}",
        issuer.name()
    )
}

fn start(issuer: &Issuer, more: &str) -> Host {
    Setup::new()
        .plugin("hello")
        .plugin("everything")
        .tcp()
        .config(&config(issuer, more))
        .start()
}

fn claims(issuer: &Issuer) -> Value {
    json!({
        "iss": issuer.name(), "aud": AUDIENCE, "sub": "ada", "exp": seconds(600), "scope": "mcp other",
    })
}

fn with(claims: &Value, name: &str, value: Value) -> Value {
    let mut claims = claims.clone();
    match value {
        Value::Null => drop(claims.as_object_mut().expect("claims").remove(name)),
        value => claims[name] = value,
    }
    claims
}

fn bear(host: &Host, token: &str) -> Response {
    call(host, &[("Authorization", &bearer(token))])
}

/// The challenge with these parameters behind the realm.
fn challenge(parameters: &[(&str, &str)]) -> String {
    let parameters = parameters
        .iter()
        .map(|(name, value)| format!(", {name}=\"{value}\""));
    format!("{REALM}{}", parameters.collect::<String>())
}

#[test]
fn a_client_without_a_token_is_told_where_to_get_one() {
    let issuer = Issuer::start(&[&Signer::elliptic("a")]);
    let host = start(
        &issuer,
        "scopes = ['mcp']\n[roles.reader]\nscope = 'mcp:read'",
    );
    let parameters = [("scope", "mcp"), ("resource_metadata", METADATA)];
    check_refused(&call(&host, &[]), 401, &challenge(&parameters), MISSING);
    let expected = json!({
        "resource": AUDIENCE,
        "authorization_servers": [issuer.name()],
        "scopes_supported": ["mcp", "mcp:read"],
        "bearer_methods_supported": ["header"],
        "resource_name": "Fusebox",
    });
    for path in ["", "/mcp"] {
        let document = host.get(&format!("/.well-known/oauth-protected-resource{path}"));
        assert_eq!(
            (document.head.status, document.json()),
            (200, expected.clone())
        );
    }
    assert_eq!(
        host.get("/.well-known/oauth-protected-resource/x")
            .head
            .status,
        404
    );
    let without = Setup::new().start();
    assert_eq!(
        without
            .get("/.well-known/oauth-protected-resource")
            .head
            .status,
        404
    );
}

#[test]
fn good_tokens_are_taken_on_every_way() {
    let (elliptic, rsa) = (Signer::elliptic("a"), Signer::rsa("b"));
    let issuer = Issuer::start(&[&elliptic, &rsa]);
    let host = start(&issuer, "scopes = ['mcp']");
    let good = claims(&issuer);
    let many = with(&good, "aud", json!(["https://x.example", AUDIENCE]));
    let list = with(&with(&good, "scope", Value::Null), "scp", json!(["mcp"]));
    for claims in [&good, &many, &list] {
        for signer in [&elliptic, &rsa] {
            let answer = bear(&host, &signer.sign(claims)).json();
            assert_eq!(
                answer["result"]["content"][0]["text"], "Hello, Ada!",
                "{claims}: {answer}"
            );
        }
    }
    let mut lines = Lines::open(host.tcp_address());
    let token = rsa.sign(&good);
    let shown = json!({"jsonrpc": "2.0", "id": 1, "method": "fusebox/authenticate", "params": {"key": token}});
    assert_eq!(lines.exchange(&shown)["result"], json!({}));
    let ping = json!({"jsonrpc": "2.0", "id": 2, "method": "ping"});
    assert_eq!(lines.exchange(&ping)["result"], json!({}));
    assert!(!host.log().contains(&token), "the log has a token");
}

#[test]
fn every_other_token_is_refused_and_its_bearer_told_why() {
    let (signer, other) = (Signer::elliptic("a"), Signer::elliptic("a"));
    let issuer = Issuer::start(&[&signer]);
    let host = start(&issuer, "scopes = ['mcp']");
    let good = claims(&issuer);
    let check = |token: &str, words: &str| {
        let words = format!("the token can't be used: {words}");
        let parameters = [
            ("error", "invalid_token"),
            ("error_description", &*words.replace('"', "")),
            ("scope", "mcp"),
            ("resource_metadata", METADATA),
        ];
        check_refused(&bear(&host, token), 401, &challenge(&parameters), &words);
    };
    assert_eq!(bear(&host, &signer.sign(&good)).head.status, 200);
    let aud = format!("it is for another audience than {AUDIENCE}");
    let iss = format!("it is not of the issuer {}", issuer.name());
    for (name, value, words) in [
        ("aud", json!("https://mcp.example.com"), &*aud),
        ("aud", json!([]), &aud),
        ("aud", Value::Null, "it has no `aud`"),
        ("iss", json!("https://evil.example"), &iss),
        ("iss", Value::Null, "it has no `iss`"),
        ("exp", json!(seconds(-3600)), "it has expired"),
        ("exp", Value::Null, "it has no `exp`"),
        ("nbf", json!(seconds(3600)), "it is not valid yet"),
        ("sub", Value::Null, "it has no `sub`"),
    ] {
        check(&signer.sign(&with(&good, name, value)), words);
    }
    check(&other.sign(&good), "its signature is not its issuer's");

    // What nobody signed, and what anybody can sign.
    let encode_part = |part: Value| {
        use base64::Engine as _;
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(part.to_string())
    };
    let unsigned = format!(
        "{}.{}.",
        encode_part(json!({"alg": "none", "kid": "a"})),
        encode_part(good.clone())
    );
    check(&unsigned, "it is none that can be read");
    let header = Header {
        kid: Some("a".to_owned()),
        ..Header::new(Algorithm::HS256)
    };
    let secret = EncodingKey::from_secret(signer.public().as_bytes());
    let symmetric = encode(&header, &good, &secret).expect("a token");
    check(&symmetric, "the algorithm HS256 proves nothing");
    check("x", "it is none that can be read");
    check(&"x".repeat(17_000), "it is too long");
    let unknown = Signer::elliptic("unknown");
    check(&unknown.sign(&good), "its key is none of its issuer's");
}

#[test]
fn scopes_give_roles_and_too_small_ones_are_named() {
    let signer = Signer::elliptic("a");
    let issuer = Issuer::start(&[&signer]);
    let host = start(
        &issuer,
        "scopes = ['mcp']\nrole = ''\n[roles.greeter]\nscope = 'mcp:greet'\ntools = ['hello']\n[roles.tester]\nscope = 'mcp:test'\nplugins = ['everything']",
    );
    let tools = |scope: &str| {
        let token = signer.sign(&with(&claims(&issuer), "scope", json!(scope)));
        post(
            &host,
            "/mcp",
            &[("Authorization", &bearer(&token))],
            "tools/list",
            "",
            json!({}),
        )
    };
    assert_eq!(names(&tools("mcp mcp:greet").json(), "tools"), ["hello"]);
    let of_tester = names(&tools("mcp:test mcp").json(), "tools");
    assert!(of_tester.len() > 5 && !of_tester.contains(&"hello".to_owned()));
    for (has, needed) in [
        ("", "mcp"),
        ("mcp:greet", "mcp"),
        ("mcp", "mcp:greet mcp:test"),
    ] {
        let words = format!("the token lacks a scope: one of `{needed}` is needed");
        let parameters = [
            ("error", "insufficient_scope"),
            ("error_description", &*words),
            ("scope", needed),
            ("resource_metadata", METADATA),
        ];
        check_refused(&tools(has), 403, &challenge(&parameters), &words);
    }
}

#[test]
fn an_issuer_that_changes_its_keys_is_asked_again_but_not_for_everything() {
    let (old, new) = (Signer::elliptic("old"), Signer::elliptic("new"));
    let issuer = Issuer::start(&[&old]);
    let host = start(&issuer, "");
    let good = claims(&issuer);
    assert_eq!(bear(&host, &old.sign(&good)).head.status, 200);
    let unknown = Signer::elliptic("unknown");
    for _ in 0..50 {
        assert_eq!(bear(&host, &unknown.sign(&good)).head.status, 401);
    }
    assert!(issuer.asked() <= 5, "{} times", issuer.asked());
    issuer.rotate(&[&new]);
    until("the new key is known", || {
        (bear(&host, &new.sign(&good)).head.status == 200).then_some(())
    });
    let gone = bear(&host, &old.sign(&with(&good, "sub", json!("bob"))));
    assert_eq!(gone.head.status, 401, "the old key signs no more");
}

#[test]
fn a_host_without_its_issuer_starts_and_says_what_it_lacks() {
    let signer = Signer::elliptic("a");
    let issuer = Issuer::start(&[&signer]);
    let (address, good) = (issuer.address, signer.sign(&claims(&issuer)));
    let keys = Keys::new();
    let key = keys.make("ada", &[]);
    let settings = config(&issuer, "jwks_refresh_ms = 1000\n") + &keys.config("");
    drop(issuer);
    let host = Setup::new().plugin("hello").config(&settings).start();
    let health = || {
        let mut connection = Connection::open(host.address());
        connection
            .exchange("GET", "/health", &[("Authorization", &bearer(&key))], b"")
            .json()
    };
    until("the trouble is told", || {
        let causes = health()["causes"][0].as_str()?.to_owned();
        causes
            .starts_with("the keys of the issuer can't be had: http://")
            .then_some(())
    });
    // Keys of the host's own need nobody.
    assert_eq!(bear(&host, &key).head.status, 200);
    let refused = bear(&host, &good);
    assert!([401, 503].contains(&refused.head.status), "{refused:?}");
    let _issuer = Issuer::start_at(address, &[&signer]);
    until("the issuer is back", || {
        (bear(&host, &good).head.status == 200).then_some(())
    });
    until("all is well", || {
        (health()["status"] == "healthy").then_some(())
    });
}
