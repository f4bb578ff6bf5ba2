//! The tools of the book's page on moving, as a plugin has them: the page shows these
//! lines. They are called here as functions, as an author's own tests would.

/// What comes from FastMCP.
mod weather {
    // ANCHOR: weather
    use fusebox_sdk::prelude::*;

    #[derive(Deserialize, Serialize, JsonSchema)]
    struct Forecast {
        summary: String,
        degrees: f64,
    }

    /// The weather of the next days.
    #[tool(read_only)]
    fn forecast(
        /// a town
        town: String,
        /// how many days
        #[arg(default = 3)]
        days: u8,
        ctx: &Context,
    ) -> Result<Vec<Forecast>, HandlerError> {
        ctx.log_info(&format!("asking for {town}"));
        let key = ctx.secret("key")?;
        let url = format!("https://api.example.org/{town}?days={days}");
        let response = ctx
            .http()
            .get(&url)
            .header("authorization", key.expose())
            .send()?;
        response.success()?.json()
    }

    fusebox_sdk::plugin! {
        asks: r#"
            [http]
            allow = ["GET https://api.example.org"]
            [secrets]
            key = "the key of api.example.org"
        "#,
        tools: [forecast],
    }
    // ANCHOR_END: weather

    #[test]
    fn it_asks_the_network_with_the_key() {
        use fusebox_sdk::http::Response;
        let ctx = Context::for_test()
            .with_secret("key", "hunter22")
            .with_http(|request| {
                assert_eq!(request.url, "https://api.example.org/Rome?days=3");
                Ok(Response::new(
                    200,
                    r#"[{"summary": "sun", "degrees": 31.5}]"#,
                ))
            });
        let days = forecast("Rome".to_owned(), 3, &ctx).expect("a forecast");
        assert_eq!((days[0].summary.as_str(), days[0].degrees), ("sun", 31.5));
    }
}

/// What comes from rmcp.
mod counter {
    // ANCHOR: counter
    use fusebox_sdk::prelude::*;

    /// Adds to the counter, and tells it.
    #[tool]
    fn increment(
        /// how much
        by: u64,
        ctx: &Context,
    ) -> Result<u64, HandlerError> {
        if by == 0 {
            return Err("add something".into());
        }
        ctx.session_store()?.increment("counter", by)
    }

    fusebox_sdk::plugin! {
        asks: "[keyvalue_session]",
        tools: [increment],
    }
    // ANCHOR_END: counter

    #[test]
    fn it_counts_on() {
        let ctx = Context::for_test();
        increment(40, &ctx).expect("a sum");
        assert_eq!(increment(2, &ctx).expect("a sum"), 42);
        assert_eq!(
            increment(0, &ctx).expect_err("nothing").message(),
            "add something"
        );
    }
}

/// What comes from hyper-mcp.
mod hash {
    // ANCHOR: hash
    use fusebox_sdk::prelude::*;

    /// What a text is hashed with.
    #[derive(Clone, Copy, Deserialize, JsonSchema)]
    #[serde(rename_all = "lowercase")]
    enum Algorithm {
        Fnv,
        Sum,
    }

    /// The hash of a text.
    #[tool(read_only, idempotent)]
    fn hash(text: String, algorithm: Algorithm) -> String {
        let bytes = text.bytes().map(u64::from);
        let hash = match algorithm {
            Algorithm::Sum => bytes.sum(),
            Algorithm::Fnv => bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
                (hash ^ byte).wrapping_mul(0x0100_0000_01b3)
            }),
        };
        format!("{hash:016x}")
    }

    fusebox_sdk::plugin! { tools: [hash] }
    // ANCHOR_END: hash

    #[test]
    fn it_hashes() {
        assert_eq!(hash("a".into(), Algorithm::Fnv), "af63dc4c8601ec8c");
        assert_eq!(hash("ab".into(), Algorithm::Sum), "00000000000000c3");
    }
}
