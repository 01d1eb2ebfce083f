//! What all tasks of one running NIO share.

use std::future::Future;
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::task::JoinHandle;

use crate::api::Server;
use crate::random::Random;
use crate::settings::Settings;
use crate::world::World;

pub(crate) struct Context {
    pub server: Server,
    pub settings: Settings,
    pub world: Arc<World>,
    pub random: Random,
    pub tasks: Tasks,
}

/// All tasks, so that NIO can be ended at any moment. None where it has been.
pub(crate) struct Tasks(Mutex<Option<Vec<JoinHandle<()>>>>);

impl Default for Tasks {
    fn default() -> Self {
        Self(Mutex::new(Some(Vec::new())))
    }
}

impl Tasks {
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tasks) = &mut *tasks {
            tasks.retain(|task| !task.is_finished());
            tasks.push(tokio::spawn(task));
        }
    }

    /// Ends all tasks where they are, and lets none begin.
    pub fn abort(&self) -> Vec<JoinHandle<()>> {
        let tasks = mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let tasks = tasks.unwrap_or_default();
        tasks.iter().for_each(JoinHandle::abort);
        tasks
    }
}
