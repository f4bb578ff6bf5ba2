//! `definitions!`: from the functions that `plugin!` lists to an array of their
//! tables. What is wrong with one of them is said where it stands in the list, which
//! `macro_rules` can't do.

use std::collections::HashSet;

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Error, Ident, Path, Result, Token, bracketed};

/// Expands `definitions!(Trait: [function, function])`.
pub(crate) fn expand(tokens: TokenStream) -> TokenStream {
    syn::parse2(tokens)
        .and_then(|list: List| list.array())
        .unwrap_or_else(Error::into_compile_error)
}

struct List {
    /// the trait of `fusebox-sdk` that has the definition
    of: Ident,
    handlers: Punctuated<Path, Token![,]>,
}

impl Parse for List {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let of = input.parse()?;
        input.parse::<Token![:]>()?;
        let handlers;
        bracketed!(handlers in input);
        let handlers = handlers.parse_terminated(Path::parse_mod_style, Token![,])?;
        Ok(Self { of, handlers })
    }
}

impl List {
    fn array(&self) -> Result<TokenStream> {
        let of = &self.of;
        let mut definitions = Vec::new();
        // By their words: to compare paths is a feature of `syn` that the macros are
        // built without where a plugin is built.
        let mut names = HashSet::new();
        for handler in &self.handlers {
            let name = quote!(#handler).to_string().replace(' ', "");
            if names.contains(&name) {
                let words = format!("`{name}` stands in this list twice");
                return Err(Error::new_spanned(handler, words));
            }
            names.insert(name);
            let Some(last) = handler.segments.last() else {
                continue;
            };
            definitions.push(quote_spanned! { last.ident.span()=>
                <#handler as ::fusebox_sdk::__private::#of>::DEFINITION
            });
        }
        Ok(quote!([#(#definitions),*]))
    }
}
