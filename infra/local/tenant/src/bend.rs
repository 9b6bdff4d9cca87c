//! How faults bend answers.

use std::collections::HashMap;

use http::{StatusCode, header};
use jiff::SignedDuration;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    endpoint::Endpoint,
    exchange::{Answer, Content, Request},
    fault::{Odd, What},
    graph::{self, Call, Collection, GraphError},
    identity::{self, Refusal, Refused},
    requests::{RequestKind, Seen},
    world::World,
};

/// The objects last shown for each list and object.
pub(crate) type LastPages = HashMap<(RequestKind, Option<Uuid>), Vec<Value>>;

/// The answer a fault gives in place of the true one, if one does.
pub(crate) fn instead(world: &mut World, faults: &[What], endpoint: &Endpoint, request: &Request) -> Option<Answer> {
    faults.iter().find_map(|what| match what {
        What::Status { code, retry_after, body } => {
            let answer = status(world, *code, body.as_ref(), endpoint, request);
            Some(match retry_after {
                Some(seconds) => answer.with(header::RETRY_AFTER, &seconds.to_string()),
                None => answer,
            })
        }
        What::BusyUntil { code, seconds } => {
            let until = world.clock.now() + SignedDuration::from_secs(i64::from(*seconds));
            let answer = status(world, *code, None, endpoint, request);
            Some(answer.with(header::RETRY_AFTER, &httpdate::fmt_http_date(until.into())))
        }
        What::NonJson => Some(Answer::html("<!doctype html><title>Sign in to the network</title>".to_owned())),
        What::MissingValue => Some(Answer::json(json!({}))),
        What::EmptyPageNoLink => Some(Answer::json(json!({ "value": [] }))),
        What::EmptyPageWithLink => {
            let number = world.fresh_number();
            let url = format!("{}{}{}", world.origin, request.path, longer_query(request, number));
            Some(Answer::json(json!({ "value": [], "@odata.nextLink": url })))
        }
        What::PageTokenExpired => Some(graph::refuse(world, request, &GraphError::expired_page_token())),
        What::NotFound => Some(graph::refuse(world, request, &GraphError::not_found(&request.path))),
        What::DeltaReset { answer } => {
            let of = if let Endpoint::Graph(Call::Delta(of)) = endpoint { *of } else { Collection::Users };
            let error = graph::reset(*answer, &world.origin, of);
            Some(graph::refuse(world, request, &error))
        }
        What::Then { .. }
        | What::Delay { .. }
        | What::NoAnswer
        | What::TruncatedBody
        | What::Disconnect
        | What::BrokenBody
        | What::Replay
        | What::Duplicate
        | What::EndsEarly { .. }
        | What::SelfLoopNextLink
        | What::ForeignOriginNextLink
        | What::OddObject { .. } => None,
    })
}

/// An answer with another status, worded as the endpoint words its own troubles unless there is a body for it.
fn status(world: &mut World, code: u16, body: Option<&Value>, endpoint: &Endpoint, request: &Request) -> Answer {
    let status = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    match (body, endpoint) {
        (Some(body), _) => Answer::json(body.clone()).status(status),
        (None, Endpoint::Graph(_)) => graph::refuse(world, request, &GraphError::of_status(status)),
        // The identity platform words its own troubles its own way.
        (None, _) => identity::refuse(world, &Refused::from(&Refusal::TemporarilyUnavailable)).status(status),
    }
}

/// Bends the true answer, when it is a page.
pub(crate) fn bend(world: &mut World, answer: Answer, faults: &[What], seen: &Seen, request: &Request) -> Answer {
    let Answer { status, headers, content: Content::Json(mut json) } = answer else { return answer };
    let list = (seen.kind, seen.object);
    let true_page = objects(&mut json).map(|value| value.clone()).filter(|_| !world.faults.is_empty());
    for what in faults {
        match what {
            What::Replay => {
                let before = world.last_pages.get(&list).filter(|_| seen.page > 1).cloned().unwrap_or_default();
                if let Some(value) = objects(&mut json) {
                    value.splice(0..0, before);
                }
            }
            What::Duplicate => {
                if let Some(value) = objects(&mut json) {
                    *value = value.iter().flat_map(|object| [object.clone(), object.clone()]).collect();
                }
            }
            What::OddObject { odd } => {
                let id = world.fresh_id();
                if let Some(value) = objects(&mut json) {
                    value.insert(0, odd_object(*odd, id));
                }
            }
            What::EndsEarly { after } => {
                if let Some(value) = objects(&mut json) {
                    value.truncate(*after);
                }
                json.as_object_mut().map(|page| page.remove("@odata.nextLink"));
            }
            What::SelfLoopNextLink => link(&mut json, &format!("{}{}{}", world.origin, request.path, query(request))),
            What::ForeignOriginNextLink => {
                link(&mut json, &format!("https://elsewhere.example{}?$skiptoken=stolen", request.path));
            }
            _ => {}
        }
    }
    if let Some(true_page) = true_page {
        world.last_pages.insert(list, true_page);
    }
    Answer { status, headers, content: Content::Json(json) }
}

fn objects(json: &mut Value) -> Option<&mut Vec<Value>> {
    json.get_mut("value")?.as_array_mut()
}

fn link(json: &mut Value, url: &str) {
    if let Some(fields) = json.as_object_mut() {
        fields.remove("@odata.deltaLink");
        fields.insert("@odata.nextLink".to_owned(), json!(url));
    }
}

fn query(request: &Request) -> String {
    let mut pairs = url::form_urlencoded::Serializer::new(String::from("?"));
    request.query.iter().for_each(|(name, value)| _ = pairs.append_pair(name, value));
    pairs.finish()
}

/// The query with one more parameter, which Graph does not know: the same page under another address.
fn longer_query(request: &Request, number: u64) -> String {
    let query = query(request);
    let separator = if query.len() > 1 { "&" } else { "" };
    format!("{query}{separator}emptyPage={number}")
}

fn odd_object(odd: Odd, id: Uuid) -> Value {
    match odd {
        Odd::NullFields => json!({
            "id": id, "displayName": null, "userPrincipalName": null, "mail": null, "accountEnabled": null,
            "userType": null, "groupTypes": null, "mailEnabled": null, "securityEnabled": null, "visibility": null,
        }),
        Odd::ShortId => {
            let text = id.to_string();
            json!({ "id": text.get(..35), "displayName": "One character short", "userPrincipalName": "short@contoso.example" })
        }
        Odd::UnknownKind => {
            json!({ "@odata.type": "#microsoft.graph.somethingNew", "id": id, "shape": { "sides": 3 } })
        }
    }
}
