//! Runs many futures, with a limit on how many run at the same time.

use std::collections::BTreeMap;
use std::fmt;
use std::future::{Future, poll_fn};
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use futures_core::Stream;

/// The default value of [`Many::at_once`].
pub(crate) const AT_ONCE: usize = 8;

/// Runs many futures, with a limit on how many run at the same time. The helpers of this crate that make many calls use `Many`.
///
/// - A future is created and polled only when its turn comes, so the source can be long or endless.
/// - By default, results come in the order of the source. With [`unordered`](Self::unordered), results come in the order of
///   completion.
/// - [`into_vec`](Self::into_vec) returns every result. [`try_into_vec`](Self::try_into_vec) stops at the first error.
/// - A `Many` runs nothing before it is polled. Dropping a `Many` drops the running futures, which cancels their calls.
/// - Each call follows its client's retry policy and pacing.
///
#[doc = mock_example!()]
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), circleci_api::Error> {
/// # let server = circleci_api::mock::Mock::start().await;
/// # let circleci = server.client();
/// use circleci_api::Many;
///
/// let slugs = ["gh/acme/web", "gh/acme/docs", "gh/acme/infra"];
/// let calls = slugs.map(|slug| circleci.get_project_by_slug(slug).send());
///
/// let projects = Many::new(calls).at_once(2).try_into_vec().await?;
/// assert_eq!(projects.len(), 3);
///
/// // The same from a list, page by page, in constant memory:
/// let contexts = circleci.list_contexts().owner_slug("gh/acme").items();
/// let mut variables = Many::of(contexts, |context| async {
///     circleci.list_environment_variables_from_context(context?.id).items().into_vec().await
/// });
/// while let Some(variables) = variables.try_next().await? {
///     println!("{} variables", variables.len());
/// }
///
/// // Each as soon as it is there:
/// let calls = slugs.map(|slug| circleci.get_project_by_slug(slug).send());
/// let mut projects = Many::new(calls).unordered();
/// while let Some(project) = projects.next().await {
///     println!("{:?}", project.map(|project| project.name));
/// }
/// # Ok(()) }
/// ```
#[must_use = "nothing runs until it is polled"]
pub struct Many<'a, T> {
    source: Pin<Box<dyn Stream<Item = Job<'a, T>> + Send + 'a>>,
    exhausted: bool,
    at_once: usize,
    ordered: bool,
    /// The running futures, in the order in which they were started.
    running: Vec<Running<'a, T>>,
    /// Results of finished futures that cannot be returned before an earlier result.
    ready: BTreeMap<usize, T>,
    started: usize,
    returned: usize,
    /// The waker of the task that polls all futures.
    caller: Arc<Mutex<Waker>>,
}

type Job<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

struct Running<'a, T> {
    index: usize,
    job: Job<'a, T>,
    signal: Arc<Signal>,
    waker: Waker,
}

/// Records which future was woken, so that only that future is polled.
struct Signal {
    woken: AtomicBool,
    caller: Arc<Mutex<Waker>>,
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        let caller = self.caller.lock();
        let waker = caller.unwrap_or_else(PoisonError::into_inner).clone();
        waker.wake();
    }
}

impl<'a, T> Many<'a, T> {
    /// Runs the futures of an iterator. The iterator advances only when a future is started.
    pub fn new<F>(futures: impl IntoIterator<Item = F, IntoIter: Send + 'a>) -> Self
    where
        F: Future<Output = T> + Send + 'a,
        T: 'a,
    {
        Self::of(Iter(futures.into_iter()), |future| future)
    }

    /// Runs the futures that `make` creates from the items of a stream, such as [`Items`](crate::Items).
    pub fn of<S, F>(items: S, make: impl FnMut(S::Item) -> F + Send + 'a) -> Self
    where
        S: Stream + Send + 'a,
        F: Future<Output = T> + Send + 'a,
        T: 'a,
    {
        let items = Box::pin(items);
        Self {
            source: Box::pin(Made {
                items,
                make,
                job: PhantomData,
            }),
            exhausted: false,
            at_once: AT_ONCE,
            ordered: true,
            running: Vec::new(),
            ready: BTreeMap::new(),
            started: 0,
            returned: 0,
            caller: Arc::new(Mutex::new(Waker::noop().clone())),
        }
    }

    /// Sets the largest number of futures that run at the same time. Default: 8. A value of 0 counts as 1.
    pub fn at_once(mut self, futures: usize) -> Self {
        self.at_once = futures.max(1);
        self
    }

    /// Makes this `Many` return each result as soon as it is ready. By default, results come in the order of the source, so a
    /// slow future delays the results after it. The number of delayed results is at most twice [`at_once`](Self::at_once).
    pub fn unordered(mut self) -> Self {
        self.ordered = false;
        self
    }

    /// Returns the next result, or `None` after the last one.
    pub async fn next(&mut self) -> Option<T> {
        poll_fn(|cx| self.poll(cx)).await
    }

    /// Waits for all futures, and returns the results in the order of the source.
    pub async fn into_vec(mut self) -> Vec<T> {
        let mut all = BTreeMap::new();
        while let Some((index, value)) = poll_fn(|cx| self.poll_any(cx, usize::MAX)).await {
            all.insert(index, value);
        }
        all.into_values().collect()
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        loop {
            if let Some(value) = self.ready.remove(&self.returned) {
                self.returned += 1;
                return Poll::Ready(Some(value));
            }
            let limit = if self.ordered {
                self.returned + 2 * self.at_once
            } else {
                usize::MAX
            };
            match self.poll_any(cx, limit) {
                Poll::Ready(Some((index, value))) if self.ordered => {
                    self.ready.insert(index, value);
                }
                Poll::Ready(next) => return Poll::Ready(next.map(|(_, value)| value)),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// Runs another future to its end. While `other` runs, the futures of this `Many` make progress too, and their results are
    /// kept.
    #[cfg(feature = "usage")]
    pub(crate) async fn beside<F: Future>(&mut self, other: F) -> F::Output {
        let mut other = std::pin::pin!(other);
        poll_fn(|cx| {
            let limit = self.returned + 2 * self.at_once;
            while let Poll::Ready(Some((index, value))) = self.poll_any(cx, limit) {
                self.ready.insert(index, value);
            }
            other.as_mut().poll(cx)
        })
        .await
    }

    /// Returns the next result in any order, with its position in the source. Starts no future at position `limit` or later.
    fn poll_any(&mut self, cx: &mut Context<'_>, limit: usize) -> Poll<Option<(usize, T)>> {
        self.caller
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone_from(cx.waker());
        self.start(cx, limit);
        for at in 0..self.running.len() {
            let one = &mut self.running[at];
            if !one.signal.woken.swap(false, Ordering::AcqRel) {
                continue;
            }
            let polled = one.job.as_mut().poll(&mut Context::from_waker(&one.waker));
            if let Poll::Ready(value) = polled {
                let done = self.running.remove(at);
                return Poll::Ready(Some((done.index, value)));
            }
        }
        match self.running.is_empty() && self.exhausted {
            true => Poll::Ready(None),
            false => Poll::Pending,
        }
    }

    fn start(&mut self, cx: &mut Context<'_>, limit: usize) {
        while !self.exhausted && self.running.len() < self.at_once && self.started < limit {
            match self.source.as_mut().poll_next(cx) {
                Poll::Pending => return,
                Poll::Ready(None) => self.exhausted = true,
                Poll::Ready(Some(job)) => {
                    let signal = Arc::new(Signal {
                        woken: AtomicBool::new(true),
                        caller: Arc::clone(&self.caller),
                    });
                    self.running.push(Running {
                        index: self.started,
                        job,
                        waker: Waker::from(Arc::clone(&signal)),
                        signal,
                    });
                    self.started += 1;
                }
            }
        }
    }
}

impl<T, E> Many<'_, Result<T, E>> {
    /// Returns the next value, or `None` after the last one.
    ///
    /// # Errors
    ///
    /// Returns the error if the next future failed. The other futures continue, and the next call of `try_next` returns the next
    /// result.
    pub async fn try_next(&mut self) -> Result<Option<T>, E> {
        self.next().await.transpose()
    }

    /// Waits for all futures, and returns the values in the order of the source.
    ///
    /// # Errors
    ///
    /// Returns the first error, and cancels the futures that are still running.
    pub async fn try_into_vec(mut self) -> Result<Vec<T>, E> {
        let mut all = BTreeMap::new();
        while let Some((index, value)) = poll_fn(|cx| self.poll_any(cx, usize::MAX)).await {
            all.insert(index, value?);
        }
        Ok(all.into_values().collect())
    }
}

impl<T> Stream for Many<'_, T> {
    type Item = T;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.get_mut().poll(cx)
    }
}

// The futures and the source are pinned in boxes, which may move. Results are never pinned.
impl<T> Unpin for Many<'_, T> {}

impl<T> fmt::Debug for Many<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Many")
            .field("at_once", &self.at_once)
            .field("ordered", &self.ordered)
            .field("running", &self.running.len())
            .finish_non_exhaustive()
    }
}

/// Turns an iterator into a stream.
struct Iter<I>(I);

impl<I> Unpin for Iter<I> {}

impl<I: Iterator> Stream for Iter<I> {
    type Item = I::Item;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<I::Item>> {
        Poll::Ready(self.0.next())
    }
}

/// A stream of the futures that `make` creates from the items of another stream.
struct Made<'a, T, S, M> {
    items: Pin<Box<S>>,
    make: M,
    job: PhantomData<fn() -> Job<'a, T>>,
}

impl<T, S, M> Unpin for Made<'_, T, S, M> {}

impl<'a, T, S, M, F> Stream for Made<'a, T, S, M>
where
    S: Stream,
    M: FnMut(S::Item) -> F,
    F: Future<Output = T> + Send + 'a,
{
    type Item = Job<'a, T>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Job<'a, T>>> {
        let next = self.items.as_mut().poll_next(cx);
        next.map(|item| item.map(|item| Box::pin((self.make)(item)) as Job<'a, T>))
    }
}

/// Runs two futures at the same time.
#[cfg(any(feature = "overview", feature = "usage"))]
pub(crate) async fn both<A: Future, B: Future>(a: A, b: B) -> (A::Output, B::Output) {
    let (mut a, mut b) = (std::pin::pin!(a), std::pin::pin!(b));
    let (mut of_a, mut of_b) = (None, None);
    poll_fn(|cx| {
        if of_a.is_none()
            && let Poll::Ready(value) = a.as_mut().poll(cx)
        {
            of_a = Some(value);
        }
        if of_b.is_none()
            && let Poll::Ready(value) = b.as_mut().poll(cx)
        {
            of_b = Some(value);
        }
        match (of_a.take(), of_b.take()) {
            (Some(a), Some(b)) => Poll::Ready((a, b)),
            (a, b) => {
                (of_a, of_b) = (a, b);
                Poll::Pending
            }
        }
    })
    .await
}
