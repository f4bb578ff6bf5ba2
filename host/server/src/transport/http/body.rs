//! What the body of a request must be, so that the same code serves every version
//! of HTTP.
//!
//! It owns one bound. It never reads anything.

use std::error::Error;

use bytes::Bytes;
use http_body::Body;

/// Why a body could not be read.
pub(in crate::transport) type BoxError = Box<dyn Error + Send + Sync>;

/// The body of a request, whichever version of HTTP it came by.
pub(in crate::transport) trait RequestBody:
    Body<Data = Bytes, Error: Into<BoxError>> + Send + Unpin + 'static
{
}

impl<B> RequestBody for B where B: Body<Data = Bytes, Error: Into<BoxError>> + Send + Unpin + 'static
{}
