//! `#[completion]`: from a function to a table with what it completes and a way
//! to call it.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::meta::ParseNestedMeta;
use syn::parse::Parser as _;
use syn::spanned::Spanned as _;
use syn::{Error, FnArg, ItemFn, LitStr, Result, ReturnType, Type};

use crate::options::{key, set};
use crate::parameters::{self, context, is_called};
use crate::tokens::{beside, call, carrier};

/// Expands `#[completion(options)] item`.
pub(crate) fn expand(options: TokenStream, item: TokenStream) -> TokenStream {
    beside(["completion", "Completer"], item, |function| {
        definition(options, function)
    })
}

fn definition(options: TokenStream, function: &mut ItemFn) -> Result<TokenStream> {
    let mut read = Options::default();
    syn::meta::parser(|meta| read.read(&meta)).parse2(options)?;
    let ident = &function.sig.ident;
    let Some(argument) = &read.argument else {
        return Err(Error::new_spanned(
            ident,
            "say which argument is completed: `argument = \"...\"`",
        ));
    };
    let reference = match (&read.prompt, &read.resource) {
        (Some(prompt), None) => quote!(Prompt(#prompt)),
        (None, Some(template)) => quote!(Template(#template)),
        _ => {
            return Err(Error::new_spanned(
                ident,
                "say what is completed, once: `prompt = \"...\"` or `resource = \"...\"`",
            ));
        }
    };
    let values = values(function)?;
    let call = call(function, &values);
    parameters::strip(&mut function.sig.inputs);
    let convert = match &function.sig.output {
        ReturnType::Default => quote!(::fusebox_sdk::IntoCompletion::into_completion),
        ReturnType::Type(_, ty) => {
            quote_spanned!(ty.span()=> <#ty as ::fusebox_sdk::IntoCompletion>::into_completion)
        }
    };
    let members = quote! {
        reference: ::fusebox_sdk::__private::Reference::#reference,
        argument: #argument,
        complete: |__value, __known, __context| {
            let _ = (__known, __context);
            #convert(#call)
        },
    };
    Ok(carrier(function, "Completer", &quote!(), &members))
}

/// What the function is called with: what is typed so far, what is known, and the
/// context.
fn values(function: &ItemFn) -> Result<Vec<TokenStream>> {
    let mut typed = 0;
    let mut values = Vec::new();
    for input in &function.sig.inputs {
        let FnArg::Typed(parameter) = input else {
            continue;
        };
        let (ty, is_reference) = match &*parameter.ty {
            Type::Reference(reference) => (&*reference.elem, true),
            ty => (ty, false),
        };
        let given = match context(parameter)? {
            Some(_) => quote!(__context),
            None if is_called(ty, "Known") => quote!(__known),
            None => {
                typed += 1;
                if !is_reference {
                    values.push(quote!(::std::string::String::from(__value)));
                    continue;
                }
                quote!(__value)
            }
        };
        values.push(match is_reference {
            true => given,
            false => quote!(::core::clone::Clone::clone(#given)),
        });
    }
    match typed {
        1 => Ok(values),
        _ => Err(Error::new_spanned(
            &function.sig,
            "a completion takes what is typed so far, and perhaps what is known and the context: \
             `(value: &str, known: &Known, ctx: &Context)`",
        )),
    }
}

/// What stands in the parentheses of `#[completion(...)]`.
#[derive(Default)]
struct Options {
    prompt: Option<LitStr>,
    resource: Option<LitStr>,
    argument: Option<LitStr>,
}

impl Options {
    fn read(&mut self, meta: &ParseNestedMeta<'_>) -> Result<()> {
        match key(meta).as_str() {
            "prompt" => set(&mut self.prompt, meta, meta.value()?.parse()?),
            "resource" => set(&mut self.resource, meta, meta.value()?.parse()?),
            "argument" => set(&mut self.argument, meta, meta.value()?.parse()?),
            _ => Err(meta.error("unknown option; there are prompt, resource, argument")),
        }
    }
}
