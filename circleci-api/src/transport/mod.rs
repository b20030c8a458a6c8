//! Sends calls: attempts, network access, and answers.

mod adjust;
pub(crate) mod attempt;
mod body;
pub(crate) mod call;
mod cause;
pub(crate) mod decode;
pub(crate) mod exchange;
pub(crate) mod refusal;
pub(crate) mod reply;
pub(crate) mod response;
mod taken;
pub(crate) mod trace;
mod unpack;
pub(crate) mod wire;
