//! The kits' own tests, which need no host: in the Python of this machine, and in the Node
//! that the tests installed.

use fusebox_tests::repository;

use crate::good;

#[test]
fn the_kit_for_python_passes_its_own_tests() {
    let folder = repository().join("plugin-sdk/python");
    let ran = good(&folder, "python3 -B -m unittest discover -s tests");
    assert!(ran.stderr.ends_with("\nOK\n"), "{}", ran.stderr);
}

#[test]
fn the_kit_for_javascript_passes_its_own_tests() {
    let folder = repository().join("plugin-sdk/js");
    let ran = good(&folder, "node --test --test-reporter=tap tests/kit.test.js");
    assert!(ran.stdout.contains("\n# fail 0\n"), "{}", ran.stdout);
    assert!(!ran.stdout.contains("\n# pass 0\n"), "{}", ran.stdout);
}
