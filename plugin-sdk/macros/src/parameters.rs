//! The parameters of a function: which are arguments, and what is known of
//! each. Takes the helper attributes off, since the compiler refuses them.

use proc_macro2::TokenStream;
use quote::quote_spanned;
use syn::ext::IdentExt as _;
use syn::meta::ParseNestedMeta;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned as _;
use syn::{
    Attribute, Error, Expr, FnArg, GenericArgument, LitStr, Pat, PatType, PathArguments, Result,
    Token, Type,
};

use crate::options::{documentation, key, set};

/// One parameter.
pub(crate) enum Parameter {
    /// `&Context`, or `Context`
    Context {
        /// whether it is the former
        by_reference: bool,
    },
    /// an argument of the handler
    Argument(Box<Argument>),
}

/// An argument of the handler.
pub(crate) struct Argument {
    /// the name on the wire
    pub(crate) name: LitStr,
    /// a name for people
    pub(crate) title: Option<LitStr>,
    /// what it means
    pub(crate) description: Option<String>,
    /// the type of the parameter, or `T` if that is `Option<T>`
    pub(crate) inner: Type,
    /// whether it must be given, and what it is otherwise
    pub(crate) presence: Presence,
    /// the header that carries it too
    pub(crate) header: Option<LitStr>,
}

/// Whether an argument must be given.
pub(crate) enum Presence {
    /// it must
    Required,
    /// it is `None` otherwise
    Optional,
    /// it is `Default::default()` otherwise
    DefaultOfType,
    /// it is this otherwise
    Default(Expr),
}

/// Reads the parameters and takes doc comments and `#[arg]` off them. Of the
/// options in `#[arg]`, only those that are named are taken.
pub(crate) fn take(
    inputs: &mut Punctuated<FnArg, Token![,]>,
    options: &[&str],
) -> Result<Vec<Parameter>> {
    inputs
        .iter_mut()
        .map(|input| take_one(input, options))
        .collect()
}

/// Those of the parameters that are arguments.
pub(crate) fn arguments(parameters: &[Parameter]) -> Vec<&Argument> {
    let arguments = parameters.iter().filter_map(|parameter| match parameter {
        Parameter::Argument(argument) => Some(&**argument),
        Parameter::Context { .. } => None,
    });
    arguments.collect()
}

/// Takes doc comments and `#[arg]` off without a look.
pub(crate) fn strip(inputs: &mut Punctuated<FnArg, Token![,]>) {
    for input in inputs {
        if let FnArg::Typed(parameter) = input {
            parameter.attrs.retain(|attribute| !is_ours(attribute));
        }
    }
}

fn is_ours(attribute: &Attribute) -> bool {
    attribute.path().is_ident("doc") || attribute.path().is_ident("arg")
}

fn take_one(input: &mut FnArg, options: &[&str]) -> Result<Parameter> {
    let FnArg::Typed(parameter) = input else {
        return Err(Error::new_spanned(
            input,
            "a handler is no method: it has no `self`",
        ));
    };
    if let Some(by_reference) = context(&parameter.ty) {
        return Ok(Parameter::Context { by_reference });
    }
    let argument = argument(parameter, options)?;
    parameter.attrs.retain(|attribute| !is_ours(attribute));
    Ok(Parameter::Argument(Box::new(argument)))
}

fn argument(parameter: &PatType, allowed: &[&str]) -> Result<Argument> {
    let Pat::Ident(pattern) = &*parameter.pat else {
        return Err(Error::new_spanned(
            &parameter.pat,
            "an argument needs a plain name, since that is what the caller gives it by",
        ));
    };
    if let Type::Reference(reference) = &*parameter.ty {
        return Err(Error::new_spanned(
            reference,
            "an argument is owned: take `String` in place of `&str`, `Vec<T>` in place of `&[T]`",
        ));
    }
    let mut options = ArgumentOptions::default();
    for attribute in &parameter.attrs {
        if attribute.path().is_ident("arg") {
            attribute.parse_nested_meta(|meta| options.read(&meta, allowed))?;
        }
    }
    let optional = inner_of_option(&parameter.ty);
    let presence = match (options.default, &optional) {
        (Some(_), Some(_)) => {
            return Err(Error::new_spanned(
                &parameter.ty,
                "an argument with a default is never `None`: take `T` in place of `Option<T>`",
            ));
        }
        (Some(presence), None) => presence,
        (None, Some(_)) => Presence::Optional,
        (None, None) => Presence::Required,
    };
    let ident = &pattern.ident;
    let name = options
        .name
        .unwrap_or_else(|| LitStr::new(&ident.unraw().to_string(), ident.span()));
    Ok(Argument {
        name,
        title: options.title,
        description: documentation(&parameter.attrs),
        inner: optional.unwrap_or(&parameter.ty).clone(),
        presence,
        header: options.header,
    })
}

/// What stands in `#[arg(...)]`.
#[derive(Default)]
struct ArgumentOptions {
    name: Option<LitStr>,
    title: Option<LitStr>,
    header: Option<LitStr>,
    default: Option<Presence>,
}

impl ArgumentOptions {
    fn read(&mut self, meta: &ParseNestedMeta<'_>, allowed: &[&str]) -> Result<()> {
        let key = key(meta);
        if !allowed.contains(&key.as_str()) {
            let allowed = allowed.join(", ");
            return Err(meta.error(format!("unknown option; there are {allowed}")));
        }
        match key.as_str() {
            "name" => set(&mut self.name, meta, meta.value()?.parse()?),
            "title" => set(&mut self.title, meta, meta.value()?.parse()?),
            "header" => set(&mut self.header, meta, meta.value()?.parse()?),
            _ => {
                let presence = match meta.input.peek(Token![=]) {
                    true => Presence::Default(meta.value()?.parse()?),
                    false => Presence::DefaultOfType,
                };
                set(&mut self.default, meta, presence)
            }
        }
    }
}

/// Whether a type is a `Context`, and then whether it is a reference to one.
fn context(ty: &Type) -> Option<bool> {
    let (ty, by_reference) = match ty {
        Type::Reference(reference) => (&*reference.elem, true),
        ty => (ty, false),
    };
    let Type::Path(path) = ty else { return None };
    (path.path.segments.last()?.ident == "Context").then_some(by_reference)
}

/// What a parameter is if it isn't given, as an expression.
pub(crate) fn default(argument: &Argument) -> TokenStream {
    let ty = &argument.inner;
    match &argument.presence {
        Presence::Default(default) => quote_spanned!(default.span()=> #default),
        _ => quote_spanned! { ty.span()=> <#ty as ::core::default::Default>::default() },
    }
}

fn inner_of_option(ty: &Type) -> Option<&Type> {
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last()?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else {
        return None;
    };
    match arguments.args.first()? {
        GenericArgument::Type(inner) if last.ident == "Option" => Some(inner),
        _ => None,
    }
}
