//! Turns an `async` function that returns the next item into a stream.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use crate::error::Error;

/// The source of a stream's items. After an error, `next` is not called again.
pub(crate) trait Next: Send + Sized + 'static {
    type Item: Send + 'static;

    fn next(&mut self) -> impl Future<Output = Result<Option<Self::Item>, Error>> + Send;
}

type Busy<S> = Pin<Box<dyn Future<Output = (S, Result<Option<<S as Next>::Item>, Error>)> + Send>>;

/// A stream of the items that `S` returns. The stream owns the future of the next item. If a caller stops waiting for that
/// item, the next call continues with the same future, so no item is lost.
pub(crate) enum Flow<S: Next> {
    Idle(S),
    Busy(Busy<S>),
    Done,
}

// The only pinned value is the future. It is in a box, so a `Flow` can move.
impl<S: Next> Unpin for Flow<S> {}

impl<S: Next> Flow<S> {
    pub(crate) async fn try_next(&mut self) -> Result<Option<S::Item>, Error> {
        poll_fn(|cx| self.poll(cx)).await.transpose()
    }

    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<S::Item, Error>>> {
        if matches!(self, Self::Idle(_))
            && let Self::Idle(mut source) = std::mem::replace(self, Self::Done)
        {
            *self = Self::Busy(Box::pin(async move {
                let next = source.next().await;
                (source, next)
            }));
        }
        let Self::Busy(busy) = self else {
            return Poll::Ready(None);
        };
        let (source, next) = ready!(busy.as_mut().poll(cx));
        *self = match next {
            Ok(Some(_)) => Self::Idle(source),
            Ok(None) | Err(_) => Self::Done,
        };
        Poll::Ready(next.transpose())
    }
}

/// Defines a public stream around a [`Flow`].
macro_rules! stream {
    ($(#[$meta:meta])* $name:ident of $source:ty => $item:ty) => {
        $(#[$meta])*
        ///
        /// This type implements [`Stream`](futures_core::Stream). The stream ends after its first error.
        #[must_use = "nothing is read until the stream is polled"]
        pub struct $name {
            pub(super) flow: $crate::download::flow::Flow<$source>,
        }

        $crate::download::flow::stream! { $name => $item }
    };
    ($name:ident => $item:ty) => {
        impl $name {
            /// Returns the next item, or `None` at the end of the stream.
            ///
            /// # Errors
            ///
            /// Returns an error if the item could not be read. The stream then ends.
            pub async fn try_next(&mut self) -> Result<Option<$item>, $crate::error::Error> {
                self.flow.try_next().await
            }
        }

        impl ::futures_core::Stream for $name {
            type Item = Result<$item, $crate::error::Error>;

            fn poll_next(
                self: ::std::pin::Pin<&mut Self>,
                cx: &mut ::std::task::Context<'_>,
            ) -> ::std::task::Poll<Option<Self::Item>> {
                self.get_mut().flow.poll(cx)
            }
        }

        impl ::std::fmt::Debug for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        }
    };
}

pub(crate) use stream;
