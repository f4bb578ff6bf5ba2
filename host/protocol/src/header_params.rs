//! Arguments that a tool wants repeated in HTTP headers (`x-mcp-header`).
//!
//! Owns the rules for the annotation in a tool's schema, read once when the
//! tool is loaded, and the check of a call's `Mcp-Param-*` headers against its
//! arguments. It validates nothing else about a schema.

use http::{HeaderMap, HeaderName};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::error::{RpcError, quoted};
use crate::headers::{decode, encode, mismatch, single};
use crate::json::{JsonKind, member_of, string_of};

/// The key of the annotation.
const ANNOTATION: &str = "x-mcp-header";

/// Why a schema's annotations can't be used. A client that follows the
/// specification would not show such a tool.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    /// The schema is no JSON, or nested deeper than 128 levels.
    #[error("the schema can't be read: {0}")]
    Unreadable(String),
    /// The annotation is not a string that can end a header's name.
    #[error("`x-mcp-header` at {0} must be the end of a header's name, such as \"Region\"")]
    Name(String),
    /// The property is of another type.
    #[error(
        "the property at {0} has `x-mcp-header`, so its type must be string, integer or boolean"
    )]
    Type(String),
    /// Two annotations give the same name, letter case aside.
    #[error("`x-mcp-header` {0:?} is given to two properties; choose another name for one of them")]
    Duplicate(String),
    /// The annotation stands where no argument has a fixed place.
    #[error("`x-mcp-header` at {0} must stand on a property that `properties` alone lead to")]
    Unreachable(String),
}

/// The annotated arguments of one tool.
#[derive(Debug, Clone, Default)]
pub struct HeaderParams {
    params: Vec<HeaderParam>,
}

#[derive(Debug, Clone)]
struct HeaderParam {
    header: HeaderName,
    /// the keys that lead to the argument
    path: Vec<String>,
}

impl HeaderParams {
    /// Reads the annotations of an `inputSchema`.
    ///
    /// # Errors
    /// [`SchemaError`] if one of them breaks the specification's rules.
    pub fn from_schema(schema: &str) -> Result<Self, SchemaError> {
        // Nearly no tool has an annotation: then a search for the key suffices.
        // An escape could hide it, so a schema with one is read in full.
        if !schema.contains(ANNOTATION) && !schema.contains('\\') {
            return Ok(Self::default());
        }
        let schema: Value =
            serde_json::from_str(schema).map_err(|e| SchemaError::Unreadable(e.to_string()))?;
        let mut found = Self::default();
        found.walk(&schema, &mut Vec::new(), Reach::Root)?;
        Ok(found)
    }

    /// Whether no argument is annotated.
    pub fn is_empty(&self) -> bool {
        self.params.is_empty()
    }

    /// Holds the headers of a call against its arguments, the text of a JSON
    /// object. `Mcp-Param-*` headers that the tool doesn't know are ignored.
    ///
    /// # Errors
    /// -32020 if a header is missing for an argument that is there, is there
    /// for one that is not (or is `null`), contradicts it, or is malformed.
    pub fn check(&self, headers: &HeaderMap, arguments: &str) -> Result<(), RpcError> {
        if self.params.is_empty() {
            return Ok(());
        }
        let arguments: &RawValue =
            serde_json::from_str(arguments).map_err(|e| RpcError::invalid_params(e.to_string()))?;
        self.params
            .iter()
            .try_for_each(|param| param.check(headers, arguments))
    }

    /// The headers that a client sends with a call that has these arguments, the
    /// text of a JSON object.
    pub fn headers(&self, arguments: &str) -> Vec<(HeaderName, String)> {
        let Ok(arguments) = serde_json::from_str::<&RawValue>(arguments) else {
            return Vec::new();
        };
        let given = self.params.iter().filter_map(|param| {
            let argument = param.argument(arguments)?;
            let value = match JsonKind::of(argument) {
                JsonKind::String => string_of(argument)?,
                JsonKind::Number | JsonKind::Bool => argument.get().into(),
                // The schema allows none of these.
                JsonKind::Object | JsonKind::Array | JsonKind::Null => return None,
            };
            Some((param.header.clone(), encode(&value).into_owned()))
        });
        given.collect()
    }

    fn walk(
        &mut self,
        node: &Value,
        path: &mut Vec<String>,
        reach: Reach,
    ) -> Result<(), SchemaError> {
        let Value::Object(node) = node else {
            // Arrays of schemas, such as those of `oneOf`.
            let elements = node.as_array().map(Vec::as_slice).unwrap_or_default();
            return elements
                .iter()
                .try_for_each(|element| self.walk(element, path, Reach::Nowhere));
        };
        if let Some(name) = node.get(ANNOTATION) {
            self.annotate(name, node.get("type"), path, reach)?;
        }
        for (key, value) in node {
            match key.as_str() {
                ANNOTATION => {}
                // These hold data that only looks like a schema.
                "enum" | "const" | "default" | "examples" => {}
                "properties" => self.walk_each(value, path, reach.into_property())?,
                "patternProperties" | "$defs" | "definitions" | "dependentSchemas" => {
                    self.walk_each(value, path, Reach::Nowhere)?;
                }
                _ => {
                    path.push(key.clone());
                    self.walk(value, path, Reach::Nowhere)?;
                    path.pop();
                }
            }
        }
        Ok(())
    }

    /// Walks an object whose keys are names and whose values are schemas.
    fn walk_each(
        &mut self,
        schemas: &Value,
        path: &mut Vec<String>,
        reach: Reach,
    ) -> Result<(), SchemaError> {
        for (name, schema) in schemas.as_object().into_iter().flatten() {
            path.push(name.clone());
            self.walk(schema, path, reach)?;
            path.pop();
        }
        Ok(())
    }

    fn annotate(
        &mut self,
        name: &Value,
        kind: Option<&Value>,
        path: &[String],
        reach: Reach,
    ) -> Result<(), SchemaError> {
        let place = || format!("/{}", path.join("/"));
        if reach != Reach::Property {
            return Err(SchemaError::Unreachable(place()));
        }
        let header = name
            .as_str()
            .filter(|name| !name.is_empty())
            .and_then(|name| HeaderName::from_bytes(format!("mcp-param-{name}").as_bytes()).ok())
            .ok_or_else(|| SchemaError::Name(place()))?;
        if !matches!(
            kind.and_then(Value::as_str),
            Some("string" | "integer" | "boolean")
        ) {
            return Err(SchemaError::Type(place()));
        }
        // A `HeaderName` is in lower case.
        if self.params.iter().any(|param| param.header == header) {
            return Err(SchemaError::Duplicate(
                name.as_str().unwrap_or_default().to_owned(),
            ));
        }
        self.params.push(HeaderParam {
            header,
            path: path.to_vec(),
        });
        Ok(())
    }
}

/// How the walk came to a schema.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    Root,
    /// through `properties` alone
    Property,
    /// through anything else
    Nowhere,
}

impl Reach {
    fn into_property(self) -> Self {
        if self == Self::Nowhere {
            Self::Nowhere
        } else {
            Self::Property
        }
    }
}

impl HeaderParam {
    /// What it repeats, if it is there and not `null`.
    fn argument<'a>(&self, arguments: &'a RawValue) -> Option<&'a RawValue> {
        self.path
            .iter()
            .try_fold(arguments, |at, key| member_of(at, key))
            .filter(|raw| JsonKind::of(raw) != JsonKind::Null)
    }

    fn check(&self, headers: &HeaderMap, arguments: &RawValue) -> Result<(), RpcError> {
        let name = self.header.as_str();
        let argument = self.argument(arguments);
        let header = single(headers, name)?.map(decode).transpose()?;
        match (argument, header) {
            (None, None) => Ok(()),
            (None, Some(_)) => Err(mismatch(format!(
                "{name} is given, but the argument `{}` is not",
                self.path.join(".")
            ))),
            // What is no scalar breaks the schema, which another check reports.
            (Some(argument), None)
                if matches!(JsonKind::of(argument), JsonKind::Object | JsonKind::Array) =>
            {
                Ok(())
            }
            (Some(_), None) => Err(mismatch(format!("{name} is missing"))),
            (Some(argument), Some(header)) if agree(argument, &header) => Ok(()),
            (Some(argument), Some(header)) => {
                let body = string_of(argument).unwrap_or_else(|| argument.get().into());
                Err(mismatch(format!(
                    "{name} is {}, but the body says {}",
                    quoted(&header),
                    quoted(&body)
                )))
            }
        }
    }
}

fn agree(argument: &RawValue, header: &str) -> bool {
    match JsonKind::of(argument) {
        JsonKind::String => string_of(argument).is_some_and(|text| text == header),
        JsonKind::Bool => argument.get() == header,
        JsonKind::Number => same_number(argument.get(), header),
        JsonKind::Object | JsonKind::Array | JsonKind::Null => false,
    }
}

/// Whether two texts are one number: `42` and `42.0` are.
fn same_number(body: &str, header: &str) -> bool {
    if let (Ok(body), Ok(header)) = (body.parse::<i128>(), header.parse::<i128>()) {
        return body == header;
    }
    // JSON's own grammar keeps out what Rust would read as well, such as `inf`.
    let number = |text: &str| serde_json::from_str::<f64>(text).ok();
    // Beyond this a double stands for several integers.
    const SAFE_MAX: f64 = 9_007_199_254_740_991.0;
    matches!((number(body), number(header)), (Some(a), Some(b)) if a == b && a.abs() <= SAFE_MAX)
}
