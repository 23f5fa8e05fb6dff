//! The states that a store directory keeps beside its log, so that a state need not be executed
//! from the first input on.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use avm_core::Claim;
use avm_store::{Checkpoints, LogId, State, Store, StoreError};

use crate::error::{self, CliError};
use crate::log::Log;
use crate::registry::Running;

/// A machine as a store kept it, and where it is.
pub type Kept = (Box<dyn Running>, Claim);

/// The databases that this process has open, by path. A database has one user at a time, and two
/// points of a command may be of one store.
pub type OpenStates = Arc<Mutex<BTreeMap<PathBuf, Arc<State>>>>;

/// The states of a store directory; opened when they are first asked for.
pub struct StoreStates {
    dir: PathBuf,
    id: LogId,
    open: OpenStates,
}

impl StoreStates {
    /// Those in `dir` that belong to the log `id`.
    #[must_use]
    pub fn new(dir: &Path, id: LogId, open: OpenStates) -> Self {
        Self {
            dir: dir.into(),
            id,
            open,
        }
    }

    /// The machine at the end of the latest input up to so many whose state is kept, and whose
    /// claim is the one that the log records.
    ///
    /// # Errors
    /// If another process writes the store, or it is damaged.
    pub fn at(
        &self,
        log: &Log,
        inputs: u64,
        memory_limit_bytes: usize,
    ) -> Result<Option<Kept>, CliError> {
        let Some(state) = self.open(log)? else {
            return Ok(None);
        };
        let recorded = log.recorded_by_inputs();
        let mut bound = inputs.min(log.inputs.len() as u64);
        loop {
            let found = state.at_input(bound).map_err(error::store)?;
            let Some(claim) = found else {
                return Ok(None);
            };
            if recorded.get(&claim.inputs) == Some(&claim) {
                let running = log.machine.open(claim.state, state, memory_limit_bytes);
                let running = running.map_err(|e| error::host(&e, claim.inputs, &log.name))?;
                return Ok(Some((running, claim)));
            }
            let Some(before) = claim.inputs.checked_sub(1) else {
                return Ok(None);
            };
            bound = before;
        }
    }

    fn open(&self, log: &Log) -> Result<Option<Arc<State>>, CliError> {
        let path = Store::state_path(&self.dir);
        // Without a database there is no such path, and all is made from the log.
        let Ok(same) = path.canonicalize() else {
            return Ok(None);
        };
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(state) = open.get(&same) {
            return Ok(Some(state.clone()));
        }
        let vm = log.machine.vm(0);
        let hash = Arc::new(move |node: &[u8]| vm.hash(node));
        let state = State::open(&path, &log.identity(), self.id, hash);
        let state = Arc::new(state.map_err(|found| self.refused(found))?);
        open.insert(same, state.clone());
        Ok(Some(state))
    }

    fn refused(&self, found: StoreError) -> CliError {
        let locked = matches!(found, StoreError::Locked { .. });
        let damaged = found.is_damage();
        let mut report = error::store(found);
        if report.place.as_deref().unwrap_or("").is_empty() {
            report.place = Some(self.dir.display().to_string());
        }
        if damaged {
            return report.help(format!(
                "remove {}: without it the log is executed, and `avm index` makes it again",
                Store::state_path(&self.dir).display()
            ));
        }
        if !locked {
            return report;
        }
        report
            .note("the states of a store have one user at a time; its log can be read all the same")
            .help(format!(
                "execute the log instead, from its first input on: put {} in place of {}; or \
                 stop the other process",
                Store::log_path(&self.dir).display(),
                self.dir.display()
            ))
    }
}
