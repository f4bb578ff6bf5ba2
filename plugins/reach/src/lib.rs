//! A tool for each thing that an operator has to grant, and for each way in which
//! a plugin could abuse it.

mod files;
mod requests;
mod settings;
mod values;

fusebox_sdk::plugin! {
    asks: r#"
        [limits]
        memory_max_bytes = 201_326_592
        [http]
        allow = ["GET https://api.example.org"]
        [keyvalue]
        [keyvalue_session]
        max_keys = 50
    "#,
    tools: [
        files::folders,
        files::read_file,
        files::write_file,
        requests::fetch,
        requests::fetch_all,
        requests::fetch_following,
        settings::environment,
        settings::leak,
        settings::secret_bytes,
        settings::setting,
        values::count,
        values::forget,
        values::keep,
        values::kept,
        values::kept_keys,
    ]
}
