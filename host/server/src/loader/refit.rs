//! New settings for plugins that serve: the same bytes, loaded again.
//!
//! It owns where the bytes are found. It never changes a setting.

use super::{Candidate, Loader};
use crate::control::EventKind;

impl Loader {
    /// Loads what serves under this name again, under the settings that are in force
    /// now; or begins or ends to serve it, as they say.
    ///
    /// # Errors
    /// Why it goes on as it was, in plain words.
    pub(super) async fn refit_one(&mut self, name: &str) -> Result<(), String> {
        if !self.host.config.plugin(name).enabled {
            self.drop_trial(name, "the plugin was switched off").await;
            self.publish_disabled(name);
            self.note(name, EventKind::Disabled, None, None);
            return Ok(());
        }
        if self.book.of(name).disabled {
            return Ok(());
        }
        let Some(serving) = self.slot(name).serving else {
            self.bring(name).await;
            return Ok(());
        };
        let sha256 = serving.core.sha256.clone();
        let candidate = self.bytes_of(name, &sha256).await?;
        let source = self
            .heard
            .get(name)
            .filter(|one| one.sha256 == sha256)
            .cloned();
        let fresh = self.load(name, candidate, source).await;
        let fresh = fresh.map_err(|failed| failed.reason)?;
        self.drop_trial(name, "the plugin has new settings").await;
        let passed_over = self.slot(name).passed_over;
        self.serve(name, fresh, passed_over).await;
        // A newer version that was on trial is tried again.
        self.bring(name).await;
        Ok(())
    }

    /// The bytes of the version that serves, from wherever they are.
    async fn bytes_of(&self, name: &str, sha256: &str) -> Result<Candidate, String> {
        let max_bytes = self.host.config.reload.file_max_bytes;
        let keys = self.host.signatures.clone();
        let path = self.dir.join(format!("{name}.wasm"));
        if let Ok(found) = Candidate::of_file(path, max_bytes, keys.clone()).await
            && found.file.sha256 == sha256
        {
            return Ok(found);
        }
        let (kept, plugin, wanted) = (self.kept.clone(), name.to_owned(), sha256.to_owned());
        let found = Candidate::of_kept(kept, plugin, wanted, max_bytes, keys.clone()).await;
        let failed = match found {
            Ok(found) => return Ok(found),
            Err(failed) => failed.reason,
        };
        let cached = self.host.sources.cached(name).await;
        let record = cached.filter(|record| record.sha256 == sha256);
        let file = record
            .as_ref()
            .and_then(|record| self.host.sources.file(record));
        let (Some(record), Some(file)) = (record, file) else {
            return Err(failed);
        };
        let candidate = Candidate::of_record(file, record, String::new(), max_bytes, keys).await;
        candidate.map_err(|failed| failed.reason)
    }
}
