//! Plugin files that are replaced while the host is measured.
//!
//! It owns the swapping. It never asks the host whether it noticed.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context as _, Result};

/// Time between two swaps.
const PERIOD: Duration = Duration::from_millis(500);

/// The plugin that is swapped: the one that is called.
const PLUGIN: &str = "hello.wasm";

/// Swaps files until it is dropped.
pub(super) struct Swapper {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Swapper {
    pub(super) fn start(folder: PathBuf) -> Result<Self> {
        let original = fs::read(folder.join(PLUGIN)).context("the plugin to swap")?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopping = stop.clone();
        let thread = thread::spawn(move || {
            let mut version = 0_u8;
            while !stopping.load(Ordering::Relaxed) {
                version = version.wrapping_add(1);
                if let Err(error) = swap(&folder, &original, version) {
                    eprintln!("compare: a swap failed: {error}");
                }
                thread::sleep(PERIOD);
            }
        });
        Ok(Self {
            stop,
            thread: Some(thread),
        })
    }
}

impl Drop for Swapper {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // It only sleeps and writes.
            let _ = thread.join();
        }
    }
}

/// Puts the same component there with other bytes, in one step.
fn swap(folder: &Path, original: &[u8], version: u8) -> std::io::Result<()> {
    let mut bytes = original.to_vec();
    // A custom section with a name of one byte and one byte in it.
    bytes.extend_from_slice(&[0, 3, 1, b'v', version]);
    let temporary = folder.join(".swap.new");
    fs::write(&temporary, bytes)?;
    fs::rename(&temporary, folder.join(PLUGIN))
}
