//! An error as a person sees it.

use domain::wire::Problem;
use maud::Markup;

use crate::context::Context;
use crate::pages::error_page::{Kind, Model, view};
use crate::site;

/// The page that tells of a problem.
pub(crate) fn error_page(context: &Context, problem: &Problem) -> Markup {
    let kind = match (problem.status, problem.code.as_str()) {
        (404, _) => Kind::NotFound,
        (403, _) => Kind::Forbidden,
        (429, _) => Kind::TooMany(None),
        (503, "checkout_unavailable") => Kind::OriginUnavailable,
        (503, _) => Kind::Unavailable,
        (500.., _) => Kind::Internal,
        _ => Kind::BadRequest(problem.detail.clone()),
    };
    view(&Model { site: &site::last_known(context), kind, request_id: &problem.request_id, way_back: None })
}
