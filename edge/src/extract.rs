//! Parts of a request, refused as everything else here is: with a problem or a page, not with a line of plain text.

use axum::extract::{FromRequest, FromRequestParts};

use crate::error::Error;

/// A form's fields.
#[derive(FromRequest)]
#[from_request(via(axum::Form), rejection(Error))]
pub(crate) struct Form<T>(pub(crate) T);

/// The variable parts of a path.
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Path), rejection(Error))]
pub(crate) struct Path<T>(pub(crate) T);

/// A query string's fields.
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Query), rejection(Error))]
pub(crate) struct Query<T>(pub(crate) T);
