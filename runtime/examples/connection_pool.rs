//! A pool of connections, with `deadpool`, that many tasks share.
//!
//! A query that is cancelled drops its connection in the middle of an answer. Such a connection must not be used by the
//! next one: it goes back to the pool only after a whole answer, and is closed otherwise.

use std::io;
use std::net::SocketAddr;

use deadpool::managed::{self, Metrics, Object, Pool, RecycleError, RecycleResult};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

pub struct Connection {
    stream: BufReader<TcpStream>,
    /// Whether a query has been sent and its answer not been read.
    in_use: bool,
}

pub struct Connect {
    pub address: SocketAddr,
}

impl managed::Manager for Connect {
    type Type = Connection;
    type Error = io::Error;

    async fn create(&self) -> io::Result<Connection> {
        Ok(Connection { stream: BufReader::new(TcpStream::connect(self.address).await?), in_use: false })
    }

    async fn recycle(&self, connection: &mut Connection, _: &Metrics) -> RecycleResult<io::Error> {
        if connection.in_use { Err(RecycleError::message("its last query was cancelled")) } else { Ok(()) }
    }
}

pub fn pool(address: SocketAddr, size: usize) -> Pool<Connect> {
    // A pool without timeouts needs no runtime, and building it fails for no other reason.
    Pool::builder(Connect { address }).max_size(size).build().expect("a pool without timeouts")
}

/// Sends a line and reads the answer.
pub async fn query(pool: &Pool<Connect>, line: &str) -> io::Result<String> {
    let mut connection: Object<Connect> = pool.get().await.map_err(io::Error::other)?;
    connection.in_use = true;
    connection.stream.get_mut().write_all(format!("{line}\n").as_bytes()).await?;
    let mut answer = String::new();
    connection.stream.read_line(&mut answer).await?;
    connection.in_use = false;
    Ok(answer.trim_end().to_owned())
}

/// A server that repeats each line; those with `slow` in them after a while.
mod server {
    use std::io;
    use std::net::SocketAddr;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use taskgroup::Supervisor;
    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
    use tokio::net::{TcpListener, TcpStream};

    pub struct Server {
        pub address: SocketAddr,
        /// How many connections there have been.
        pub accepted: Arc<AtomicUsize>,
        _tasks: Supervisor,
    }

    pub async fn start() -> io::Result<Server> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let (address, accepted) = (listener.local_addr()?, Arc::new(AtomicUsize::new(0)));
        // A client that hangs up in the middle is none of the server's failures.
        let tasks = Supervisor::new(|_| {});
        let (connections, count) = (tasks.spawner(), Arc::clone(&accepted));
        tasks.spawn("accept", async move {
            loop {
                let stream = match listener.accept().await {
                    Ok((stream, _)) => stream,
                    Err(error) => return Err::<(), io::Error>(error),
                };
                count.fetch_add(1, Ordering::SeqCst);
                connections.spawn("connection", repeat(stream));
            }
        });
        Ok(Server { address, accepted, _tasks: tasks })
    }

    async fn repeat(stream: TcpStream) -> io::Result<()> {
        let (mut stream, mut line) = (BufReader::new(stream), String::new());
        while stream.read_line(&mut line).await? > 0 {
            if line.contains("slow") {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            stream.get_mut().write_all(line.as_bytes()).await?;
            line.clear();
        }
        Ok(())
    }
}

#[tokio::main]
pub async fn main() -> io::Result<()> {
    let server = server::start().await?;
    let pool = pool(server.address, 4);
    let answers = taskgroup::map_concurrent(0..20, 10, |n| {
        let pool = pool.clone();
        async move { query(&pool, &format!("query {n}")).await }
    });
    match answers.await {
        Ok(answers) => println!("{answers:?} over {:?} connections", server.accepted),
        Err(error) => println!("{error}"),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;
    use std::time::Duration;

    use taskgroup::{map_concurrent, move_on_after};

    use super::*;

    #[tokio::test]
    async fn many_tasks_share_few_connections() {
        let server = server::start().await.unwrap();
        let pool = pool(server.address, 4);
        let answers = map_concurrent(0..200, 20, |n| {
            let pool = pool.clone();
            async move { query(&pool, &format!("query {n}")).await }
        });
        let expected: Vec<_> = (0..200).map(|n| format!("query {n}")).collect();
        assert_eq!(answers.await.unwrap(), expected);
        assert!(server.accepted.load(Ordering::SeqCst) <= 4);
    }

    #[tokio::test]
    async fn a_cancelled_query_spoils_nobody_elses_answer() {
        let server = server::start().await.unwrap();
        let pool = pool(server.address, 1);
        assert_eq!(
            move_on_after(Duration::from_millis(20), query(&pool, "slow")).await.map(|answer| answer.unwrap()),
            None
        );
        assert_eq!(query(&pool, "next").await.unwrap(), "next");
        assert_eq!(server.accepted.load(Ordering::SeqCst), 2, "the spoilt connection was replaced");
    }
}
