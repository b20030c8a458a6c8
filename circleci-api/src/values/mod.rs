//! Values that callers pass to calls and read from responses.

pub(crate) mod argument;
#[cfg(feature = "wait")]
pub(crate) mod checkout;
mod config;
pub(crate) mod parameters;
#[cfg(feature = "wait")]
pub(crate) mod pipeline_parameters;
pub(crate) mod slug;
mod status;
mod timetable;
