//! Monitoring over HTTP, against what nats-server answers.

mod connections;
mod door;
mod figures;
mod likeness;
mod protocol;
mod subscriptions;
