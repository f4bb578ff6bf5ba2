//! What a plugin exports, and the call of one export: once for calls that may
//! yield and wait, once for calls that run in one go.
//!
//! It owns the way from an invocation to a function of the component. It never
//! sets a limit.

/// Which interfaces of the contract a plugin exports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exports {
    /// it has tools
    pub tools: bool,
    /// it has resources
    pub resources: bool,
    /// it has prompts
    pub prompts: bool,
    /// it completes arguments
    pub completions: bool,
}

/// The same code over both kinds of bindings; only `async` and `.await` differ.
macro_rules! callable {
    ($(#[$about:meta])* $module:ident, [$($asynchronous:tt)*], [$($awaited:tt)*]) => {
        $(#[$about])*
        pub(crate) mod $module {
            use wasmtime::Store;
            use wasmtime::component::{Component, Instance, InstancePre};

            use super::Exports;
            use crate::call::{Answer, Invocation};
            use crate::contract::$module::{completions, prompts, resources, tools};
            use crate::contract::{PACKAGE, VERSION};
            use crate::fault::CallError;
            use crate::state::State;

            /// Where the exports are, looked up once.
            pub(crate) struct Indices {
                tools: Option<tools::GuestIndices>,
                resources: Option<resources::GuestIndices>,
                prompts: Option<prompts::GuestIndices>,
                completions: Option<completions::GuestIndices>,
            }

            /// An instance, and what was looked up in it so far.
            pub(crate) struct Bound {
                instance: Instance,
                tools: Option<tools::Guest>,
                resources: Option<resources::Guest>,
                prompts: Option<prompts::Guest>,
                completions: Option<completions::Guest>,
            }

            impl From<Instance> for Bound {
                fn from(instance: Instance) -> Self {
                    Self {
                        instance,
                        tools: None,
                        resources: None,
                        prompts: None,
                        completions: None,
                    }
                }
            }

            impl Indices {
                /// Looks the interfaces up: absent is fine, another shape is not.
                pub(crate) fn of(
                    component: &Component,
                    pre: &InstancePre<State>,
                ) -> wasmtime::Result<Self> {
                    macro_rules! indices {
                        ($interface:ident) => {{
                            let name = format!("{PACKAGE}/{}@{VERSION}", stringify!($interface));
                            match component.get_export_index(None, &name) {
                                Some(_) => Some($interface::GuestIndices::new(pre)?),
                                None => None,
                            }
                        }};
                    }
                    Ok(Self {
                        tools: indices!(tools),
                        resources: indices!(resources),
                        prompts: indices!(prompts),
                        completions: indices!(completions),
                    })
                }

                #[allow(dead_code, reason = "one kind of bindings is asked, for both")]
                pub(crate) fn exports(&self) -> Exports {
                    Exports {
                        tools: self.tools.is_some(),
                        resources: self.resources.is_some(),
                        prompts: self.prompts.is_some(),
                        completions: self.completions.is_some(),
                    }
                }

                /// Calls one export; the outer error is the runtime's.
                pub(crate) $($asynchronous)* fn invoke(
                    &self,
                    mut store: &mut Store<State>,
                    bound: &mut Bound,
                    invocation: &Invocation,
                ) -> wasmtime::Result<Result<Answer, CallError>> {
                    /// Loads the guest of an interface, or answers that it isn't exported.
                    macro_rules! guest {
                        ($interface:ident) => {
                            match (&mut bound.$interface, &self.$interface) {
                                (Some(guest), _) => guest,
                                (guest, Some(indices)) => {
                                    guest.insert(indices.load(&mut store, &bound.instance)?)
                                }
                                (None, None) => {
                                    let interface = stringify!($interface);
                                    return Ok(Err(CallError::NotExported { interface }));
                                }
                            }
                        };
                    }
                    let answer = match invocation {
                        Invocation::ListTools => {
                            let listed = guest!(tools).call_list_tools(&mut store)$($awaited)*;
                            Answer::Tools(listed?)
                        }
                        Invocation::CallTool { name, arguments, context } => {
                            let guest = guest!(tools);
                            let called = guest.call_call_tool(&mut store, name, arguments, context);
                            Answer::Tool(called$($awaited)*?)
                        }
                        Invocation::ListResources => {
                            let guest = guest!(resources);
                            let listed = guest.call_list_resources(&mut store);
                            Answer::Resources(listed$($awaited)*?)
                        }
                        Invocation::ListResourceTemplates => {
                            let guest = guest!(resources);
                            let listed = guest.call_list_resource_templates(&mut store);
                            Answer::ResourceTemplates(listed$($awaited)*?)
                        }
                        Invocation::ReadResource { uri, context } => {
                            let guest = guest!(resources);
                            let read = guest.call_read_resource(&mut store, uri, context);
                            Answer::Resource(read$($awaited)*?)
                        }
                        Invocation::ListPrompts => {
                            let guest = guest!(prompts);
                            let listed = guest.call_list_prompts(&mut store);
                            Answer::Prompts(listed$($awaited)*?)
                        }
                        Invocation::GetPrompt { name, arguments, context } => {
                            let guest = guest!(prompts);
                            let got = guest.call_get_prompt(&mut store, name, arguments, context);
                            Answer::Prompt(got$($awaited)*?)
                        }
                        Invocation::Complete { reference, name, value, known } => {
                            let guest = guest!(completions);
                            let completed =
                                guest.call_complete(&mut store, reference, name, value, known);
                            Answer::Completion(completed$($awaited)*?)
                        }
                    };
                    Ok(Ok(answer))
                }
            }
        }
    };
}

callable!(
    /// For calls that may yield and wait.
    sliced, [async], [.await]
);
callable!(
    /// For calls that run in one go.
    quick, [], []
);
