//! From what a function gives to JSON text, every digit of it.
//!
//! It owns the conversion and its bound. What it writes, `arguments` reads back as
//! the same value.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use wasmtime::component::Val;

use super::schema::{SOME, is_nullable, quoted};
use super::shape::Shape;

/// Why there is no text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unwritten {
    /// it would be longer than it may be
    TooLong,
    /// the value is not of its type, which the runtime has made sure of
    OtherType,
}

/// The JSON text of a value, of `max` bytes at most.
pub(crate) fn text(shape: &Shape, value: &Val, max: usize) -> Result<String, Unwritten> {
    let mut writer = Writer {
        out: String::new(),
        max,
    };
    writer.value(shape, value)?;
    Ok(writer.out)
}

struct Writer {
    out: String,
    max: usize,
}

type Written = Result<(), Unwritten>;

impl Writer {
    fn put(&mut self, text: &str) -> Written {
        if text.len() > self.max - self.out.len() {
            return Err(Unwritten::TooLong);
        }
        self.out += text;
        Ok(())
    }

    /// Text between quotes; each byte of it takes one at least.
    fn string(&mut self, text: &str) -> Written {
        if text.len() > self.max - self.out.len() {
            return Err(Unwritten::TooLong);
        }
        self.put(&quoted(text))
    }

    fn value(&mut self, shape: &Shape, value: &Val) -> Written {
        match (shape, value) {
            (Shape::Bool, Val::Bool(value)) => self.put(&value.to_string()),
            (Shape::Integer(_), value) => self.put(&integer(value)?),
            (Shape::Float32, Val::Float32(value)) => match value.is_finite() {
                true => self.put(&digits(value)),
                false => self.not_finite(f64::from(*value)),
            },
            (Shape::Float64, Val::Float64(value)) => match value.is_finite() {
                true => self.put(&digits(value)),
                false => self.not_finite(*value),
            },
            (Shape::Char, Val::Char(value)) => self.string(value.encode_utf8(&mut [0; 4])),
            (Shape::String, Val::String(value)) | (Shape::Enum(_), Val::Enum(value)) => {
                self.string(value)
            }
            (Shape::Bytes, Val::List(values)) => self.bytes(values),
            (Shape::Flags(_), Val::Flags(names)) => {
                self.list("[", names, "]", |writer, name| writer.string(name))
            }
            (shape, value) => self.compound(shape, value),
        }
    }

    /// What holds other values.
    fn compound(&mut self, shape: &Shape, value: &Val) -> Written {
        match (shape, value) {
            (Shape::List { element, .. }, Val::List(values) | Val::FixedLengthList(values)) => self
                .list("[", values, "]", |writer, value| {
                    writer.value(element, value)
                }),
            (Shape::Tuple(shapes), Val::Tuple(values)) if shapes.len() == values.len() => {
                let pairs = shapes.iter().zip(values);
                self.list("[", pairs, "]", |writer, (shape, value)| {
                    writer.value(shape, value)
                })
            }
            (Shape::Record(fields, _), Val::Record(values)) if fields.len() == values.len() => {
                let members = fields.iter().zip(values);
                self.list("{", members, "}", |writer, (field, (_, value))| {
                    writer.member(&field.name, &field.shape, value)
                })
            }
            (Shape::Map { key, value }, Val::Map(pairs)) => self.map(key, value, pairs),
            (Shape::Variant(cases, _), Val::Variant(name, payload)) => {
                let case = cases.iter().find(|case| case.name == *name);
                let case = case.ok_or(Unwritten::OtherType)?;
                self.case(name, case.shape.as_ref(), payload.as_deref())
            }
            (Shape::Result { ok, .. }, Val::Result(Ok(payload))) => {
                self.case("ok", ok.as_deref(), payload.as_deref())
            }
            (Shape::Result { err, .. }, Val::Result(Err(payload))) => {
                self.case("err", err.as_deref(), payload.as_deref())
            }
            (Shape::Option(_), Val::Option(None)) => self.put("null"),
            (Shape::Option(inner), Val::Option(Some(value))) if is_nullable(inner) => {
                self.case(SOME, Some(&**inner), Some(&**value))
            }
            (Shape::Option(inner), Val::Option(Some(value))) => self.value(inner, value),
            _ => Err(Unwritten::OtherType),
        }
    }

    fn list<T>(
        &mut self,
        open: &str,
        items: impl IntoIterator<Item = T>,
        close: &str,
        write: impl Fn(&mut Self, T) -> Written,
    ) -> Written {
        self.put(open)?;
        for (at, item) in items.into_iter().enumerate() {
            if at > 0 {
                self.put(",")?;
            }
            write(self, item)?;
        }
        self.put(close)
    }

    fn member(&mut self, name: &str, shape: &Shape, value: &Val) -> Written {
        self.string(name)?;
        self.put(":")?;
        self.value(shape, value)
    }

    fn map(&mut self, key: &Shape, value: &Shape, pairs: &[(Val, Val)]) -> Written {
        if *key != Shape::String {
            return self.list("[", pairs, "]", |writer, (of, to)| {
                writer.put("[")?;
                writer.value(key, of)?;
                writer.put(",")?;
                writer.value(value, to)?;
                writer.put("]")
            });
        }
        self.list("{", pairs, "}", |writer, (name, to)| match name {
            Val::String(name) => writer.member(name, value, to),
            _ => Err(Unwritten::OtherType),
        })
    }

    fn case(&mut self, name: &str, shape: Option<&Shape>, payload: Option<&Val>) -> Written {
        match (shape, payload) {
            (None, None) => self.string(name),
            (Some(shape), Some(value)) => {
                self.put("{")?;
                self.member(name, shape, value)?;
                self.put("}")
            }
            _ => Err(Unwritten::OtherType),
        }
    }

    fn bytes(&mut self, values: &[Val]) -> Written {
        if values.len() > self.max {
            return Err(Unwritten::TooLong);
        }
        let bytes = values.iter().map(|value| match value {
            Val::U8(byte) => Ok(*byte),
            _ => Err(Unwritten::OtherType),
        });
        let bytes = bytes.collect::<Result<Vec<u8>, _>>()?;
        self.string(&STANDARD.encode(bytes))
    }

    fn not_finite(&mut self, value: f64) -> Written {
        self.put(match value {
            value if value.is_nan() => r#""NaN""#,
            value if value > 0.0 => r#""Infinity""#,
            _ => r#""-Infinity""#,
        })
    }
}

fn integer(value: &Val) -> Result<String, Unwritten> {
    Ok(match value {
        Val::S8(value) => value.to_string(),
        Val::U8(value) => value.to_string(),
        Val::S16(value) => value.to_string(),
        Val::U16(value) => value.to_string(),
        Val::S32(value) => value.to_string(),
        Val::U32(value) => value.to_string(),
        Val::S64(value) => value.to_string(),
        Val::U64(value) => value.to_string(),
        _ => return Err(Unwritten::OtherType),
    })
}

/// The shortest digits that stand for this float and for no other of its type.
fn digits(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
