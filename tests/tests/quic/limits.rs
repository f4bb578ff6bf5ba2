//! Proves what bounds QUIC connections: streams, connections, and time without
//! either.

use fusebox_tests::Setup;
use quinn::{ConnectionError, TransportErrorCode};
use serde_json::json;

use super::client::{Client, LINES, Session, in_time};
use super::{call, closed_with, figures, text};

fn setup(config: &str) -> Setup {
    Setup::new().plugin("hello").encrypted("").config(config)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_more_stream_than_may_be_open_waits() {
    let host = setup("[quic]\nstreams_max = 3").start();
    let connection = Client::new(&host, LINES).connect().await;
    let hello = call(1, "hello", json!({"name": "Ada"}));
    let mut sessions = Vec::new();
    for _ in 0..3 {
        let mut session = Session::open(&connection).await;
        assert_eq!(text(&session.answer(&hello).await), "Hello, Ada!");
        sessions.push(session);
    }
    figures(&host, 1, 3);
    let opening = connection.open_bi();
    tokio::pin!(opening);
    // Had the host allowed it, it would have done so by now: it has answered since.
    tokio::select! {
        biased;
        _ = &mut opening => panic!("a fourth stream is open"),
        answer = sessions[0].answer(&hello) => assert_eq!(text(&answer), "Hello, Ada!"),
    }
    // One ends, and the one that waits takes its place.
    sessions[1].send.finish().expect("the stream is open");
    assert_eq!(sessions[1].receive().await, None);
    let mut fourth = Session::of(in_time(opening).await.expect("a stream"));
    assert_eq!(text(&fourth.answer(&hello).await), "Hello, Ada!");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_more_than_may_be_open_is_refused() {
    let host = setup("max_connections = 2").start();
    let client = Client::new(&host, LINES);
    // The requests that saw the host start may take a moment to go.
    let mut open = Vec::new();
    while open.len() < 2 {
        if let Ok(connection) = client.try_connect().await {
            open.push(connection);
        }
    }
    let refused = client.try_connect().await.expect_err("one too many");
    let ConnectionError::ConnectionClosed(close) = &refused else {
        panic!("{refused:?}");
    };
    assert_eq!(close.error_code, TransportErrorCode::CONNECTION_REFUSED);
    // They count for every listener.
    let mut session = Session::open(&open[0]).await;
    let hello = call(1, "hello", json!({"name": "Ada"}));
    assert_eq!(text(&session.answer(&hello).await), "Hello, Ada!");
    open[1].close(0_u32.into(), b"");
    figures(&host, 1, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_without_a_stream_is_closed_and_one_with_a_session_stays() {
    let host = setup("[quic]\nidle_timeout_ms = 300").start();
    let client = Client::new(&host, LINES);
    let used = client.connect().await;
    let mut session = Session::open(&used).await;
    let hello = call(1, "hello", json!({"name": "Ada"}));
    assert_eq!(text(&session.answer(&hello).await), "Hello, Ada!");
    let unused = client.connect().await;
    assert_eq!(closed_with(&in_time(unused.closed()).await), Some(0));
    // Silent for longer than that, and alive: the host asks for signs of life.
    let unused = client.connect().await;
    assert_eq!(closed_with(&in_time(unused.closed()).await), Some(0));
    assert_eq!(text(&session.answer(&hello).await), "Hello, Ada!");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_is_idle_is_ended() {
    let host = setup("[stream]\nidle_timeout_ms = 100").start();
    let connection = Client::new(&host, LINES).connect().await;
    let mut session = Session::open(&connection).await;
    let hello = call(1, "hello", json!({"name": "Ada"}));
    assert_eq!(text(&session.answer(&hello).await), "Hello, Ada!");
    assert_eq!(session.receive().await, None, "the session ends");
    figures(&host, 1, 0);
}
