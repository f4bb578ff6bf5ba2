//! The names of tools that are functions of a component.
//!
//! It owns how two functions of one name are told apart. It never changes a name
//! that is alone.

/// Where an exported function is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Path {
    /// of the interface, as exported: `local:shop/stock@1.0.0`, or `stock`; none
    /// for a function of the component itself
    pub(crate) interface: Option<String>,
    pub(crate) function: String,
}

/// The parts of an interface's name.
#[derive(Default)]
struct Interface<'a> {
    /// with `_` between namespace and package; empty: it is not of a package
    package: String,
    name: &'a str,
    version: &'a str,
}

impl Path {
    /// For people: `local:shop/stock@1.0.0#count`.
    pub(crate) fn shown(&self) -> String {
        match &self.interface {
            Some(interface) => format!("{interface}#{}", self.function),
            None => self.function.clone(),
        }
    }

    /// The interface's name alone.
    pub(crate) fn short_interface(&self) -> Option<&str> {
        self.interface
            .as_deref()
            .map(|interface| parts(interface).name)
    }

    /// Its names from the shortest to the one that says all. `_` is in no name of
    /// WIT, so no function's own name can look like one that was made longer.
    fn names(&self) -> Vec<String> {
        let function = &self.function;
        let Some(interface) = self.interface.as_deref().map(parts) else {
            return vec![function.clone()];
        };
        let (package, name) = (&interface.package, interface.name);
        let mut names = vec![function.clone(), format!("{name}_{function}")];
        if !package.is_empty() {
            names.push(format!("{package}_{name}_{function}"));
        }
        if !interface.version.is_empty() {
            let version = interface.version.replace('+', "-");
            names.push(format!("{package}_{name}_{version}_{function}"));
        }
        names
    }
}

fn parts(interface: &str) -> Interface<'_> {
    let (path, version) = interface.split_once('@').unwrap_or((interface, ""));
    match path.rsplit_once('/') {
        Some((package, name)) => Interface {
            package: package.replace([':', '/'], "_"),
            name,
            version,
        },
        None => Interface {
            package: String::new(),
            name: path,
            version,
        },
    }
}

/// A name for each function, in their order. Those that share one get a longer
/// one, all but a function of the component itself, which has only its own.
pub(crate) fn choose(paths: &[Path]) -> Vec<String> {
    let names: Vec<Vec<String>> = paths.iter().map(Path::names).collect();
    let mut chosen = vec![0_usize; paths.len()];
    loop {
        let now: Vec<&String> = names.iter().zip(&chosen).map(|(of, at)| &of[*at]).collect();
        let shared = |at: usize| now.iter().filter(|name| **name == now[at]).count() > 1;
        let longer: Vec<usize> = (0..paths.len())
            .filter(|at| chosen[*at] + 1 < names[*at].len() && shared(*at))
            .collect();
        if longer.is_empty() {
            return now.into_iter().cloned().collect();
        }
        for at in longer {
            chosen[at] += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(functions: &[(&str, &str)], expected: &[&str]) {
        let paths: Vec<Path> = functions
            .iter()
            .map(|(interface, function)| Path {
                interface: (!interface.is_empty()).then(|| (*interface).to_owned()),
                function: (*function).to_owned(),
            })
            .collect();
        assert_eq!(choose(&paths), expected);
    }

    #[test]
    fn a_name_is_as_short_as_it_can_be() {
        check(
            &[("", "run"), ("a:b/ops@1.0.0", "add"), ("ops", "sub")],
            &["run", "add", "sub"],
        );
        check(
            &[("", "add"), ("a:b/ops", "add"), ("a:b/ops", "sub")],
            &["add", "ops_add", "sub"],
        );
        check(
            &[("a:b/ops", "add"), ("a:b/more", "add")],
            &["ops_add", "more_add"],
        );
        check(
            &[("a:b/ops", "add"), ("a:c/ops", "add"), ("ops", "add")],
            &["a_b_ops_add", "a_c_ops_add", "ops_add"],
        );
        check(
            &[("a:b/ops@1.0.0", "add"), ("a:b/ops@2.0.0+x", "add")],
            &["a_b_ops_1.0.0_add", "a_b_ops_2.0.0-x_add"],
        );
    }
}
