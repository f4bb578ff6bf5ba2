//! Newline-delimited frames, as stdio and TCP carry them.
//!
//! Owns where one frame ends and the next begins, and the bound on its size.
//! It never looks at what a frame says, and never reads by itself.

use bytes::{Bytes, BytesMut};

/// A frame was longer than the listener allows. It was thrown away up to its
/// newline; the frames after it are read as usual.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the message is longer than {frame_max_bytes} bytes")]
pub struct FrameTooLong {
    /// The bound that was passed.
    pub frame_max_bytes: usize,
}

/// Cuts a stream of bytes into lines.
///
/// The caller appends what it read to a buffer and calls [`next`](Self::next)
/// until it gives `None`. So the buffer never holds more than
/// `frame_max_bytes` and one read. No byte is searched twice.
#[derive(Debug, Clone)]
pub struct LineDecoder {
    frame_max_bytes: usize,
    /// Bytes at the front of the buffer that are known to hold no newline.
    searched: usize,
    /// The rest of a frame that was reported as too long is still to come.
    skipping: bool,
}

impl LineDecoder {
    /// A decoder whose frames have at most so many bytes, line end not counted.
    pub fn new(frame_max_bytes: usize) -> Self {
        Self {
            frame_max_bytes,
            searched: 0,
            skipping: false,
        }
    }

    /// The next whole line, without its `\n` or `\r\n`. Empty lines are passed
    /// over. `None`: more bytes are needed.
    ///
    /// # Errors
    /// [`FrameTooLong`], once for each frame; the decoder can be used on.
    pub fn next(&mut self, buffer: &mut BytesMut) -> Result<Option<Bytes>, FrameTooLong> {
        loop {
            // A caller that cleared the buffer starts anew.
            let from = self.searched.min(buffer.len());
            let Some(found) = memchr::memchr(b'\n', &buffer[from..]) else {
                return self.incomplete(buffer);
            };
            self.searched = 0;
            let mut line = buffer.split_to(from + found + 1);
            if std::mem::take(&mut self.skipping) {
                continue;
            }
            line.truncate(line.len() - 1);
            if let Some(frame) = self.accept(line)? {
                return Ok(Some(frame));
            }
        }
    }

    /// What is left when the stream ends: a last line without a newline.
    ///
    /// # Errors
    /// [`FrameTooLong`] if that line is too long and was not reported before.
    pub fn finish(&mut self, buffer: &mut BytesMut) -> Result<Option<Bytes>, FrameTooLong> {
        self.searched = 0;
        let line = buffer.split();
        if std::mem::take(&mut self.skipping) {
            return Ok(None);
        }
        self.accept(line)
    }

    fn accept(&self, mut line: BytesMut) -> Result<Option<Bytes>, FrameTooLong> {
        if line.last() == Some(&b'\r') {
            line.truncate(line.len() - 1);
        }
        if line.len() > self.frame_max_bytes {
            return Err(self.too_long());
        }
        Ok((!line.is_empty()).then(|| line.freeze()))
    }

    fn incomplete(&mut self, buffer: &mut BytesMut) -> Result<Option<Bytes>, FrameTooLong> {
        // The one byte over may be the `\r` of a line end that has begun.
        let length = buffer.len() - usize::from(buffer.last() == Some(&b'\r'));
        let too_long = !self.skipping && length > self.frame_max_bytes;
        self.skipping |= too_long;
        if self.skipping {
            buffer.clear();
        }
        self.searched = buffer.len();
        if too_long {
            Err(self.too_long())
        } else {
            Ok(None)
        }
    }

    fn too_long(&self) -> FrameTooLong {
        FrameTooLong {
            frame_max_bytes: self.frame_max_bytes,
        }
    }
}
