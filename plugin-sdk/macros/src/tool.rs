//! `#[tool]`: from a function to a table with its name, its schemas and a way
//! to call it with JSON.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::meta::ParseNestedMeta;
use syn::parse::Parser as _;
use syn::spanned::Spanned as _;
use syn::{Error, Expr, ItemFn, LitBool, LitStr, Result, ReturnType};

use crate::options::{Listed, cache, check_name, is_documented, key, set};
use crate::parameters::{self, Argument, Parameter, Presence, default};
use crate::tokens::{beside, call, carrier, option};

/// The member of `_meta` by which a host knows that the tool's questions come
/// before its task.
const ASK_BEFORE_TASK: &str = "fusebox/askBeforeTask";

/// Expands `#[tool(options)] item`.
pub(crate) fn expand(options: TokenStream, item: TokenStream) -> TokenStream {
    beside(["tool", "Tool"], item, |function| {
        definition(options, function)
    })
}

fn definition(options: TokenStream, function: &mut ItemFn) -> Result<TokenStream> {
    let mut options = Options::parse(options)?;
    if options.ask_before_task {
        options.listed.add_meta(ASK_BEFORE_TASK)?;
    }
    let parameters = parameters::take(&mut function.sig.inputs, &["name", "default", "header"])?;
    let arguments = parameters::arguments(&parameters);

    let ident = &function.sig.ident;
    let name = match &options.listed.name {
        Some(name) => name.clone(),
        None => LitStr::new(&ident.unraw().to_string(), ident.span()),
    };
    check_name(&name.value(), name.span())?;
    let listed = options.listed.members(&function.attrs);
    let annotations = option(options.annotations());
    let task = options.task();
    let cache = option(options.cache.as_ref());

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
    let call = call(function, &values);
    let output_schema = match &options.output_schema {
        Some(schema) => quote!(Some(::std::string::String::from(#schema))),
        None => quote_spanned!(returned.span()=> #returned.success().output_schema()),
    };
    let convert = quote_spanned! { returned.span()=>
        __returned.success().convert(__returned.split(__value)?)
    };
    let scope = quote! {
        #[allow(unused_imports)]
        use ::fusebox_sdk::__private::{Convert as _, Infallible as _, Input};

        impl #ident {
            const ARGUMENTS: [::fusebox_sdk::__private::Argument; #count] = [#table];
        }
    };
    // The tool may have any name, so no variable here may have a usual one.
    let members = quote! {
        name: #name,
        #listed
        annotations: #annotations,
        task: #task,
        cache: #cache,
        input: #input,
        output_schema: || #output_schema,
        call: |__arguments, __context| {
            let _ = __context;
            #decode
            let __value = #call;
            let __returned = #returned;
            #convert
        },
    };
    described(&options.listed, function)?;
    Ok(carrier(function, "Tool", &scope, &members))
}

/// Refuses a tool that says nothing of itself.
fn described(listed: &Listed, function: &ItemFn) -> Result<()> {
    match listed.description.is_some() || is_documented(&function.attrs) {
        true => Ok(()),
        false => Err(Error::new_spanned(
            &function.sig.ident,
            "a tool says what it does, since a model chooses it by that: write a comment with \
             `///` above it, or `description = \"...\"`",
        )),
    }
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
        let __given = <#ty as ::fusebox_sdk::__private::WholeValue>::of_arguments(__arguments)?;
    })
}

/// One entry of the table of arguments.
fn row(argument: &Argument) -> TokenStream {
    let Argument {
        name,
        inner,
        presence,
        ..
    } = argument;
    let description = option(argument.description.as_ref());
    let header = option(argument.header.as_ref());
    let required = matches!(presence, Presence::Required);
    let default = match presence {
        Presence::Required | Presence::Optional => quote!(None),
        Presence::DefaultOfType | Presence::Default(_) => {
            let default = default(argument);
            quote_spanned! { inner.span()=>
                Some(|| <#inner as ::fusebox_sdk::__private::DefaultValue>::shown(&(#default)))
            }
        }
    };
    let schema = quote_spanned! { inner.span()=>
        <#inner as ::fusebox_sdk::__private::ArgumentValue>::schema
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
        let read = quote_spanned!(ty.span()=> <#ty as ::fusebox_sdk::__private::ArgumentValue>);
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
            Parameter::Argument(_) if is_whole => quote!(__given),
            Parameter::Argument(argument) => value(argument),
        })
        .collect()
}

/// What stands in the parentheses of `#[tool(...)]`.
#[derive(Default)]
struct Options {
    listed: Listed,
    input_schema: Option<Expr>,
    output_schema: Option<Expr>,
    cache: Option<TokenStream>,
    task: Option<LitStr>,
    ask_before_task: bool,
    /// The hints as the members of a JSON object, in the order given.
    hints: Vec<String>,
}

impl Options {
    fn parse(tokens: TokenStream) -> Result<Self> {
        let mut options = Self::default();
        syn::meta::parser(|meta| options.read(&meta)).parse2(tokens)?;
        if options.ask_before_task && options.task.is_none() {
            return Err(Error::new(
                proc_macro2::Span::call_site(),
                "`ask_before_task` is for a tool that may become a task: add `task = \"required\"` or `\"optional\"`",
            ));
        }
        Ok(options)
    }

    fn read(&mut self, meta: &ParseNestedMeta<'_>) -> Result<()> {
        let key = key(meta);
        if self.listed.read(&key, meta)? {
            return Ok(());
        }
        match key.as_str() {
            "input_schema" => set(&mut self.input_schema, meta, meta.value()?.parse()?),
            "output_schema" => set(&mut self.output_schema, meta, meta.value()?.parse()?),
            "cache" => set(&mut self.cache, meta, cache(meta)?),
            "task" => set(&mut self.task, meta, task(meta)?),
            "ask_before_task" => {
                self.ask_before_task = true;
                Ok(())
            }
            "read_only" => self.hint("readOnlyHint", meta),
            "destructive" => self.hint("destructiveHint", meta),
            "idempotent" => self.hint("idempotentHint", meta),
            "open_world" => self.hint("openWorldHint", meta),
            _ => Err(meta.error(
                "unknown option; there are name, title, description, icons, meta, input_schema, \
                 output_schema, cache, task, ask_before_task, read_only, destructive, idempotent, \
                 open_world",
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
    fn annotations(&self) -> Option<String> {
        (!self.hints.is_empty()).then(|| format!("{{{}}}", self.hints.join(",")))
    }

    fn task(&self) -> TokenStream {
        let support = match self.task.as_ref().map(LitStr::value).as_deref() {
            Some("optional") => quote!(Optional),
            Some(_) => quote!(Required),
            None => quote!(Forbidden),
        };
        quote!(::fusebox_sdk::__private::TaskSupport::#support)
    }
}

fn task(meta: &ParseNestedMeta<'_>) -> Result<LitStr> {
    let task: LitStr = meta.value()?.parse()?;
    match task.value().as_str() {
        "optional" | "required" => Ok(task),
        _ => Err(Error::new(
            task.span(),
            "this is \"optional\" or \"required\"",
        )),
    }
}
