//! A picture and a sound, as small as they get.

/// One red pixel.
pub(crate) const IMAGE: &[u8] = include_bytes!("red.png");

/// A hundredth of a second of silence.
pub(crate) const AUDIO: &[u8] = include_bytes!("silence.wav");
