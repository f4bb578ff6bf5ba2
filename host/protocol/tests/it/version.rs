//! Names, order and negotiation of versions.

use fusebox_protocol::{Era, ProtocolVersion};

#[test]
fn names_go_both_ways_and_ages_are_ordered() {
    let names = [
        "2024-11-05",
        "2025-03-26",
        "2025-06-18",
        "2025-11-25",
        "2026-07-28",
    ];
    assert_eq!(ProtocolVersion::ALL.map(ProtocolVersion::as_str), names);
    assert_eq!(
        names.map(|name| ProtocolVersion::parse(name).unwrap()),
        ProtocolVersion::ALL
    );
    assert!(ProtocolVersion::ALL.is_sorted());
    assert_eq!(ProtocolVersion::parse("2025-03-27"), None);
    assert_eq!(
        ProtocolVersion::ALL.map(|version| version.era() == Era::Modern),
        [false, false, false, false, true]
    );
}

#[test]
fn initialize_settles_on_a_version_with_a_handshake() {
    let check = |requested: &str, expected: &str| {
        assert_eq!(
            ProtocolVersion::negotiate(requested).as_str(),
            expected,
            "{requested:?}"
        );
    };
    check("2024-11-05", "2024-11-05");
    check("2025-03-26", "2025-03-26");
    check("2025-06-18", "2025-06-18");
    check("2025-11-25", "2025-11-25");
    check("2026-07-28", "2025-11-25");
    check("1900-01-01", "2025-11-25");
    check("", "2025-11-25");
}

#[test]
fn batches_are_of_one_version_only() {
    let accepting: Vec<_> = ProtocolVersion::ALL
        .into_iter()
        .filter(|version| version.accepts_batches())
        .collect();
    assert_eq!(accepting, [ProtocolVersion::V2025_03_26]);
}
