//! Proves that everything that an author uses of `fusebox-sdk` has an example that is
//! run, and that asserts something. It reads the sources, and is in this crate because `syn` is.
//!
//! Whether the examples are right, rustdoc's tests say.
#![forbid(unsafe_code)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use syn::{Attribute, Expr, File, ImplItem, Item, Lit, Meta, TraitItem, UseTree, Visibility};

/// What needs none, and why. (Fields, variants and associated types are shown where
/// their type is; what the macros' code alone refers to is hidden.)
const EXCEPTIONS: [(&str, &str); 2] = [
    (
        "Entry::put",
        "`ask_all` calls it, and nobody else has a round",
    ),
    (
        "Questions::put",
        "the same; the example of `Round` implements it",
    ),
];

/// Names that an author meets in the compiler's words, though their path is hidden.
const NAMED_BY_THE_COMPILER: &str = "fits.rs";

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../src")
}

fn parse(path: &Path) -> File {
    let text = fs::read_to_string(path).expect("a source is read");
    syn::parse_file(&text).expect("a source is Rust")
}

/// Every file of the folder but what is generated.
fn files(folder: &Path, found: &mut Vec<(PathBuf, File)>) {
    for entry in fs::read_dir(folder).expect("a folder is read") {
        let path = entry.expect("an entry is read").path();
        let is_rust = path.extension().is_some_and(|extension| extension == "rs");
        if path.is_dir() {
            files(&path, found);
        } else if is_rust && !path.ends_with("bindings.rs") {
            let file = parse(&path);
            found.push((path, file));
        }
    }
}

/// The lines of a doc comment.
fn docs(attributes: &[Attribute]) -> Vec<String> {
    let line = |attribute: &Attribute| match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
            Expr::Lit(value) => match &value.lit {
                Lit::Str(text) => Some(text.value()),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    };
    attributes.iter().filter_map(line).collect()
}

/// Whether there is an example that is compiled and run, and says what comes of it.
fn has_example(attributes: &[Attribute]) -> bool {
    let text = docs(attributes).join("\n");
    // Between two fences is a block, and what it is stands behind the first.
    let blocks = text.split("```").skip(1).step_by(2);
    let is_example = |block: &str| block.starts_with('\n') && block.contains("assert");
    blocks.into_iter().any(is_example)
}

fn is_hidden(attributes: &[Attribute]) -> bool {
    let is_hidden = |attribute: &Attribute| match &attribute.meta {
        Meta::List(list) => list.path.is_ident("doc") && list.tokens.to_string() == "hidden",
        _ => false,
    };
    attributes.iter().any(is_hidden)
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

/// The names that a `use` brings.
fn names(tree: &UseTree, found: &mut BTreeSet<String>) {
    match tree {
        UseTree::Path(path) => names(&path.tree, found),
        UseTree::Group(group) => group.items.iter().for_each(|tree| names(tree, found)),
        UseTree::Name(name) => _ = found.insert(name.ident.to_string()),
        UseTree::Rename(rename) => _ = found.insert(rename.rename.to_string()),
        UseTree::Glob(_) => panic!("a glob hides what is public"),
    }
}

/// What is public, item by item.
#[derive(Default)]
struct Items {
    /// the names by which types, traits and functions are public
    public: BTreeSet<String>,
    /// those that a module has already been seen to have
    seen: BTreeSet<String>,
    /// how many items were looked at
    count: usize,
    without: BTreeSet<String>,
}

impl Items {
    fn look(&mut self, name: impl Into<String>, attributes: &[Attribute]) {
        if is_hidden(attributes) {
            return;
        }
        self.count += 1;
        if !has_example(attributes) {
            self.without.insert(name.into());
        }
    }

    /// Looks at an item by its own name, if that is public.
    fn named(&mut self, ident: &syn::Ident, visibility: &Visibility, attributes: &[Attribute]) {
        let name = ident.to_string();
        if is_public(visibility) && self.public.contains(&name) {
            self.seen.insert(name.clone());
            self.look(name, attributes);
        }
    }

    fn item(&mut self, item: &Item, is_root: bool) {
        match item {
            Item::Struct(it) => self.named(&it.ident, &it.vis, &it.attrs),
            Item::Enum(it) => self.named(&it.ident, &it.vis, &it.attrs),
            Item::Fn(it) => self.named(&it.sig.ident, &it.vis, &it.attrs),
            Item::Trait(it) => self.of_trait(it),
            Item::Impl(it) => self.of_impl(it),
            Item::Macro(it) => {
                let exported = |attribute: &Attribute| attribute.path().is_ident("macro_export");
                if let (Some(name), true) = (&it.ident, it.attrs.iter().any(exported)) {
                    self.look(format!("{name}!"), &it.attrs);
                }
            }
            // A type that comes from the contract has its example where it gets its name.
            Item::Use(it) if !is_root && is_public(&it.vis) && !docs(&it.attrs).is_empty() => {
                let mut found = BTreeSet::new();
                names(&it.tree, &mut found);
                for name in found {
                    self.seen.insert(name.clone());
                    self.look(name, &it.attrs);
                }
            }
            _ => {}
        }
    }

    fn of_trait(&mut self, item: &syn::ItemTrait) {
        let name = item.ident.to_string();
        if !self.public.contains(&name) {
            return;
        }
        self.named(&item.ident, &item.vis, &item.attrs);
        for member in &item.items {
            if let TraitItem::Fn(function) = member {
                let function_name = &function.sig.ident;
                self.look(format!("{name}::{function_name}"), &function.attrs);
            }
        }
    }

    fn of_impl(&mut self, item: &syn::ItemImpl) {
        let syn::Type::Path(path) = &*item.self_ty else {
            return;
        };
        let last = path.path.segments.last();
        let name = last.map(|segment| segment.ident.to_string());
        let Some(name) = name.filter(|name| self.public.contains(name)) else {
            return;
        };
        for member in &item.items {
            match member {
                ImplItem::Fn(function) if is_public(&function.vis) => {
                    let function_name = &function.sig.ident;
                    self.look(format!("{name}::{function_name}"), &function.attrs);
                }
                ImplItem::Macro(_) => {
                    panic!("a macro makes methods of `{name}`, whose examples nobody can read")
                }
                _ => {}
            }
        }
    }
}

/// The names that the crate's root makes public, and its public modules by their files.
fn root(items: &mut Items) -> Vec<PathBuf> {
    let root = parse(&sources().join("lib.rs"));
    items.look("fusebox_sdk", &root.attrs);
    let mut modules = Vec::new();
    for item in root.items {
        match item {
            Item::Use(it) if is_public(&it.vis) => names(&it.tree, &mut items.public),
            Item::Mod(it) if is_public(&it.vis) && !is_hidden(&it.attrs) => match it.content {
                Some(_) => items.look(it.ident.to_string(), &it.attrs),
                None => modules.push(sources().join(it.ident.to_string()).join("mod.rs")),
            },
            _ => {}
        }
    }
    // These are other crates, and the macros of this one, which are looked at below.
    let elsewhere = [
        "schemars",
        "serde",
        "serde_json",
        "tool",
        "resource",
        "prompt",
        "completion",
    ];
    items
        .public
        .retain(|name| !elsewhere.contains(&name.as_str()));
    modules
}

#[test]
fn whatever_an_author_uses_has_an_example() {
    let mut items = Items::default();
    for module in root(&mut items) {
        let file = parse(&module);
        items.look(module.display().to_string(), &file.attrs);
        for item in &file.items {
            match item {
                Item::Struct(it) if is_public(&it.vis) => {
                    _ = items.public.insert(it.ident.to_string());
                }
                Item::Enum(it) if is_public(&it.vis) => {
                    _ = items.public.insert(it.ident.to_string());
                }
                Item::Use(it) if is_public(&it.vis) => names(&it.tree, &mut items.public),
                _ => {}
            }
        }
    }
    let mut all = Vec::new();
    files(&sources(), &mut all);
    for (path, file) in &all {
        let is_root = path.ends_with("lib.rs");
        file.items.iter().for_each(|item| items.item(item, is_root));
        if path.ends_with(NAMED_BY_THE_COMPILER) {
            for item in &file.items {
                if let Item::Trait(it) = item {
                    items.look(it.ident.to_string(), &it.attrs);
                }
            }
        }
    }
    let unseen: Vec<_> = items.public.difference(&items.seen).collect();
    assert!(unseen.is_empty(), "where are these? {unseen:?}");
    assert!(items.count > 150, "only {} items are found", items.count);
    for (name, why) in EXCEPTIONS {
        assert!(
            items.without.remove(name),
            "`{name}` needs no exception: {why}"
        );
    }
    let without = items.without;
    assert!(without.is_empty(), "these have no example: {without:#?}");
}

#[test]
fn each_attribute_has_an_example() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs");
    let mut items = Items::default();
    for item in parse(&path).items {
        if let Item::Fn(it) = item {
            items.look(it.sig.ident.to_string(), &it.attrs);
        }
    }
    assert_eq!((items.count, items.without), (4, BTreeSet::new()));
}
