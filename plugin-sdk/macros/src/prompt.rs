//! `#[prompt]`: from a function to a table with its name, its arguments and a
//! way to call it with text.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::meta::ParseNestedMeta;
use syn::parse::Parser as _;
use syn::spanned::Spanned as _;
use syn::{ItemFn, LitStr, Result, ReturnType};

use crate::options::{Listed, check_name, key};
use crate::parameters::{self, Argument, Parameter, Presence, default};
use crate::tokens::{beside, call, carrier, option};

/// Expands `#[prompt(options)] item`.
pub(crate) fn expand(options: TokenStream, item: TokenStream) -> TokenStream {
    beside(["prompt", "Prompt"], item, |function| {
        definition(options, function)
    })
}

fn definition(options: TokenStream, function: &mut ItemFn) -> Result<TokenStream> {
    let mut listed = Listed::default();
    syn::meta::parser(|meta| read(&mut listed, &meta)).parse2(options)?;
    let parameters = parameters::take(&mut function.sig.inputs, &["name", "title", "default"])?;
    let arguments = parameters::arguments(&parameters);
    let count = arguments.len();
    let table = arguments.iter().map(|argument| row(argument));
    let call = call(function, &values(&parameters));

    let ident = &function.sig.ident;
    let name = match &listed.name {
        Some(name) => name.clone(),
        None => LitStr::new(&ident.unraw().to_string(), ident.span()),
    };
    check_name(&name.value(), name.span())?;
    let listed = listed.members(&function.attrs);
    let convert = match &function.sig.output {
        ReturnType::Default => quote!(::fusebox_sdk::IntoPromptResult::into_prompt_result),
        ReturnType::Type(_, ty) => {
            quote_spanned!(ty.span()=> <#ty as ::fusebox_sdk::IntoPromptResult>::into_prompt_result)
        }
    };
    let scope = quote! {
        impl #ident {
            const ARGUMENTS: [::fusebox_sdk::__private::TextArgument; #count] = [#(#table),*];
        }
    };
    let members = quote! {
        name: #name,
        #listed
        arguments: &Self::ARGUMENTS,
        get: |__given, __context| {
            let _ = __given;
            let _ = __context;
            #convert(#call)
        },
    };
    Ok(carrier(function, "Prompt", &scope, &members))
}

fn read(listed: &mut Listed, meta: &ParseNestedMeta<'_>) -> Result<()> {
    match listed.read(&key(meta), meta)? {
        true => Ok(()),
        false => Err(meta.error("unknown option; there are name, title, description, icons, meta")),
    }
}

/// One entry of the table of arguments.
fn row(argument: &Argument) -> TokenStream {
    let name = &argument.name;
    let title = option(argument.title.as_ref());
    let description = option(argument.description.as_ref());
    let required = matches!(argument.presence, Presence::Required);
    quote! {
        ::fusebox_sdk::__private::TextArgument {
            name: #name,
            title: #title,
            description: #description,
            required: #required,
        }
    }
}

/// What the function is called with.
fn values(parameters: &[Parameter]) -> Vec<TokenStream> {
    let mut index = 0_usize;
    let mut value = |argument: &Argument| {
        let ty = &argument.inner;
        let name = &argument.name;
        let from = quote!(#name, __given[#index]);
        index += 1;
        let read = quote_spanned!(ty.span()=> <#ty as ::fusebox_sdk::__private::TextValue>);
        match &argument.presence {
            Presence::Required => quote!(#read::required(#from)?),
            Presence::Optional => quote!(#read::optional(#from)?),
            Presence::DefaultOfType | Presence::Default(_) => {
                let default = default(argument);
                quote!(#read::optional(#from)?.unwrap_or_else(|| #default))
            }
        }
    };
    parameters
        .iter()
        .map(|parameter| match parameter {
            Parameter::Context { by_reference: true } => quote!(__context),
            Parameter::Context {
                by_reference: false,
            } => quote!(__context.clone()),
            Parameter::Argument(argument) => value(argument),
        })
        .collect()
}
