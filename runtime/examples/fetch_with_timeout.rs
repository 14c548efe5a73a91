//! Fetches several pages at once, with one time limit for all of it.
//!
//! When the time is up, no request is left running and no connection open: `timeout` returns when everything in it has
//! ended. A failure of one request ends the others and says which it was.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use taskgroup::{GroupError, TimedOut, scope, timeout};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[derive(Debug)]
pub enum FetchError {
    TooSlow,
    Failed(GroupError<io::Error>),
}

/// The bodies of all pages, in the order of the addresses.
pub async fn fetch_all(pages: Vec<(SocketAddr, &'static str)>, limit: Duration) -> Result<Vec<String>, FetchError> {
    let fetched = timeout(limit, async {
        scope(async |group| {
            let mut tasks = Vec::new();
            for (address, path) in pages {
                tasks.push(group.spawn_named(path, get(address, path)));
            }
            let mut bodies = Vec::new();
            for task in tasks {
                bodies.push(task.value().await);
            }
            Ok(bodies)
        })
        .await
    });
    match fetched.await {
        Ok(Ok(bodies)) => Ok(bodies),
        Ok(Err(error)) => Err(FetchError::Failed(error)),
        Err(TimedOut) => Err(FetchError::TooSlow),
    }
}

/// As little of HTTP as shows the point; a real program uses a client, in the same way.
async fn get(address: SocketAddr, path: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    match answer.split_once("\r\n\r\n") {
        Some((head, body)) if head.starts_with("HTTP/1.0 200") => Ok(body.to_owned()),
        _ => Err(io::Error::other(format!("{path}: {}", answer.lines().next().unwrap_or("no answer")))),
    }
}

#[tokio::main]
pub async fn main() {
    let server = server::start().await.expect("a port of this machine");
    let pages = vec![(server.address, "/a"), (server.address, "/b")];
    println!("{:?}", fetch_all(pages, Duration::from_secs(1)).await);
    let pages = vec![(server.address, "/a"), (server.address, "/never")];
    println!("{:?}, {:?} connections", fetch_all(pages, Duration::from_millis(100)).await, server.open);
}

mod server {
    use std::io;
    use std::net::SocketAddr;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use taskgroup::Supervisor;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    pub struct Server {
        pub address: SocketAddr,
        /// How many connections are open.
        pub open: Arc<AtomicUsize>,
        _tasks: Supervisor,
    }

    pub async fn start() -> io::Result<Server> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let (address, open) = (listener.local_addr()?, Arc::new(AtomicUsize::new(0)));
        // A client that hangs up in the middle is none of the server's failures.
        let tasks = Supervisor::new(|_| {});
        let (connections, count) = (tasks.spawner(), Arc::clone(&open));
        tasks.spawn("accept", async move {
            loop {
                let (stream, _) = listener.accept().await?;
                let count = Arc::clone(&count);
                count.fetch_add(1, Ordering::SeqCst);
                connections.spawn("connection", async move {
                    let answered = answer(stream).await;
                    count.fetch_sub(1, Ordering::SeqCst);
                    answered
                });
            }
            #[expect(unreachable_code, reason = "says what the loop's errors are")]
            Ok::<(), io::Error>(())
        });
        Ok(Server { address, open, _tasks: tasks })
    }

    /// Repeats the path; `/never` has no answer, and anything with `missing` in it is not there.
    async fn answer(mut stream: TcpStream) -> io::Result<()> {
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).await?;
            request.push(byte[0]);
        }
        let request = String::from_utf8_lossy(&request);
        let path = request.split(' ').nth(1).unwrap_or_default();
        if path == "/never" {
            // Until the client hangs up.
            return stream.read_u8().await.map(drop);
        }
        let status = if path.contains("missing") { "404 Not Found" } else { "200 OK" };
        stream.write_all(format!("HTTP/1.0 {status}\r\n\r\n{path}").as_bytes()).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::*;

    #[tokio::test]
    async fn all_or_the_first_failure() {
        let server = server::start().await.unwrap();
        let here = server.address;
        let bodies = fetch_all(vec![(here, "/a"), (here, "/b")], Duration::from_secs(60)).await.unwrap();
        assert_eq!(bodies, ["/a", "/b"]);
        match fetch_all(vec![(here, "/never"), (here, "/missing")], Duration::from_secs(60)).await {
            Err(FetchError::Failed(error)) => {
                assert_eq!(error.named().next().unwrap().0.given(), Some("/missing"));
                assert!(error.to_string().contains("404 Not Found"));
            }
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn when_the_time_is_up_no_connection_stays_open() {
        let server = server::start().await.unwrap();
        let pages = vec![(server.address, "/never"); 5];
        let fetched = fetch_all(pages, Duration::from_millis(100)).await;
        assert!(matches!(fetched, Err(FetchError::TooSlow)));
        // The client's ends are closed by now; the server hears of it within the next moments, or this does not end.
        while server.open.load(Ordering::SeqCst) > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}
