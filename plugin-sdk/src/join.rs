//! Several futures at once: what a handler needs to send two requests without
//! waiting for the first answer.
//!
//! It owns how their outputs come together. It runs none of them: whoever awaits the
//! whole does.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};

/// Awaits several futures at once, and gives all of their outputs, in their order.
///
/// ```
/// use fusebox_sdk::http::{HttpError, Response};
/// use fusebox_sdk::prelude::*;
/// use fusebox_sdk::{block_on, join};
///
/// /// Which of two servers are there.
/// #[tool]
/// async fn there(ctx: &Context) -> Vec<bool> {
///     let http = ctx.http();
///     let (a, b) = join!(
///         http.get("https://a.example.org").send_async(),
///         http.get("https://b.example.org").send_async(),
///     );
///     vec![a.is_ok(), b.is_ok()]
/// }
///
/// let ctx = Context::for_test().with_http(|request| match request.url.contains("//a.") {
///     true => Ok(Response::new(200, "")),
///     false => Err(HttpError::Timeout),
/// });
/// assert_eq!(block_on(there(&ctx)), [true, false]);
/// ```
///
/// It takes up to eight; see [`join_all`] for any number of one type.
#[macro_export]
macro_rules! join {
    ($($future:expr),+ $(,)?) => {
        $crate::__private::Join::join(($($future,)+)).await
    };
}

/// Awaits several futures that may fail at once: all of their values, in their order,
/// or the first error, and then those that still wait are dropped.
///
/// ```
/// use fusebox_sdk::http::Response;
/// use fusebox_sdk::prelude::*;
/// use fusebox_sdk::{block_on, try_join};
///
/// /// How much warmer one town is than another.
/// #[tool]
/// async fn difference(one: String, other: String, ctx: &Context) -> Result<f64, HandlerError> {
///     let (one, other) = try_join!(warmth(&one, ctx), warmth(&other, ctx))?;
///     Ok(one - other)
/// }
///
/// async fn warmth(town: &str, ctx: &Context) -> Result<f64, HandlerError> {
///     let url = format!("https://api.example.org/{town}");
///     ctx.http().get(&url).send_async().await?.success()?.json()
/// }
///
/// let ctx = Context::for_test().with_http(|request| {
///     let is_rome = request.url.ends_with("Rome");
///     Ok(Response::new(200, if is_rome { "31.5" } else { "-3.5" }))
/// });
/// let difference = difference("Rome".into(), "Oslo".into(), &ctx);
/// assert_eq!(block_on(difference)?, 35.0);
/// # Ok::<(), HandlerError>(())
/// ```
#[macro_export]
macro_rules! try_join {
    ($($future:expr),+ $(,)?) => {
        $crate::__private::TryJoin::try_join(($($future,)+)).await
    };
}

/// Awaits any number of futures at once, and gives all of their outputs, in their
/// order.
///
/// ```
/// use fusebox_sdk::http::Response;
/// use fusebox_sdk::prelude::*;
/// use fusebox_sdk::{block_on, join_all};
///
/// /// What each address answers.
/// #[tool]
/// async fn statuses(urls: Vec<String>, ctx: &Context) -> Vec<Option<u16>> {
///     let http = ctx.http();
///     let responses = join_all(urls.iter().map(|url| http.get(url).send_async())).await;
///     let statuses = responses.into_iter().map(|response| Some(response.ok()?.status));
///     statuses.collect()
/// }
///
/// let ctx = Context::for_test().with_http(|_| Ok(Response::new(204, "")));
/// let urls = vec!["https://a.example".to_owned(), "https://b.example".to_owned()];
/// assert_eq!(block_on(statuses(urls, &ctx)), [Some(204), Some(204)]);
/// ```
pub async fn join_all<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut branches: Vec<_> = futures.into_iter().map(Branch::new).collect();
    poll_fn(|cx| {
        let waiting = branches
            .iter_mut()
            .filter_map(|one| one.poll(cx).then_some(()));
        match waiting.count() {
            0 => Poll::Ready(()),
            _ => Poll::Pending,
        }
    })
    .await;
    branches.iter_mut().filter_map(Branch::take).collect()
}

/// Awaits any number of futures that may fail at once: all of their values, in their
/// order, or the first error, and then those that still wait are dropped.
///
/// ```
/// use fusebox_sdk::prelude::*;
/// use fusebox_sdk::{block_on, try_join_all};
///
/// let parse = |text: &'static str| async move { text.parse::<u8>() };
/// assert_eq!(block_on(try_join_all(["1", "2"].map(parse)))?, [1, 2]);
/// assert!(block_on(try_join_all(["1", "2", "x"].map(parse))).is_err());
/// # Ok::<(), HandlerError>(())
/// ```
///
/// # Errors
/// That of the first future which fails.
pub async fn try_join_all<T, E, F>(futures: impl IntoIterator<Item = F>) -> Result<Vec<T>, E>
where
    F: Future<Output = Result<T, E>>,
{
    let mut branches: Vec<_> = futures.into_iter().map(Branch::new).collect();
    poll_fn(|cx| {
        let mut is_waiting = false;
        for branch in &mut branches {
            is_waiting |= branch.poll(cx);
            if let Some(error) = branch.take_error() {
                return Poll::Ready(Err(error));
            }
        }
        match is_waiting {
            true => Poll::Pending,
            false => Poll::Ready(Ok(())),
        }
    })
    .await?;
    branches.iter_mut().filter_map(Branch::take).collect()
}

/// One of several futures.
enum Branch<F: Future> {
    Waiting(Pin<Box<F>>),
    Done(Option<F::Output>),
}

// Nothing in it is pinned by its place: the future is behind a pointer.
impl<F: Future> Unpin for Branch<F> {}

impl<F: Future> Branch<F> {
    fn new(future: F) -> Self {
        Self::Waiting(Box::pin(future))
    }

    /// Whether it still waits.
    fn poll(&mut self, cx: &mut Context<'_>) -> bool {
        if let Self::Waiting(future) = self
            && let Poll::Ready(output) = future.as_mut().poll(cx)
        {
            *self = Self::Done(Some(output));
        }
        matches!(self, Self::Waiting(_))
    }

    /// Its output, once.
    fn take(&mut self) -> Option<F::Output> {
        match self {
            Self::Waiting(_) => None,
            Self::Done(output) => output.take(),
        }
    }
}

impl<T, E, F: Future<Output = Result<T, E>>> Branch<F> {
    /// Its error, if it has failed.
    fn take_error(&mut self) -> Option<E> {
        match self.take()? {
            Err(error) => Some(error),
            value => {
                *self = Self::Done(Some(value));
                None
            }
        }
    }
}

/// A tuple of futures; see [`join!`].
pub trait Join {
    /// What they come to.
    type Outputs;

    /// Awaits all of them.
    fn join(self) -> impl Future<Output = Self::Outputs>;
}

/// A tuple of futures that may fail; see [`try_join!`].
pub trait TryJoin {
    /// What they come to.
    type Values;
    /// Why one of them fails.
    type Error;

    /// Awaits all of them, or the first that fails.
    fn try_join(self) -> impl Future<Output = Result<Self::Values, Self::Error>>;
}

macro_rules! tuples {
    ($(($($future:ident $value:ident)+))+) => { $(
        #[allow(non_snake_case)]
        impl<$($future: Future),+> Join for ($($future,)+) {
            type Outputs = ($($future::Output,)+);

            async fn join(self) -> Self::Outputs {
                let ($($future,)+) = self;
                $(let mut $future = Branch::new($future);)+
                poll_fn(move |cx| {
                    // All are polled before any is asked for, so that all are begun.
                    if [$($future.poll(cx)),+].contains(&true) {
                        return Poll::Pending;
                    }
                    match ($($future.take(),)+) {
                        ($(Some($future),)+) => Poll::Ready(($($future,)+)),
                        _ => Poll::Pending,
                    }
                })
                .await
            }
        }

        #[allow(non_snake_case)]
        impl<Failure, $($value, $future),+> TryJoin for ($($future,)+)
        where
            $($future: Future<Output = Result<$value, Failure>>),+
        {
            type Values = ($($value,)+);
            type Error = Failure;

            async fn try_join(self) -> Result<Self::Values, Failure> {
                let ($($future,)+) = self;
                $(let mut $future = Branch::new($future);)+
                poll_fn(move |cx| {
                    let mut is_waiting = false;
                    $(
                        is_waiting |= $future.poll(cx);
                        if let Some(error) = $future.take_error() {
                            return Poll::Ready(Err(error));
                        }
                    )+
                    if is_waiting {
                        return Poll::Pending;
                    }
                    match ($($future.take(),)+) {
                        ($(Some(Ok($future)),)+) => Poll::Ready(Ok(($($future,)+))),
                        _ => Poll::Pending,
                    }
                })
                .await
            }
        }
    )+ };
}

tuples! {
    (A TA)
    (A TA B TB)
    (A TA B TB C TC)
    (A TA B TB C TC D TD)
    (A TA B TB C TC D TD E TE)
    (A TA B TB C TC D TD E TE F TF)
    (A TA B TB C TC D TD E TE F TF G TG)
    (A TA B TB C TC D TD E TE F TF G TG H TH)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::block_on;
    use crate::executor::yield_now;

    /// Writes down where it is, `steps` times, with others in between.
    async fn steps(name: &'static str, steps: usize, seen: &RefCell<String>) -> usize {
        for _ in 0..steps {
            seen.borrow_mut().push_str(name);
            yield_now().await;
        }
        steps
    }

    async fn fails_after(pauses: usize) -> Result<usize, String> {
        for _ in 0..pauses {
            yield_now().await;
        }
        Err(format!("after {pauses}"))
    }

    async fn fine() -> Result<u8, String> {
        Ok(1)
    }

    #[test]
    fn all_go_on_at_once_and_come_back_in_order() {
        let seen = RefCell::default();
        let outputs = block_on(async {
            crate::join!(steps("a", 3, &seen), steps("b", 1, &seen), async { "c" })
        });
        assert_eq!(outputs, (3, 1, "c"));
        assert_eq!(seen.take(), "abaa");
        let outputs = block_on(join_all(["a", "b"].map(|name| steps(name, 2, &seen))));
        assert_eq!((outputs, seen.take().as_str()), (vec![2, 2], "abab"));
        assert!(block_on(join_all(std::iter::empty::<std::future::Ready<()>>())).is_empty());
    }

    #[test]
    fn the_first_error_ends_all() {
        let seen = RefCell::default();
        let long = async {
            steps("x", 9, &seen).await;
            Ok::<_, String>(())
        };
        let result = block_on(async { crate::try_join!(fine(), long, fails_after(1)) });
        assert_eq!(result, Err("after 1".to_owned()));
        assert_eq!(seen.take(), "xx");
        let result = block_on(try_join_all([2, 0, 1].map(fails_after)));
        assert_eq!(result, Err("after 0".to_owned()));
        let both = block_on(async { crate::try_join!(fine(), fine()) });
        assert_eq!(both, Ok((1, 1)));
        assert_eq!(block_on(try_join_all([fine()])), Ok(vec![1]));
    }
}
