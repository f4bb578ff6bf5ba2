//! Questions that the fixture's handlers ask, the answers to them, and what
//! becomes of it. Checks nothing by itself.

use fusebox_tests::Setup;
use serde_json::{Value, json};

pub(crate) fn setup() -> Setup {
    Setup::new().plugin("everything")
}

/// A host that waits for an answer for one second.
pub(crate) fn impatient() -> Setup {
    setup().config("[session]\nask_timeout_ms = 1000")
}

pub(crate) fn able() -> Value {
    json!({"elicitation": {"form": {}, "url": {}}, "sampling": {}, "roots": {}})
}

/// A question as a client gets it, and the answer that it will give.
pub(crate) struct Question {
    pub(crate) key: &'static str,
    pub(crate) method: &'static str,
    /// null: a modern client is given none, a legacy one an empty object
    pub(crate) params: Value,
    pub(crate) answer: Value,
}

/// A request, the rounds of questions that it takes, and the result of a legacy
/// client in the end.
pub(crate) struct Case {
    pub(crate) method: &'static str,
    pub(crate) params: Value,
    /// with each round, whether there is a state to bring back
    pub(crate) rounds: Vec<(Vec<Question>, bool)>,
    pub(crate) result: Value,
}

pub(crate) fn elicit(
    key: &'static str,
    message: &str,
    properties: Value,
    content: Value,
) -> Question {
    let required: Vec<&String> = properties.as_object().expect("an object").keys().collect();
    let schema = json!({"type": "object", "properties": properties, "required": required});
    Question {
        key,
        method: "elicitation/create",
        params: json!({"message": message, "requestedSchema": schema}),
        answer: json!({"action": "accept", "content": content}),
    }
}

pub(crate) fn text_field() -> Value {
    json!({"type": "string"})
}

pub(crate) fn user_name() -> Question {
    let properties = json!({"name": text_field()});
    elicit(
        "user_name",
        "What is your name?",
        properties,
        json!({"name": "Ada"}),
    )
}

pub(crate) fn sample(key: &'static str, prompt: &str, tokens_max: u32, answer: &str) -> Question {
    let text = |text: &str| json!({"type": "text", "text": text});
    Question {
        key,
        method: "sampling/createMessage",
        params: json!({
            "messages": [{"role": "user", "content": text(prompt)}],
            "maxTokens": tokens_max,
        }),
        answer: json!({"role": "assistant", "content": text(answer), "model": "m", "stopReason": "endTurn"}),
    }
}

pub(crate) fn roots() -> Question {
    Question {
        key: "client_roots",
        method: "roots/list",
        params: Value::Null,
        answer: json!({"roots": [{"uri": "file:///a", "name": "A"}, {"uri": "file:///b"}]}),
    }
}

pub(crate) fn confirm() -> Question {
    let properties = json!({"ok": {"type": "boolean"}});
    elicit("confirm", "Please confirm", properties, json!({"ok": true}))
}

pub(crate) fn person(message: &str, name: &str) -> Question {
    let properties = json!({
        "username": {"type": "string", "description": "User's response"},
        "email": {"type": "string", "description": "User's email address"},
    });
    let mut question = elicit(
        "form",
        message,
        properties,
        json!({"username": name, "email": "@"}),
    );
    // In the order of the struct.
    question.params["requestedSchema"]["required"] = json!(["username", "email"]);
    question
}

pub(crate) fn text_result(text: &str) -> Value {
    json!({"content": [{"type": "text", "text": text}]})
}

pub(crate) fn failed(text: &str) -> Value {
    json!({"content": [{"type": "text", "text": text}], "isError": true})
}

pub(crate) fn tool(
    name: &str,
    arguments: Value,
    rounds: Vec<(Vec<Question>, bool)>,
    text: &str,
) -> Case {
    Case {
        method: "tools/call",
        params: json!({"name": name, "arguments": arguments}),
        rounds,
        result: text_result(text),
    }
}

pub(crate) fn round_tool(name: &str, rounds: Vec<(Vec<Question>, bool)>, text: &str) -> Case {
    let name = format!("test_input_required_result_{name}");
    tool(&name, json!({}), rounds, text)
}

pub(crate) fn cases() -> Vec<Case> {
    let capital = sample(
        "capital_question",
        "What is the capital of France?",
        100,
        "Paris",
    );
    let greeting = sample("greeting", "Generate a greeting", 50, "Hi");
    let step = |key, message: &str, field: &str| {
        elicit(
            key,
            message,
            json!({field: text_field()}),
            json!({field: "x"}),
        )
    };
    let step1 = step("step1", "Step 1: What is your name?", "name");
    let step2 = step("step2", "Step 2: What is your favorite color?", "color");
    let context = step(
        "user_context",
        "What context should the prompt use?",
        "context",
    );
    let visit = Question {
        key: "sign_in",
        method: "elicitation/create",
        params: json!({"mode": "url", "message": "Please sign in", "url": "https://example.com/sign-in"}),
        answer: json!({"action": "accept"}),
    };
    let greeted =
        json!([{"uri": "test://input-required", "mimeType": "text/plain", "text": "Hello, Ada!"}]);
    let prompted = json!({"type": "text", "text": "Prompt with elicited context: x"});
    vec![
        round_tool(
            "elicitation",
            vec![(vec![user_name()], false)],
            "Hello, Ada!",
        ),
        round_tool(
            "sampling",
            vec![(vec![capital], false)],
            "Sampling response: Paris",
        ),
        round_tool(
            "list_roots",
            vec![(vec![roots()], false)],
            "Client roots: [file:///a, file:///b]",
        ),
        round_tool(
            "request_state",
            vec![(vec![confirm()], true)],
            "Confirmed: state-ok",
        ),
        round_tool(
            "multiple_inputs",
            vec![(vec![user_name(), greeting, roots()], true)],
            "All inputs received",
        ),
        // Three requests of a modern client.
        round_tool(
            "multi_round",
            vec![(vec![step1], true), (vec![step2], true)],
            "Multi-round flow complete",
        ),
        tool(
            "test_elicitation",
            json!({"message": "Who?"}),
            vec![(vec![person("Who?", "ada")], false)],
            r#"User response: action=accept, content={"username":"ada","email":"@"}"#,
        ),
        tool(
            "test_elicitation_url",
            json!({}),
            vec![(vec![visit], false)],
            "Elicitation completed: action=accept",
        ),
        Case {
            method: "resources/read",
            params: json!({"uri": "test://input-required"}),
            rounds: vec![(vec![user_name()], false)],
            result: json!({"contents": greeted}),
        },
        Case {
            method: "prompts/get",
            params: json!({"name": "test_input_required_result_prompt"}),
            rounds: vec![(vec![context], false)],
            result: json!({
                "description": "A prompt built from elicited context",
                "messages": [{"role": "user", "content": prompted}],
            }),
        },
    ]
}

pub(crate) fn error(code: i64, message: &str) -> Value {
    json!({"code": code, "message": message})
}
