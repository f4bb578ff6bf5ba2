//! What the compiler says to a function that can't be a handler, and what stays
//! of one that can.

use proc_macro2::TokenStream;
use quote::quote;

type Macro = fn(TokenStream, TokenStream) -> TokenStream;

const TOOL: Macro = crate::tool::expand;
const RESOURCE: Macro = crate::resource::expand;
const PROMPT: Macro = crate::prompt::expand;
const COMPLETION: Macro = crate::completion::expand;

/// Expands `#[of(options)] item`, both as text, and looks for an error.
fn check(of: Macro, options: &str, item: &str, expected: &str) {
    let expanded = of(options.parse().unwrap(), item.parse().unwrap()).to_string();
    assert!(expanded.contains("compile_error"), "{item}: {expanded}");
    assert!(expanded.contains(expected), "{item}: {expanded}");
}

/// Expands `#[of(options)] fn f() {}` and finds no error; returns the text.
fn taken(of: Macro, options: &str, item: &str) -> String {
    let expanded = of(options.parse().unwrap(), item.parse().unwrap()).to_string();
    assert!(!expanded.contains("compile_error"), "{item}: {expanded}");
    expanded
}

#[test]
fn what_can_not_be_a_handler_is_refused_by_each_macro() {
    let all = [
        (TOOL, ""),
        (RESOURCE, "uri = \"a:b\""),
        (PROMPT, ""),
        (COMPLETION, "prompt = \"p\", argument = \"a\""),
    ];
    for (of, options) in all {
        check(
            of,
            options,
            "struct S;",
            "stands above a function with a body",
        );
        check(
            of,
            options,
            "fn f();",
            "stands above a function with a body",
        );
        check(of, options, "fn f(&self) {}", "a handler is no method");
        check(of, options, "unsafe fn f() {}", "a handler is not unsafe");
        check(of, options, "fn f() -> impl Sized {}", "names the type");
        check(of, options, "fn f<T>(t: T) {}", "a handler is not generic");
        check(
            of,
            "unknown = 1",
            "fn f(v: &str) {}",
            "unknown option; there are",
        );
    }
    for (of, options) in &all[..3] {
        check(
            *of,
            options,
            "fn f(a: impl Sized) {}",
            "has a type of its own",
        );
        check(
            *of,
            options,
            "fn f((a, b): (u8, u8)) {}",
            "needs a plain name",
        );
        check(
            *of,
            options,
            "fn f(s: &str) {}",
            "take `String` in place of `&str`",
        );
        check(
            *of,
            "name = \"a\", name = \"b\"",
            "fn f() {}",
            "given twice",
        );
        check(
            *of,
            "meta = \"[]\"",
            "fn f() {}",
            "this must be a JSON object",
        );
        check(*of, "meta = \"{\"", "fn f() {}", "this is not JSON: ");
        check(
            *of,
            "icons = \"{}\"",
            "fn f() {}",
            "this must be a JSON array",
        );
    }
}

#[test]
fn what_can_not_be_a_tool_is_refused() {
    check(TOOL, "", "fn é() {}", "1 to 128 of the characters");
    check(
        TOOL,
        "name = \"a b\"",
        "fn f() {}",
        "1 to 128 of the characters",
    );
    check(
        TOOL,
        "name = \"\"",
        "fn f() {}",
        "1 to 128 of the characters",
    );
    check(
        TOOL,
        "",
        "fn f(#[arg(default)] a: Option<u8>) {}",
        "is never `None`",
    );
    check(
        TOOL,
        "",
        "fn f(#[arg(nmae = \"x\")] a: u8) {}",
        "there are name, default, header",
    );
    check(TOOL, "input_schema = S", "fn f() {}", "takes one value");
    check(
        TOOL,
        "input_schema = S",
        "fn f(a: Option<u8>) {}",
        "always there",
    );
    check(
        TOOL,
        "task = \"maybe\"",
        "fn f() {}",
        "this is \\\"optional\\\" or",
    );
    check(
        TOOL,
        "ask_before_task",
        "fn f() {}",
        "is for a tool that may become a task",
    );
    check(TOOL, "cache", "fn f() {}", "say how long");
    check(TOOL, "cache(shared)", "fn f() {}", "say how long");
    check(
        TOOL,
        "cache(ttl = 1)",
        "fn f() {}",
        "there are ttl_ms, shared",
    );
}

#[test]
fn what_can_not_be_a_resource_is_refused() {
    check(RESOURCE, "", "fn f() {}", "say where it is, once");
    check(
        RESOURCE,
        "uri = \"a:b\", uri_template = \"a:{b}\"",
        "fn f() {}",
        "say where it is",
    );
    check(RESOURCE, "uri = \"b\"", "fn f() {}", "begins with a scheme");
    check(
        RESOURCE,
        "uri = \"1:b\"",
        "fn f() {}",
        "begins with a scheme",
    );
    check(
        RESOURCE,
        "uri_template = \"{b}\"",
        "fn f() {}",
        "begins with a scheme",
    );
    check(
        RESOURCE,
        "uri = \"a:{b}\"",
        "fn f() {}",
        "say `uri_template`",
    );
    check(
        RESOURCE,
        "uri = \"a:b\"",
        "fn f(id: u8) {}",
        "`id` is no variable",
    );
    check(
        RESOURCE,
        "uri_template = \"a:{id}\"",
        "fn f() {}",
        "no parameter for the variable `id`",
    );
    check(
        RESOURCE,
        "uri_template = \"a:{id}\"",
        "fn f(id: Option<u8>) {}",
        "always there",
    );
    check(
        RESOURCE,
        "uri_template = \"a:{?id}\"",
        "fn f(id: u8) {}",
        "the operator `?`",
    );
    check(
        RESOURCE,
        "uri_template = \"a:{b}\", size = 1",
        "fn f(b: u8) {}",
        "a size of its own",
    );
    check(
        RESOURCE,
        "uri = \"a:b\", priority = 1.5",
        "fn f() {}",
        "from 0.0 to 1.0",
    );
    check(
        RESOURCE,
        "uri = \"a:b\", audience(all)",
        "fn f() {}",
        "`user` or `assistant`",
    );
}

#[test]
fn what_can_not_be_a_prompt_or_a_completion_is_refused() {
    check(
        PROMPT,
        "",
        "fn f(#[arg(header = \"x\")] a: u8) {}",
        "there are name, title, default",
    );
    check(
        PROMPT,
        "name = \"é\"",
        "fn f() {}",
        "1 to 128 of the characters",
    );
    check(
        COMPLETION,
        "prompt = \"p\"",
        "fn f(v: &str) {}",
        "say which argument",
    );
    check(
        COMPLETION,
        "argument = \"a\"",
        "fn f(v: &str) {}",
        "say what is completed, once",
    );
    let options = "prompt = \"p\", argument = \"a\"";
    check(
        COMPLETION,
        options,
        "fn f() {}",
        "takes what is typed so far",
    );
    check(
        COMPLETION,
        options,
        "fn f(a: &str, b: &Known, c: u8) {}",
        "takes what is typed so far",
    );
}

#[test]
fn hints_become_annotations() {
    let check = |options: &str, expected: &str| {
        let expanded = taken(TOOL, options, "/** d */ fn f() {}");
        assert!(
            expanded.contains(&format!("annotations : {expected} ,")),
            "{expanded}"
        );
    };
    check("title = \"T\"", "None");
    check(
        "read_only, open_world = false",
        r#"Some ("{\"readOnlyHint\":true,\"openWorldHint\":false}")"#,
    );
    check(
        "destructive = true, idempotent",
        r#"Some ("{\"destructiveHint\":true,\"idempotentHint\":true}")"#,
    );
}

#[test]
fn ask_before_task_is_a_member_of_meta() {
    let options = r#"task = "required", ask_before_task, meta = "{\"k\":1}""#;
    let expanded = taken(TOOL, options, "/** d */ fn f() {}");
    let meta = r#"meta : Some ("{\"fusebox/askBeforeTask\":true,\"k\":1}")"#;
    assert!(expanded.contains(meta), "{expanded}");
    assert!(expanded.contains("TaskSupport :: Required"), "{expanded}");
}

#[test]
fn the_function_stays_without_the_helper_attributes() {
    let item = quote! { pub fn f(#[doc = "d"] #[arg(default = 1)] a: u8) -> u8 { a } }.to_string();
    let function = quote! { pub fn f(a: u8) -> u8 { a } }.to_string();
    for (of, options) in [
        (TOOL, ""),
        (TOOL, "unknown"),
        (PROMPT, ""),
        (RESOURCE, "uri = \"a:b\""),
    ] {
        let expanded = of(options.parse().unwrap(), item.parse().unwrap()).to_string();
        assert!(expanded.contains(&function), "{expanded}");
    }
}

#[test]
fn a_tool_without_words_is_refused() {
    check(TOOL, "", "fn f() {}", "a tool says what it does");
    check(
        TOOL,
        "",
        "#[doc(hidden)] fn f() {}",
        "a tool says what it does",
    );
    taken(TOOL, "description = \"d\"", "fn f() {}");
    taken(TOOL, "", "#[doc = include_str!(\"f.md\")] fn f() {}");
    taken(PROMPT, "", "fn f() {}");
}

#[test]
fn an_async_function_is_run_to_its_end() {
    let all = [
        (TOOL, "description = \"d\""),
        (RESOURCE, "uri = \"a:b\""),
        (PROMPT, ""),
        (COMPLETION, "prompt = \"p\", argument = \"a\""),
    ];
    for (of, options) in all {
        let item = match options.contains("argument") {
            true => "fn f(v: &str) {}",
            false => "fn f() {}",
        };
        assert!(!taken(of, options, item).contains("block_on"));
        let expanded = taken(of, options, &format!("async {item}"));
        assert!(
            expanded.contains(":: fusebox_sdk :: block_on (f ("),
            "{expanded}"
        );
    }
}

#[test]
fn the_context_is_no_argument() {
    for (of, options) in [(TOOL, ""), (PROMPT, ""), (RESOURCE, "uri = \"a:b\"")] {
        check(of, options, "fn f(c: &mut Context) {}", "take `&Context`");
        let item = "fn f(c: Option<Context>) {}";
        check(of, options, item, "the context is always there");
        let item = "fn f(#[arg(default)] c: &Context) {}";
        check(of, options, item, "the context is no argument");
    }
    // What is said of it is for whoever reads the function.
    let expanded = taken(PROMPT, "", "fn f(#[doc = \"d\"] c: &Context) {}");
    assert!(expanded.contains("fn f (c : & Context)"), "{expanded}");
    let options = "prompt = \"p\", argument = \"a\"";
    let item = "fn f(c: &Context, k: Known, #[doc = \"d\"] v: String) {}";
    let expanded = taken(COMPLETION, options, item);
    assert!(expanded.contains("f (__context , :: core :: clone :: Clone :: clone (__known) , "));
    assert!(expanded.contains("v : String)"), "{expanded}");
}

#[test]
fn plugin_finds_a_function_that_is_refused() {
    let refused = |of: Macro, options: &str, item: &str| {
        let expanded = of(options.parse().unwrap(), item.parse().unwrap()).to_string();
        expanded.contains("Definition :: refused (\"f\")")
    };
    assert!(refused(TOOL, "", "fn f() {}"));
    assert!(refused(PROMPT, "x", "fn f() {}"));
    assert!(refused(RESOURCE, "", "fn f() {}"));
    assert!(refused(COMPLETION, "", "fn f() {}"));
    // Nothing can stand beside a method.
    assert!(!refused(TOOL, "", "fn f(&self) {}"));
}

#[test]
fn text_is_a_default_of_text() {
    let options = "description = \"d\"";
    let expanded = taken(TOOL, options, "fn f(#[arg(default = \"x\")] a: String) {}");
    assert!(
        expanded.contains("From < & str >> :: from (\"x\")"),
        "{expanded}"
    );
}
