//! A manifest that stands alone, of one that takes things from its workspace.
//!
//! Pure: texts in, text out.

use toml::{Table, Value};

/// Tables that hold dependencies which a build needs.
const DEPENDENCIES: [&str; 2] = ["dependencies", "build-dependencies"];

/// Of the package in the folder `folder` of the workspace, with what it inherits
/// written out. What only its own tests and lints need is left out.
///
/// # Errors
/// If something that it inherits isn't there.
pub(super) fn stand_alone(manifest: &str, workspace: &str, folder: &str) -> Result<String, String> {
    let mut manifest = parse(manifest)?;
    let root = parse(workspace)?;
    let inherited = |table: &str| {
        let table = root.get("workspace").and_then(|ws| ws.get(table));
        table.and_then(Value::as_table).cloned().unwrap_or_default()
    };
    for name in ["lints", "dev-dependencies"] {
        manifest.remove(name);
    }
    let package = inherited("package");
    for (key, value) in tables(&mut manifest, &["package"]).flatten() {
        if is_inherited(value) {
            *value = known(&package, key)?.clone();
        }
    }
    let shared = inherited("dependencies");
    resolve(&mut manifest, &shared, folder)?;
    if let Some(Value::Table(targets)) = manifest.get_mut("target") {
        for target in targets
            .iter_mut()
            .filter_map(|(_, value)| value.as_table_mut())
        {
            resolve(target, &shared, folder)?;
        }
    }
    toml::to_string(&manifest).map_err(|error| error.to_string())
}

/// Writes out the dependencies in a table that has tables of them.
fn resolve(parent: &mut Table, shared: &Table, folder: &str) -> Result<(), String> {
    for (name, value) in tables(parent, &DEPENDENCIES).flatten() {
        if is_inherited(value) {
            *value = dependency(name, value, shared, folder)?;
        }
    }
    Ok(())
}

/// What the workspace says of a dependency, with what the package adds to it.
fn dependency(name: &str, own: &Value, shared: &Table, folder: &str) -> Result<Value, String> {
    let mut whole = match known(shared, name)? {
        Value::Table(table) => table.clone(),
        version => Table::from_iter([("version".to_owned(), version.clone())]),
    };
    if let Some(Value::String(path)) = whole.get_mut("path") {
        let below = path
            .strip_prefix(folder)
            .and_then(|rest| rest.strip_prefix('/'));
        *path = below
            .ok_or_else(|| format!("`{name}` lies outside of {folder}"))?
            .to_owned();
    }
    for (key, value) in own.as_table().into_iter().flatten() {
        match (key.as_str(), whole.get_mut(key), value) {
            ("workspace", ..) => {}
            // Features of both count.
            ("features", Some(Value::Array(all)), Value::Array(more)) => {
                all.extend(more.iter().cloned());
            }
            _ => {
                whole.insert(key.clone(), value.clone());
            }
        }
    }
    Ok(Value::Table(whole))
}

fn parse(text: &str) -> Result<Table, String> {
    text.parse()
        .map_err(|error: toml::de::Error| error.to_string())
}

fn tables<'a>(parent: &'a mut Table, names: &'a [&str]) -> impl Iterator<Item = &'a mut Table> {
    let named = parent
        .iter_mut()
        .filter(|(name, _)| names.contains(&name.as_str()));
    named.filter_map(|(_, value)| value.as_table_mut())
}

fn is_inherited(value: &Value) -> bool {
    value.get("workspace") == Some(&Value::Boolean(true))
}

fn known<'a>(table: &'a Table, name: &str) -> Result<&'a Value, String> {
    let value = table.get(name);
    value.ok_or_else(|| format!("the workspace doesn't know `{name}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORKSPACE: &str = r#"
        [workspace.package]
        version = "1.2.3"
        [workspace.dependencies]
        plain = "1"
        rich = { version = "2", default-features = false, features = ["a"] }
        macros = { path = "sdk/macros" }
    "#;

    #[test]
    fn what_is_inherited_is_written_out() {
        let manifest = r#"
            package = { name = "sdk", version.workspace = true }
            lints.workspace = true
            [dependencies]
            plain.workspace = true
            rich = { workspace = true, features = ["b"], optional = true }
            macros.workspace = true
            own = "3"
            [dev-dependencies]
            unknown.workspace = true
            [target.'cfg(unix)'.dependencies]
            plain.workspace = true
        "#;
        let expected = r#"
            package = { name = "sdk", version = "1.2.3" }
            [dependencies]
            plain.version = "1"
            rich = { version = "2", default-features = false, features = ["a", "b"], optional = true }
            macros.path = "macros"
            own = "3"
            [target.'cfg(unix)'.dependencies]
            plain.version = "1"
        "#;
        let made = stand_alone(manifest, WORKSPACE, "sdk").unwrap();
        assert_eq!(parse(&made).unwrap(), parse(expected).unwrap());
    }

    #[test]
    fn what_is_not_there_is_named() {
        let check = |manifest: &str, folder: &str, expected: &str| {
            let error = stand_alone(manifest, WORKSPACE, folder).unwrap_err();
            assert_eq!(error, expected);
        };
        let unknown = "dependencies.absent.workspace = true";
        check(unknown, "sdk", "the workspace doesn't know `absent`");
        let elsewhere = "dependencies.macros.workspace = true";
        check(elsewhere, "other", "`macros` lies outside of other");
    }
}
