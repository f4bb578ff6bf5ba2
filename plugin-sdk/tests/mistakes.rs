//! What the compiler says to the mistakes of an author's first hour: each case in
//! `mistakes/` has its words beside it, in the way of `trybuild`
//! (`TRYBUILD=overwrite` writes them anew).
//!
//! What is in the standard library's words alone (a `?` on an error that has no text,
//! a default of another type) is not here: they change with the compiler.
#![forbid(unsafe_code)]

#[test]
fn each_mistake_is_named() {
    trybuild::TestCases::new().compile_fail("tests/mistakes/*.rs");
}
