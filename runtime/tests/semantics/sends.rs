//! Every future of the crate is `Send` if what is given to it is, and lives in a task: what `tokio::spawn` and servers ask.

use std::convert::Infallible;
use std::future::Future;
use std::time::Duration;

use taskgroup::{
    BoxError, CancelScope, JoinGroup, JoinTask, LimitedGroup, Scope, Shutdown, Supervisor, Task, TaskGroup, blocking,
    checkpoint, join_scope, map_concurrent, move_on_after, move_on_at, scope, shield, timeout, timeout_at,
};
use tokio::time::Instant;

fn sendable<F: Future + Send + 'static>(_: F) {}

fn shareable<T: Send + Sync + 'static>() {}

#[tokio::test]
async fn every_future_may_be_spawned() {
    let (second, soon) = (Duration::from_secs(1), Instant::now());
    sendable(scope(async |group| {
        group.spawn(async { Ok(()) });
        Err::<(), _>("a borrowed text")
    }));
    sendable(join_scope(async |group| {
        group.spawn(async { Ok(()) });
        Err::<(), _>("a borrowed text")
    }));
    sendable(async {
        let text = String::from("borrowed");
        let length = join_scope(async |group| Ok::<_, Infallible>(group.spawn(async { Ok(text.len()) }).value().await));
        length.await.unwrap()
    });
    sendable(Scope::new().catch_panics().run(async |_| Err::<(), String>(String::new())));
    sendable(timeout(second, async {}));
    sendable(timeout_at(soon, async {}));
    sendable(move_on_after(second, async {}));
    sendable(move_on_at(soon, async {}));
    sendable(async move { CancelScope::new().after(second).run(async {}).await });
    sendable(shield(async {}));
    sendable(blocking(|_| ()));
    sendable(checkpoint());
    sendable(map_concurrent(0..3, 2, async |n: u32| Ok::<_, Infallible>(n)));
    sendable(async { Shutdown::new().requested().await });
    let supervisor = || Supervisor::new(|_| {});
    sendable(supervisor().shutdown(second));
    sendable(async move { supervisor().idle().await });
    sendable(async move { supervisor().spawn("task", async { Ok::<_, BoxError>(()) }).await });
    scope(async |group| {
        let limited = group.with_limit(1);
        sendable(async move {
            let task = limited.spawn(async { Ok::<_, Infallible>(()) }).await;
            task.value().await;
        });
        Ok(())
    })
    .await
    .unwrap();
}

#[test]
fn every_handle_may_be_shared() {
    // What a task returns need not be `Sync`, nor need its error.
    type NotSync = std::cell::Cell<u8>;
    shareable::<Task<NotSync>>();
    shareable::<TaskGroup<NotSync>>();
    shareable::<LimitedGroup<NotSync>>();
    shareable::<JoinGroup<'static, NotSync>>();
    shareable::<JoinTask<NotSync>>();
    shareable::<CancelScope>();
    shareable::<Scope>();
    shareable::<Shutdown>();
    shareable::<Supervisor>();
    shareable::<taskgroup::GroupError<String>>();
    shareable::<taskgroup::TaskPanic>();
}
