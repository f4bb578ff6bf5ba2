//! Proves that a QUIC listener serves a session on each stream, over real QUIC:
//! exact answers, many streams, and an end in order.

mod certificates;
mod client;
mod handshakes;
mod limits;

use client::{Client, LINES, Session, in_time};
use fusebox_tests::{Host, Setup, Successors, initialize_line, modern_meta};
use quinn::ConnectionError;
use serde_json::{Value, json};

fn setup() -> Setup {
    Setup::new()
        .plugin("hello")
        .plugin("everything")
        .plugin("misbehave")
        .encrypted("")
}

fn request(id: impl Into<Value>, method: &str, params: Value) -> Value {
    json!({"jsonrpc": "2.0", "id": id.into(), "method": method, "params": params})
}

fn call(id: impl Into<Value>, tool: &str, arguments: Value) -> Value {
    request(
        id,
        "tools/call",
        json!({"name": tool, "arguments": arguments}),
    )
}

fn modern(mut message: Value) -> Value {
    message["params"]["_meta"] = modern_meta();
    message
}

fn text(answer: &Value) -> &Value {
    &answer["result"]["content"][0]["text"]
}

/// The application's code that closed a connection.
fn closed_with(error: &ConnectionError) -> Option<u64> {
    match error {
        ConnectionError::ApplicationClosed(close) => Some(close.error_code.into_inner()),
        _ => None,
    }
}

fn figures(host: &Host, connections: u64, streams: u64) {
    host.health_when("QUIC is counted", |health| {
        health["quic_connections"] == connections && health["quic_streams"] == streams
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_stream_is_a_session_of_its_own() {
    let host = setup().start();
    let connection = Client::new(&host, LINES).connect().await;
    let mut one = Session::open(&connection).await;
    let mut other = Session::open(&connection).await;

    let mut older = initialize_line(1);
    older["params"]["protocolVersion"] = json!("2025-03-26");
    let agreed = one.answer(&older).await;
    assert_eq!(
        agreed["result"]["protocolVersion"], "2025-03-26",
        "{agreed}"
    );
    let agreed = other.answer(&initialize_line(1)).await;
    assert_eq!(
        agreed["result"]["protocolVersion"], "2025-11-25",
        "{agreed}"
    );

    let answer = one.answer(&call(2, "hello", json!({"name": "Ada"}))).await;
    assert_eq!(text(&answer), "Hello, Ada!", "{answer}");
    let answer = other
        .answer(&call(2, "hello", json!({"name": "Bob"})))
        .await;
    assert_eq!(text(&answer), "Hello, Bob!", "{answer}");
    let answer = other.answer(&call(3, "no_such_tool", json!({}))).await;
    assert_eq!(answer["error"]["code"], -32602, "{answer}");
    figures(&host, 1, 2);

    // The end of one is not the end of the other.
    one.send.finish().expect("the stream is open");
    assert_eq!(one.receive().await, None);
    figures(&host, 1, 1);
    let answer = other
        .answer(&modern(call(4, "hello", json!({"name": "Eve"}))))
        .await;
    assert_eq!(text(&answer), "Hello, Eve!", "{answer}");
    connection.close(0_u32.into(), b"");
    figures(&host, 0, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn progress_questions_and_changes_come_on_the_stream_of_their_session() {
    let host = setup().start();
    let connection = Client::new(&host, LINES).connect().await;
    let mut session = Session::open(&connection).await;
    let mut begin = initialize_line(1);
    begin["params"]["capabilities"] = json!({"elicitation": {}});
    session.answer(&begin).await;
    let ready = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    session.send(&ready).await;

    let mut progress = call(2, "test_tool_with_progress", json!({}));
    progress["params"]["_meta"] = json!({"progressToken": "p"});
    let (before, answer) = session.exchange(&progress).await;
    let steps: Vec<_> = before
        .iter()
        .map(|one| &one["params"]["progress"])
        .collect();
    assert_eq!(json!(steps), json!([0.0, 50.0, 100.0]));
    assert_eq!(text(&answer), "Progress test completed", "{answer}");

    session
        .send(&call(3, "test_elicitation", json!({"message": "Who?"})))
        .await;
    let question = session.receive().await.expect("a question");
    assert_eq!(question["method"], "elicitation/create", "{question}");
    let content = json!({"username": "ada", "email": "ada@example.org"});
    let accepted = json!({"action": "accept", "content": content});
    let told = json!({"jsonrpc": "2.0", "id": question["id"], "result": accepted});
    session.send(&told).await;
    let answer = session.receive().await.expect("an answer");
    assert_eq!(
        text(&answer),
        r#"User response: action=accept, content={"username":"ada","email":"ada@example.org"}"#,
    );

    // Another session causes a change, of which this one hears.
    let mut other = Session::open(&connection).await;
    other
        .answer(&modern(call(1, "test_trigger_tool_change", json!({}))))
        .await;
    let changed = session.receive().await.expect("a change");
    assert_eq!(changed["method"], "notifications/tools/list_changed");

    let filter = json!({"notifications": {"toolsListChanged": true}});
    other
        .send(&modern(request("s", "subscriptions/listen", filter)))
        .await;
    let begun = other.receive().await.expect("an acknowledgement");
    assert_eq!(begun["method"], "notifications/subscriptions/acknowledged");
    session
        .answer(&call(4, "test_trigger_tool_change", json!({})))
        .await;
    let changed = other.receive().await.expect("a change");
    let meta = &changed["params"]["_meta"];
    assert_eq!(
        meta["io.modelcontextprotocol/subscriptionId"], "s",
        "{changed}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_streams_of_one_connection_are_served_at_once() {
    let host = setup().start();
    let connection = Client::new(&host, LINES).connect().await;
    let mut sessions = Vec::new();
    for index in 0..100 {
        let mut session = Session::open(&connection).await;
        session.send(&call(index, "sleep", json!({"ms": 50}))).await;
        let hello = call(1000 + index, "hello", json!({"name": format!("n{index}")}));
        session.send(&hello).await;
        sessions.push(session);
    }
    for (index, session) in sessions.iter_mut().enumerate() {
        let mut answers = [session.receive().await, session.receive().await]
            .map(|answer| answer.expect("an answer"));
        answers.sort_by_key(|answer| answer["id"].as_u64());
        assert_eq!(answers[0]["id"], index);
        assert_eq!(text(&answers[0]), "ok");
        assert_eq!(text(&answers[1]), &json!(format!("Hello, n{index}!")));
    }
    figures(&host, 1, 100);
    drop(sessions);
    figures(&host, 1, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_that_goes_away_ends_its_calls() {
    let host = setup().start();
    let client = Client::new(&host, LINES);
    let sleep = call(1, "sleep", json!({"ms": 60_000}));

    // It wants no answer any more, and has said that nothing more comes.
    let connection = client.connect().await;
    let mut session = Session::open(&connection).await;
    session.send(&sleep).await;
    session.send.finish().expect("the stream is open");
    host.health_when("the call runs", |health| health["calls_in_flight"] == 1);
    drop(session);
    host.health_when("it has ended", |health| health["calls_in_flight"] == 0);

    let mut session = Session::open(&connection).await;
    session.send(&sleep).await;
    host.health_when("the call runs", |health| health["calls_in_flight"] == 1);
    connection.close(0_u32.into(), b"");
    host.health_when("it has ended", |health| health["calls_in_flight"] == 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_stops_answers_what_it_has_and_closes_in_order() {
    let mut host = setup().start();
    let client = Client::new(&host, LINES);
    let connection = client.connect().await;
    let idle = client.connect().await;
    let mut session = Session::open(&connection).await;
    session.send(&call(1, "sleep", json!({"ms": 1500}))).await;
    host.health_when("the call runs", |health| health["calls_in_flight"] == 1);
    host.terminate();
    assert_eq!(closed_with(&in_time(idle.closed()).await), Some(0));
    let answer = session.receive().await.expect("the call is answered");
    assert_eq!(text(&answer), "ok", "{answer}");
    assert_eq!(session.receive().await, None, "the session ends");
    assert_eq!(closed_with(&in_time(connection.closed()).await), Some(0));
    assert_eq!(host.wait().code(), Some(0), "{}", host.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_is_replaced_closes_in_order_and_the_next_one_is_found() {
    let host = setup().start();
    let connection = Client::new(&host, LINES).connect().await;
    let mut session = Session::open(&connection).await;
    session.send(&call(1, "sleep", json!({"ms": 2000}))).await;
    host.health_when("the call runs", |health| health["calls_in_flight"] == 1);
    let mut successors = Successors::of(host);
    let replaced = tokio::task::spawn_blocking(move || {
        successors.replace();
        successors
    });
    let answer = session.receive().await.expect("the call is answered");
    assert_eq!(text(&answer), "ok", "{answer}");
    assert_eq!(closed_with(&in_time(connection.closed()).await), Some(0));
    let successors = replaced.await.expect("it is replaced");
    // It has made a certificate of its own.
    let connection = Client::new(&successors.host, LINES).connect().await;
    let mut session = Session::open(&connection).await;
    let hello = call(1, "hello", json!({"name": "Ada"}));
    assert_eq!(text(&session.answer(&hello).await), "Hello, Ada!");
}
