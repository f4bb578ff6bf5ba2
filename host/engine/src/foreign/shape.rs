//! The types of functions, as far as JSON can carry them: read once from a
//! component, asked for each value.
//!
//! It owns which types can be carried, and the reason for each that can't. It
//! never sees a value.

use wasmtime::component::types::{Case as WasmCase, Field as WasmField, Type};

use super::docs::TypeDocs;

/// Parts of the types of one function: beyond that, its schema is nothing that a
/// model could read, and a few bytes of types can stand for millions of parts.
const PARTS_MAX: usize = 4_000;

/// Types within types. Each takes up to four levels of JSON in a schema, and
/// readers of JSON give up at 128.
const DEPTH_MAX: usize = 24;

/// A type that JSON can carry.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Shape {
    Bool,
    Integer(Integer),
    Float32,
    Float64,
    Char,
    String,
    /// `list<u8>`
    Bytes,
    List {
        element: Box<Self>,
        /// of a list with a fixed length
        length: Option<u32>,
    },
    Map {
        key: Box<Self>,
        value: Box<Self>,
    },
    Record(Vec<Field>, Option<String>),
    Tuple(Vec<Self>),
    Variant(Vec<Case>, Option<String>),
    Enum(Names),
    Option(Box<Self>),
    Result {
        ok: Option<Box<Self>>,
        err: Option<Box<Self>>,
    },
    Flags(Names),
}

/// A field of a record, or a parameter of a function.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) shape: Shape,
    pub(crate) about: Option<String>,
}

/// A case of a variant.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) shape: Option<Shape>,
    pub(crate) about: Option<String>,
}

/// The names of an enum or of flags, and what is said of them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Names {
    pub(crate) names: Vec<String>,
    pub(crate) about: Option<String>,
}

/// A kind of integers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Integer {
    S8,
    U8,
    S16,
    U16,
    S32,
    U32,
    S64,
    U64,
}

impl Integer {
    /// The least and the greatest.
    pub(crate) fn range(self) -> (i128, i128) {
        match self {
            Self::S8 => (i8::MIN.into(), i8::MAX.into()),
            Self::U8 => (0, u8::MAX.into()),
            Self::S16 => (i16::MIN.into(), i16::MAX.into()),
            Self::U16 => (0, u16::MAX.into()),
            Self::S32 => (i32::MIN.into(), i32::MAX.into()),
            Self::U32 => (0, u32::MAX.into()),
            Self::S64 => (i64::MIN.into(), i64::MAX.into()),
            Self::U64 => (0, u64::MAX.into()),
        }
    }
}

/// Reads the types of one function.
pub(crate) struct Reader<'a> {
    /// the named types that are in sight, with what is said of them
    documented: &'a [(Type, TypeDocs)],
    parts_left: usize,
    depth: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(documented: &'a [(Type, TypeDocs)]) -> Self {
        Self {
            documented,
            parts_left: PARTS_MAX,
            depth: 0,
        }
    }

    /// The shape of a type, or why it has none.
    pub(crate) fn read(&mut self, ty: &Type) -> Result<Shape, String> {
        self.parts_left = self.parts_left.checked_sub(1).ok_or_else(|| {
            format!("its types have more than {PARTS_MAX} parts, which no schema should have")
        })?;
        if self.depth == DEPTH_MAX {
            return Err(format!("its types are nested more than {DEPTH_MAX} deep"));
        }
        self.depth += 1;
        let shape = self.inner(ty);
        self.depth -= 1;
        shape
    }

    fn inner(&mut self, ty: &Type) -> Result<Shape, String> {
        Ok(match ty {
            Type::Bool => Shape::Bool,
            Type::S8 => Shape::Integer(Integer::S8),
            Type::U8 => Shape::Integer(Integer::U8),
            Type::S16 => Shape::Integer(Integer::S16),
            Type::U16 => Shape::Integer(Integer::U16),
            Type::S32 => Shape::Integer(Integer::S32),
            Type::U32 => Shape::Integer(Integer::U32),
            Type::S64 => Shape::Integer(Integer::S64),
            Type::U64 => Shape::Integer(Integer::U64),
            Type::Float32 => Shape::Float32,
            Type::Float64 => Shape::Float64,
            Type::Char => Shape::Char,
            Type::String => Shape::String,
            Type::List(list) if list.ty() == Type::U8 => Shape::Bytes,
            Type::List(list) => Shape::List {
                element: self.boxed(&list.ty())?,
                length: None,
            },
            Type::FixedLengthList(list) => Shape::List {
                element: self.boxed(&list.ty())?,
                length: Some(list.len()),
            },
            Type::Map(map) => Shape::Map {
                key: self.boxed(&map.key())?,
                value: self.boxed(&map.value())?,
            },
            Type::Tuple(tuple) => {
                let types = tuple.types().map(|ty| self.read(&ty));
                Shape::Tuple(types.collect::<Result<_, _>>()?)
            }
            Type::Option(option) => Shape::Option(self.boxed(&option.ty())?),
            Type::Result(result) => Shape::Result {
                ok: self.optional(result.ok())?.map(Box::new),
                err: self.optional(result.err())?.map(Box::new),
            },
            Type::Record(record) => {
                let docs = self.docs(ty);
                let fields = record.fields().map(|field| self.field(&field, docs));
                Shape::Record(fields.collect::<Result<_, _>>()?, said(docs))
            }
            Type::Variant(variant) => {
                let docs = self.docs(ty);
                let cases = variant.cases().map(|case| self.case(case, docs));
                Shape::Variant(cases.collect::<Result<_, _>>()?, said(docs))
            }
            Type::Enum(names) => Shape::Enum(self.names(ty, names.names())),
            Type::Flags(names) => Shape::Flags(self.names(ty, names.names())),
            Type::Own(_) | Type::Borrow(_) => {
                return Err(cannot("a resource", "lives only as long as its instance"));
            }
            Type::Stream(_) => return Err(cannot("a stream", "outlives the call")),
            Type::Future(_) => return Err(cannot("a future", "outlives the call")),
            Type::ErrorContext => {
                return Err(cannot(
                    "an error-context",
                    "lives only as long as its instance",
                ));
            }
        })
    }

    fn boxed(&mut self, ty: &Type) -> Result<Box<Shape>, String> {
        self.read(ty).map(Box::new)
    }

    fn optional(&mut self, ty: Option<Type>) -> Result<Option<Shape>, String> {
        ty.map(|ty| self.read(&ty)).transpose()
    }

    fn field(&mut self, field: &WasmField<'_>, docs: Option<&TypeDocs>) -> Result<Field, String> {
        Ok(Field {
            name: field.name.to_owned(),
            shape: self.read(&field.ty)?,
            about: docs.and_then(|docs| docs.item(field.name)),
        })
    }

    fn case(&mut self, case: WasmCase<'_>, docs: Option<&TypeDocs>) -> Result<Case, String> {
        Ok(Case {
            name: case.name.to_owned(),
            shape: self.optional(case.ty)?,
            about: docs.and_then(|docs| docs.item(case.name)),
        })
    }

    /// Names alone can't be described one by one, so the whole says it.
    fn names<'n>(&self, ty: &Type, names: impl Iterator<Item = &'n str>) -> Names {
        let names: Vec<String> = names.map(str::to_owned).collect();
        let about = self.docs(ty).and_then(|docs| {
            let items = names.iter().filter_map(|name| {
                let item = docs.item(name)?;
                Some(format!("`{name}`: {item}"))
            });
            let lines: Vec<String> = docs.about.iter().cloned().chain(items).collect();
            (!lines.is_empty()).then(|| lines.join("\n"))
        });
        Names { names, about }
    }

    /// What is said of a type; nothing if two names stand for what looks the same.
    fn docs(&self, ty: &Type) -> Option<&'a TypeDocs> {
        let mut named = self.documented.iter().filter(|(named, _)| named == ty);
        let (_, docs) = named.next()?;
        named.next().is_none().then_some(docs)
    }
}

fn said(docs: Option<&TypeDocs>) -> Option<String> {
    docs.and_then(|docs| docs.about.clone())
}

fn cannot(what: &str, why: &str) -> String {
    format!("{what} is part of its signature, and JSON can't carry one: it {why}")
}
