//! What `#[tool]` puts beside a function: a type of the same name (types and
//! functions don't share names) that carries a table for `fusebox-sdk`.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;
use syn::{Error, ItemFn, Result, ReturnType, Signature};

use crate::options::{Options, check_name, documentation};
use crate::parameters::{self, Argument, Parameter, Presence};

/// Expands `#[tool(options)] item`.
pub(crate) fn tool(options: TokenStream, item: TokenStream) -> TokenStream {
    let mut function: ItemFn = match syn::parse2(item.clone()) {
        Ok(function) => function,
        Err(error) => {
            let error = error.into_compile_error();
            return quote! { #error #item };
        }
    };
    match definition(options, &mut function) {
        Ok(definition) => quote! { #function #definition },
        Err(error) => {
            // The function stays, so that there is one error and not two.
            parameters::strip(&mut function.sig.inputs);
            let error = error.into_compile_error();
            quote! { #function #error }
        }
    }
}

fn definition(options: TokenStream, function: &mut ItemFn) -> Result<TokenStream> {
    let options = Options::parse(options)?;
    check_signature(&function.sig)?;
    let parameters = parameters::take(&mut function.sig.inputs)?;
    let arguments: Vec<&Argument> = parameters
        .iter()
        .filter_map(|parameter| match parameter {
            Parameter::Argument(argument) => Some(&**argument),
            Parameter::Context { .. } => None,
        })
        .collect();

    let ident = &function.sig.ident;
    let visibility = &function.vis;
    let name = match &options.name {
        Some(name) => name.value(),
        None => ident.unraw().to_string(),
    };
    check_name(&name, ident.span())?;
    let title = option(options.title.as_ref());
    let documented = documentation(&function.attrs);
    let description = match &options.description {
        Some(description) => option(Some(description)),
        None => option(documented.as_ref()),
    };
    let annotations = option(options.annotations().as_ref());
    let meta = option(options.meta.as_ref());

    let returned = match &function.sig.output {
        ReturnType::Default => quote!(()),
        ReturnType::Type(_, ty) => quote!(#ty),
    };
    let returned = quote_spanned! { returned.span()=>
        ::fusebox_sdk::__private::Returned::<#returned>::new()
    };
    let (input, decode) = match &options.input_schema {
        Some(schema) => (quote!(Input::Schema(#schema)), whole(&arguments, ident)?),
        None => (quote!(Input::Arguments(&Self::ARGUMENTS)), each()),
    };
    let table = arguments.iter().map(|argument| row(argument));
    let count = arguments.len();
    let (count, table) = match options.input_schema {
        Some(_) => (0, quote!()),
        None => (count, quote!(#(#table),*)),
    };
    let values = values(&parameters, options.input_schema.is_some());
    let output_schema = match &options.output_schema {
        Some(schema) => quote!(Some(::std::string::String::from(#schema))),
        None => quote_spanned!(returned.span()=> #returned.success().output_schema()),
    };
    let convert = quote_spanned! { returned.span()=>
        __returned.success().convert(__returned.split(__value)?)
    };

    // The tool may have any name, so no variable here may have a usual one.
    Ok(quote! {
        #[doc(hidden)]
        #[allow(non_camel_case_types, missing_docs)]
        #visibility struct #ident {}

        const _: () = {
            #[allow(unused_imports)]
            use ::fusebox_sdk::__private::{Convert as _, Infallible as _, Input};

            impl #ident {
                const ARGUMENTS: [::fusebox_sdk::__private::Argument; #count] = [#table];
            }

            impl ::fusebox_sdk::__private::Tool for #ident {
                const DEFINITION: ::fusebox_sdk::__private::ToolDefinition =
                    ::fusebox_sdk::__private::ToolDefinition {
                        name: #name,
                        title: #title,
                        description: #description,
                        annotations: #annotations,
                        meta: #meta,
                        input: #input,
                        output_schema: || #output_schema,
                        call: |__arguments, __context| {
                            let _ = __context;
                            #decode
                            let __value = #ident(#(#values),*);
                            let __returned = #returned;
                            #convert
                        },
                    };
            }
        };
    })
}

fn check_signature(signature: &Signature) -> Result<()> {
    if let Some(asynchronous) = &signature.asyncness {
        return Err(Error::new_spanned(
            asynchronous,
            "a tool is not async: each call has an instance to itself, and may wait in it",
        ));
    }
    if !signature.generics.params.is_empty() {
        return Err(Error::new_spanned(
            &signature.generics,
            "a tool is not generic: its schema follows from its types",
        ));
    }
    Ok(())
}

/// How the arguments are read if each has a type.
fn each() -> TokenStream {
    quote! {
        let __given = ::fusebox_sdk::__private::split(__arguments, &Self::ARGUMENTS)?;
    }
}

/// How the arguments are read if there is one value for all.
fn whole(arguments: &[&Argument], ident: &syn::Ident) -> Result<TokenStream> {
    let [argument] = arguments else {
        return Err(Error::new_spanned(
            ident,
            "with `input_schema`, a tool takes one value for the whole object of the arguments",
        ));
    };
    let Presence::Required = argument.presence else {
        return Err(Error::new_spanned(
            &argument.inner,
            "the object of the arguments is always there: it needs no `Option` and no default",
        ));
    };
    let ty = &argument.inner;
    Ok(quote_spanned! { ty.span()=>
        let __given = ::fusebox_sdk::__private::whole::<#ty>(__arguments)?;
    })
}

/// One entry of the table of arguments.
fn row(argument: &Argument) -> TokenStream {
    let Argument {
        name,
        description,
        inner,
        presence,
        header,
    } = argument;
    let description = option(description.as_ref());
    let header = option(header.as_ref());
    let required = matches!(presence, Presence::Required);
    let default = match presence {
        Presence::Required | Presence::Optional => quote!(None),
        Presence::DefaultOfType | Presence::Default(_) => {
            let default = default(argument);
            quote_spanned! { inner.span()=>
                Some(|| ::fusebox_sdk::__private::default_to_json::<#inner>(&#default))
            }
        }
    };
    let schema = quote_spanned! { inner.span()=>
        ::fusebox_sdk::__private::SchemaGenerator::subschema_for::<#inner>
    };
    quote! {
        ::fusebox_sdk::__private::Argument {
            name: #name,
            description: #description,
            schema: #schema,
            required: #required,
            default: #default,
            header: #header,
        }
    }
}

/// What the function is called with.
fn values(parameters: &[Parameter], is_whole: bool) -> Vec<TokenStream> {
    let mut index = 0_usize;
    let mut value = |argument: &Argument| {
        let ty = &argument.inner;
        let from = quote!(&Self::ARGUMENTS[#index], __given[#index]);
        index += 1;
        let private = quote_spanned!(ty.span()=> ::fusebox_sdk::__private);
        match &argument.presence {
            Presence::Required => quote!(#private::required::<#ty>(#from)?),
            Presence::Optional => quote!(#private::optional::<#ty>(#from)?),
            Presence::DefaultOfType | Presence::Default(_) => {
                let default = default(argument);
                quote!(#private::optional::<#ty>(#from)?.unwrap_or_else(|| #default))
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
            Parameter::Argument(_) if is_whole => quote!(__given),
            Parameter::Argument(argument) => value(argument),
        })
        .collect()
}

fn default(argument: &Argument) -> TokenStream {
    let ty = &argument.inner;
    match &argument.presence {
        Presence::Default(default) => quote_spanned!(default.span()=> (#default)),
        _ => quote_spanned! { ty.span()=> <#ty as ::core::default::Default>::default() },
    }
}

fn option(value: Option<impl ToTokens>) -> TokenStream {
    match value {
        Some(value) => quote!(Some(#value)),
        None => quote!(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the compiler says to a function that can't be a tool.
    fn check(options: TokenStream, item: TokenStream, expected: &str) {
        let expanded = tool(options, item).to_string();
        assert!(expanded.contains("compile_error"), "{expanded}");
        assert!(expanded.contains(expected), "{expanded}");
    }

    #[test]
    fn what_can_not_be_a_tool_is_refused() {
        let none = TokenStream::new;
        check(
            none(),
            quote!(
                struct S;
            ),
            "expected `fn`",
        );
        check(
            none(),
            quote!(
                async fn f() {}
            ),
            "a tool is not async",
        );
        check(
            none(),
            quote!(
                fn f<T>(t: T) {}
            ),
            "a tool is not generic",
        );
        check(
            none(),
            quote!(
                fn f(&self) {}
            ),
            "a tool is no method",
        );
        check(
            none(),
            quote!(
                fn f(s: &str) {}
            ),
            "take `String` in place of `&str`",
        );
        check(
            none(),
            quote!(
                fn f((a, b): (u8, u8)) {}
            ),
            "needs a plain name",
        );
        check(
            none(),
            quote!(
                fn é() {}
            ),
            "1 to 128 of the characters",
        );
        check(
            none(),
            quote!(
                fn f(#[arg(default)] a: Option<u8>) {}
            ),
            "is never `None`",
        );
        check(
            none(),
            quote!(
                fn f(#[arg(nmae = "x")] a: u8) {}
            ),
            "there are name, default, header",
        );
        check(
            quote!(input_schema = S),
            quote!(
                fn f() {}
            ),
            "takes one value",
        );
        check(
            quote!(input_schema = S),
            quote!(
                fn f(a: Option<u8>) {}
            ),
            "always there",
        );
    }

    #[test]
    fn the_function_stays_without_the_helper_attributes() {
        for options in [quote!(), quote!(unknown)] {
            let item = quote! { pub fn f(#[doc = "d"] #[arg(default = 1)] a: u8) -> u8 { a } };
            let expanded = tool(options, item).to_string();
            let function = quote! { pub fn f(a: u8) -> u8 { a } }.to_string();
            assert!(expanded.contains(&function), "{expanded}");
        }
    }
}
