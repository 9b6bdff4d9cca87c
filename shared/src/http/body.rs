//! What is sent to us: JSON of a bounded size, every member of it said once.

use std::fmt;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, FromRequest, OptionalFromRequest, Request};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde::de::{DeserializeOwned, Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Number, Value};

use super::problem::{Problem, ProblemKind};

/// The longest body that is read, in bytes: settings with every list full of the longest ids fit twice.
const MAX_BODY_BYTES: usize = 1024 * 1024;

/// The most characters told of what is wrong with a body.
const MAX_DETAIL_CHARS: usize = 500;

/// A JSON body. As `Option<JsonBody<T>>` it may be left out.
#[derive(Debug)]
pub struct JsonBody<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let body = <Self as OptionalFromRequest<S>>::from_request(request, state).await?;
        body.ok_or_else(|| Problem::new(ProblemKind::MalformedBody, "A body is needed here."))
    }
}

impl<T: DeserializeOwned, S: Send + Sync> OptionalFromRequest<S> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(mut request: Request, state: &S) -> Result<Option<Self>, Problem> {
        let declared_as_json = is_json(request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()));
        DefaultBodyLimit::max(MAX_BODY_BYTES).apply(&mut request);
        let bytes = Bytes::from_request(request, state).await.map_err(|rejection| match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => {
                Problem::new(ProblemKind::BodyTooLarge, format!("At most {MAX_BODY_BYTES} bytes are read."))
            }
            _ => Problem::new(ProblemKind::MalformedBody, "The body broke off."),
        })?;
        if bytes.is_empty() {
            return Ok(None);
        }
        if !declared_as_json {
            return Err(Problem::new(
                ProblemKind::UnsupportedMediaType,
                "Send it with `Content-Type: application/json`.",
            ));
        }
        let value = said_once(&bytes).map_err(|error| Problem::new(ProblemKind::MalformedBody, words(&error)))?;
        let body =
            serde_json::from_value(value).map_err(|error| Problem::new(ProblemKind::InvalidBody, words(&error)))?;
        Ok(Some(Self(body)))
    }
}

/// What the parser says, which quotes what was sent: the beginning of it.
fn words(error: &serde_json::Error) -> String {
    error.to_string().chars().take(MAX_DETAIL_CHARS).collect()
}

/// JSON in which no object says a member twice.
pub(crate) fn said_once(bytes: &[u8]) -> Result<Value, serde_json::Error> {
    serde_json::from_slice(bytes).map(|SaidOnce(value)| value)
}

/// True for `application/json` and kinds of it (`application/problem+json`), with or without parameters.
fn is_json(content_type: Option<&str>) -> bool {
    let essence = content_type.and_then(|text| text.split(';').next()).unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

/// What [`said_once`] parses. Parsers commonly take the last of two, so a list meant to keep people out could
/// be overridden by an empty one further down, unseen.
struct SaidOnce(Value);

impl<'de> Deserialize<'de> for SaidOnce {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SaidOnceVisitor).map(Self)
    }
}

struct SaidOnceVisitor;

impl<'de> Visitor<'de> for SaidOnceVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(SaidOnce(element)) = elements.next_element()? {
            list.push(element);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some((name, SaidOnce(value))) = members.next_entry::<String, _>()? {
            if object.contains_key(&name) {
                return Err(A::Error::custom(format_args!("the member `{name}` is said twice")));
            }
            object.insert(name, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Order {
        hold: String,
    }

    async fn read(content_type: &str, body: impl Into<Body>) -> Result<Option<Order>, ProblemKind> {
        let request = Request::builder().header(CONTENT_TYPE, content_type).body(body.into()).unwrap();
        let body = <JsonBody<Order> as OptionalFromRequest<()>>::from_request(request, &()).await;
        body.map(|body| body.map(|JsonBody(order)| order)).map_err(|problem| problem.kind())
    }

    #[tokio::test]
    async fn json_is_read_under_any_of_its_names() {
        for content_type in ["application/json", "Application/JSON; charset=utf-8", "application/merge+json"] {
            let order = read(content_type, r#"{"hold":"h"}"#).await.unwrap().unwrap();
            assert_eq!(order, Order { hold: "h".into() });
        }
    }

    #[tokio::test]
    async fn an_empty_body_is_none_whatever_it_is_declared_as() {
        assert_eq!(read("text/plain", "").await, Ok(None));
        let request = Request::builder().body(Body::empty()).unwrap();
        let needed = <JsonBody<Order> as FromRequest<()>>::from_request(request, &()).await;
        assert_eq!(needed.unwrap_err().kind(), ProblemKind::MalformedBody);
    }

    #[tokio::test]
    async fn every_fault_has_its_own_kind() {
        use ProblemKind as K;
        for (content_type, body, kind) in [
            ("text/plain", r#"{"hold":"h"}"#, K::UnsupportedMediaType),
            ("application/x-www-form-urlencoded", "hold=h", K::UnsupportedMediaType),
            ("application/json", r#"{"hold":"h""#, K::MalformedBody),
            ("application/json", r#"{"hold":"h"} {}"#, K::MalformedBody),
            ("application/json", r#"{"hold":"h","hold":"i"}"#, K::MalformedBody),
            ("application/json", r#"{"hold":1}"#, K::InvalidBody),
            ("application/json", r#"{"hold":"h","force":true}"#, K::InvalidBody),
            ("application/json", "[]", K::InvalidBody),
        ] {
            assert_eq!(read(content_type, body).await, Err(kind), "{body}");
        }
    }

    #[tokio::test]
    async fn a_body_too_large_is_refused() {
        let body = format!(r#"{{"hold":"{}"}}"#, "h".repeat(MAX_BODY_BYTES));
        assert_eq!(read("application/json", body).await, Err(ProblemKind::BodyTooLarge));
    }

    #[tokio::test]
    async fn what_is_wrong_is_told_at_bounded_length() {
        let body = format!(r#"{{"{}":1}}"#, "h".repeat(10_000));
        let request = Request::builder().header(CONTENT_TYPE, "application/json").body(body.into()).unwrap();
        let problem = <JsonBody<Order> as FromRequest<()>>::from_request(request, &()).await.unwrap_err();
        let answer = axum::response::IntoResponse::into_response(problem);
        assert!(axum::body::to_bytes(answer.into_body(), 1_000).await.is_ok());
    }

    #[tokio::test]
    async fn nesting_beyond_measure_is_refused() {
        assert_eq!(read("application/json", "[".repeat(100_000)).await, Err(ProblemKind::MalformedBody));
    }

    #[test]
    fn values_come_through_unchanged() {
        let text = r#"{"a":[null,true,-1,18446744073709551615,1.5,"x",{"b":{}}]}"#;
        let SaidOnce(value) = serde_json::from_str(text).unwrap();
        assert_eq!(value, serde_json::from_str::<Value>(text).unwrap());
    }
}
