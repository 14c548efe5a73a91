//! An axum server that ends without losing a request: it stops accepting, finishes what it has begun, and says what it
//! had to cut off.
//!
//! Handlers may use scopes as any other code: their futures are `Send`. A handler's tasks end with the handler.

use std::io;
use std::time::Duration;

use axum::Router;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::get;
use taskgroup::{GroupError, Shutdown, TaskError, scope, timeout};
use tokio::net::TcpListener;

/// Serves until the shutdown is requested, then until the last request has its answer, at longest for `grace`.
///
/// # Errors
///
/// Those of the listener, and `TimedOut` if requests were cut off.
pub async fn serve(listener: TcpListener, app: Router, shutdown: Shutdown, grace: Duration) -> io::Result<()> {
    scope(async |group| {
        let (requested, serving) = (shutdown.clone(), shutdown);
        let server = group.spawn_named("server", async move {
            axum::serve(listener, app).with_graceful_shutdown(async move { requested.requested().await }).await
        });
        group.spawn_named("grace", async move {
            serving.requested().await;
            match timeout(grace, server).await {
                Ok(_) => Ok(()),
                // The error cancels the group, and with it the server and its connections.
                Err(late) => Err(late.into()),
            }
        });
        Ok(())
    })
    .await
    .map_err(|error| error.into_first().unwrap_or_else(|| io::Error::other("cancelled")))
}

/// A handler that asks two back ends at once.
async fn sum(Path((one, two)): Path<(u32, u32)>) -> Result<String, StatusCode> {
    let sum = scope(async |group| {
        let one = group.spawn(back_end(one));
        let two = group.spawn(back_end(two));
        Ok::<_, TaskError>(one.await? + two.await?)
    });
    let sum = sum.await.map_err(|_: GroupError<TaskError>| StatusCode::BAD_GATEWAY)?;
    Ok(sum.to_string())
}

async fn back_end(value: u32) -> Result<u32, TaskError> {
    tokio::time::sleep(Duration::from_millis(20)).await;
    Ok(value)
}

pub fn app() -> Router {
    Router::new().route("/sum/{one}/{two}", get(sum))
}

#[tokio::main]
pub async fn main() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}/sum/1/2, until ctrl-c", listener.local_addr()?);
    serve(listener, app(), Shutdown::on_signals()?, Duration::from_secs(10)).await
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::body::Body;
    use http_body_util::BodyExt;
    use hyper_util::client::legacy::{Client, connect::HttpConnector};
    use hyper_util::rt::TokioExecutor;
    use tokio::sync::Semaphore;

    use super::*;

    async fn listen() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    }

    fn client() -> Client<HttpConnector, Body> {
        Client::builder(TokioExecutor::new()).build_http()
    }

    async fn fetch(client: Client<HttpConnector, Body>, url: String) -> Result<String, String> {
        let answer = client.get(url.parse().unwrap()).await.map_err(|error| error.to_string())?;
        let bytes = answer.into_body().collect().await.map_err(|error| error.to_string())?.to_bytes();
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn requests_are_answered_and_none_that_was_begun_is_lost() {
        let ((listener, address), shutdown) = (listen().await, Shutdown::new());
        // A handler that does not end before the test says so: all requests are surely in the air at the shutdown.
        let (begun, gate) = (Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(0)));
        let (count, wait) = (Arc::clone(&begun), Arc::clone(&gate));
        let app = app().route(
            "/wait",
            get(async move || {
                count.fetch_add(1, Ordering::SeqCst);
                let _permit = wait.acquire().await;
                "waited"
            }),
        );
        let server = serve(listener, app, shutdown.clone(), Duration::from_secs(60));
        let clients = async {
            assert_eq!(fetch(client(), format!("http://{address}/sum/3/4")).await.unwrap(), "7");
            let answers = scope(async |group| {
                let requests: Vec<_> =
                    (0..50).map(|_| group.spawn(fetch(client(), format!("http://{address}/wait")))).collect();
                while begun.load(Ordering::SeqCst) < 50 {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                shutdown.trigger();
                // No longer accepted: the listener is closed as soon as the server has heard of it.
                while fetch(client(), format!("http://{address}/sum/1/1")).await.is_ok() {}
                gate.add_permits(50);
                let mut answers = Vec::new();
                for request in requests {
                    answers.push(request.value().await);
                }
                Ok::<_, String>(answers)
            });
            answers.await.unwrap()
        };
        let (served, answers) = tokio::join!(server, clients);
        served.unwrap();
        assert_eq!(answers, ["waited"; 50]);
    }

    #[tokio::test]
    async fn what_is_slower_than_the_grace_is_cut_off_and_said() {
        let ((listener, address), shutdown) = (listen().await, Shutdown::new());
        let trigger = shutdown.clone();
        let app = Router::new().route(
            "/endless",
            get(async move || {
                trigger.trigger();
                std::future::pending::<()>().await
            }),
        );
        let server = serve(listener, app, shutdown, Duration::from_millis(50));
        let endless = tokio::spawn(fetch(client(), format!("http://{address}/endless")));
        let error = server.await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        endless.abort();
    }
}
