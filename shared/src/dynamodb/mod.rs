//! The adapter that keeps everything but secrets in one DynamoDB table.
