//! A group of either kind: of tasks, or of children on one task.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use taskgroup::{JoinGroup, JoinTask, Task, TaskError, TaskGroup};

pub type Running = Pin<Box<dyn Future<Output = Result<(), u8>> + Send>>;

#[derive(Clone)]
pub enum Group {
    Tasks(TaskGroup<u8>),
    Joined(JoinGroup<'static, u8>),
}

pub enum Handle {
    Task(Task<()>),
    Joined(JoinTask<()>),
}

impl Group {
    pub fn cancel(&self) {
        match self {
            Self::Tasks(group) => group.cancel(),
            Self::Joined(group) => group.cancel(),
        }
    }

    pub fn spawn(&self, future: Running) -> Handle {
        match self {
            Self::Tasks(group) => Handle::Task(group.spawn(future)),
            Self::Joined(group) => Handle::Joined(group.spawn(future)),
        }
    }

    /// Children on one task have no limits.
    pub async fn spawn_limited(&self, limit: usize, future: Running) -> Handle {
        match self {
            Self::Tasks(group) => Handle::Task(group.with_limit(limit).spawn(future).await),
            Self::Joined(_) => self.spawn(future),
        }
    }
}

impl Handle {
    pub fn abort(&self) {
        match self {
            Self::Task(task) => task.abort(),
            Self::Joined(task) => task.abort(),
        }
    }
}

impl Future for Handle {
    type Output = Result<(), TaskError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut *self {
            Self::Task(task) => Pin::new(task).poll(cx),
            Self::Joined(task) => Pin::new(task).poll(cx),
        }
    }
}
