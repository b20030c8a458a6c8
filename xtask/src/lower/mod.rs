//! Converts the effective document to types as plain data: `precheck` -> `hoist` -> `oracle`.

pub mod findings;
pub mod hoist;
pub mod names;
pub mod naming;
pub mod oracle;
pub mod precheck;
pub mod rust;
pub mod schema;
pub mod tolerate;
mod unite;
