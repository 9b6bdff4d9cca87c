//! Events through Amazon EventBridge.
//!
//! Source: Amazon EventBridge API reference, `PutEvents`: at most 10 entries and 256 KB in a request, each answered for itself.

use async_trait::async_trait;
use aws_sdk_eventbridge::error::DisplayErrorContext;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;

use super::sink::{Event, EventError, EventSink};

/// The most entries of a request.
const MAX_ENTRIES: usize = 10;
/// The most bytes of a request's details, with room for what is around them.
const MAX_BYTES: usize = 240 * 1024;
/// Who says it.
const SOURCE: &str = "office365-sync";

/// An event bus, behind the [`EventSink`] port.
#[derive(Debug, Clone)]
pub struct EventBus {
    client: aws_sdk_eventbridge::Client,
    name: String,
}

impl EventBus {
    /// The bus with this name or ARN.
    #[must_use]
    pub fn new(client: aws_sdk_eventbridge::Client, name: String) -> Self {
        Self { client, name }
    }

    async fn put(&self, entries: Vec<PutEventsRequestEntry>) -> Result<(), EventError> {
        let answer = self.client.put_events().set_entries(Some(entries)).send().await;
        let answer = answer.map_err(|error| EventError(DisplayErrorContext(error).to_string().into()))?;
        let refused = answer.entries().iter().find_map(|entry| entry.error_code());
        match (answer.failed_entry_count(), refused) {
            (0, None) => Ok(()),
            (_, code) => Err(EventError(format!("an entry was refused: {}", code.unwrap_or("no code")).into())),
        }
    }
}

#[async_trait]
impl EventSink for EventBus {
    async fn send(&self, events: &[Event]) -> Result<(), EventError> {
        let (mut entries, mut bytes) = (Vec::new(), 0);
        for event in events {
            let detail = serde_json::to_string(event).map_err(|error| EventError(error.into()))?;
            if entries.len() == MAX_ENTRIES || (bytes + detail.len() > MAX_BYTES && !entries.is_empty()) {
                self.put(std::mem::take(&mut entries)).await?;
                bytes = 0;
            }
            bytes += detail.len();
            let entry = PutEventsRequestEntry::builder()
                .event_bus_name(&self.name)
                .source(SOURCE)
                .detail_type(event.kind())
                .resources(event.directory.to_string())
                .detail(detail)
                .build();
            entries.push(entry);
        }
        if entries.is_empty() { Ok(()) } else { self.put(entries).await }
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_eventbridge::config::{BehaviorVersion, Credentials, Region};
    use serde_json::{Value, json};
    use uuid::Uuid;
    use wiremock::matchers::{header, method};
    use wiremock::{Mock, MockServer, Request, ResponseTemplate};

    use super::*;
    use crate::directory::{ChangeId, DirectoryId, ObjectId};
    use crate::feed::view::{ChangeView, ChangedObject, GroupChange, UserChange};

    fn bus(server: &MockServer) -> EventBus {
        let config = aws_sdk_eventbridge::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("us-east-1"))
            .credentials_provider(Credentials::new("test", "test", None, None, "test"))
            .retry_config(aws_sdk_eventbridge::config::retry::RetryConfig::disabled())
            .endpoint_url(server.uri())
            .build();
        EventBus::new(aws_sdk_eventbridge::Client::from_conf(config), "people".to_owned())
    }

    fn event(number: u64, changed: ChangedObject) -> Event {
        let id = ChangeId::new(number).unwrap();
        let change =
            ChangeView { id, at: jiff::Timestamp::UNIX_EPOCH, run: Uuid::nil().to_string().parse().unwrap(), changed };
        Event { directory: DirectoryId::new(Uuid::nil()), change: Some(change) }
    }

    fn joined(number: u64, groups: usize) -> Event {
        let group = |number: usize| ObjectId::from(Uuid::from_u128(number as u128)).into();
        event(
            number,
            ChangedObject::User {
                kind: UserChange::Changed,
                user: "kim".parse().unwrap(),
                status: None,
                reason: None,
                properties: Vec::new(),
                joined: (0..groups).map(group).collect(),
                left: Vec::new(),
            },
        )
    }

    /// How many entries came with each request, all of which are answered like this.
    async fn sent(events: &[Event], answer: Value) -> (Result<(), EventError>, Vec<Value>) {
        let server = MockServer::start().await;
        Mock::given(method("POST"))
            .and(header("x-amz-target", "AWSEvents.PutEvents"))
            .respond_with(ResponseTemplate::new(200).set_body_json(answer))
            .mount(&server)
            .await;
        let outcome = bus(&server).send(events).await;
        let read = |request: Request| serde_json::from_slice(&request.body).unwrap();
        (outcome, server.received_requests().await.unwrap().into_iter().map(read).collect())
    }

    fn good() -> Value {
        json!({ "FailedEntryCount": 0, "Entries": [{ "EventId": "1" }] })
    }

    #[tokio::test]
    async fn an_event_says_where_what_and_who() {
        let group =
            ChangedObject::Group { kind: GroupChange::Appeared, group: "g".parse().unwrap(), properties: Vec::new() };
        let (outcome, requests) = sent(&[event(7, group)], good()).await;
        outcome.unwrap();
        let entry = &requests[0]["Entries"][0];
        assert_eq!((&entry["Source"], &entry["DetailType"]), (&json!("office365-sync"), &json!("group.appeared")));
        assert_eq!(entry["EventBusName"], "people");
        let detail: Value = serde_json::from_str(entry["Detail"].as_str().unwrap()).unwrap();
        insta::assert_json_snapshot!(detail, @r#"
        {
          "at": "1970-01-01T00:00:00Z",
          "directory": "00000000-0000-0000-0000-000000000000",
          "group": "g",
          "id": 7,
          "properties": [],
          "run": "00000000-0000-0000-0000-000000000000",
          "type": "group.appeared"
        }
        "#);
    }

    #[tokio::test]
    async fn what_is_lost_is_said() {
        let lost = Event { directory: DirectoryId::new(Uuid::nil()), change: None };
        let (_, requests) = sent(&[lost], good()).await;
        let entry = &requests[0]["Entries"][0];
        assert_eq!(entry["DetailType"], "directory.start_over");
        assert_eq!(entry["Detail"], r#"{"directory":"00000000-0000-0000-0000-000000000000"}"#);
    }

    #[tokio::test]
    async fn requests_have_no_more_than_the_bus_takes() {
        let sizes = async |events: &[Event]| -> Vec<usize> {
            let (outcome, requests) = sent(events, good()).await;
            outcome.unwrap();
            requests.iter().map(|request| request["Entries"].as_array().unwrap().len()).collect()
        };
        assert_eq!(sizes(&[]).await, Vec::<usize>::new());
        assert_eq!(sizes(&(1..=25).map(|number| joined(number, 1)).collect::<Vec<_>>()).await, [10, 10, 5]);
        assert_eq!(sizes(&(1..=7).map(|number| joined(number, 2_000)).collect::<Vec<_>>()).await, [3, 3, 1]);
    }

    #[tokio::test]
    async fn one_entry_refused_is_an_error() {
        let answer = json!({ "FailedEntryCount": 1, "Entries": [{ "ErrorCode": "ThrottlingException", "ErrorMessage": "secret" }] });
        let (outcome, _) = sent(&[joined(1, 1)], answer).await;
        let words = crate::telemetry::chain(&outcome.unwrap_err());
        assert!(words.contains("ThrottlingException") && !words.contains("secret"), "{words}");
    }
}
