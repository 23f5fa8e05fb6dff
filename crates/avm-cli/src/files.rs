//! Reading and writing files, with a limit on the size before anything is read.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use avm_core::Bytes;

use crate::codes;
use crate::error::{self, CliError};

/// Largest program, source text, inbox or vector file, in bytes.
pub const FILE_MAX: u64 = 1 << 28;
/// Largest log, in bytes.
pub const LOG_MAX: u64 = 1 << 32;

/// A file that was read.
#[derive(Clone, Debug)]
pub struct Source {
    /// Where it is.
    pub path: PathBuf,
    /// What is in it.
    pub bytes: Vec<u8>,
}

impl Source {
    /// Reads a file of at most [`FILE_MAX`] bytes; `-` is standard input.
    ///
    /// # Errors
    /// If it is not there, not a file, or too large.
    pub fn read(path: &Path) -> Result<Self, CliError> {
        let mut bytes = Vec::new();
        let read = if path == Path::new("-") {
            std::io::stdin()
                .lock()
                .take(FILE_MAX + 1)
                .read_to_end(&mut bytes)
        } else {
            check_size(path, FILE_MAX)?;
            File::open(path).and_then(|file| file.take(FILE_MAX + 1).read_to_end(&mut bytes))
        };
        read.map_err(|e| error::unreadable(path, &e))?;
        if bytes.len() as u64 > FILE_MAX {
            return Err(error::too_large(path, bytes.len() as u64, FILE_MAX));
        }
        Ok(Self {
            path: path.into(),
            bytes,
        })
    }

    /// The file as people call it.
    #[must_use]
    pub fn name(&self) -> String {
        self.path.display().to_string()
    }

    /// Whether the name ends in one of these.
    #[must_use]
    pub fn has_extension(&self, extensions: &[&str]) -> bool {
        has_extension(&self.path, extensions)
    }

    /// The content as text.
    ///
    /// # Errors
    /// If it is not UTF-8.
    pub fn text(&self) -> Result<&str, CliError> {
        std::str::from_utf8(&self.bytes).map_err(|e| {
            let message = format!(
                "{} is not UTF-8 text at byte {}",
                self.name(),
                e.valid_up_to()
            );
            CliError::new(&codes::NOT_TEXT, message).at(self.name())
        })
    }

    /// The content as a JSON document.
    ///
    /// # Errors
    /// If it is not JSON.
    pub fn json(&self) -> Result<serde_json::Value, CliError> {
        serde_json::from_slice(&self.bytes).map_err(|e| error::malformed_json(&self.path, &e))
    }
}

/// Whether the name of a file ends in one of these.
#[must_use]
pub fn has_extension(path: &Path, extensions: &[&str]) -> bool {
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or("");
    extensions.iter().any(|e| e.eq_ignore_ascii_case(extension))
}

/// Refuses what is no file or larger than `limit`.
///
/// # Errors
/// If it is.
pub fn check_size(path: &Path, limit: u64) -> Result<(), CliError> {
    let metadata = fs::metadata(path).map_err(|e| error::unreadable(path, &e))?;
    if metadata.is_dir() {
        let directory = std::io::Error::from(std::io::ErrorKind::IsADirectory);
        return Err(error::unreadable(path, &directory));
    }
    if metadata.len() > limit {
        return Err(error::too_large(path, metadata.len(), limit));
    }
    Ok(())
}

/// Writes a file whole or not at all: beside it first, then moved into place.
///
/// # Errors
/// If it exists and may not be overwritten, or cannot be written.
pub fn write(path: &Path, bytes: &[u8], overwrite: bool) -> Result<(), CliError> {
    let fail = |e: std::io::Error| error::unwritable(path, &e);
    if !overwrite {
        let file = File::options().write(true).create_new(true).open(path);
        return match file {
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => Err(error::exists(path)),
            file => file
                .and_then(|mut file| file.write_all(bytes))
                .map_err(fail),
        };
    }
    let beside = beside(path);
    fs::write(&beside, bytes)
        .and_then(|()| match fs::metadata(path) {
            // Who may read it does not change with what is in it.
            Ok(before) => fs::set_permissions(&beside, before.permissions()),
            Err(_) => Ok(()),
        })
        .and_then(|()| fs::rename(&beside, path))
        .map_err(|e| {
            let _ = fs::remove_file(&beside);
            fail(e)
        })
}

/// [`write()`], but a file that holds these bytes already is left as it is.
///
/// # Errors
/// As [`write()`].
pub fn write_or_keep(path: &Path, bytes: &[u8], overwrite: bool) -> Result<(), CliError> {
    if holds(path, bytes) {
        return Ok(());
    }
    write(path, bytes, overwrite)
}

/// Whether there is a file with exactly these bytes.
#[must_use]
pub fn holds(path: &Path, bytes: &[u8]) -> bool {
    let same_length =
        fs::metadata(path).is_ok_and(|found| found.is_file() && found.len() == bytes.len() as u64);
    same_length && fs::read(path).is_ok_and(|found| found == bytes)
}

/// A name next to `path` for a file that will replace it.
#[must_use]
pub fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    name.into()
}

/// Messages in hex, one a line; empty lines and lines that start with `#` are skipped.
///
/// # Errors
/// If a line is something else.
pub fn hex_lines(source: &Source) -> Result<Vec<Bytes>, CliError> {
    let mut inputs = Vec::new();
    for (line, number) in source.text()?.lines().zip(1_u64..) {
        let digits = line.trim();
        if digits.is_empty() || digits.starts_with('#') {
            continue;
        }
        let bytes = crate::arb::inbox::hex_bytes(digits).ok_or_else(|| {
            let message = format!("line {number} is not an even number of hex digits");
            CliError::new(&codes::MALFORMED_HEX, message)
                .at(format!("{}:{number}", source.name()))
                .line(number.to_string(), crate::output::clip(line, 80))
                .help("an inbox is a JSON array of messages, or one message in hex per line")
        })?;
        inputs.push(bytes.into());
    }
    Ok(inputs)
}
