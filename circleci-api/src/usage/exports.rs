//! Orders the exports of all windows, and waits for them.

use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::desk::{Desk, FIRST_LOOK, RAREST_LOOK};
use super::limits::WhenLimited;
use super::orders::{EXPORT, UsageChange};
use crate::download::flow::Next;
use crate::error::{Error, ErrorKind};
use crate::generated::types::{UsageExportJobState, UsageExportJobStatus};
use crate::lists::many::{AT_ONCE, Many};
use crate::retry::backoff::Backoff;

/// The export of one window: the time span if the export must still be ordered, or the id if it was already ordered.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Job {
    Wanted((DateTime<Utc>, DateTime<Utc>)),
    Ordered(Uuid),
}

/// A completed export.
pub(super) struct Finished {
    pub(super) job: Uuid,
    pub(super) parts: usize,
    urls: Mutex<Urls>,
}

/// The URLs of an export's parts.
#[derive(Clone)]
pub(super) struct Urls {
    pub(super) urls: Vec<String>,
    /// How many times new URLs were requested.
    pub(super) renewed: usize,
}

impl Finished {
    fn new(job: Uuid, urls: Vec<String>) -> Self {
        Self {
            job,
            parts: urls.len(),
            urls: Mutex::new(Urls { urls, renewed: 0 }),
        }
    }

    pub(super) fn urls(&self) -> Urls {
        let urls = self.urls.lock();
        urls.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Replaces URLs that have expired.
    pub(super) fn renew(&self, urls: Vec<String>) -> Urls {
        let mut known = self.urls.lock().unwrap_or_else(PoisonError::into_inner);
        known.urls = urls;
        known.renewed += 1;
        known.clone()
    }
}

/// A source of the exports of all windows. It returns each export when the export is completed, in the order of the
/// windows.
pub(super) struct Exports {
    desk: Desk,
    windows: Vec<Window>,
    /// Whether the exports were already ordered when this value was created.
    resumed: bool,
    /// The number of exports that were returned so far.
    returned: usize,
}

struct Window {
    job: Job,
    /// The state of the export at the last state request, or `None` before the first one.
    state: Option<UsageExportJobState>,
    /// Whether the state was already requested before the turn of this window.
    ahead: bool,
    finished: Option<Result<Finished, Error>>,
}

impl Exports {
    pub(super) fn new(desk: Desk, jobs: Vec<Job>) -> Self {
        let window = |job| Window {
            job,
            state: None,
            ahead: false,
            finished: None,
        };
        Self {
            desk,
            resumed: matches!(jobs.first(), Some(Job::Ordered(_))),
            windows: jobs.into_iter().map(window).collect(),
            returned: 0,
        }
    }

    /// Orders the export of a window. CircleCI processes exports in parallel, so this function also orders as many of the
    /// later exports as the limit allows now. The remaining exports are ordered when their turn comes.
    async fn order(&mut self, turn: usize) -> Result<Uuid, Error> {
        loop {
            let now = self.desk.orders_now();
            match self.windows[turn].job {
                Job::Wanted(_) => self.order_at_once(turn, now.max(1)).await?,
                Job::Ordered(job) => {
                    self.order_at_once(turn, now).await?;
                    return Ok(job);
                }
            }
        }
    }

    async fn order_at_once(&mut self, turn: usize, count: usize) -> Result<(), Error> {
        let later = self.windows.iter().enumerate().skip(turn);
        let wanted = later.filter_map(|(index, window)| match window.job {
            Job::Wanted(span) => Some((index, span)),
            Job::Ordered(_) => None,
        });
        let windows = self.windows.len();
        let orders = wanted.take(count).map(|(index, span)| {
            let desk = self.desk.clone();
            async move {
                let job = desk.order(span).await?;
                // Report the order at once, without waiting for the other orders, because a caller that knows the id can
                // resume the export.
                desk.tell(&UsageChange {
                    window: index,
                    windows,
                    job: job.usage_export_job_id,
                    state: job.state.unwrap_or(UsageExportJobState::Created),
                    parts: 0,
                });
                Ok((index, job.usage_export_job_id))
            }
        });
        let orders: Vec<_> = orders.collect();
        let mut failure: Option<Error> = None;
        let ordered = match self.desk.order.when_limited {
            // Every order counts towards the limit, so no order is canceled when another one fails.
            WhenLimited::Wait => Many::new(orders).into_vec().await,
            // After a refusal, the next order would be refused too, and would still count.
            WhenLimited::Fail => {
                let mut ordered = Vec::new();
                for order in orders {
                    ordered.push(order.await);
                    if matches!(ordered.last(), Some(Err(_))) {
                        break;
                    }
                }
                ordered
            }
        };
        for ordered in ordered {
            match ordered {
                Ok((index, job)) => self.windows[index].job = Job::Ordered(job),
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        failure.map_or(Ok(()), Err)
    }

    /// Waits until the export of a window is completed or has failed.
    async fn finish(&mut self, turn: usize) -> Result<Finished, Error> {
        let job = self.order(turn).await?;
        let mut pauses = Backoff::new(FIRST_LOOK, RAREST_LOOK, 2.0, 0.25);
        loop {
            if let Some(finished) = self.windows[turn].finished.take() {
                return finished;
            }
            // An export that is resumed, or that was ordered together with an earlier one, has already had time to
            // complete. The exports after it have had this time too, so their states are requested as well.
            let had_time = (turn > 0 || self.resumed) && self.windows[turn].state.is_none();
            let others = if had_time {
                self.desk.looks_now().min(AT_ONCE).saturating_sub(1)
            } else {
                self.desk.pause(pauses.next(), job).await?;
                0
            };
            self.look(turn, job, others).await?;
        }
    }

    /// Requests the state of a window's export. At the same time, requests the states of up to `others` later exports.
    async fn look(&mut self, turn: usize, job: Uuid, others: usize) -> Result<(), Error> {
        let mut jobs = vec![(turn, job)];
        for (index, window) in self.windows.iter_mut().enumerate().skip(turn + 1) {
            if let (Job::Ordered(job), false) = (window.job, window.ahead)
                && jobs.len() <= others
            {
                window.ahead = true;
                jobs.push((index, job));
            }
        }
        let looks = jobs.into_iter().map(|(index, job)| {
            let desk = self.desk.clone();
            async move {
                let found = match index == turn {
                    true => desk.look_patiently(job).await,
                    false => desk.look_now(job).await,
                };
                (index, job, found)
            }
        });
        for (index, job, found) in Many::new(looks).into_vec().await {
            match found {
                Ok(found) => self.record(index, job, found),
                Err(error) if index == turn => return Err(error),
                // The state is requested again when the turn of this window comes.
                Err(_) => {}
            }
        }
        Ok(())
    }

    fn record(&mut self, index: usize, job: Uuid, found: UsageExportJobStatus) {
        let parts = found.download_urls.len();
        // Only an old server omits the state.
        let state = found.state.unwrap_or(match parts {
            0 => UsageExportJobState::Processing,
            _ => UsageExportJobState::Completed,
        });
        if self.windows[index].state.as_ref() != Some(&state) {
            self.desk.tell(&UsageChange {
                window: index,
                windows: self.windows.len(),
                job,
                state: state.clone(),
                parts,
            });
        }
        let window = &mut self.windows[index];
        match &state {
            UsageExportJobState::Completed => {
                window.finished = Some(Ok(Finished::new(job, found.download_urls)));
            }
            UsageExportJobState::Failed => {
                let why = found.error_reason;
                let why = why.unwrap_or_else(|| "CircleCI does not say why".to_owned());
                let why = self.desk.order.client.inner.credential.redact(&why);
                let error = Error::new(ErrorKind::Failed).with_operation(&EXPORT);
                window.finished = Some(Err(error.with_message(format!("export {job}: {why}"))));
            }
            // The export was created, is processing, or has a state that this version does not know.
            _ => {}
        }
        window.state = Some(state);
    }
}

impl Next for Exports {
    type Item = Finished;

    async fn next(&mut self) -> Result<Option<Finished>, Error> {
        if self.returned == self.windows.len() {
            return Ok(None);
        }
        let finished = self.finish(self.returned).await?;
        self.returned += 1;
        Ok(Some(finished))
    }
}
