//! From a request to the event that a function gets, in payload format 2.0.

use std::collections::BTreeMap;
use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, COOKIE};
use http::request::Parts;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use crate::routes::Route;

/// Media types whose bodies are passed on as text. All others arrive as base64, those of forms too.
const TEXT: [&str; 4] = ["text/", "application/json", "application/javascript", "application/xml"];

/// The path as functions get it: decoded once, and cut where a `?` comes out. Bytes that are not UTF-8 cannot be
/// in the event's JSON and are replaced.
pub(crate) fn raw_path(sent: &str) -> String {
    let decoded = percent_decode_str(sent).decode_utf8_lossy();
    decoded.split('?').next().unwrap_or_default().to_owned()
}

/// The event of a request, on this route and with this [path](raw_path).
pub(crate) fn event(route: &Route, path: &str, parts: &Parts, body: &[u8], source: IpAddr) -> Value {
    let mut event = json!({
        "version": "2.0",
        "routeKey": route.key(),
        "rawPath": path,
        // As it was sent, whatever is in it.
        "rawQueryString": parts.uri.query().unwrap_or_default(),
        "headers": headers(&parts.headers, body, source),
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "local",
            "domainName": text(&parts.headers, "host").unwrap_or_else(|| "localhost".to_owned()),
            "domainPrefix": "local",
            "http": {
                "method": parts.method.as_str(),
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": source.to_string(),
                "userAgent": text(&parts.headers, "user-agent").unwrap_or_default(),
            },
            "requestId": "local",
            "routeKey": route.key(),
            "stage": "$default",
            "time": "01/Jan/2026:00:00:00 +0000",
            "timeEpoch": 1_767_225_600_000_i64,
        },
        "isBase64Encoded": false,
    });
    let Some(members) = event.as_object_mut() else { return event };
    let cookies: Vec<&str> = parts.headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok()).collect();
    if !cookies.is_empty() {
        let pairs: Vec<&str> = cookies.iter().flat_map(|line| line.split(';')).map(str::trim).collect();
        members.insert("cookies".to_owned(), pairs.into());
    }
    if !body.is_empty() {
        let as_text = if is_text(&parts.headers) { std::str::from_utf8(body).ok() } else { None };
        members.insert("isBase64Encoded".to_owned(), as_text.is_none().into());
        members.insert("body".to_owned(), as_text.map_or_else(|| STANDARD.encode(body), str::to_owned).into());
    }
    event
}

fn is_text(headers: &HeaderMap) -> bool {
    let kind = text(headers, CONTENT_TYPE.as_str()).unwrap_or_default().to_lowercase();
    headers.get(CONTENT_ENCODING).is_none() && TEXT.iter().any(|text| kind.starts_with(text))
}

/// The values of a header, joined.
fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    let values = headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
    values.map(|value| value.into_owned()).reduce(|joined, value| format!("{joined},{value}"))
}

/// The headers, by their names in lower case, without cookies and with what the gateway says of the connection.
fn headers(sent: &HeaderMap, body: &[u8], source: IpAddr) -> BTreeMap<String, String> {
    let names = sent.keys().filter(|name| *name != COOKIE);
    let mut headers: BTreeMap<String, String> =
        names.filter_map(|name| Some((name.as_str().to_owned(), text(sent, name.as_str())?))).collect();
    headers.remove("transfer-encoding");
    headers.remove("connection");
    let forwarded = headers.get("x-forwarded-for").map_or_else(String::new, |before| format!("{before}, "));
    headers.insert("x-forwarded-for".to_owned(), format!("{forwarded}{source}"));
    headers.insert("x-forwarded-proto".to_owned(), "https".to_owned());
    headers.insert("x-forwarded-port".to_owned(), "443".to_owned());
    headers.insert("content-length".to_owned(), body.len().to_string());
    headers
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use http::{Method, Request};

    use super::*;
    use crate::routes::Routes;

    fn event_of(request: http::request::Builder, body: &[u8]) -> Value {
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let path = raw_path(parts.uri.path());
        let route = Routes::deployed().find(&Method::GET, &path).unwrap();
        event(route, &path, &parts, body, IpAddr::V4(Ipv4Addr::LOCALHOST))
    }

    #[test]
    fn paths_are_decoded_once_and_cut_at_a_decoded_question_mark() {
        // Captured from the real gateway: `/a%2Fb` arrives as `/a/b`.
        for (sent, path) in [
            ("/a%2Fb", "/a/b"),
            ("/o%27brien", "/o'brien"),
            ("/o%2527brien", "/o%27brien"),
            ("/kim_x%23EXT%23@c.example/access", "/kim_x#EXT#@c.example/access"),
            ("/a%3Fb/access", "/a"),
            ("/..%2fgroups", "/../groups"),
            ("/a+b%20c%5Cd", "/a+b c\\d"),
            ("/%00/%FF/%C3%B6", "/\0/\u{fffd}/ö"),
        ] {
            let event = event_of(Request::get(format!("{sent}?x=%2F%3f&y=+")), b"");
            assert_eq!(event["rawPath"], path);
            assert_eq!(event["requestContext"]["http"]["path"], path);
            assert_eq!(event["rawQueryString"], "x=%2F%3f&y=+", "as it was sent");
        }
    }

    #[test]
    fn headers_are_lower_case_and_joined_and_cookies_are_a_list() {
        let request = Request::get("/").header("X-One", "1").header("x-one", "2").header("Cookie", "a=1; b=2");
        let event = event_of(request.header("cookie", "c=3").header("X-Forwarded-Proto", "gopher"), b"");
        assert_eq!(event["headers"]["x-one"], "1,2");
        assert_eq!(event["headers"]["cookie"], Value::Null);
        assert_eq!(event["cookies"], json!(["a=1", "b=2", "c=3"]));
        assert_eq!(event["headers"]["x-forwarded-proto"], "https");
    }

    #[test]
    fn bodies_are_base64_unless_their_type_is_text() {
        let event = event_of(Request::post("/").header("content-type", "application/json"), b"{}");
        assert_eq!((&event["body"], &event["isBase64Encoded"]), (&json!("{}"), &json!(false)));
        let event = event_of(Request::post("/").header("content-type", "application/x-www-form-urlencoded"), b"a=b");
        assert_eq!((&event["body"], &event["isBase64Encoded"]), (&json!("YT1i"), &json!(true)));
        let event = event_of(Request::post("/"), b"");
        assert_eq!(event["body"], Value::Null);
    }
}
