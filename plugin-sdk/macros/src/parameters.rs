//! The parameters of a function: which are arguments, and what is known of
//! each. Takes the helper attributes off, since the compiler refuses them.

use proc_macro2::TokenStream;
use quote::quote_spanned;
use syn::ext::IdentExt as _;
use syn::meta::ParseNestedMeta;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned as _;
use syn::{
    Attribute, Error, Expr, ExprLit, FnArg, GenericArgument, Lit, LitStr, Pat, PatType,
    PathArguments, Result, Token, Type,
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
        return Err(Error::new_spanned(input, "this is no argument"));
    };
    let taken = match context(parameter)? {
        Some(by_reference) => Parameter::Context { by_reference },
        None => Parameter::Argument(Box::new(argument(parameter, options)?)),
    };
    parameter.attrs.retain(|attribute| !is_ours(attribute));
    Ok(taken)
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
    if let Type::ImplTrait(any) = &*parameter.ty {
        return Err(Error::new_spanned(
            any,
            "an argument has a type of its own: `impl ...` doesn't say what a caller may give",
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

/// Whether a parameter is the `Context`, and then whether it is a reference to it.
pub(crate) fn context(parameter: &PatType) -> Result<Option<bool>> {
    let (ty, reference) = match &*parameter.ty {
        Type::Reference(reference) => (&*reference.elem, Some(reference)),
        ty => (ty, None),
    };
    if inner_of_option(ty).is_some_and(|inner| is_called(inner, "Context")) {
        return Err(Error::new_spanned(
            ty,
            "the context is always there: take `&Context`",
        ));
    }
    if !is_called(ty, "Context") {
        return Ok(None);
    }
    if let Some(mutability) = reference.and_then(|reference| reference.mutability) {
        return Err(Error::new_spanned(
            mutability,
            "the context is shared, and never changed: take `&Context`",
        ));
    }
    match parameter
        .attrs
        .iter()
        .find(|one| one.path().is_ident("arg"))
    {
        Some(attribute) => Err(Error::new_spanned(
            attribute,
            "the context is no argument: no caller gives it",
        )),
        None => Ok(Some(reference.is_some())),
    }
}

/// Whether a type goes by this name, wherever it is.
pub(crate) fn is_called(ty: &Type, name: &str) -> bool {
    let Type::Path(path) = ty else { return false };
    let last = path.path.segments.last();
    last.is_some_and(|last| last.ident == name)
}

/// What a parameter is if it isn't given, as an expression.
pub(crate) fn default(argument: &Argument) -> TokenStream {
    let ty = &argument.inner;
    match &argument.presence {
        // Text is written as text.
        Presence::Default(
            default @ Expr::Lit(ExprLit {
                lit: Lit::Str(_), ..
            }),
        ) if is_called(ty, "String") => {
            quote_spanned!(default.span()=> <#ty as ::core::convert::From<&str>>::from(#default))
        }
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
