//! Output: what waits for each connection, in buffers that are used again.

mod batch;
mod outbox;
mod pool;

pub use batch::{Batch, Chunk};
pub use outbox::{Outbox, SHARED_BYTES_MIN};
pub use pool::Pool;
