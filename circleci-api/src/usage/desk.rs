//! The calls that order exports and request their states. CircleCI limits how many of these calls may be sent per hour.

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::limits::{WhenLimited, Window};
use super::orders::{EXPORT, Order, UsageChange};
use crate::error::{Error, ErrorKind};
use crate::generated::operations::GetUsageExport;
use crate::generated::types::{CreateUsageExportRequest, UsageExportJob, UsageExportJobStatus};
use crate::request::Request;
use crate::retry::backoff::Backoff;
use crate::retry::clock::Stopwatch;
use crate::retry::patience::Patience;
use crate::transport::call::CallOptions;
use crate::transport::response::Response;

/// The time before the first state request. Later intervals are longer, because only ten requests per hour are allowed.
pub(super) const FIRST_LOOK: Duration = Duration::from_secs(15);
pub(super) const RAREST_LOOK: Duration = Duration::from_secs(450);

/// An order that can be sent within this time counts as an order that can be sent now.
const AT_ONCE: Duration = Duration::from_secs(1);
/// The wait after a refusal (429) that does not say how long to wait.
const REFUSED: Duration = Duration::from_secs(360);

/// Orders exports and requests their states. Clones share one stopwatch, which starts at the first call.
#[derive(Clone)]
pub(super) struct Desk {
    pub(super) order: Order,
    time: Arc<Mutex<Option<Stopwatch>>>,
}

impl Desk {
    pub(super) fn new(order: Order) -> Self {
        Self {
            order,
            time: Arc::default(),
        }
    }

    pub(super) async fn order(
        &self,
        (start, end): (DateTime<Utc>, DateTime<Utc>),
    ) -> Result<UsageExportJob, Error> {
        let mut body = CreateUsageExportRequest::new(start, end);
        if !self.order.shared_org_ids.is_empty() {
            body = body.shared_org_ids(self.order.shared_org_ids.iter().copied());
        }
        let org = self.order.org_id.clone();
        let order = self.order.client.create_usage_export(org, body);
        let order = order.options(self.options());
        let orders = self.order.limits.order_window();
        self.limited(orders, || order.clone().send_for_response())
            .await
    }

    pub(super) async fn look(&self, job: Uuid) -> Result<UsageExportJobStatus, Error> {
        let looks = self.order.limits.look_window();
        self.limited(looks, || self.request(job).send_for_response())
            .await
    }

    /// Requests the state of an export like `look`, and asks again as a wait does: after a 404 (any in the first minute, a single
    /// one later) and after a temporary failure.
    pub(super) async fn look_patiently(&self, job: Uuid) -> Result<UsageExportJobStatus, Error> {
        let begun = self.elapsed();
        let mut pauses = Backoff::new(FIRST_LOOK, RAREST_LOOK, 2.0, 0.25);
        let mut patience = Patience::default();
        loop {
            let error = match self.look(job).await {
                Ok(status) => return Ok(status),
                Err(error) => error,
            };
            let watched = self.elapsed().saturating_sub(begun);
            // `look` has already waited for the hourly limit as long as it may.
            let again = !error.is_rate_limited() && patience.goes_on(&error, watched);
            let pause = pauses.next();
            if !again || self.pause(pause, job).await.is_err() {
                return Err(error);
            }
        }
    }

    /// Requests the state of an export. Unlike `look`, this function does not wait when CircleCI's hourly limit is
    /// reached.
    pub(super) async fn look_now(&self, job: Uuid) -> Result<UsageExportJobStatus, Error> {
        let looks = self.order.limits.look_window();
        looks.take(self.now());
        self.counted(looks, self.request(job).send_for_response().await)
    }

    fn request(&self, job: Uuid) -> Request<GetUsageExport> {
        let org = self.order.org_id.clone();
        let request = self.order.client.get_usage_export(org, job);
        request.options(self.options())
    }

    /// Returns options that leave a refusal (429) to [`limited`](Self::limited), because each attempt counts towards the hourly
    /// limit.
    fn options(&self) -> CallOptions {
        let retry = self.order.client.inner.retry.clone();
        CallOptions::new().retry(retry.not_when_limited())
    }

    /// Counts the attempts of a call after its first one.
    fn counted<T>(&self, window: &Window, answer: Result<Response<T>, Error>) -> Result<T, Error> {
        let attempts = match &answer {
            Ok(response) => response.attempts(),
            Err(error) => error.attempts(),
        };
        for _ in 1..attempts {
            window.note(self.now());
        }
        answer.map(Response::into_body)
    }

    pub(super) fn tell(&self, change: &UsageChange) {
        if let Some(on_change) = &self.order.on_change {
            on_change(change);
        }
    }

    /// Returns the number of orders that may be sent now.
    pub(super) fn orders_now(&self) -> usize {
        let soon = match self.order.when_limited {
            WhenLimited::Wait => AT_ONCE,
            WhenLimited::Fail => Duration::ZERO,
        };
        self.order.limits.order_window().room(self.now() + soon)
    }

    /// Returns the number of state requests that may be sent now.
    pub(super) fn looks_now(&self) -> usize {
        self.order.limits.look_window().room(self.now())
    }

    /// Waits between two state requests for an export. Returns an error instead if the wait would end after the deadline.
    pub(super) async fn pause(&self, mut pause: Duration, job: Uuid) -> Result<(), Error> {
        if self.order.when_limited == WhenLimited::Wait {
            pause = pause.max(self.order.limits.look_window().wait(self.now()));
        }
        if self.elapsed().saturating_add(pause) > self.order.deadline {
            let limit = self.order.deadline.as_secs_f64();
            let message =
                format!("export {job} is not complete after {limit} s; you can resume it");
            return Err(Error::new(ErrorKind::Timeout)
                .with_operation(&EXPORT)
                .with_message(message));
        }
        self.sleep(pause).await;
        Ok(())
    }

    /// Makes a call that CircleCI limits per hour. Waits if the limit is used up, and repeats the call after a refusal
    /// (429).
    async fn limited<T, F: Future<Output = Result<Response<T>, Error>>>(
        &self,
        window: &Window,
        call: impl Fn() -> F,
    ) -> Result<T, Error> {
        loop {
            let ours = window.wait(self.now());
            self.may_wait(ours, || {
                Error::new(ErrorKind::RateLimited)
                    .with_message("CircleCI's hourly limit of calls is used up")
            })?;
            self.sleep(window.take(self.now())).await;
            let refused = match self.counted(window, call().await) {
                Err(error) if error.is_rate_limited() => error,
                done => return done,
            };
            // A refusal that asks for no wait must still be followed by a wait, because each new call counts towards the
            // hourly limit.
            let theirs = refused
                .retry_after()
                .filter(|wait| !wait.is_zero())
                .unwrap_or(REFUSED);
            self.may_wait(theirs, || refused)?;
            self.sleep(theirs).await;
        }
    }

    fn may_wait(&self, wait: Duration, otherwise: impl FnOnce() -> Error) -> Result<(), Error> {
        let fits = self.elapsed().saturating_add(wait) <= self.order.deadline;
        if wait.is_zero() || (fits && self.order.when_limited == WhenLimited::Wait) {
            return Ok(());
        }
        let error = otherwise();
        Err(if error.operation().is_some() {
            error
        } else {
            error.with_operation(&EXPORT)
        }
        .with_retry_after(Some(wait)))
    }

    async fn sleep(&self, wait: Duration) {
        if !wait.is_zero() {
            // Several calls may wait at the same time, so their waits must not be added up.
            let end = self.elapsed().saturating_add(wait);
            self.order.client.inner.clock.sleep(wait).await;
            if let Some(time) = &mut *self.time() {
                time.reach(end);
            }
        }
    }

    /// Returns the stopwatch. The first use starts it.
    fn time(&self) -> MutexGuard<'_, Option<Stopwatch>> {
        let mut time = self.time.lock().unwrap_or_else(PoisonError::into_inner);
        let (clock, deadline) = (&self.order.client.inner.clock, self.order.deadline);
        time.get_or_insert_with(|| Stopwatch::start(clock.now(), Some(deadline)));
        time
    }

    fn elapsed(&self) -> Duration {
        let now = self.order.client.inner.clock.now();
        self.time().map_or(Duration::ZERO, |time| time.elapsed(now))
    }

    /// Returns the current time plus the waits that a test's clock has skipped. The hourly limits of
    /// [`UsageLimits`](super::UsageLimits) use this time.
    fn now(&self) -> Instant {
        let now = self.order.client.inner.clock.now();
        self.time().map_or(now, |time| time.moment(now))
    }
}
