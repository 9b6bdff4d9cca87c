//! What is asked of a list: by parameters, or by a body.
//!
//! Sources: RFC 7644, sections 3.4.2 and 3.4.3; RFC 9865, section 2.1.

use scim_v2::filter::Filter;
use serde::Deserialize;
use shared::http::{Params, Problem};

use super::filter;
use super::projection::Projection;

/// The resources of a page unless the caller says otherwise.
pub(super) const DEFAULT_COUNT: usize = 100;
/// The most resources of a page.
pub(super) const MAX_COUNT: usize = 1_000;
const SEARCH_REQUEST: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";

/// The parameters of a list.
pub(super) const PARAMETERS: [&str; 8] =
    ["filter", "attributes", "excludedAttributes", "startIndex", "count", "cursor", "sortBy", "sortOrder"];

/// What is asked of a list.
#[derive(Debug)]
pub(super) struct Query {
    pub(super) filter: Option<Filter>,
    /// The filter as it was sent.
    pub(super) filter_text: Option<String>,
    pub(super) projection: Projection,
    pub(super) paging: Paging,
    pub(super) count: usize,
}

/// Which part of it.
#[derive(Debug)]
pub(super) enum Paging {
    /// From this place on; the first one is 1.
    Place(usize),
    /// From where a page ended, or from the beginning.
    Cursor(Option<String>),
}

/// A query as a body. Sorting is not supported, which RFC 7644 leaves to us (section 3.4.2.3).
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SearchRequest {
    schemas: Vec<String>,
    attributes: Option<Vec<String>>,
    excluded_attributes: Option<Vec<String>>,
    filter: Option<String>,
    start_index: Option<i64>,
    count: Option<i64>,
    cursor: Option<String>,
    #[serde(rename = "sortBy")]
    _sort_by: Option<String>,
    #[serde(rename = "sortOrder")]
    _sort_order: Option<String>,
}

/// The names in a parameter, which has commas between them.
pub(super) fn names(text: String) -> Vec<String> {
    text.split(',').map(str::to_owned).collect()
}

impl Query {
    /// Reads the parameters of a list.
    pub(super) fn of_params(params: &Params) -> Result<Self, Problem> {
        let [filter, attributes, excluded, start_index, count, cursor, _, _] = params.query(PARAMETERS)?;
        let number = |name: &str, text: Option<String>| match text {
            None => Ok(None),
            Some(text) => match text.parse::<i64>() {
                Ok(number) => Ok(Some(number)),
                Err(_) => Err(Problem::invalid_parameter(name, "a whole number", &text)),
            },
        };
        Self::new(SearchRequest {
            schemas: Vec::new(),
            attributes: attributes.map(names),
            excluded_attributes: excluded.map(names),
            filter,
            start_index: number("startIndex", start_index)?,
            count: number("count", count)?,
            cursor,
            _sort_by: None,
            _sort_order: None,
        })
    }

    /// Reads a body.
    pub(super) fn of_body(request: SearchRequest) -> Result<Self, Problem> {
        if !request.schemas.iter().any(|schema| schema == SEARCH_REQUEST) {
            let found: String = request.schemas.join(" ").chars().take(80).collect();
            return Err(Problem::invalid_parameter("schemas", SEARCH_REQUEST, &found));
        }
        Self::new(request)
    }

    fn new(request: SearchRequest) -> Result<Self, Problem> {
        // A negative count is none, and a place before the first is the first (section 3.4.2.4).
        let count = request.count.map_or(DEFAULT_COUNT, |count| usize::try_from(count).unwrap_or(0).min(MAX_COUNT));
        let paging = match (request.start_index, request.cursor) {
            (Some(_), Some(cursor)) => {
                return Err(Problem::invalid_parameter("cursor", "not together with startIndex", &cursor));
            }
            (_, Some(cursor)) => Paging::Cursor(Some(cursor).filter(|text| !text.is_empty())),
            (place, None) => Paging::Place(place.map_or(1, |place| usize::try_from(place).unwrap_or(1).max(1))),
        };
        Ok(Self {
            filter: request.filter.as_deref().map(filter::parse).transpose()?,
            filter_text: request.filter,
            projection: Projection::parse(request.attributes, request.excluded_attributes)?,
            paging,
            count,
        })
    }
}
