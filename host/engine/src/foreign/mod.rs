//! Components that were made for other hosts: each exported function that JSON can
//! call is a tool.
//!
//! It owns which functions those are, how they are listed, and what becomes of a
//! call before and after the instance. It never enters an instance, and sets no
//! limit.

mod arguments;
mod docs;
mod names;
mod results;
mod schema;
mod shape;

use std::sync::Arc;

use wasmtime::component::types::{ComponentFunc, ComponentItem, Type};
use wasmtime::component::{Component, ComponentExportIndex, Val};

use crate::call::Answer;
use crate::contract::types::{
    CallResult, Content, Failure, TaskSupport, TextContent, Tool, ToolOutcome,
};
use crate::fault::{CallError, Fault, FaultKind};
use docs::{Docs, TypeDocs};
use names::Path;
use results::Unwritten;
use shape::{Field, Reader, Shape};

/// Exported functions of one component that are looked at; the rest are not served.
const FUNCTIONS_MAX: usize = 1_000;

/// Bytes of the schemas of one function. The host takes no longer ones.
const SCHEMA_MAX_BYTES: usize = 128 << 10;

/// Bytes of the schemas of all functions: no plugin lists more.
const SCHEMAS_MAX_BYTES: usize = 16 << 20;

/// Characters of a tool's name, as the contract has it.
const NAME_MAX_CHARS: usize = 128;

/// Characters of the words about arguments that don't fit: they may hold what was
/// given.
const WORDS_MAX_CHARS: usize = 300;

/// What a model reads where a function gives nothing.
const DONE: &str = "ok";

/// A component's functions as tools.
#[derive(Debug)]
pub struct Foreign {
    functions: Arc<Vec<Function>>,
    not_served: Arc<Vec<NotServed>>,
    /// bytes that the arguments or results of a call may take as values
    room: usize,
    /// bytes of a result's text
    output_max: usize,
}

/// An exported function that is no tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotServed {
    /// such as `local:shop/stock@1.0.0#count`
    pub function: String,
    /// why not
    pub reason: String,
}

/// One function.
#[derive(Debug)]
struct Function {
    tool: String,
    path: Path,
    index: ComponentExportIndex,
    parameters: Vec<Field>,
    gives: Gives,
    description: String,
    input_schema: String,
    output_schema: Option<String>,
}

/// What a function gives.
#[derive(Debug)]
struct Gives {
    /// none: nothing at all
    value: Option<Shape>,
    /// it gives a `result`; what an error of it holds, if anything
    error: Option<Option<Shape>>,
    /// whether the function has a result in the sense of the component model
    results: usize,
}

/// What the conversion of a call may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) room: usize,
    pub(crate) output_max: usize,
}

/// A call that is ready to enter an instance.
pub(crate) struct Prepared<'a> {
    function: &'a Function,
    pub(crate) parameters: Vec<Val>,
}

impl Prepared<'_> {
    /// Where the function is.
    pub(crate) fn index(&self) -> &ComponentExportIndex {
        &self.function.index
    }

    /// Places for what it gives.
    pub(crate) fn results(&self) -> Vec<Val> {
        vec![Val::Bool(false); self.function.gives.results]
    }
}

impl Foreign {
    /// Looks at what a component exports. `file` is what it was made of.
    pub(crate) fn of(
        engine: &wasmtime::Engine,
        component: &Component,
        file: &[u8],
        bounds: Bounds,
    ) -> Self {
        let docs = Docs::of(file);
        let mut found = Found::default();
        found.collect(engine, component, &docs);
        let paths: Vec<Path> = found.functions.iter().map(|one| one.path.clone()).collect();
        let (mut functions, mut not_served) = (Vec::<Function>::new(), found.not_served);
        let mut schemas_left = SCHEMAS_MAX_BYTES;
        for (candidate, tool) in found.functions.into_iter().zip(names::choose(&paths)) {
            let shown = candidate.path.shown();
            let documented = &found.documented[candidate.documented];
            let known = functions.iter().any(|other| other.tool == tool);
            let made = match known {
                true => Err(format!("another function is the tool `{tool}`")),
                false => function(candidate, tool, documented, &docs, &mut schemas_left),
            };
            match made {
                Ok(function) => functions.push(function),
                Err(reason) => not_served.push(NotServed {
                    function: shown,
                    reason,
                }),
            }
        }
        Self {
            functions: Arc::new(functions),
            not_served: Arc::new(not_served),
            room: bounds.room,
            output_max: bounds.output_max,
        }
    }

    /// The same functions within other bounds.
    pub(crate) fn with(&self, bounds: Bounds) -> Self {
        Self {
            functions: self.functions.clone(),
            not_served: self.not_served.clone(),
            room: bounds.room,
            output_max: bounds.output_max,
        }
    }

    /// Tools and the functions behind them.
    pub fn functions(&self) -> impl Iterator<Item = (&str, String)> {
        let functions = self.functions.iter();
        functions.map(|function| (function.tool.as_str(), function.path.shown()))
    }

    /// The functions that are no tools.
    pub fn not_served(&self) -> &[NotServed] {
        &self.not_served
    }

    pub(crate) fn list(&self) -> Answer {
        let tools = self.functions.iter().map(|function| Tool {
            name: function.tool.clone(),
            title: None,
            description: Some(function.description.clone()),
            input_schema: function.input_schema.clone(),
            output_schema: function.output_schema.clone(),
            annotations: None,
            icons: None,
            task_support: TaskSupport::Forbidden,
            cache: None,
            meta: None,
        });
        Answer::Tools(Ok(tools.collect()))
    }

    /// Makes values of the arguments, or says what is wrong with them.
    pub(crate) fn prepare(&self, tool: &str, arguments: &str) -> Result<Prepared<'_>, Failure> {
        let mut functions = self.functions.iter();
        let function = functions.find(|function| function.tool == tool);
        let function = function.ok_or_else(|| Failure::NotFound(tool.to_owned()))?;
        let parameters =
            arguments::read(&function.parameters, arguments, self.room).map_err(|words| {
                Failure::InvalidParams(words.chars().take(WORDS_MAX_CHARS).collect())
            })?;
        Ok(Prepared {
            function,
            parameters,
        })
    }

    /// Makes an answer of what the function gave.
    pub(crate) fn answer(
        &self,
        call: &Prepared<'_>,
        mut results: Vec<Val>,
    ) -> Result<Answer, CallError> {
        let result = self.result(&call.function.gives, results.pop());
        let result = result.map_err(|unwritten| {
            let (kind, detail) = match unwritten {
                Unwritten::TooLong => (FaultKind::Output, "its JSON is too long"),
                Unwritten::OtherType => {
                    let what = "a value is not of its type";
                    (FaultKind::InvalidOutput(what.to_owned()), what)
                }
            };
            CallError::Fault(Fault {
                kind,
                detail: detail.to_owned(),
            })
        })?;
        Ok(Answer::Tool(Ok(ToolOutcome::Complete(result))))
    }

    fn result(&self, gives: &Gives, value: Option<Val>) -> Result<CallResult, Unwritten> {
        let (shape, value, is_error) = match (&gives.error, value) {
            (Some(error), Some(Val::Result(Err(value)))) => (error.as_ref(), value, true),
            (Some(_), Some(Val::Result(Ok(value)))) => (gives.value.as_ref(), value, false),
            (None, Some(value)) => (gives.value.as_ref(), Some(Box::new(value)), false),
            (None, None) => (None, None, false),
            (Some(_), _) => return Err(Unwritten::OtherType),
        };
        let (Some(shape), Some(value)) = (shape, value) else {
            let words = if is_error { "error" } else { DONE };
            return Ok(said(words.to_owned(), None, is_error));
        };
        let json = results::text(shape, &value, self.output_max)?;
        // For a model, text is text.
        let words = match *value {
            Val::String(text) => text,
            _ => json.clone(),
        };
        // What an error holds is not what the output schema promises.
        let structured = (!is_error).then(|| match shape {
            Shape::Record(..) => json,
            _ => format!(r#"{{"{}":{json}}}"#, schema::RESULT),
        });
        Ok(said(words, structured, is_error))
    }
}

fn said(text: String, structured: Option<String>, is_error: bool) -> CallResult {
    CallResult {
        content: vec![Content::Text(TextContent {
            text,
            annotations: None,
            meta: None,
        })],
        structured,
        is_error,
        meta: None,
    }
}

/// What is exported, before its types are read.
#[derive(Default)]
struct Found {
    functions: Vec<Candidate>,
    not_served: Vec<NotServed>,
    /// the named types in sight of a function, a list for each place
    documented: Vec<Vec<(Type, TypeDocs)>>,
}

struct Candidate {
    path: Path,
    index: ComponentExportIndex,
    ty: ComponentFunc,
    /// where its types are in `Found::documented`
    documented: usize,
}

impl Found {
    fn collect(&mut self, engine: &wasmtime::Engine, component: &Component, docs: &Docs) {
        let exports = component.component_type();
        self.documented.push(Vec::new());
        for (name, item) in exports.exports(engine) {
            let index = component.get_export_index(None, name);
            match (item.ty, index) {
                (ComponentItem::ComponentFunc(ty), Some(index)) => {
                    self.function(None, name, index, ty, 0);
                }
                (ComponentItem::ComponentInstance(_), _) if name.starts_with("wasi:") => {
                    let reason = "it is an interface of WASI, for hosts of another kind".to_owned();
                    self.refuse(name.to_owned(), reason);
                }
                (ComponentItem::ComponentInstance(instance), Some(index)) => {
                    self.documented.push(Vec::new());
                    let place = self.documented.len() - 1;
                    let short = Path {
                        interface: Some(name.to_owned()),
                        function: String::new(),
                    };
                    let short = short.short_interface();
                    for (item_name, item) in instance.exports(engine) {
                        match item.ty {
                            ComponentItem::ComponentFunc(ty) => {
                                let inner = component.get_export_index(Some(&index), item_name);
                                if let Some(index) = inner {
                                    self.function(Some(name), item_name, index, ty, place);
                                }
                            }
                            ComponentItem::Type(ty) => {
                                self.document(place, ty, docs.named_type(short, item_name));
                            }
                            _ => {}
                        }
                    }
                }
                (ComponentItem::Type(ty), _) => self.document(0, ty, docs.named_type(None, name)),
                _ => {}
            }
        }
    }

    fn document(&mut self, place: usize, ty: Type, docs: Option<TypeDocs>) {
        if let Some(docs) = docs {
            self.documented[place].push((ty, docs));
        }
    }

    fn function(
        &mut self,
        interface: Option<&str>,
        name: &str,
        index: ComponentExportIndex,
        ty: ComponentFunc,
        documented: usize,
    ) {
        let path = Path {
            interface: interface.map(str::to_owned),
            function: name.to_owned(),
        };
        let reason = if self.functions.len() == FUNCTIONS_MAX {
            format!("at most {FUNCTIONS_MAX} functions of one component are served")
        } else if name.starts_with('[') && !name.starts_with("[async]") {
            "it belongs to a resource, which JSON can't carry".to_owned()
        } else if ty.async_() {
            "it is an async function, which this host doesn't call".to_owned()
        } else {
            self.functions.push(Candidate {
                path,
                index,
                ty,
                documented,
            });
            return;
        };
        self.refuse(path.shown(), reason);
    }

    fn refuse(&mut self, function: String, reason: String) {
        self.not_served.push(NotServed { function, reason });
    }
}

/// Reads the types of a function.
fn function(
    candidate: Candidate,
    tool: String,
    documented: &[(Type, TypeDocs)],
    docs: &Docs,
    schemas_left: &mut usize,
) -> Result<Function, String> {
    let Candidate {
        path, index, ty, ..
    } = candidate;
    if tool.len() > NAME_MAX_CHARS {
        return Err(format!(
            "its name has more than {NAME_MAX_CHARS} characters"
        ));
    }
    let mut reader = Reader::new(documented);
    let parameters = ty.params().map(|(name, ty)| {
        Ok(Field {
            name: name.to_owned(),
            shape: reader.read(&ty)?,
            about: None,
        })
    });
    let parameters = parameters.collect::<Result<Vec<_>, String>>()?;
    let gives = gives(&ty, &mut reader)?;
    let input_schema = schema::object(&parameters);
    let output_schema = gives.value.as_ref().map(schema::result);
    let bytes = input_schema.len() + output_schema.as_ref().map_or(0, String::len);
    if bytes > SCHEMA_MAX_BYTES {
        return Err(format!(
            "its schemas have {bytes} bytes; at most {SCHEMA_MAX_BYTES} are taken"
        ));
    }
    *schemas_left = schemas_left
        .checked_sub(bytes)
        .ok_or_else(|| format!("the schemas before it have {SCHEMAS_MAX_BYTES} bytes already"))?;
    let described = docs.function(path.short_interface(), &path.function);
    Ok(Function {
        description: described.unwrap_or_else(|| plain_words(&path)),
        tool,
        path,
        index,
        parameters,
        gives,
        input_schema,
        output_schema,
    })
}

/// A `result` is an answer or an error; one within another value is a value.
fn gives(ty: &ComponentFunc, reader: &mut Reader<'_>) -> Result<Gives, String> {
    let results = ty.results().len();
    let mut optional = |ty: Option<Type>| ty.map(|ty| reader.read(&ty)).transpose();
    let (value, error) = match ty.results().next() {
        Some(Type::Result(result)) => (optional(result.ok())?, Some(optional(result.err())?)),
        other => (optional(other)?, None),
    };
    Ok(Gives {
        value,
        error,
        results,
    })
}

fn plain_words(path: &Path) -> String {
    let function = &path.function;
    match &path.interface {
        Some(interface) => format!("Calls the function `{function}` of `{interface}`."),
        None => format!("Calls the function `{function}`."),
    }
}
