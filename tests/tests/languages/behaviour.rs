//! The suite: what each version answers, word for word.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::rc::Rc;
use std::thread;

use fusebox_tests::{Caller, Client, Era, Host, Setup, Way};
use serde_json::{Value, json};

use crate::{JAVASCRIPT, Language, PYTHON, RUST};

const SECRET: &str = "s3cr3t-s3cr3t";

/// Serves one page; gives its origin.
fn page() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            let mut request = [0; 4096];
            let length = stream.read(&mut request).unwrap_or_default();
            let found = request[..length].starts_with(b"GET /page?q=1 HTTP/1.1\r\n");
            let (status, body) = match found {
                true => ("200 OK", "the page"),
                false => ("404 Not Found", ""),
            };
            let length = body.len();
            let _ = write!(
                stream,
                "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
            );
        }
    });
    format!("http://{address}")
}

fn setup(language: Language, isolation: &str, origin: &str) -> Setup {
    Setup::new()
        .file("behaviour", language.component())
        .variable("BEHAVIOUR_SECRET", SECRET)
        .config(&format!(
            "[plugins.behaviour]\nisolation = \"{isolation}\"\nconcurrent_calls_max = 1\n\
             fuel = 400000000\n\
             [plugins.behaviour.grants.config]\ngreeting = \"Good day\"\n\
             [plugins.behaviour.grants.secrets]\ntoken = {{ env = \"BEHAVIOUR_SECRET\" }}\n\
             [plugins.behaviour.grants.keyvalue]\n\
             [plugins.behaviour.grants.http]\nallow = [\"{origin}\"]\naddresses = [\"127.0.0.1\"]\n"
        ))
}

/// The suite for one language, in each isolation mode.
fn check(language: Language) {
    let origin = page();
    for isolation in ["call", "pooled"] {
        // Shown only if the check fails.
        eprintln!("{} with isolation {isolation}", language.name);
        let host = Rc::new(setup(language, isolation, &origin).start());
        let mut client = Client::modern(&host);
        lists(&mut client);
        values(&mut client);
        errors(&mut client);
        reports(&host);
        questions(&host);
        capabilities(&mut client, &origin);
        resources_and_prompts(&mut client);
        memory(&mut client, isolation);
        faults(&mut client);
        let mut host = Rc::into_inner(host).expect("nobody else has it");
        host.assert_alive();
        let health = host.plugin_health("behaviour");
        assert_eq!(health["faults"], 1, "{health:#}");
    }
}

#[test]
fn rust_behaves() {
    check(RUST);
}

#[test]
fn python_behaves() {
    check(PYTHON);
}

#[test]
fn javascript_behaves() {
    check(JAVASCRIPT);
}

#[track_caller]
fn result(client: &mut Client, method: &str, params: Value) -> Value {
    let outcome = client.request(method, params).outcome();
    outcome.unwrap_or_else(|error| panic!("{method}: {error}"))
}

#[track_caller]
fn structured(client: &mut Client, tool: &str, arguments: Value) -> Value {
    let result = client.call(tool, arguments).expect(tool);
    assert_ne!(result["isError"], true, "{tool}: {result}");
    result["structuredContent"].clone()
}

/// The text of a result that says `isError`.
#[track_caller]
fn failure(client: &mut Client, tool: &str, arguments: Value) -> String {
    let result = client.call(tool, arguments).expect(tool);
    assert_eq!(result["isError"], true, "{tool}: {result}");
    let text = result["content"][0]["text"].as_str();
    text.unwrap_or_else(|| panic!("{tool}: {result}"))
        .to_owned()
}

fn lists(client: &mut Client) {
    let listed = result(client, "tools/list", json!({}));
    let tools = listed["tools"].as_array().expect("a list");
    let names: Vec<&str> = tools
        .iter()
        .filter_map(|tool| tool["name"].as_str())
        .collect();
    let expected = [
        "greet",
        "add",
        "measure",
        "fail",
        "refuse",
        "count",
        "content",
        "ask",
        "keep",
        "kept",
        "increment",
        "setting",
        "secret",
        "fetch",
        "remembered",
        "long",
        "spin",
        "traced",
    ];
    assert_eq!(names, expected);
    let greet = &tools[0];
    assert_eq!(greet["description"], "Greets someone.");
    assert_eq!(greet["annotations"]["readOnlyHint"], true);
    let name = json!({"type": "string", "description": "whom to greet"});
    assert_eq!(greet["inputSchema"]["properties"], json!({"name": name}));
    assert_eq!(greet["inputSchema"]["required"], json!(["name"]));
    assert_eq!(greet["inputSchema"]["additionalProperties"], false);
    assert!(greet.get("outputSchema").is_none(), "{greet}");
    let measure = &tools[2];
    assert_eq!(measure["inputSchema"]["required"], json!(["shapes"]));
    let output = &measure["outputSchema"];
    assert_eq!(output["required"], json!(["area", "unit"]), "{output}");
}

fn values(client: &mut Client) {
    for name in [
        "Ada",
        "Ålesund ünïcode 漢字 🦀",
        "quote \" and \\ and \u{1}",
        "",
    ] {
        let text = client.text("greet", json!({"name": name}));
        assert_eq!(text, format!("Hello, {name}!"));
    }
    let largest = 9_007_199_254_740_991_i64;
    for (a, b) in [(2, 3), (-7, 2), (largest - 1, 1), (-largest, 0)] {
        let sum = structured(client, "add", json!({"a": a, "b": b}));
        assert_eq!(sum["result"].as_f64(), Some((a + b) as f64), "{sum}");
        assert_eq!(sum["result"].to_string(), (a + b).to_string());
    }
    let shapes = json!([{"kind": "square", "size": 2}, {"kind": "circle", "size": 0.5}]);
    let measured = structured(client, "measure", json!({"shapes": shapes}));
    assert_eq!(measured, json!({"area": 4.75, "unit": "m2"}));
    let measured = structured(client, "measure", json!({"shapes": shapes, "unit": "ft2"}));
    assert_eq!(measured["unit"], "ft2");
    let none = structured(client, "measure", json!({"shapes": [], "unit": null}));
    assert_eq!(none["area"].as_f64(), Some(0.0));

    let content = client.call("content", json!({})).expect("content");
    let expected = json!([
        {"type": "text", "text": "words"},
        {"type": "image", "data": "AQID", "mimeType": "image/png"},
        {"type": "audio", "data": "BAU=", "mimeType": "audio/wav"},
        {
            "type": "resource",
            "resource": {"uri": "data://a", "mimeType": "text/plain", "text": "inside"}
        },
    ]);
    assert_eq!(content["content"], expected);
    let long = client.text("long", json!({"length": 100_000}));
    assert_eq!(long, "é".repeat(100_000));
}

fn errors(client: &mut Client) {
    let failed = failure(client, "fail", json!({"message": "no Ω"}));
    assert_eq!(failed, "no Ω");
    let refused = failure(client, "refuse", json!({"value": "red"}));
    assert_eq!(refused, "invalid arguments: `value`: red is not good");
    // Before the handler: the host checks the schema.
    for (arguments, place) in [
        (json!({"a": "1", "b": 1}), "/a"),
        (json!({"a": 1.5, "b": 1}), "/a"),
        (json!({"a": 1}), "b"),
        (json!({"a": 1, "b": 1, "c": 1}), "c"),
    ] {
        let text = failure(client, "add", arguments.clone());
        assert!(text.contains(place), "{arguments}: {text}");
    }
}

/// What comes on the stream of a call.
fn reports(host: &Host) {
    let mut client = Client::legacy(host);
    client.request("logging/setLevel", json!({"level": "debug"}));
    let meta = json!({"progressToken": "p"});
    let params = json!({"name": "count", "arguments": {"to": 2}, "_meta": meta});
    let exchange = client.request("tools/call", params);
    let told: Vec<Value> = exchange
        .notifications
        .iter()
        .map(|one| one["params"].clone())
        .collect();
    let progress = |done: u32| {
        json!({
            "progressToken": "p",
            "progress": f64::from(done),
            "total": 2.0,
            "message": format!("step {done}"),
        })
    };
    let log = |done: u32| json!({"level": "info", "data": {"done": done}});
    let plain = |mut params: Value| {
        // Who logged it is the host's to say.
        params.as_object_mut().map(|params| params.remove("logger"));
        fusebox_tests::with_plain_numbers(params)
    };
    let told: Vec<Value> = told.into_iter().map(plain).collect();
    let expected = [log(1), progress(1), log(2), progress(2)].map(plain);
    assert_eq!(told, expected);
    let result = exchange.message["result"]["content"][0]["text"].clone();
    assert_eq!(result, "counted to 2");
}

/// Two rounds of questions, with a state that the second brings back.
fn questions(host: &Rc<Host>) {
    let all = json!({"elicitation": {"form": {}}, "sampling": {}});
    let mut caller = Caller::open(host, Way::Http, Era::Modern, &all);
    let call = json!({"name": "ask", "arguments": {}});
    let first = caller
        .result("tools/call", call.clone())
        .expect("a question");
    assert_eq!(first["resultType"], "input_required", "{first}");
    let who = &first["inputRequests"]["who"];
    assert_eq!(who["method"], "elicitation/create");
    assert_eq!(who["params"]["message"], "What is your name?");
    let schema = &who["params"]["requestedSchema"];
    let name = json!({"type": "string", "description": "as on your passport"});
    assert_eq!(schema["properties"], json!({"name": name}));
    assert_eq!(schema["required"], json!(["name"]));

    let mut retry = call.clone();
    retry["inputResponses"] = json!({"who": {"action": "accept", "content": {"name": "Ada"}}});
    let second = caller.result("tools/call", retry).expect("another");
    let poem = &second["inputRequests"]["poem"];
    assert_eq!(poem["method"], "sampling/createMessage", "{second}");
    assert_eq!(poem["params"]["maxTokens"], 100);
    let said = &poem["params"]["messages"][0]["content"]["text"];
    assert_eq!(said, "A poem for Ada.");

    let mut last = call.clone();
    let content = json!({"type": "text", "text": "O!"});
    last["inputResponses"] =
        json!({"poem": {"role": "assistant", "model": "m", "content": content}});
    last["requestState"] = second["requestState"].clone();
    let answered = caller.result("tools/call", last).expect("the answer");
    assert_eq!(answered["content"][0]["text"], "ADA: O!", "{answered}");

    let mut declined = call;
    declined["inputResponses"] = json!({"who": {"action": "decline"}});
    let declined = caller.result("tools/call", declined).expect("an answer");
    assert_eq!(declined["isError"], true);
    assert_eq!(
        declined["content"][0]["text"],
        "the user declined to answer"
    );
}

fn capabilities(client: &mut Client, origin: &str) {
    let kept = |client: &mut Client| client.text("kept", json!({"key": "k"}));
    assert_eq!(kept(client), "nothing");
    client
        .call("keep", json!({"key": "k", "value": "värde"}))
        .expect("it is kept");
    assert_eq!(kept(client), "värde");
    for total in [2, 4] {
        let sum = structured(client, "increment", json!({"key": "n"}));
        assert_eq!(sum, json!({"result": total}));
    }
    let setting = client.text("setting", json!({"key": "greeting"}));
    assert_eq!(setting, "Good day");
    assert_eq!(client.text("setting", json!({"key": "other"})), "nothing");
    let length = structured(client, "secret", json!({"key": "token"}));
    assert_eq!(length, json!({"result": SECRET.len()}));
    let none = failure(client, "secret", json!({"key": "other"}));
    assert_eq!(
        none,
        "not granted: this plugin has no secret `other`; add it to its `grants.secrets`"
    );
    let page = client.text("fetch", json!({"url": format!("{origin}/page?q=1")}));
    assert_eq!(page, "the page");
    let absent = failure(client, "fetch", json!({"url": format!("{origin}/absent")}));
    assert_eq!(absent, "the server answered 404");
    // JavaScript's `fetch` has no words of the host's: only that it failed.
    failure(client, "fetch", json!({"url": "http://127.0.0.1:1/"}));
}

fn resources_and_prompts(client: &mut Client) {
    let listed = result(client, "resources/list", json!({}));
    let about = json!({
        "uri": "data://about",
        "name": "about",
        "description": "What this is.",
        "mimeType": "text/plain",
    });
    assert_eq!(listed["resources"][0], about);
    let templates = result(client, "resources/templates/list", json!({}));
    assert_eq!(
        templates["resourceTemplates"][0]["uriTemplate"],
        "data://items/{id}"
    );
    let mut read = |uri: &str| {
        let read = client
            .request("resources/read", json!({"uri": uri}))
            .outcome();
        read.map(|result| result["contents"].clone())
    };
    let contents = json!([{
        "uri": "data://about", "mimeType": "text/plain", "text": "A plugin like two others."
    }]);
    assert_eq!(read("data://about"), Ok(contents));
    let bytes = json!([{"uri": "data://bytes", "mimeType": "image/png", "blob": "AQID"}]);
    assert_eq!(read("data://bytes"), Ok(bytes));
    let item = read("data://items/a%20b").expect("an item");
    assert_eq!(item[0]["text"], r#"{"id":"a b"}"#);
    for absent in ["data://items/none", "data://nothing"] {
        let error = read(absent).expect_err(absent);
        assert!(error.to_string().contains(absent), "{error}");
    }

    let listed = result(client, "prompts/list", json!({}));
    let review = &listed["prompts"][0];
    assert_eq!(review["description"], "Reviews code.");
    let arguments = &review["arguments"];
    assert_eq!(arguments[0]["name"], "code");
    assert_eq!(arguments[0]["description"], "what to review");
    assert_eq!(
        (&arguments[0]["required"], arguments[1]["required"] == true),
        (&json!(true), false)
    );
    let params = json!({"name": "review", "arguments": {"code": "x = 1", "style": "long"}});
    let got = result(client, "prompts/get", params);
    let messages = json!([
        {"role": "user", "content": {"type": "text", "text": "Review (long): x = 1"}},
        {"role": "assistant", "content": {"type": "text", "text": "It is good."}},
    ]);
    assert_eq!(got["messages"], messages);
    let missing = json!({"name": "review", "arguments": {}});
    let error = client.request("prompts/get", missing).outcome();
    let error = error.expect_err("an argument is missing");
    assert!(error.to_string().contains("code"), "{error}");

    let mut complete = |reference: Value, name: &str, value: &str| {
        let argument = json!({"name": name, "value": value});
        let params = json!({"ref": reference, "argument": argument});
        result(client, "completion/complete", params)["completion"]["values"].clone()
    };
    let prompt = json!({"type": "ref/prompt", "name": "review"});
    assert_eq!(
        complete(prompt, "style", "sho"),
        json!(["short", "shouting"])
    );
    let template = json!({"type": "ref/resource", "uri": "data://items/{id}"});
    assert_eq!(complete(template, "id", "a"), json!(["a1", "a2"]));
}

/// A fresh instance never remembers, a pooled one does.
fn memory(client: &mut Client, isolation: &str) {
    let counts = [(); 3].map(|()| {
        let counted = structured(client, "remembered", json!({}));
        counted["result"].as_u64().expect("a number")
    });
    match isolation {
        "call" => assert_eq!(counts, [1, 1, 1]),
        _ => assert_eq!([counts[1], counts[2]], [counts[0] + 1, counts[0] + 2]),
    }
}

/// A handler that never ends is cut off alone.
fn faults(client: &mut Client) {
    let error = client.call("spin", json!({})).expect_err("a fault");
    assert_eq!(error["data"]["reason"], "out_of_fuel", "{error}");
    assert_eq!(client.text("greet", json!({"name": "Ada"})), "Hello, Ada!");
}
