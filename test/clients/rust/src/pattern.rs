//! The octets that the checks send.

/// Makes octets that show loss, repetition and misplacement: the period
/// divides neither frame sizes nor buffer sizes.
pub fn pattern(size: usize, seed: usize) -> Vec<u8> {
    (0..size).map(|i| ((i + seed) % 251) as u8).collect()
}
