//! Ids that nobody can guess: of sessions, tasks and visits to an address.
//!
//! It owns their form. It never remembers one.

/// 128 random bits in hex.
///
/// # Errors
/// If the system has no random bytes to give.
pub fn random_id() -> Result<String, getrandom::Error> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
