//! The known name that an unknown one was probably meant to be.

/// Below this likeness (0 to 1) a name is no help.
const LIKENESS_MIN: f64 = 0.65;

/// Follows "unknown ...; ".
pub(super) fn hint(name: &str, known: &[&str]) -> String {
    let likeness = |known: &str| strsim::normalized_damerau_levenshtein(name, known);
    let near = known.iter().map(|known| (likeness(known), known));
    let near = near.filter(|(likeness, _)| *likeness >= LIKENESS_MIN);
    match near.max_by(|(left, _), (right, _)| left.total_cmp(right)) {
        Some((_, near)) => format!("did you mean `{near}`?"),
        None => {
            let known: Vec<String> = known.iter().map(|known| format!("`{known}`")).collect();
            format!("known here are {}", known.join(", "))
        }
    }
}
