//! Limits, and what happens to a client that meets one: it is told, others notice nothing.

mod authentication;
mod connections;
mod control;
mod descriptors;
mod keepalive;
mod leaving;
mod slow_consumer;
mod thousand;
