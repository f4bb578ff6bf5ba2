//! What may stand in the parentheses of more than one macro, and doc comments.
//! Knows nothing of the function.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use serde_json::Value;
use syn::meta::ParseNestedMeta;
use syn::token::Paren;
use syn::{Attribute, Error, Expr, ExprLit, Lit, LitInt, LitStr, Meta, Result};

use crate::tokens::option;

/// The options of every handler that is listed.
#[derive(Default)]
pub(crate) struct Listed {
    pub(crate) name: Option<LitStr>,
    pub(crate) title: Option<LitStr>,
    pub(crate) description: Option<LitStr>,
    pub(crate) icons: Option<Expr>,
    pub(crate) meta: Option<LitStr>,
}

impl Listed {
    /// Reads an option, if it is one of these.
    pub(crate) fn read(&mut self, key: &str, meta: &ParseNestedMeta<'_>) -> Result<bool> {
        match key {
            "name" => set(&mut self.name, meta, meta.value()?.parse()?)?,
            "title" => set(&mut self.title, meta, meta.value()?.parse()?)?,
            "description" => set(&mut self.description, meta, meta.value()?.parse()?)?,
            "icons" => set(&mut self.icons, meta, icons(meta)?)?,
            "meta" => set(&mut self.meta, meta, object(meta)?)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Adds a member that is `true` to `_meta`.
    pub(crate) fn add_meta(&mut self, member: &str) -> Result<()> {
        let mut meta = match &self.meta {
            Some(meta) => json(meta)?,
            None => Value::Object(serde_json::Map::new()),
        };
        meta[member] = Value::Bool(true);
        let span = self
            .meta
            .as_ref()
            .map_or_else(Span::call_site, LitStr::span);
        self.meta = Some(LitStr::new(&meta.to_string(), span));
        Ok(())
    }

    /// The members `title`, `description`, `icons` and `meta` of a definition.
    /// The doc comment describes the handler if no option does.
    pub(crate) fn members(&self, attributes: &[Attribute]) -> TokenStream {
        let title = option(self.title.as_ref());
        let description = match &self.description {
            Some(description) => option(Some(description)),
            None => option(documentation(attributes)),
        };
        let icons = option(self.icons.as_ref());
        let meta = option(self.meta.as_ref());
        quote! { title: #title, description: #description, icons: #icons, meta: #meta, }
    }
}

/// The key of an option, as text.
pub(crate) fn key(meta: &ParseNestedMeta<'_>) -> String {
    meta.path
        .get_ident()
        .map_or_else(String::new, ToString::to_string)
}

/// Sets an option once.
pub(crate) fn set<T>(place: &mut Option<T>, meta: &ParseNestedMeta<'_>, value: T) -> Result<()> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(meta.error("given twice")),
    }
}

/// How long an answer may be kept: `cache(ttl_ms = 60_000, shared)`.
pub(crate) fn cache(meta: &ParseNestedMeta<'_>) -> Result<TokenStream> {
    const HOW_LONG: &str = "say how long: `cache(ttl_ms = 60_000)`";
    if !meta.input.peek(Paren) {
        return Err(meta.error(HOW_LONG));
    }
    let mut ttl_ms: Option<LitInt> = None;
    let mut shared = false;
    meta.parse_nested_meta(|meta| match key(&meta).as_str() {
        "ttl_ms" => set(&mut ttl_ms, &meta, meta.value()?.parse()?),
        "shared" => {
            shared = true;
            Ok(())
        }
        _ => Err(meta.error("unknown option; there are ttl_ms, shared")),
    })?;
    let Some(ttl_ms) = ttl_ms else {
        return Err(meta.error(HOW_LONG));
    };
    let ttl_ms: u64 = ttl_ms.base10_parse()?;
    Ok(quote!(::fusebox_sdk::__private::CacheHint { ttl_ms: #ttl_ms, shared: #shared }))
}

/// Refuses what MCP does not allow as the name of a tool. Prompts follow the
/// same rule, so that a client may treat both alike.
pub(crate) fn check_name(name: &str, span: Span) -> Result<()> {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./".contains(&byte);
    match (1..=128).contains(&name.len()) && name.bytes().all(is_allowed) {
        true => Ok(()),
        false => Err(Error::new(
            span,
            "a name has 1 to 128 of the characters A-Z a-z 0-9 _ - . /",
        )),
    }
}

fn object(meta: &ParseNestedMeta<'_>) -> Result<LitStr> {
    let text: LitStr = meta.value()?.parse()?;
    match json(&text)? {
        Value::Object(_) => Ok(text),
        _ => Err(Error::new(text.span(), "this must be a JSON object")),
    }
}

/// The text of an array, or an expression that will be one.
fn icons(meta: &ParseNestedMeta<'_>) -> Result<Expr> {
    let expression: Expr = meta.value()?.parse()?;
    if let Expr::Lit(ExprLit {
        lit: Lit::Str(text),
        ..
    }) = &expression
        && !json(text)?.is_array()
    {
        return Err(Error::new(text.span(), "this must be a JSON array"));
    }
    Ok(expression)
}

fn json(text: &LitStr) -> Result<Value> {
    serde_json::from_str(&text.value())
        .map_err(|error| Error::new(text.span(), format!("this is not JSON: {error}")))
}

/// The text of the doc comments among the attributes, without the space that
/// follows `///`.
pub(crate) fn documentation(attributes: &[Attribute]) -> Option<String> {
    let mut lines = Vec::new();
    for attribute in attributes {
        let Meta::NameValue(meta) = &attribute.meta else {
            continue;
        };
        if !meta.path.is_ident("doc") {
            continue;
        }
        if let Expr::Lit(ExprLit {
            lit: Lit::Str(text),
            ..
        }) = &meta.value
        {
            let text = text.value();
            let text = text.strip_prefix(' ').unwrap_or(&text);
            lines.push(text.trim_end().to_owned());
        }
    }
    let text = lines.join("\n");
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// Whether there is documentation, be it text or a macro that makes some.
pub(crate) fn is_documented(attributes: &[Attribute]) -> bool {
    attributes.iter().any(
        |attribute| matches!(&attribute.meta, Meta::NameValue(meta) if meta.path.is_ident("doc")),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doc_comments_become_text() {
        let function: syn::ItemFn = syn::parse_quote! {
            /// First line.
            ///
            ///   - indented
            #[inline]
            /// Last line.
            fn f() {}
        };
        assert_eq!(
            documentation(&function.attrs).unwrap(),
            "First line.\n\n  - indented\nLast line."
        );
        assert_eq!(documentation(&[]), None);
    }
}
