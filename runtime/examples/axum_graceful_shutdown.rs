//! An axum server that ends without losing a request: it stops accepting, finishes what it has begun, and says what it
//! had to cut off.
//!
//! `axum::serve` runs each connection in a task that nobody owns: one that is slower than the grace would go on after the
//! server has returned. Here a supervisor owns them: they fail one by one, and all of them have ended when the server has.
//!
//! Handlers may use scopes as any other code: their futures are `Send`. A handler's tasks end with the handler.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::get;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use taskgroup::{BoxError, CancelScope, GroupError, Shutdown, Supervisor, TaskError, move_on_after, scope};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

/// Serves until the shutdown is requested, then until the last request has its answer, at longest for `grace`.
///
/// # Errors
///
/// Those of the listener, and `TimedOut` with the addresses of the clients whose requests were cut off.
pub async fn serve(listener: TcpListener, app: Router, shutdown: Shutdown, grace: Duration) -> io::Result<()> {
    let mut connections = Supervisor::new(|failure| eprintln!("{failure}"));
    let begin = |stream: TcpStream, client: SocketAddr| {
        connections.spawn(client.to_string(), connection(stream, app.clone(), shutdown.clone()));
    };
    let accept = async {
        loop {
            match listener.accept().await {
                Ok((stream, client)) => begin(stream, client),
                Err(error) => {
                    eprintln!("no connection: {error}");
                    // There may be too many open files: there is one fewer when a connection ends.
                    sleep(Duration::from_millis(100)).await;
                }
            }
        }
    };
    let _: Option<()> = CancelScope::with_token(shutdown.token()).run(accept).await;

    // Clients that the system has let in, but nobody has seen yet, would otherwise be turned away with their requests.
    let listener = listener.into_std()?;
    while let Ok((stream, client)) = listener.accept() {
        stream.set_nonblocking(true)?;
        begin(TcpStream::from_std(stream)?, client);
    }
    drop(listener);

    if move_on_after(grace, connections.idle()).await.is_some() {
        return Ok(());
    }
    let late = connections.running().iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    // Cancelled, and aborted if they have not come to their end a second later.
    connections.shutdown(Duration::from_secs(1)).await;
    Err(io::Error::new(io::ErrorKind::TimedOut, format!("cut off: {late}")))
}

/// One connection, to its end or to the end of the request that it has at the shutdown.
async fn connection(stream: TcpStream, app: Router, shutdown: Shutdown) -> Result<(), BoxError> {
    let http = Builder::new(TokioExecutor::new()).http1_only();
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(app)));
    let told = async {
        shutdown.requested().await;
        // By then the runtime has heard of every request that has arrived.
        sleep(Duration::from_millis(10)).await;
    };
    tokio::select! {
        // First: what has arrived is read, and so begun, before the connection is told to end.
        biased;
        served = connection.as_mut() => return served,
        () = told => connection.as_mut().graceful_shutdown(),
    }
    connection.await
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
    use std::io::{Read, Write};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::body::Body;
    use http_body_util::BodyExt;
    use hyper_util::client::legacy::{Client, connect::HttpConnector};
    use hyper_util::rt::TokioExecutor;
    use taskgroup::timeout;
    use tokio::sync::Semaphore;

    use super::*;

    /// Longer than any machine holds a test up: what takes this long hangs.
    const AGES: Duration = Duration::from_secs(600);

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
        let server = serve(listener, app, shutdown.clone(), AGES);
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
        let (served, answers) = timeout(AGES, async { tokio::join!(server, clients) }).await.expect("an end");
        served.unwrap();
        assert_eq!(answers, ["waited"; 50]);
    }

    #[tokio::test]
    async fn a_client_that_nobody_has_seen_at_the_shutdown_is_answered() {
        let ((listener, address), shutdown) = (listen().await, Shutdown::new());
        let mut client = std::net::TcpStream::connect(address).unwrap();
        client.write_all(b"GET /sum/3/4 HTTP/1.1\r\nhost: here\r\n\r\n").unwrap();
        shutdown.trigger();
        timeout(AGES, serve(listener, app(), shutdown, AGES)).await.expect("an end").unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("\r\n\r\n7"), "{answer}");
    }

    #[tokio::test]
    async fn a_client_that_asks_nothing_does_not_hold_up_the_end() {
        let ((listener, address), shutdown) = (listen().await, Shutdown::new());
        let silent = std::net::TcpStream::connect(address).unwrap();
        let trigger = shutdown.clone();
        let server = serve(listener, app(), shutdown, AGES);
        let clients = async {
            // The second one is answered, so the first one has been let in.
            assert_eq!(fetch(client(), format!("http://{address}/sum/3/4")).await.unwrap(), "7");
            trigger.trigger();
        };
        let (served, ()) = timeout(AGES, async { tokio::join!(server, clients) }).await.expect("an end");
        served.unwrap();
        drop(silent);
    }

    #[tokio::test]
    async fn what_is_slower_than_the_grace_is_cut_off_and_said() {
        /// Counts the handlers that are still there.
        struct Here(Arc<AtomicUsize>);
        impl Drop for Here {
            fn drop(&mut self) {
                self.0.fetch_sub(1, Ordering::SeqCst);
            }
        }
        let ((listener, address), shutdown) = (listen().await, Shutdown::new());
        let (trigger, handlers) = (shutdown.clone(), Arc::new(AtomicUsize::new(0)));
        let count = Arc::clone(&handlers);
        let app = Router::new().route(
            "/endless",
            get(async move || {
                count.fetch_add(1, Ordering::SeqCst);
                let _here = Here(count);
                trigger.trigger();
                std::future::pending::<()>().await
            }),
        );
        let server = serve(listener, app, shutdown, Duration::from_millis(50));
        let endless = fetch(client(), format!("http://{address}/endless"));
        let (served, answer) = timeout(AGES, async { tokio::join!(server, endless) }).await.expect("an end");
        let error = served.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(error.to_string().starts_with("cut off: 127.0.0.1:"), "{error}");
        assert!(answer.is_err());
        assert_eq!(handlers.load(Ordering::SeqCst), 0, "cut off, and not left to run on");
    }
}
