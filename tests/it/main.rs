//! End-to-end and contract tests: the real handlers, SDK calls and Graph client against a simulated tenant and embedded AWS.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    unreachable_pub,
    reason = "a test that cannot go on should stop where it is"
)]

use mimalloc::MiMalloc;

mod alerts;
mod app_credential;
mod checkpoints;
mod clock;
mod coherence;
mod copies;
mod counters;
mod crash;
mod dynamodb;
mod edge;
mod events;
mod failover;
mod feed;
mod filters;
mod harness;
mod holds;
mod hostile;
mod index_lag;
mod integrate;
mod lab;
mod lambda;
mod lessons;
mod login;
mod logs;
mod main_job;
mod model;
mod odd_objects;
mod openapi;
mod operations;
mod pages;
mod queries;
mod restart;
mod resync;
mod returned;
mod roles;
mod scale;
mod schedule;
mod scim;
mod secrets;
mod settings;
mod store_contract;
mod template;
mod throttling;
mod tokens;
mod turns;
mod unknown_members;
mod upgrade;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;
