//! Alerts through Amazon SNS.

use async_trait::async_trait;
use aws_sdk_sns::error::DisplayErrorContext;

use super::change::Alert;
use super::sink::{AlertError, AlertLog, AlertSink};

/// A topic, behind the [`AlertSink`] port. Who subscribes to it gets a mail.
#[derive(Debug, Clone)]
pub struct SnsTopic {
    client: aws_sdk_sns::Client,
    arn: String,
}

impl SnsTopic {
    /// The topic with this ARN.
    #[must_use]
    pub fn new(client: aws_sdk_sns::Client, arn: String) -> Self {
        Self { client, arn }
    }
}

#[async_trait]
impl AlertSink for SnsTopic {
    async fn send(&self, alert: &Alert) -> Result<(), AlertError> {
        AlertLog.send(alert).await?;
        self.client
            .publish()
            .topic_arn(&self.arn)
            .subject(&alert.subject)
            .message(&alert.body)
            .send()
            .await
            .map_err(|error| AlertError(DisplayErrorContext(error).to_string().into()))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use aws_sdk_sns::config::{BehaviorVersion, Credentials, Region};
    use wiremock::matchers::{body_string_contains, method};
    use wiremock::{Mock, MockServer, ResponseTemplate};

    use super::*;
    use crate::alerts::change::tests::{NOW, directory, failing};
    use crate::alerts::{Condition, Situation, change::Change, text};

    fn alert() -> Alert {
        let (directory, credentials) = (directory(), [failing(1)]);
        let situation = Situation {
            directory: &directory,
            credentials: &credentials,
            run: None,
            interval: jiff::SignedDuration::from_mins(5),
            client_secret_expires: None,
            now: NOW,
        };
        text::alert(&Condition::NoWorkingCredential, Change::Opened, &situation, &BTreeSet::new())
    }

    fn topic(server: &MockServer) -> SnsTopic {
        let config = aws_sdk_sns::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("us-east-1"))
            .credentials_provider(Credentials::new("test", "test", None, None, "test"))
            .retry_config(aws_sdk_sns::config::retry::RetryConfig::disabled())
            .endpoint_url(server.uri())
            .build();
        SnsTopic::new(aws_sdk_sns::Client::from_conf(config), "arn:aws:sns:us-east-1:000000000000:alerts".to_owned())
    }

    #[tokio::test]
    async fn an_alert_is_published_with_subject_and_body() {
        let server = MockServer::start().await;
        let answer = "<PublishResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><PublishResult>\
                      <MessageId>1</MessageId></PublishResult></PublishResponse>";
        Mock::given(method("POST"))
            .and(body_string_contains("Action=Publish"))
            .and(body_string_contains("TopicArn=arn%3Aaws%3Asns%3Aus-east-1%3A000000000000%3Aalerts"))
            .and(body_string_contains("Subject=Office%20365%20Sync"))
            .and(body_string_contains("Message=What%20happened"))
            .respond_with(ResponseTemplate::new(200).set_body_string(answer))
            .expect(1)
            .mount(&server)
            .await;
        topic(&server).send(&alert()).await.unwrap();
    }

    #[tokio::test]
    async fn a_topic_that_refuses_is_an_error_without_names() {
        let server = MockServer::start().await;
        Mock::given(method("POST")).respond_with(ResponseTemplate::new(403)).mount(&server).await;
        let error = topic(&server).send(&alert()).await.unwrap_err();
        let words = crate::telemetry::chain(&error);
        assert!(words.starts_with("the alert could not be sent"), "{words}");
        assert!(!words.contains("admin-1"), "{words}");
    }
}
