//! Builds the host anew when a file is added to what it carries along for new
//! projects. It makes nothing.

fn main() {
    for folder in [
        "templates",
        "../../plugin-sdk/src",
        "../../plugin-sdk/macros/src",
        "../../plugin-sdk/python/fusebox",
        "../../plugin-sdk/js/fusebox",
        "../../wit",
    ] {
        println!("cargo::rerun-if-changed={folder}");
    }
}
