//! Tests of pacing, the limit on the rate of requests. The clock is simulated.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::server::{Server, answer};
use circleci_api::{Client, Clock, ErrorKind, Pacing};

const ID: &str = "5034460f-c7c4-4c43-9457-de07e2029e7b";

/// A clock that does not really wait. It only advances by the time that a client wants to sleep.
#[derive(Clone)]
struct Hands(Arc<Mutex<Instant>>, Instant);

impl Hands {
    fn new() -> Self {
        let now = Instant::now();
        Self(Arc::new(Mutex::new(now)), now)
    }

    fn elapsed(&self) -> Duration {
        *self.0.lock().unwrap() - self.1
    }
}

impl Clock for Hands {
    fn sleep(&self, wait: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        *self.0.lock().unwrap() += wait;
        Box::pin(tokio::task::yield_now())
    }

    fn now(&self) -> Instant {
        *self.0.lock().unwrap()
    }
}

fn client(server: &Server, pacing: Pacing) -> (Client, Hands) {
    let hands = Hands::new();
    let client = server
        .builder()
        .0
        .clock(hands.clone())
        .pacing(pacing)
        .timeout(None)
        .build()
        .unwrap();
    (client, hands)
}

async fn cancel(client: &Client) {
    client.cancel_workflow(ID).send().await.unwrap();
}

#[tokio::test]
async fn a_client_and_its_clones_share_a_rate() {
    let server = Server::start(|_, _| answer(200, "{}").into()).await;
    let (client, hands) = client(&server, Pacing::per_minute(60));
    let other = client.clone();
    for _ in 0..30 {
        cancel(&client).await;
        cancel(&other).await;
    }
    let elapsed = hands.elapsed().as_secs_f64();
    assert!(
        (58.9..=59.1).contains(&elapsed),
        "60 calls at one a second: {elapsed}"
    );
}

#[tokio::test]
async fn concurrent_calls_keep_the_rate_together() {
    let server = Server::start(|_, _| answer(200, "{}").into()).await;
    let (client, hands) = client(&server, Pacing::per_second(10));
    let calls: Vec<_> = (0..100)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { cancel(&client).await })
        })
        .collect();
    for call in calls {
        call.await.unwrap();
    }
    assert_eq!(server.count(), 100);
    assert!(
        hands.elapsed() >= Duration::from_secs_f64(8.9),
        "{:?}",
        hands.elapsed()
    );
}

#[tokio::test]
async fn no_second_has_more_than_it_may() {
    let server = Server::start(|_, _| answer(200, "{}").into()).await;
    for (pacing, most, within) in [
        (Pacing::per_second(5), 5, 1),
        (Pacing::per_minute(600), 600, 60),
        (Pacing::per_minute(600), 10, 1),
    ] {
        let (client, hands) = client(&server, pacing);
        let mut moments = Vec::new();
        for _ in 0..most + 20 {
            cancel(&client).await;
            moments.push(hands.elapsed());
        }
        // An interval of `within` seconds does not include its end. A request exactly `within` seconds later belongs to the
        // next interval.
        let crowded = moments.windows(most + 1).find(|some| {
            some[most] - some[0] < Duration::from_secs(within) - Duration::from_micros(1)
        });
        assert_eq!(crowded, None, "more than {most} in {within} s");
    }
}

#[tokio::test]
async fn scarce_figures_slow_it_down_before_a_429() {
    // The server allows 100 requests per window, and other clients have already used most of them.
    let server = Server::start(|index, _| {
        let remaining = 10_usize.saturating_sub(index);
        if remaining == 0 {
            return answer(429, "").header("retry-after", 1).into();
        }
        answer(200, "{}")
            .header("RateLimit-Limit", 100)
            .header("RateLimit-Remaining", remaining)
            .header("RateLimit-Reset", 60 - 6 * index)
            .into()
    })
    .await;
    let (client, hands) = client(&server, Pacing::per_second(1000));
    for _ in 0..9 {
        cancel(&client).await;
    }
    assert!(
        hands.elapsed() >= Duration::from_secs(45),
        "the rest is spread over the window: {:?}",
        hands.elapsed()
    );
    assert_eq!(server.count(), 9);
}

#[tokio::test]
async fn plenty_does_not_slow_it_down() {
    let server = Server::start(|index, _| {
        answer(200, "{}")
            .header("X-RateLimit-Limit", 100)
            .header("X-RateLimit-Remaining", 99 - index)
            .header("X-RateLimit-Reset", 60)
            .into()
    })
    .await;
    let (client, hands) = client(&server, Pacing::per_second(1000));
    for _ in 0..20 {
        cancel(&client).await;
    }
    assert!(
        hands.elapsed() < Duration::from_secs(1),
        "{:?}",
        hands.elapsed()
    );
}

#[tokio::test]
async fn nothing_left_waits_for_the_window() {
    let server = Server::start(|_, _| {
        answer(200, "{}")
            .header("RateLimit-Remaining", 0)
            .header("RateLimit-Reset", 40)
            .into()
    })
    .await;
    let (client, hands) = client(&server, Pacing::per_second(1000));
    cancel(&client).await;
    assert_eq!(hands.elapsed(), Duration::ZERO);
    cancel(&client).await;
    assert!(
        (40.0..40.1).contains(&hands.elapsed().as_secs_f64()),
        "{:?}",
        hands.elapsed()
    );
}

#[tokio::test]
async fn a_429_of_one_call_holds_the_others() {
    let server = Server::start(|index, _| {
        if index == 0 {
            answer(429, "").header("retry-after", 20).into()
        } else {
            answer(200, "{}").into()
        }
    })
    .await;
    let (client, hands) = client(&server, Pacing::per_second(1000));
    let error = client
        .cancel_workflow(ID)
        .options(circleci_api::CallOptions::new().retry(circleci_api::RetryPolicy::none()))
        .send()
        .await
        .unwrap_err();
    assert!(error.is_rate_limited());
    cancel(&client).await;
    assert!(
        hands.elapsed() >= Duration::from_secs(20),
        "{:?}",
        hands.elapsed()
    );
}

#[tokio::test]
async fn a_pace_that_leaves_no_time_is_an_error_at_once() {
    let server = Server::start(|_, _| answer(200, "{}").into()).await;
    let hands = Hands::new();
    let client = server
        .builder()
        .0
        .clock(hands.clone())
        .pacing(Pacing::per_minute(1))
        .timeout(Duration::from_secs(10))
        .build()
        .unwrap();
    cancel(&client).await;
    let error = client.cancel_workflow(ID).send().await.unwrap_err();
    assert_eq!(
        (error.kind(), error.attempts()),
        (ErrorKind::RateLimited, 0)
    );
    assert!(
        error
            .retry_after()
            .is_some_and(|wait| wait > Duration::from_secs(50)),
        "{error}"
    );
    assert_eq!((server.count(), hands.elapsed()), (1, Duration::ZERO));
}

/// A Unix time in milliseconds. Read as seconds, it is far in the future.
const ODD: u64 = 17_957_415_830_000;

#[tokio::test]
async fn an_odd_reset_does_not_stop_a_client_and_is_forgotten() {
    for (status, remaining) in [(200, 0), (200, 1), (429, 0)] {
        let server = Server::start(move |index, _| match index {
            0 => answer(status, "{}")
                .header("RateLimit-Limit", 100)
                .header("RateLimit-Remaining", remaining)
                .header("RateLimit-Reset", ODD)
                .into(),
            _ => answer(200, "{}")
                .header("RateLimit-Limit", 100)
                .header("RateLimit-Remaining", 99)
                .header("RateLimit-Reset", 60)
                .into(),
        })
        .await;
        let hands = Hands::new();
        let client = server
            .builder()
            .0
            .clock(hands.clone())
            .pacing(Pacing::per_second(1000))
            .no_retries()
            .build()
            .unwrap();
        let first = client.cancel_workflow(ID).send().await;
        assert_eq!(first.is_ok(), status == 200, "{first:?}");
        for _ in 0..20 {
            cancel(&client).await;
        }
        let elapsed = hands.elapsed();
        assert!(
            elapsed <= Duration::from_secs(61),
            "{status} with {remaining} left: {elapsed:?}"
        );
    }
}
