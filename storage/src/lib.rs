//! Durable logs. Knows nothing of accounts or the wire; steps, and leaves clocks, chance and threads to its caller.
