//! From the JSON text of arguments to the values that a function takes, without a
//! tree in between, so that no digit is lost.
//!
//! It owns the conversion and the words about what doesn't fit. It takes no more
//! memory than it is given room for: JSON of a few bytes may stand for values of
//! many.

use std::cell::Cell;
use std::fmt;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use wasmtime::component::Val;

use super::schema::{NOT_FINITE, SOME, is_nullable};
use super::shape::{Case, Field, Integer, Names, Shape};

/// Padding at the end may be left out.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The values of the parameters, in their order; `room` is how many bytes they may
/// take.
pub(crate) fn read(parameters: &[Field], text: &str, room: usize) -> Result<Vec<Val>, String> {
    let room = Room(Cell::new(room));
    let mut json = serde_json::Deserializer::from_str(text);
    let members = Members {
        fields: parameters,
        room: &room,
    };
    let fields = json.deserialize_map(members).and_then(|fields| {
        json.end()?;
        Ok(fields)
    });
    let fields = fields.map_err(|error| error.to_string())?;
    Ok(fields.into_iter().map(|(_, value)| value).collect())
}

/// Bytes that are left for values.
struct Room(Cell<usize>);

impl Room {
    fn take<E: Error>(&self, values: usize, bytes: usize) -> Result<(), E> {
        let bytes = values
            .checked_mul(size_of::<Val>())
            .and_then(|all| all.checked_add(bytes));
        let left = bytes.and_then(|bytes| self.0.get().checked_sub(bytes));
        self.0.set(left.ok_or_else(|| {
            E::custom("the values take more memory than the plugin itself may have")
        })?);
        Ok(())
    }
}

/// One value of a shape.
#[derive(Clone, Copy)]
struct Seed<'a> {
    shape: &'a Shape,
    room: &'a Room,
}

impl<'a> Seed<'a> {
    fn of(self, shape: &'a Shape) -> Self {
        Self { shape, ..self }
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Val;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Val, D::Error> {
        self.room.take(1, 0)?;
        match self.shape {
            Shape::Integer(integer) => number(json, |text| whole(*integer, text)),
            Shape::Float32 => number(json, |text| {
                let number = text.parse().ok().filter(|number: &f32| number.is_finite());
                let number = number.or_else(|| not_finite(text));
                let number = number.ok_or("a number that fits into 32 bits")?;
                Ok(Val::Float32(number))
            }),
            Shape::Float64 => number(json, |text| {
                let number = text.parse().ok().filter(|number: &f64| number.is_finite());
                let number = number.or_else(|| not_finite(text).map(f64::from));
                Ok(Val::Float64(number.ok_or("a number")?))
            }),
            Shape::Record(fields, _) => {
                let room = self.room;
                json.deserialize_map(Members { fields, room })
                    .map(Val::Record)
            }
            Shape::Map { key, .. } if **key == Shape::String => json.deserialize_map(self),
            Shape::List { .. } | Shape::Map { .. } | Shape::Tuple(_) | Shape::Flags(_) => {
                json.deserialize_seq(self)
            }
            Shape::Bool => json.deserialize_bool(self),
            Shape::Option(_) => json.deserialize_option(self),
            Shape::Variant(..) | Shape::Result { .. } => json.deserialize_any(self),
            Shape::Char | Shape::String | Shape::Bytes | Shape::Enum(_) => {
                json.deserialize_str(self)
            }
        }
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Val;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.shape {
            Shape::Bool => f.write_str("true or false"),
            Shape::Char => f.write_str("a string of one character"),
            Shape::String => f.write_str("a string"),
            Shape::Bytes => f.write_str("a string in base64"),
            Shape::Enum(Names { names, .. }) => write!(f, "one of {}", names.join(", ")),
            Shape::Flags(Names { names, .. }) => write!(f, "a list of {}", names.join(", ")),
            Shape::List { length, .. } => match length {
                Some(length) => write!(f, "a list of {length} items"),
                None => f.write_str("a list"),
            },
            Shape::Tuple(shapes) => write!(f, "a list of {} items", shapes.len()),
            Shape::Map { key, .. } if **key == Shape::String => f.write_str("an object"),
            Shape::Map { .. } => f.write_str("a list of pairs"),
            Shape::Variant(cases, _) => {
                let names: Vec<&str> = cases.iter().map(|case| case.name.as_str()).collect();
                write!(f, "one of the cases {}", names.join(", "))
            }
            Shape::Result { .. } => f.write_str("one of the cases ok, err"),
            _ => f.write_str("a value"),
        }
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Val, E> {
        Ok(Val::Bool(value))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Val, E> {
        let unfit = || E::custom(format_args!("expected {}", Expected(&self)));
        self.room.take(0, text.len())?;
        match self.shape {
            Shape::String => Ok(Val::String(text.to_owned())),
            Shape::Char => {
                let mut chars = text.chars();
                match (chars.next(), chars.next()) {
                    (Some(one), None) => Ok(Val::Char(one)),
                    _ => Err(unfit()),
                }
            }
            Shape::Bytes => {
                self.room.take(text.len() / 4 * 3 + 3, 0)?;
                let bytes = BASE64.decode(text).map_err(|_| unfit())?;
                Ok(Val::List(bytes.into_iter().map(Val::U8).collect()))
            }
            Shape::Enum(Names { names, .. }) if names.iter().any(|name| name == text) => {
                Ok(Val::Enum(text.to_owned()))
            }
            Shape::Variant(cases, _) => match case(cases, text) {
                Some(Case { shape: None, .. }) => Ok(Val::Variant(text.to_owned(), None)),
                _ => Err(unfit()),
            },
            Shape::Result { ok: None, .. } if text == "ok" => Ok(Val::Result(Ok(None))),
            Shape::Result { err: None, .. } if text == "err" => Ok(Val::Result(Err(None))),
            _ => Err(unfit()),
        }
    }

    fn visit_unit<E: Error>(self) -> Result<Val, E> {
        self.visit_none()
    }

    fn visit_none<E: Error>(self) -> Result<Val, E> {
        match self.shape {
            Shape::Option(_) => Ok(Val::Option(None)),
            _ => Err(E::custom(format_args!("expected {}", Expected(&self)))),
        }
    }

    fn visit_some<D: Deserializer<'de>>(self, json: D) -> Result<Val, D::Error> {
        let Shape::Option(inner) = self.shape else {
            return Err(D::Error::custom("no option"));
        };
        let seed = self.of(inner);
        let value = if is_nullable(inner) {
            json.deserialize_map(Tagged(|tag: &str| (tag == SOME).then_some(seed)))?
                .1
        } else {
            seed.deserialize(json)?
        };
        Ok(Val::Option(Some(Box::new(value))))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Val, A::Error> {
        let unfit = || A::Error::custom(format_args!("expected {}", Expected(&self)));
        match self.shape {
            Shape::List { element, length } => {
                let mut values = Vec::new();
                while let Some(value) = items.next_element_seed(self.of(element))? {
                    values.push(value);
                }
                match length {
                    None => Ok(Val::List(values)),
                    Some(length) if values.len() == *length as usize => {
                        Ok(Val::FixedLengthList(values))
                    }
                    Some(_) => Err(unfit()),
                }
            }
            Shape::Tuple(shapes) => {
                let shapes: Vec<&Shape> = shapes.iter().collect();
                exactly(self, items, &shapes).map(Val::Tuple)
            }
            Shape::Map { key, value } => {
                let pair = [&**key, &**value];
                let mut pairs = Vec::new();
                while let Some(pair) = items.next_element_seed(Pair(self, pair))? {
                    pairs.push(pair);
                }
                Ok(Val::Map(pairs))
            }
            Shape::Flags(Names { names, .. }) => {
                let mut set: Vec<String> = Vec::new();
                while let Some(flag) = items.next_element::<String>()? {
                    if !names.contains(&flag) || set.contains(&flag) {
                        return Err(unfit());
                    }
                    set.push(flag);
                }
                Ok(Val::Flags(set))
            }
            _ => Err(unfit()),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Val, A::Error> {
        match self.shape {
            Shape::Map { value, .. } => {
                let mut pairs = Vec::new();
                while let Some(key) = members.next_key::<String>()? {
                    self.room.take(1, key.len())?;
                    let value = members.next_value_seed(self.of(value))?;
                    pairs.push((Val::String(key), value));
                }
                Ok(Val::Map(pairs))
            }
            Shape::Variant(cases, _) => {
                let of = |tag: &str| Some(self.of(case(cases, tag)?.shape.as_ref()?));
                let (tag, value) = Tagged(of).visit_map(members)?;
                Ok(Val::Variant(tag, Some(Box::new(value))))
            }
            Shape::Result { ok, err } => {
                let of = |tag: &str| match tag {
                    "ok" => Some(self.of(ok.as_deref()?)),
                    "err" => Some(self.of(err.as_deref()?)),
                    _ => None,
                };
                let (tag, value) = Tagged(of).visit_map(members)?;
                let value = Some(Box::new(value));
                Ok(Val::Result(match tag.as_str() {
                    "ok" => Ok(value),
                    _ => Err(value),
                }))
            }
            _ => Err(A::Error::custom(format_args!(
                "expected {}",
                Expected(&self)
            ))),
        }
    }
}

/// An object with exactly one member; the tag says of which shape it is.
struct Tagged<F>(F);

impl<'de, 'a, F: Fn(&str) -> Option<Seed<'a>>> Visitor<'de> for Tagged<F> {
    type Value = (String, Val);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with one member")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let tag: String = members
            .next_key()?
            .ok_or_else(|| A::Error::custom("expected an object with one member"))?;
        let seed = self.0(&tag)
            .ok_or_else(|| A::Error::custom("there is no such case with something in it"))?;
        let value = members
            .next_value_seed(seed)
            .map_err(|error| A::Error::custom(format_args!("`{tag}`: {error}")))?;
        match members.next_key::<String>()? {
            None => Ok((tag, value)),
            Some(_) => Err(A::Error::custom("expected an object with one member")),
        }
    }
}

/// The members of a record, or the arguments by their names.
struct Members<'a> {
    fields: &'a [Field],
    room: &'a Room,
}

impl<'de> Visitor<'de> for Members<'_> {
    type Value = Vec<(String, Val)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    /// Of members with one name the last counts, as for whoever checks the schema.
    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut values: Vec<Option<Val>> = vec![None; self.fields.len()];
        while let Some(key) = members.next_key::<String>()? {
            let at = self.fields.iter().position(|field| field.name == key);
            let at = at.ok_or_else(|| A::Error::custom("there is a member that nobody knows"))?;
            let field = &self.fields[at];
            self.room.take(1, field.name.len())?;
            let seed = Seed {
                shape: &field.shape,
                room: self.room,
            };
            let value = members
                .next_value_seed(seed)
                .map_err(|error| A::Error::custom(format_args!("`{}`: {error}", field.name)))?;
            values[at] = Some(value);
        }
        let filled = self.fields.iter().zip(values).map(|(field, value)| {
            let value = match (value, &field.shape) {
                (Some(value), _) => value,
                (None, Shape::Option(_)) => Val::Option(None),
                (None, _) => {
                    let missing = format_args!("`{}` is missing", field.name);
                    return Err(A::Error::custom(missing));
                }
            };
            Ok((field.name.clone(), value))
        });
        filled.collect()
    }
}

/// A key and its value, where keys are no strings.
struct Pair<'a>(Seed<'a>, [&'a Shape; 2]);

impl<'de> DeserializeSeed<'de> for Pair<'_> {
    type Value = (Val, Val);

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Pair<'_> {
    type Value = (Val, Val);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a pair")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Self::Value, A::Error> {
        let mut pair = exactly(self.0, items, &self.1)?.into_iter();
        match (pair.next(), pair.next()) {
            (Some(key), Some(value)) => Ok((key, value)),
            _ => Err(A::Error::custom("expected a pair")),
        }
    }
}

/// One item of each shape.
fn exactly<'de, A: SeqAccess<'de>>(
    seed: Seed<'_>,
    mut items: A,
    shapes: &[&Shape],
) -> Result<Vec<Val>, A::Error> {
    let unfit = || A::Error::custom(format_args!("expected a list of {} items", shapes.len()));
    let mut values = Vec::with_capacity(shapes.len());
    for shape in shapes {
        let seed = Seed {
            shape,
            room: seed.room,
        };
        values.push(items.next_element_seed(seed)?.ok_or_else(unfit)?);
    }
    match items.next_element::<serde::de::IgnoredAny>()? {
        None => Ok(values),
        Some(_) => Err(unfit()),
    }
}

fn case<'a>(cases: &'a [Case], name: &str) -> Option<&'a Case> {
    cases.iter().find(|case| case.name == name)
}

/// A number, or a string in its place, as it is written.
fn number<'de, D: Deserializer<'de>>(
    json: D,
    read: impl FnOnce(&str) -> Result<Val, &'static str>,
) -> Result<Val, D::Error> {
    let raw: &RawValue = serde::Deserialize::deserialize(json)?;
    read(raw.get()).map_err(|expected| D::Error::custom(format_args!("expected {expected}")))
}

/// An integer: `3`, or what is the same to a schema, `3.0` and `3e0`.
fn whole(kind: Integer, text: &str) -> Result<Val, &'static str> {
    const UNFIT: &str = "an integer in the range of its type";
    let written = text.parse::<i128>().ok();
    let number = written.or_else(|| {
        let number: f64 = text.parse().ok()?;
        // Beyond that no type reaches, and a float of an integer is that integer.
        (number.fract() == 0.0 && number.abs() < 1e20).then_some(number as i128)
    });
    let number = number.ok_or(UNFIT)?;
    let unfit = |_| UNFIT;
    Ok(match kind {
        Integer::S8 => Val::S8(number.try_into().map_err(unfit)?),
        Integer::U8 => Val::U8(number.try_into().map_err(unfit)?),
        Integer::S16 => Val::S16(number.try_into().map_err(unfit)?),
        Integer::U16 => Val::U16(number.try_into().map_err(unfit)?),
        Integer::S32 => Val::S32(number.try_into().map_err(unfit)?),
        Integer::U32 => Val::U32(number.try_into().map_err(unfit)?),
        Integer::S64 => Val::S64(number.try_into().map_err(unfit)?),
        Integer::U64 => Val::U64(number.try_into().map_err(unfit)?),
    })
}

/// One of the strings that stand for what JSON has no number for.
fn not_finite(text: &str) -> Option<f32> {
    let name = text.strip_prefix('"')?.strip_suffix('"')?;
    let known = NOT_FINITE.contains(&name);
    known.then(|| name.parse().ok()).flatten()
}

/// What a visitor expects, for a message.
struct Expected<'a>(&'a Seed<'a>);

impl fmt::Display for Expected<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)
    }
}
