//! A crawler that follows links, visits each page once and has at most so many requests in the air.
//!
//! The body of the scope is the only one that knows what has been seen, so there is no lock. Tasks send back the links
//! they find; when nothing is queued and nothing is running, the crawl is done. The first broken page ends it.

use std::collections::{BTreeSet, VecDeque};
use std::future::Future;

use taskgroup::{GroupError, scope};
use tokio::sync::mpsc;

/// Visits everything that can be reached from `start`; `fetch` gives a page's links.
pub async fn crawl<F, Fut, E>(start: &str, limit: usize, fetch: F) -> Result<BTreeSet<String>, GroupError<E>>
where
    F: Fn(String) -> Fut,
    Fut: Future<Output = Result<Vec<String>, E>> + Send + 'static,
    E: Send + 'static,
{
    scope(async |group| {
        let requests = group.with_limit(limit);
        let (found, mut links) = mpsc::unbounded_channel();
        let mut seen = BTreeSet::from([start.to_owned()]);
        let mut queue = VecDeque::from([start.to_owned()]);
        let mut running = 0_usize;
        loop {
            while let Some(page) = queue.pop_front() {
                let (found, name) = (found.clone(), page.clone());
                let request = fetch(page);
                let visit = async move {
                    // Nobody listens only if the body has ended: then the answer is not wanted any more.
                    let _ = found.send(request.await?);
                    Ok(())
                };
                requests.spawn_named(name, visit).await;
                running += 1;
            }
            if running == 0 {
                return Ok(seen);
            }
            let Some(found) = links.recv().await else { return Ok(seen) };
            running -= 1;
            queue.extend(found.into_iter().filter(|page| seen.insert(page.clone())));
        }
    })
    .await
}

/// A site of pages `/0` to `/999`, each with links to two others and to one that it shares with many.
async fn site(page: String) -> Result<Vec<String>, String> {
    tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    let number: usize = page.trim_start_matches('/').parse().map_err(|_| format!("no page {page}"))?;
    let next = [number * 2 + 1, number * 2 + 2, number / 3];
    Ok(next.into_iter().filter(|&number| number < 1_000).map(|number| format!("/{number}")).collect())
}

#[tokio::main]
pub async fn main() {
    match crawl("/0", 20, site).await {
        Ok(pages) => println!("{} pages", pages.len()),
        Err(error) => println!("{error}"),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn every_page_once_and_never_too_many_at_a_time() {
        let (now, most, visits) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)), AtomicUsize::new(0));
        let pages = crawl("/0", 20, |page| {
            visits.fetch_add(1, Ordering::SeqCst);
            let (now, most) = (Arc::clone(&now), Arc::clone(&most));
            async move {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                let links = site(page).await;
                now.fetch_sub(1, Ordering::SeqCst);
                links
            }
        });
        assert_eq!(pages.await.unwrap().len(), 1_000);
        assert_eq!((visits.into_inner(), most.load(Ordering::SeqCst)), (1_000, 20));
    }

    #[tokio::test(start_paused = true)]
    async fn a_broken_page_ends_it_by_name() {
        let broken =
            |page: String| async move { if page == "/40" { Err("broken") } else { site(page).await.map_err(|_| "") } };
        let error = crawl("/0", 5, broken).await.unwrap_err();
        let (name, error) = error.named().next().unwrap();
        assert_eq!((name.given(), *error), (Some("/40"), "broken"));
    }
}
