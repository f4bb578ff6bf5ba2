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
    ($(#[$about:meta])* $module:ident, $call:ident, [$($asynchronous:tt)*], [$($awaited:tt)*]) => {
        $(#[$about])*
        pub(crate) mod $module {
            use std::sync::Arc;

            use wasmtime::Store;
            use wasmtime::component::{Component, Instance, InstancePre};

            use super::Exports;
            use crate::call::{Answer, Invocation};
            use crate::contract::$module::{completions, prompts, resources, tools};
            use crate::contract::{PACKAGE, VERSION};
            use crate::fault::CallError;
            use crate::foreign::Foreign;
            use crate::state::State;

            /// Where the exports are, looked up once.
            pub(crate) struct Indices {
                tools: Option<tools::GuestIndices>,
                resources: Option<resources::GuestIndices>,
                prompts: Option<prompts::GuestIndices>,
                completions: Option<completions::GuestIndices>,
                /// none of those, but functions of its own
                foreign: Option<Arc<Foreign>>,
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
                        foreign: None,
                    })
                }

                /// Serves these functions as its tools.
                pub(crate) fn serve(&mut self, foreign: Arc<Foreign>) {
                    self.foreign = Some(foreign);
                }

                #[allow(dead_code, reason = "one kind of bindings is asked, for both")]
                pub(crate) fn foreign(&self) -> Option<&Foreign> {
                    self.foreign.as_deref()
                }

                #[allow(dead_code, reason = "one kind of bindings is asked, for both")]
                pub(crate) fn exports(&self) -> Exports {
                    Exports {
                        tools: self.tools.is_some() || self.foreign.is_some(),
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
                            guest!($interface, {})
                        };
                        ($interface:ident, $otherwise:block) => {
                            match (&mut bound.$interface, &self.$interface) {
                                (Some(guest), _) => guest,
                                (guest, Some(indices)) => {
                                    guest.insert(indices.load(&mut store, &bound.instance)?)
                                }
                                (None, None) => {
                                    $otherwise
                                    let interface = stringify!($interface);
                                    return Ok(Err(CallError::NotExported { interface }));
                                }
                            }
                        };
                    }
                    let answer = match invocation {
                        Invocation::ListTools => {
                            let guest = guest!(tools, {
                                if let Some(foreign) = &self.foreign {
                                    return Ok(Ok(foreign.list()));
                                }
                            });
                            let listed = guest.call_list_tools(&mut store)$($awaited)*;
                            Answer::Tools(listed?)
                        }
                        Invocation::CallTool { name, arguments, context } => {
                            let guest = guest!(tools, {
                                if let Some(foreign) = &self.foreign {
                                    let call = match foreign.prepare(name, arguments) {
                                        Ok(call) => call,
                                        Err(failure) => {
                                            return Ok(Ok(Answer::Tool(Err(failure))));
                                        }
                                    };
                                    let function = bound
                                        .instance
                                        .get_func(&mut store, call.index())
                                        .ok_or_else(|| wasmtime::Error::msg("a function is gone"))?;
                                    let mut results = call.results();
                                    function
                                        .$call(&mut store, &call.parameters, &mut results)
                                        $($awaited)*?;
                                    return Ok(foreign.answer(&call, results));
                                }
                            });
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
    sliced, call_async, [async], [.await]
);
callable!(
    /// For calls that run in one go.
    quick, call, [], []
);
