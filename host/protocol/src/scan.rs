//! One scan over `params` and `params._meta`: where each known member stands.
//!
//! Owns [`Params`], the untyped view that [`crate::params`] gives types to. It
//! copies and interprets no value, and is made while the envelope is read, so
//! that each byte of a message is looked at once.

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::error::RpcError;

/// Makes the enum of the members that are kept, and finds one by its name.
macro_rules! members {
    (params { $($param:ident = $param_name:literal,)+ } meta { $($meta:ident = $meta_name:literal,)+ }) => {
        /// A member of `params` or of `params._meta` that some method knows.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Member { $($param,)+ $($meta,)+ }

        const MEMBER_NAMES: &[&str] = &[$($param_name,)+ $($meta_name,)+];

        impl Member {
            fn find(name: &str, level: Level) -> Option<Self> {
                match level {
                    Level::Params => match name { $($param_name => Some(Self::$param),)+ _ => None },
                    Level::Meta => match name { $($meta_name => Some(Self::$meta),)+ _ => None },
                }
            }
        }
    };
}

members! {
    params {
        Argument = "argument",
        Arguments = "arguments",
        Capabilities = "capabilities",
        ClientInfo = "clientInfo",
        Context = "context",
        Cursor = "cursor",
        InputResponses = "inputResponses",
        Key = "key",
        Level = "level",
        Name = "name",
        Notifications = "notifications",
        ProtocolVersion = "protocolVersion",
        Reason = "reason",
        Ref = "ref",
        RequestId = "requestId",
        RequestState = "requestState",
        Task = "task",
        TaskId = "taskId",
        Uri = "uri",
    }
    meta {
        MetaProtocolVersion = "io.modelcontextprotocol/protocolVersion",
        MetaClientCapabilities = "io.modelcontextprotocol/clientCapabilities",
        MetaClientInfo = "io.modelcontextprotocol/clientInfo",
        MetaLogLevel = "io.modelcontextprotocol/logLevel",
        ProgressToken = "progressToken",
        Traceparent = "traceparent",
        Tracestate = "tracestate",
        Baggage = "baggage",
    }
}

impl Member {
    /// The key in the JSON text.
    pub(crate) fn name(self) -> &'static str {
        MEMBER_NAMES[self as usize]
    }
}

/// The members of `params` that MCP defines, as slices of the message. Members
/// that no method defines are skipped. A member that is `null` counts as
/// absent, and so do `params` and `_meta` themselves.
#[derive(Clone, Default)]
pub struct Params<'a> {
    slots: [Option<&'a RawValue>; MEMBER_NAMES.len()],
    present: bool,
}

impl<'a> Params<'a> {
    /// Scans the text of `params` by itself.
    ///
    /// # Errors
    /// -32700 if the text is not JSON; the errors of a message's `params`
    /// (no object, duplicate member, `_meta` no object) otherwise.
    pub fn parse(text: &'a str) -> Result<Self, RpcError> {
        let mut reader = serde_json::Deserializer::from_str(text);
        let scanned = ScanParams
            .deserialize(&mut reader)
            .and_then(|scanned| reader.end().map(|()| scanned));
        scanned.map_err(|e| RpcError::parse_error(e.to_string()))?
    }

    /// Whether the message has `params` at all.
    pub fn is_present(&self) -> bool {
        self.present
    }

    /// Whether `_meta` names a protocol version: what a modern request does.
    pub fn claims_version(&self) -> bool {
        self.get(Member::MetaProtocolVersion).is_some()
    }

    /// The text of a member, as it was written.
    pub(crate) fn get(&self, member: Member) -> Option<&'a RawValue> {
        self.slots[member as usize]
    }
}

impl std::fmt::Debug for Params<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let present = MEMBER_NAMES
            .iter()
            .zip(&self.slots)
            .filter_map(|(name, slot)| Some((name, (*slot)?.get())));
        f.debug_map().entries(present).finish()
    }
}

/// Reads a `params` value of any kind. The outer error is one of syntax; the
/// inner one says why valid JSON can't be `params`.
pub(crate) struct ScanParams;

impl<'de> DeserializeSeed<'de> for ScanParams {
    type Value = Result<Params<'de>, RpcError>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        let mut scan = Scan::default();
        let shape = deserializer.deserialize_any(Object {
            scan: &mut scan,
            level: Level::Params,
        })?;
        let present = match shape {
            Shape::Object => true,
            Shape::Null => false,
            Shape::Array => {
                return Ok(Err(RpcError::invalid_params(
                    "params must be an object: MCP has no parameters by position",
                )));
            }
            // JSON-RPC itself allows only an object or an array.
            Shape::Scalar => return Ok(Err(RpcError::invalid_request("params must be an object"))),
        };
        if let Some(problem) = scan.problem {
            return Ok(Err(problem));
        }
        Ok(Ok(Params {
            slots: scan.slots,
            present,
        }))
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Params,
    Meta,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Object,
    Array,
    Null,
    Scalar,
}

#[derive(Default)]
struct Scan<'de> {
    slots: [Option<&'de RawValue>; MEMBER_NAMES.len()],
    has_meta: bool,
    problem: Option<RpcError>,
}

impl<'de> Scan<'de> {
    fn keep(
        &mut self,
        member: Member,
        value: &'de RawValue,
        seen: &mut [bool; MEMBER_NAMES.len()],
    ) {
        let slot = member as usize;
        if std::mem::replace(&mut seen[slot], true) {
            // Two readers of one message could each take another of the two.
            self.fail(format!("`{}` stands there twice", member.name()));
        }
        self.slots[slot] = (value.get() != "null").then_some(value);
    }

    fn fail(&mut self, message: String) {
        self.problem
            .get_or_insert_with(|| RpcError::invalid_params(message));
    }
}

/// Visits `params`, and from there `_meta`.
struct Object<'s, 'de> {
    scan: &'s mut Scan<'de>,
    level: Level,
}

impl<'de> DeserializeSeed<'de> for Object<'_, 'de> {
    type Value = Shape;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Shape, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Object<'_, 'de> {
    type Value = Shape;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Shape, A::Error> {
        let mut seen = [false; MEMBER_NAMES.len()];
        while let Some(key) = map.next_key_seed(Key(self.level))? {
            match key {
                Known::Member(member) => self.scan.keep(member, map.next_value()?, &mut seen),
                Known::Meta => {
                    let shape = map.next_value_seed(Object {
                        scan: self.scan,
                        level: Level::Meta,
                    })?;
                    if std::mem::replace(&mut self.scan.has_meta, true) {
                        self.scan.fail("`_meta` stands there twice".to_owned());
                    }
                    if !matches!(shape, Shape::Object | Shape::Null) {
                        self.scan.fail("`_meta` must be an object".to_owned());
                    }
                }
                Known::Other => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(Shape::Object)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Shape, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Shape::Array)
    }

    fn visit_unit<E>(self) -> Result<Shape, E> {
        Ok(Shape::Null)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Shape, E> {
        Ok(Shape::Scalar)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Shape, E> {
        Ok(Shape::Scalar)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Shape, E> {
        Ok(Shape::Scalar)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Shape, E> {
        Ok(Shape::Scalar)
    }

    fn visit_str<E>(self, _: &str) -> Result<Shape, E> {
        Ok(Shape::Scalar)
    }
}

enum Known {
    Member(Member),
    Meta,
    Other,
}

/// Reads a key, escapes resolved, and tells which member it names.
struct Key(Level);

impl<'de> DeserializeSeed<'de> for Key {
    type Value = Known;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Known, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key {
    type Value = Known;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, name: &str) -> Result<Known, E> {
        Ok(match Member::find(name, self.0) {
            Some(member) => Known::Member(member),
            None if self.0 == Level::Params && name == "_meta" => Known::Meta,
            None => Known::Other,
        })
    }
}
