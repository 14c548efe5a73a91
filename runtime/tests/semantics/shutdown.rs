use std::convert::Infallible;
use std::future::pending;

use taskgroup::{CancelScope, Scope, Shutdown};

#[tokio::test]
async fn one_request_ends_all_that_took_the_token() {
    let shutdown = Shutdown::new();
    shutdown.token().cancel();
    assert!(!shutdown.is_requested(), "whoever holds a token cannot request");
    let scope = Scope::new().cancel_on(shutdown.token());
    let scope = scope.run(async |_| pending::<Result<(), Infallible>>().await);
    let cancel = CancelScope::with_token(shutdown.token());
    let (ended, none, (), ()) =
        tokio::join!(scope, cancel.run(pending::<()>()), shutdown.requested(), async { shutdown.trigger() });
    assert!(ended.unwrap_err().is_cancelled());
    assert_eq!(none, None);
    assert!(shutdown.is_requested() && shutdown.clone().is_requested());
}

#[cfg(all(unix, feature = "signal"))]
#[tokio::test]
#[cfg_attr(miri, ignore = "Miri starts no processes")]
async fn a_signal_requests_it() {
    let shutdown = Shutdown::on_signals().unwrap();
    let kill = std::process::Command::new("kill").args(["-TERM", &std::process::id().to_string()]).status();
    assert!(kill.unwrap().success());
    shutdown.requested().await;
    assert!(shutdown.token().is_cancelled());
}
