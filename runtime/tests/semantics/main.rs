//! What the crate promises, sentence by sentence. Times are on Tokio's paused clock, so that none of it depends on how
//! fast the machine is; what does not depend on times runs on both flavours of the runtime.

mod blocking;
mod deadlines;
mod dropped;
mod errors;
mod joined;
mod joined_ends;
mod limits;
mod panics;
mod scopes;
mod sends;
mod shields;
mod shutdown;
mod supervisor;
mod support;
