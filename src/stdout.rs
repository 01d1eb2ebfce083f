//! Data, and nothing but data, on standard output. Whoever reads it may have had enough: a broken pipe is
//! no error.

use std::io::{self, BufWriter, Write};

use anyhow::{Context, Result};

/// Writes a text.
pub fn print(text: &str) -> Result<()> {
    stream(|out| out.write_all(text.as_bytes()))
}

/// Writes as it goes.
pub fn stream(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
    heard(write).map(|_| ())
}

/// The same; whether anybody still reads.
pub fn heard(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<bool> {
    let mut out = BufWriter::new(io::stdout().lock());
    match write(&mut out).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
            // What is left in the buffer has nowhere to go.
            let _unwritten = out.into_parts();
            Ok(false)
        }
        other => other.map(|()| true).context("cannot write to standard output"),
    }
}
