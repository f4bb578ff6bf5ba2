//! What the four macros have in common: reading a function, and writing values
//! as tokens. Knows nothing of what a function becomes.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote};
use syn::ext::IdentExt as _;
use syn::{Error, ItemFn, Result, ReturnType, Signature, Type};

use crate::parameters;

/// Expands the attribute `#[attribute]`: the function as it was, without the helper
/// attributes, and what `define` puts beside it, the constant of the trait `of`.
pub(crate) fn beside(
    [attribute, of]: [&str; 2],
    item: TokenStream,
    define: impl FnOnce(&mut ItemFn) -> Result<TokenStream>,
) -> TokenStream {
    let mut function: ItemFn = match syn::parse2(item.clone()) {
        Ok(function) => function,
        Err(error) => {
            let words = format!("`#[{attribute}]` stands above a function with a body");
            let error = Error::new(error.span(), words).into_compile_error();
            return quote! { #error #item };
        }
    };
    let defined = check(&function.sig).and_then(|()| define(&mut function));
    match defined {
        Ok(definition) => quote! { #function #definition },
        Err(error) => {
            // The function stays, and `plugin!` finds it, so that there is one error
            // and not three.
            parameters::strip(&mut function.sig.inputs);
            let error = error.into_compile_error();
            let refused = refused(&function, of);
            quote! { #function #error #refused }
        }
    }
}

fn check(signature: &Signature) -> Result<()> {
    if let Some(receiver) = signature.receiver() {
        return Err(Error::new_spanned(
            receiver,
            "a handler is no method: it has no `self`",
        ));
    }
    if !signature.generics.params.is_empty() {
        return Err(Error::new_spanned(
            &signature.generics,
            "a handler is not generic: what is known of it follows from its types",
        ));
    }
    if let Some(unsafety) = &signature.unsafety {
        return Err(Error::new_spanned(
            unsafety,
            "a handler is not unsafe: whoever is a client calls it",
        ));
    }
    match &signature.output {
        ReturnType::Type(_, ty) if matches!(**ty, Type::ImplTrait(_)) => Err(Error::new_spanned(
            ty,
            "a handler names the type that it returns: what is listed of it follows from that",
        )),
        _ => Ok(()),
    }
}

/// The call of the function with these values; an async one is run to its end.
pub(crate) fn call(function: &ItemFn, values: &[TokenStream]) -> TokenStream {
    let ident = &function.sig.ident;
    match function.sig.asyncness {
        None => quote!(#ident(#(#values),*)),
        Some(_) => quote!(::fusebox_sdk::block_on(#ident(#(#values),*))),
    }
}

/// What stands in for the definition of a function that is refused.
fn refused(function: &ItemFn, of: &str) -> TokenStream {
    // A method stands in an `impl`, where there can be no type.
    if function.sig.receiver().is_some() {
        return TokenStream::new();
    }
    let ident = &function.sig.ident;
    let visibility = &function.vis;
    let name = ident.unraw().to_string();
    let of = syn::Ident::new(of, Span::call_site());
    let table = quote::format_ident!("{of}Definition");
    quote! {
        #[doc(hidden)]
        #[allow(non_camel_case_types, missing_docs)]
        #visibility struct #ident {}

        impl ::fusebox_sdk::__private::#of for #ident {
            const DEFINITION: ::fusebox_sdk::__private::#table =
                ::fusebox_sdk::__private::#table::refused(#name);
        }
    }
}

/// A type of the function's name (types and functions don't share names) that
/// carries `definition`, the constant of the trait `of` in `fusebox-sdk`.
/// `scope` stands beside the implementation, out of the plugin's sight.
pub(crate) fn carrier(
    function: &ItemFn,
    of: &str,
    scope: &TokenStream,
    definition: &TokenStream,
) -> TokenStream {
    let ident = &function.sig.ident;
    let visibility = &function.vis;
    let of = syn::Ident::new(of, ident.span());
    let table = quote::format_ident!("{of}Definition");
    quote! {
        #[doc(hidden)]
        #[allow(non_camel_case_types, missing_docs)]
        #visibility struct #ident {}

        const _: () = {
            #scope

            impl ::fusebox_sdk::__private::#of for #ident {
                const DEFINITION: ::fusebox_sdk::__private::#table =
                    ::fusebox_sdk::__private::#table { #definition };
            }
        };
    }
}

pub(crate) fn option(value: Option<impl ToTokens>) -> TokenStream {
    match value {
        Some(value) => quote!(Some(#value)),
        None => quote!(None),
    }
}
