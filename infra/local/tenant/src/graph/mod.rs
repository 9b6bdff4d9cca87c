//! Microsoft Graph v1.0, as far as a directory sync reads it.

mod call;
mod delta;
mod error;
mod lists;
mod page;
mod select;
mod single;
mod throttle;
mod viewer;

use http::header;
use serde_json::Value;

pub(crate) use call::{Call, Collection};
pub(crate) use delta::{Round, reset};
pub(crate) use error::GraphError;
pub(crate) use page::page_in_list;
use throttle::Verdict;
pub(crate) use throttle::{Bucket, cost};
use viewer::Viewer;
pub(crate) use viewer::bearer;

use crate::{
    exchange::{Answer, CLIENT_REQUEST_ID, REQUEST_ID, RESOURCE_UNIT, Request},
    world::World,
};

/// Answers a call: checks the token, takes the resource units, reads.
pub(crate) fn answer(world: &mut World, call: &Call, request: &Request) -> Answer {
    let units = cost(call, &request.query);
    let verdict = world.bucket.take(units, world.clock.now());
    let mut answer = match verdict {
        Verdict::Wait { seconds } => throttled(world, request, seconds),
        Verdict::Pass { .. } => match read(world, call, request) {
            Ok(answer) => dress(world, request, answer),
            Err(error) => refuse(world, request, &error),
        },
    };
    if let Verdict::Pass { percentage: Some(percentage) } = verdict {
        let share = format!("{}.{:02}", percentage / 100, percentage % 100);
        answer = answer.with("x-ms-throttle-limit-percentage", &share);
    }
    answer.with(RESOURCE_UNIT, &units.to_string())
}

fn read(world: &World, call: &Call, request: &Request) -> Result<Answer, GraphError> {
    let viewer = Viewer::of(world, request, call)?;
    let page = match call {
        Call::List(of) => lists::list(world, request, *of)?,
        Call::Delta(of) => delta::delta(world, &viewer, request, *of)?,
        Call::Members { group, cast, transitive } => {
            lists::members(world, &viewer, request, group, cast.as_deref(), *transitive)?
        }
        Call::GroupsOf { of, id, cast } => lists::groups_of(world, &viewer, request, *of, id, cast)?,
        Call::GroupsOfCount { of, id, cast } => {
            let count = lists::count_groups_of(world, &viewer, request, *of, id, cast)?;
            return Ok(Answer::text("text/plain", count.to_string()));
        }
        Call::MemberOf { cast } => single::member_of(world, &viewer, cast.as_deref()),
        Call::Organization => single::organization(world),
        Call::User { id } => return single::user(world, &request.query, id).map(json),
        Call::Group { id } => return single::group(world, &request.query, id).map(json),
        Call::Me => return single::me(world, &viewer, &request.query).map(json),
        Call::Count(of) => {
            let count = single::count_of(world, request, *of)?;
            return Ok(Answer::text("text/plain", count.to_string()));
        }
        Call::MemberCount { group, cast } => {
            let count = lists::member_count(world, &viewer, request, group, cast.as_deref())?;
            return Ok(Answer::text("text/plain", count.to_string()));
        }
    };
    Ok(json(page.into_json()))
}

fn json(value: Value) -> Answer {
    Answer::json(value).with("odata-version", "4.0")
}

fn throttled(world: &mut World, request: &Request, seconds: i64) -> Answer {
    let scope = format!("Tenant_Application/ReadWrite/{}/{}", world.registration.client_id, world.tenant.id);
    refuse(world, request, &GraphError::throttled(seconds))
        .with("x-ms-throttle-scope", &scope)
        .with("x-ms-throttle-information", "ResourceUnitLimitExceeded")
}

/// Words an error as Graph does.
pub(crate) fn refuse(world: &mut World, request: &Request, error: &GraphError) -> Answer {
    let request_id = world.fresh_id().to_string();
    let client_request_id = request.header(CLIENT_REQUEST_ID).unwrap_or(&request_id);
    let date = world.clock.now().strftime("%Y-%m-%dT%H:%M:%S").to_string();
    let body = error.body(&request_id, client_request_id, &date);
    let mut answer = Answer::json(body).status(error.status);
    if let Some(seconds) = error.retry_after {
        answer = answer.with(header::RETRY_AFTER, &seconds.to_string());
    }
    if let Some(location) = &error.location {
        answer = answer.with(header::LOCATION, location);
    }
    if error.status == http::StatusCode::UNAUTHORIZED {
        let authorize = format!("{}/common/oauth2/v2.0/authorize", world.origin);
        let challenge = format!(
            r#"Bearer realm="", authorization_uri="{authorize}", client_id="00000003-0000-0000-c000-000000000000""#
        );
        answer = answer.with(header::WWW_AUTHENTICATE, &challenge);
    }
    answer.with(REQUEST_ID, &request_id).with(CLIENT_REQUEST_ID, client_request_id)
}

/// Adds the ids every answer carries.
fn dress(world: &mut World, request: &Request, answer: Answer) -> Answer {
    let request_id = world.fresh_id().to_string();
    let client_request_id = request.header(CLIENT_REQUEST_ID).unwrap_or(&request_id);
    answer.with(REQUEST_ID, &request_id).with(CLIENT_REQUEST_ID, client_request_id)
}
