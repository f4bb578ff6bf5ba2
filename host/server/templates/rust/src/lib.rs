//! The plugin `{{name}}`: each function with `#[tool]` is a tool of an MCP server.
//! Its schema, its checks and its descriptions follow from types and comments.

use fusebox_sdk::prelude::*;

/// Greets someone.
#[tool(read_only)]
fn hello(
    /// whom to greet
    name: String,
) -> Result<String, HandlerError> {
    if name.trim().is_empty() {
        return Err("whom shall I greet? The name is empty".into());
    }
    Ok(format!("Hello, {name}!"))
}

fusebox_sdk::plugin! { tools: [hello] }

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn someone_is_greeted() {
        assert_eq!(hello("Ada".to_owned()).unwrap(), "Hello, Ada!");
    }

    #[test]
    fn nobody_is_not_greeted() {
        let error = hello(" ".to_owned()).unwrap_err();
        assert_eq!(error.message(), "whom shall I greet? The name is empty");
    }
}
