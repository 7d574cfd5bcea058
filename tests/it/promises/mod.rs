//! What one server promises its clients, asked of every shape a server can have.

mod barrier;
mod drain;
mod no_responders;
mod order;
mod payload;
mod pipeline;
mod queue;
mod queue_leave;
mod reconnect;
mod request;
mod unsubscribe;
