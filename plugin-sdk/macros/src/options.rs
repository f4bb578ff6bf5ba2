//! What stands in the parentheses of `#[tool(...)]`, and doc comments. Knows
//! nothing of the function.

use proc_macro2::Span;
use syn::meta::ParseNestedMeta;
use syn::parse::Parser;
use syn::{Attribute, Error, Expr, ExprLit, Lit, LitBool, LitStr, Meta, Result};

/// The options of a tool.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) name: Option<LitStr>,
    pub(crate) title: Option<LitStr>,
    pub(crate) description: Option<LitStr>,
    pub(crate) meta: Option<LitStr>,
    pub(crate) input_schema: Option<Expr>,
    pub(crate) output_schema: Option<Expr>,
    /// The hints as the members of a JSON object, in the order given.
    hints: Vec<String>,
}

impl Options {
    /// Reads the options.
    pub(crate) fn parse(tokens: proc_macro2::TokenStream) -> Result<Self> {
        let mut options = Self::default();
        syn::meta::parser(|meta| options.read(&meta)).parse2(tokens)?;
        Ok(options)
    }

    fn read(&mut self, meta: &ParseNestedMeta<'_>) -> Result<()> {
        let Some(key) = meta.path.get_ident().map(ToString::to_string) else {
            return Err(meta.error("unknown option"));
        };
        match key.as_str() {
            "name" => set(&mut self.name, meta, name(meta)?),
            "title" => set(&mut self.title, meta, meta.value()?.parse()?),
            "description" => set(&mut self.description, meta, meta.value()?.parse()?),
            "meta" => set(&mut self.meta, meta, object(meta)?),
            "input_schema" => set(&mut self.input_schema, meta, meta.value()?.parse()?),
            "output_schema" => set(&mut self.output_schema, meta, meta.value()?.parse()?),
            "read_only" => self.hint("readOnlyHint", meta),
            "destructive" => self.hint("destructiveHint", meta),
            "idempotent" => self.hint("idempotentHint", meta),
            "open_world" => self.hint("openWorldHint", meta),
            _ => Err(meta.error(
                "unknown option; there are name, title, description, meta, input_schema, \
                 output_schema, read_only, destructive, idempotent, open_world",
            )),
        }
    }

    fn hint(&mut self, name: &str, meta: &ParseNestedMeta<'_>) -> Result<()> {
        let value = match meta.input.peek(syn::Token![=]) {
            true => meta.value()?.parse::<LitBool>()?.value,
            false => true,
        };
        self.hints.push(format!("\"{name}\":{value}"));
        Ok(())
    }

    /// The hints as a JSON object, if there are any.
    pub(crate) fn annotations(&self) -> Option<String> {
        (!self.hints.is_empty()).then(|| format!("{{{}}}", self.hints.join(",")))
    }
}

/// Sets an option once.
pub(crate) fn set<T>(place: &mut Option<T>, meta: &ParseNestedMeta<'_>, value: T) -> Result<()> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(meta.error("given twice")),
    }
}

/// The name of a tool, as MCP allows it.
fn name(meta: &ParseNestedMeta<'_>) -> Result<LitStr> {
    let name: LitStr = meta.value()?.parse()?;
    check_name(&name.value(), name.span())?;
    Ok(name)
}

/// Refuses what MCP does not allow as the name of a tool.
pub(crate) fn check_name(name: &str, span: Span) -> Result<()> {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./".contains(&byte);
    match (1..=128).contains(&name.len()) && name.bytes().all(is_allowed) {
        true => Ok(()),
        false => Err(Error::new(
            span,
            "the name of a tool has 1 to 128 of the characters A-Z a-z 0-9 _ - . /",
        )),
    }
}

fn object(meta: &ParseNestedMeta<'_>) -> Result<LitStr> {
    let text: LitStr = meta.value()?.parse()?;
    match serde_json::from_str(&text.value()) {
        Ok(serde_json::Value::Object(_)) => Ok(text),
        Ok(_) => Err(Error::new(text.span(), "this must be a JSON object")),
        Err(error) => Err(Error::new(
            text.span(),
            format!("this is not JSON: {error}"),
        )),
    }
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

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::*;

    fn refused(tokens: proc_macro2::TokenStream) -> String {
        match Options::parse(tokens) {
            Ok(_) => panic!("it was taken"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn hints_become_annotations() {
        let annotations = |tokens| Options::parse(tokens).unwrap().annotations();
        assert_eq!(annotations(quote!()), None);
        assert_eq!(annotations(quote!(title = "T")), None);
        assert_eq!(
            annotations(quote!(read_only, open_world = false)).unwrap(),
            r#"{"readOnlyHint":true,"openWorldHint":false}"#
        );
        assert_eq!(
            annotations(quote!(destructive = true, idempotent)).unwrap(),
            r#"{"destructiveHint":true,"idempotentHint":true}"#
        );
    }

    #[test]
    fn wrong_options_are_refused() {
        assert!(refused(quote!(nmae = "x")).starts_with("unknown option; there are name"));
        assert_eq!(refused(quote!(name = "a", name = "b")), "given twice");
        assert!(refused(quote!(name = "a b")).contains("1 to 128"));
        assert!(refused(quote!(name = "")).contains("1 to 128"));
        assert_eq!(refused(quote!(meta = "[]")), "this must be a JSON object");
        assert!(refused(quote!(meta = "{")).starts_with("this is not JSON: "));
    }

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
