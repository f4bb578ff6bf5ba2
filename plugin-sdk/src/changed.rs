//! What a plugin says of itself: that its lists, or the contents of a resource, are not
//! what they were.
//!
//! It owns the words for it. Who wants to hear of which change, the host knows.

use crate::Context;
use crate::bindings::host::fusebox::plugin::notifications;
use crate::context::IN_HOST;

impl Context {
    /// The list of tools is not what it was.
    ///
    /// ```
    /// use fusebox_sdk::prelude::*;
    ///
    /// /// Turns the tools for experts on or off.
    /// #[tool]
    /// fn experts(on: bool, ctx: &Context) -> Result<bool, HandlerError> {
    ///     ctx.store()?.set_json("experts", &on)?;
    ///     // Clients list the tools again.
    ///     ctx.tools_changed();
    ///     Ok(on)
    /// }
    ///
    /// assert!(experts(true, &Context::for_test())?);
    /// # Ok::<(), HandlerError>(())
    /// ```
    pub fn tools_changed(&self) {
        if IN_HOST {
            notifications::tools_changed();
        }
    }

    /// The list of prompts is not what it was.
    ///
    /// ```
    /// use fusebox_sdk::prelude::*;
    ///
    /// /// Chooses the language of the prompts.
    /// #[tool]
    /// fn speak(language: String, ctx: &Context) -> Result<(), HandlerError> {
    ///     ctx.store()?.set("language", &language)?;
    ///     ctx.prompts_changed();
    ///     Ok(())
    /// }
    ///
    /// let ctx = Context::for_test();
    /// speak("fr".into(), &ctx)?;
    /// assert_eq!(ctx.store()?.get("language")?, Some(b"fr".to_vec()));
    /// # Ok::<(), HandlerError>(())
    /// ```
    pub fn prompts_changed(&self) {
        if IN_HOST {
            notifications::prompts_changed();
        }
    }

    /// The list of resources, or of their templates, is not what it was.
    ///
    /// ```
    /// use fusebox_sdk::prelude::*;
    ///
    /// /// Adds a room to the house.
    /// #[tool]
    /// fn build(room: String, ctx: &Context) -> Result<Vec<String>, HandlerError> {
    ///     let rooms = ctx.store()?;
    ///     rooms.set(&room, "empty")?;
    ///     ctx.resources_changed();
    ///     rooms.keys()
    /// }
    ///
    /// assert_eq!(build("attic".into(), &Context::for_test())?, ["attic"]);
    /// # Ok::<(), HandlerError>(())
    /// ```
    pub fn resources_changed(&self) {
        if IN_HOST {
            notifications::resources_changed();
        }
    }

    /// The contents of a resource are not what they were.
    ///
    /// ```
    /// use fusebox_sdk::prelude::*;
    ///
    /// /// Today's note.
    /// #[resource(uri = "notes://today", mime_type = "text/plain")]
    /// fn today(ctx: &Context) -> Result<Option<Vec<u8>>, HandlerError> {
    ///     ctx.store()?.get("today")
    /// }
    ///
    /// /// Writes today's note.
    /// #[tool]
    /// fn note(text: String, ctx: &Context) -> Result<(), HandlerError> {
    ///     ctx.store()?.set("today", text)?;
    ///     // Who has subscribed to it reads it again.
    ///     ctx.resource_updated("notes://today");
    ///     Ok(())
    /// }
    ///
    /// let ctx = Context::for_test();
    /// note("sunny".into(), &ctx)?;
    /// assert_eq!(today(&ctx)?, Some(b"sunny".to_vec()));
    /// # Ok::<(), HandlerError>(())
    /// ```
    pub fn resource_updated(&self, uri: &str) {
        if IN_HOST {
            notifications::resource_updated(uri);
        }
    }
}
