//! The attribute macro of `fusebox-sdk`. It only reads tokens and writes
//! tables: whatever can be a function is one, in `fusebox-sdk`, from where
//! plugins use this macro.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod expand;
mod options;
mod parameters;

use proc_macro::TokenStream;

/// Makes a tool of a function. The function itself stays as it is.
///
/// Doc comments describe the tool and, on parameters, its arguments. A
/// parameter of type `Option<T>` may be left out, and so may one with a
/// default; a parameter of type `&Context` is no argument. The schemas of
/// arguments and result follow from the types, which derive
/// `schemars::JsonSchema` if they are your own.
///
/// Of the tool, in parentheses:
/// - `name = "..."`, if it is not to be called like the function;
/// - `title = "..."`, a name for people;
/// - `description = "..."`, in place of the doc comment;
/// - `read_only`, `destructive`, `idempotent`, `open_world`, each alone or with
///   `= false`: hints for the client;
/// - `meta = r#"{...}"#`: MCP's `_meta`, a JSON object;
/// - `input_schema = S`, a constant with a JSON Schema: the function then takes
///   one value, which the whole object of the arguments is read into;
/// - `output_schema = S`, a constant, in place of what the type says.
///
/// Of a parameter, with `#[arg(...)]`:
/// - `name = "..."`, if it is not to be called like the parameter;
/// - `default` or `default = expression`: what it is if it isn't given;
/// - `header = "X"`: a header `Mcp-Param-X` carries it too.
#[proc_macro_attribute]
pub fn tool(options: TokenStream, item: TokenStream) -> TokenStream {
    expand::tool(options.into(), item.into()).into()
}
