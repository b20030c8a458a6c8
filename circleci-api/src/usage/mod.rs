//! Usage exports: the credits that an organization's jobs have used. Requires the feature `usage`.
//!
//! CircleCI creates an export in the background, as several compressed parts. One export covers at most 31 days, and
//! nothing older than 366 days. CircleCI accepts ten orders per hour. This module returns a time span of any length as
//! one CSV or as a stream of rows:
//!
//! ```no_run
//! # use std::time::SystemTime;
//! # use circleci_api::chrono::{DateTime, TimeDelta, Utc};
//! # async fn run(circleci: circleci_api::Client) -> Result<(), circleci_api::Error> {
//! let now = DateTime::<Utc>::from(SystemTime::now());
//! let mut rows = circleci
//!     .usage_export("1f8d8f9e-9c4e-4c52-8c3e-0d4d6c3a2b1a", now - TimeDelta::days(90), now)
//!     .on_change(|change| eprintln!("{} of {}: {:?}", change.window + 1, change.windows, change.state))
//!     .rows()?;
//! let mut credits = 0.0;
//! while let Some(row) = rows.try_next().await? {
//!     credits += row.total_credits().unwrap_or(0.0);
//! }
//! println!("{credits} credits");
//! # Ok(()) }
//! ```

mod ahead;
mod csv;
mod desk;
mod export;
mod exports;
mod limits;
mod orders;
mod pieces;
mod renewal;
mod rows;
mod shape;

pub use csv::UsageCsv;
pub use export::UsageExport;
pub use limits::{UsageLimits, WhenLimited};
pub use orders::UsageChange;
pub use rows::{UsageRow, UsageRows};
