//! What the four macros have in common: reading a function, and writing values
//! as tokens. Knows nothing of what a function becomes.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Error, ItemFn, Result, Signature};

use crate::parameters;

/// Expands an attribute: the function as it was, without the helper attributes,
/// and what `define` puts beside it.
pub(crate) fn beside(
    item: TokenStream,
    define: impl FnOnce(&mut ItemFn) -> Result<TokenStream>,
) -> TokenStream {
    let mut function: ItemFn = match syn::parse2(item.clone()) {
        Ok(function) => function,
        Err(error) => {
            let error = error.into_compile_error();
            return quote! { #error #item };
        }
    };
    let defined = check(&function.sig).and_then(|()| define(&mut function));
    match defined {
        Ok(definition) => quote! { #function #definition },
        Err(error) => {
            // The function stays, so that there is one error and not two.
            parameters::strip(&mut function.sig.inputs);
            let error = error.into_compile_error();
            quote! { #function #error }
        }
    }
}

fn check(signature: &Signature) -> Result<()> {
    if let Some(asynchronous) = &signature.asyncness {
        return Err(Error::new_spanned(
            asynchronous,
            "a handler is not async: each call has an instance to itself, and may wait in it",
        ));
    }
    if !signature.generics.params.is_empty() {
        return Err(Error::new_spanned(
            &signature.generics,
            "a handler is not generic: what is known of it follows from its types",
        ));
    }
    Ok(())
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
