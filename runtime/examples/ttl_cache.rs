//! A cache, with `moka`, whose entries live for a while and are loaded once however many ask at the same time.
//!
//! The one who loads may be cancelled, which must not be the end for the others: they are in other scopes. `moka` has
//! one of those who wait load instead.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use moka::future::Cache;

#[derive(Clone)]
pub struct Loading<V: Clone + Send + Sync + 'static> {
    cache: Cache<String, V>,
}

impl<V: Clone + Send + Sync + 'static> Loading<V> {
    pub fn new(entries: u64, live: Duration) -> Self {
        Self { cache: Cache::builder().max_capacity(entries).time_to_live(live).build() }
    }

    /// The value, loaded if it is not there. An error is given to all who wait for it, and not kept.
    pub async fn get<E>(&self, key: &str, load: impl Future<Output = Result<V, E>>) -> Result<V, Arc<E>>
    where
        E: Send + Sync + 'static,
    {
        self.cache.try_get_with_by_ref(key, load).await
    }
}

#[tokio::main]
pub async fn main() {
    let cache = Loading::new(100, Duration::from_secs(60));
    for _ in 0..2 {
        let value = cache.get("key", async {
            println!("loading");
            Ok::<_, String>(7)
        });
        println!("{:?}", value.await);
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use taskgroup::{TaskError, map_concurrent, move_on_after, scope};
    use tokio::time::sleep;

    use super::*;

    #[tokio::test]
    async fn many_who_ask_load_once() {
        let (cache, loads) = (Loading::new(100, Duration::from_secs(600)), Arc::new(AtomicUsize::new(0)));
        let values = map_concurrent(0..100, 100, |_| {
            let (cache, loads) = (cache.clone(), Arc::clone(&loads));
            async move {
                let load = async {
                    loads.fetch_add(1, Ordering::SeqCst);
                    sleep(Duration::from_millis(10)).await;
                    Ok::<_, String>("value")
                };
                cache.get("key", load).await
            }
        });
        assert_eq!(values.await.unwrap(), ["value"; 100]);
        assert_eq!(loads.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn entries_die_and_errors_are_not_kept() {
        let cache = Loading::new(100, Duration::from_millis(20));
        let error = cache.get("key", async { Err("down") }).await.unwrap_err();
        assert_eq!(*error, "down");
        assert_eq!(cache.get("key", async { Ok::<_, String>(1) }).await, Ok(1));
        sleep(Duration::from_millis(40)).await;
        assert_eq!(cache.get("key", async { Ok::<_, String>(2) }).await, Ok(2));
    }

    #[tokio::test]
    async fn the_cancellation_of_the_one_who_loads_is_not_the_others() {
        let cache = Loading::new(100, Duration::from_secs(600));
        let value = scope(async |group| {
            let impatient = cache.clone();
            let first = group.spawn(async move {
                let load = impatient.get("key", pending::<Result<u32, String>>());
                Ok::<_, TaskError>(move_on_after(Duration::from_millis(20), load).await.is_none())
            });
            tokio::task::yield_now().await;
            let patient = cache.clone();
            let second = group.spawn(async move { Ok(patient.get("key", async { Ok::<_, String>(5) }).await) });
            Ok((first.await?, second.await?))
        });
        assert_eq!(value.await.unwrap(), (true, Ok(5)));
    }
}
