//! Remembers how the calls that carry an id began and ended.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use tonic::metadata::MetadataMap;

use crate::echo::StatsReply;

#[derive(Clone, Default)]
pub struct CallLog(Arc<Mutex<HashMap<String, StatsReply>>>);

impl CallLog {
    /// Notes a call. The result is to be held as long as the call is served,
    /// and finished when it ends by itself.
    pub fn begin(&self, id: &str, metadata: &MetadataMap) -> Guard {
        if !id.is_empty() {
            let deadline_ms = metadata.get("grpc-timeout").map_or(-1, |value| timeout_ms(value.to_str().unwrap_or("")));
            let entry = StatsReply { known: true, deadline_ms, ..StatsReply::default() };
            self.0.lock().unwrap().insert(id.to_string(), entry);
        }
        Guard { log: self.clone(), id: id.to_string(), finished: false }
    }

    pub fn stats(&self, id: &str) -> StatsReply {
        self.0.lock().unwrap().get(id).cloned().unwrap_or_default()
    }
}

/// A call in progress: dropped unfinished, it counts as cancelled.
pub struct Guard {
    log: CallLog,
    id: String,
    finished: bool,
}

impl Guard {
    pub fn finish(&mut self) {
        self.finished = true;
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if self.finished {
            return;
        }
        if let Some(entry) = self.log.0.lock().unwrap().get_mut(&self.id) {
            entry.cancelled = true;
            entry.cancelled_unix_ms = unix_ms();
        }
    }
}

pub fn unix_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64
}

fn timeout_ms(value: &str) -> i64 {
    let (digits, unit) = value.split_at(value.len().saturating_sub(1));
    let Ok(count) = digits.parse::<i64>() else { return -1 };
    match unit {
        "H" => count * 3_600_000,
        "M" => count * 60_000,
        "S" => count * 1_000,
        "m" => count,
        "u" => count / 1_000,
        "n" => count / 1_000_000,
        _ => -1,
    }
}
