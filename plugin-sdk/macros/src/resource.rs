//! `#[resource]`: from a function to a table with its address, what is listed
//! of it and a way to read it.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::meta::ParseNestedMeta;
use syn::parse::Parser as _;
use syn::spanned::Spanned as _;
use syn::{Error, ItemFn, LitFloat, LitInt, LitStr, Result, ReturnType};

use crate::options::{Listed, cache, key, set};
use crate::parameters::{self, Argument, Parameter, Presence};
use crate::template::{self, Part};
use crate::tokens::{beside, call, carrier, option};

/// Expands `#[resource(options)] item`.
pub(crate) fn expand(options: TokenStream, item: TokenStream) -> TokenStream {
    beside(["resource", "Resource"], item, |function| {
        definition(options, function)
    })
}

fn definition(options: TokenStream, function: &mut ItemFn) -> Result<TokenStream> {
    let mut read = Options::default();
    syn::meta::parser(|meta| read.read(&meta)).parse2(options)?;
    let options = read;
    let ident = function.sig.ident.clone();
    let parameters = parameters::take(&mut function.sig.inputs, &["name"])?;
    let (address, values) = match (&options.uri, &options.uri_template) {
        (Some(uri), None) => (fixed(uri)?, values(&parameters, None)?),
        (None, Some(template)) => {
            let parts = template::parse(template)?;
            scheme(template)?;
            (
                family(template, &parts),
                values(&parameters, Some((template, &parts)))?,
            )
        }
        _ => {
            return Err(Error::new_spanned(
                &ident,
                "say where it is, once: `uri = \"...\"` or `uri_template = \"...\"`",
            ));
        }
    };
    let name = match &options.listed.name {
        Some(name) => name.clone(),
        None => LitStr::new(&ident.unraw().to_string(), ident.span()),
    };
    let listed = options.listed.members(&function.attrs);
    let mime_type = option(options.mime_type.as_ref());
    let size = option(options.size.as_ref());
    if let (Some(size), Some(_)) = (&options.size, &options.uri_template) {
        return Err(Error::new(
            size.span(),
            "each of a family has a size of its own: it can't be listed",
        ));
    }
    let hints = options.hints();
    let cache = option(options.cache.as_ref());
    let call = call(function, &values);
    let convert = match &function.sig.output {
        ReturnType::Default => quote!(::fusebox_sdk::IntoContents::into_contents),
        ReturnType::Type(_, ty) => {
            quote_spanned!(ty.span()=> <#ty as ::fusebox_sdk::IntoContents>::into_contents)
        }
    };
    let members = quote! {
        address: #address,
        name: #name,
        #listed
        mime_type: #mime_type,
        size: #size,
        hints: #hints,
        cache: #cache,
        read: |__requested, __variables, __context| {
            let _ = __variables;
            let _ = __context;
            #convert(#call, __requested)
        },
    };
    Ok(carrier(function, "Resource", &quote!(), &members))
}

fn fixed(uri: &LitStr) -> Result<TokenStream> {
    scheme(uri)?;
    if uri.value().contains(['{', '}']) {
        return Err(Error::new(
            uri.span(),
            "this looks like a template: say `uri_template`",
        ));
    }
    Ok(quote!(::fusebox_sdk::__private::Address::Uri(#uri)))
}

fn family(template: &LitStr, parts: &[Part]) -> TokenStream {
    let parts = parts.iter().map(|part| match part {
        Part::Literal(text) => quote!(Part::Literal(#text)),
        Part::Simple(_) => quote!(Part::Simple),
        Part::Reserved(_) => quote!(Part::Reserved),
    });
    quote! {{
        use ::fusebox_sdk::__private::Part;
        ::fusebox_sdk::__private::Address::Template(#template, &[#(#parts),*])
    }}
}

/// A URI begins with a scheme; a template too, or hosts couldn't tell plugins
/// apart.
fn scheme(uri: &LitStr) -> Result<()> {
    let text = uri.value();
    let scheme = text.split_once(':').map_or("", |(scheme, _)| scheme);
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    match is_scheme {
        true => Ok(()),
        false => Err(Error::new(
            uri.span(),
            "a URI begins with a scheme, such as `test://`",
        )),
    }
}

/// What the function is called with: each parameter is a variable, and each
/// variable a parameter.
fn values(
    parameters: &[Parameter],
    template: Option<(&LitStr, &[Part])>,
) -> Result<Vec<TokenStream>> {
    let parts = template.map_or(&[] as &[_], |(_, parts)| parts);
    let variables: Vec<&str> = parts.iter().filter_map(Part::variable).collect();
    let arguments = parameters::arguments(parameters);
    let is_taken = |variable: &str| {
        arguments
            .iter()
            .any(|argument| argument.name.value() == variable)
    };
    // Of a variable and a parameter that don't meet, the parameter is where to look.
    let strange = arguments
        .iter()
        .any(|one| !variables.contains(&&*one.name.value()));
    if let Some((template, _)) = template.filter(|_| !strange)
        && let Some(variable) = variables.iter().find(|variable| !is_taken(variable))
    {
        return Err(Error::new(
            template.span(),
            format!("the function has no parameter for the variable `{variable}`"),
        ));
    }
    parameters
        .iter()
        .map(|parameter| match parameter {
            Parameter::Context { by_reference: true } => Ok(quote!(__context)),
            Parameter::Context {
                by_reference: false,
            } => Ok(quote!(__context.clone())),
            Parameter::Argument(argument) => value(argument, &variables),
        })
        .collect()
}

fn value(argument: &Argument, variables: &[&str]) -> Result<TokenStream> {
    let Argument { name, inner, .. } = argument;
    let position = variables
        .iter()
        .position(|variable| name.value() == *variable);
    let Some(index) = position else {
        let name_is = name.value();
        let words = match variables {
            [] => format!("`{name_is}` is no variable: there is no template here"),
            _ => format!(
                "`{name_is}` is no variable of the template, which has `{}`",
                variables.join("`, `")
            ),
        };
        return Err(Error::new(name.span(), words));
    };
    let Presence::Required = argument.presence else {
        return Err(Error::new_spanned(
            inner,
            "a variable is always there: it needs no `Option`",
        ));
    };
    Ok(quote_spanned! { inner.span()=>
        <#inner as ::fusebox_sdk::__private::TextValue>::required(#name, Some(__variables[#index].as_str()))?
    })
}

/// What stands in the parentheses of `#[resource(...)]`.
#[derive(Default)]
struct Options {
    listed: Listed,
    uri: Option<LitStr>,
    uri_template: Option<LitStr>,
    mime_type: Option<LitStr>,
    size: Option<LitInt>,
    cache: Option<TokenStream>,
    audience: Vec<TokenStream>,
    priority: Option<LitFloat>,
    last_modified: Option<LitStr>,
}

impl Options {
    fn read(&mut self, meta: &ParseNestedMeta<'_>) -> Result<()> {
        let key = key(meta);
        if self.listed.read(&key, meta)? {
            return Ok(());
        }
        match key.as_str() {
            "uri" => set(&mut self.uri, meta, meta.value()?.parse()?),
            "uri_template" => set(&mut self.uri_template, meta, meta.value()?.parse()?),
            "mime_type" => set(&mut self.mime_type, meta, meta.value()?.parse()?),
            "size" => set(&mut self.size, meta, meta.value()?.parse()?),
            "cache" => set(&mut self.cache, meta, cache(meta)?),
            "priority" => set(&mut self.priority, meta, priority(meta)?),
            "last_modified" => set(&mut self.last_modified, meta, meta.value()?.parse()?),
            "audience" => meta.parse_nested_meta(|meta| self.role(&meta)),
            _ => Err(meta.error(
                "unknown option; there are uri, uri_template, name, title, description, icons, \
                 meta, mime_type, size, cache, audience, priority, last_modified",
            )),
        }
    }

    fn role(&mut self, meta: &ParseNestedMeta<'_>) -> Result<()> {
        let role = match key(meta).as_str() {
            "user" => quote!(User),
            "assistant" => quote!(Assistant),
            _ => return Err(meta.error("an audience is `user` or `assistant`")),
        };
        self.audience.push(quote!(::fusebox_sdk::Role::#role));
        Ok(())
    }

    fn hints(&self) -> TokenStream {
        let audience = &self.audience;
        let priority = option(self.priority.as_ref());
        let last_modified = option(self.last_modified.as_ref());
        quote! {
            ::fusebox_sdk::__private::Hints {
                audience: &[#(#audience),*],
                priority: #priority,
                last_modified: #last_modified,
            }
        }
    }
}

fn priority(meta: &ParseNestedMeta<'_>) -> Result<LitFloat> {
    let priority: LitFloat = meta.value()?.parse()?;
    match (0.0..=1.0).contains(&priority.base10_parse::<f64>()?) {
        true => Ok(priority),
        false => Err(Error::new(priority.span(), "a priority is from 0.0 to 1.0")),
    }
}
