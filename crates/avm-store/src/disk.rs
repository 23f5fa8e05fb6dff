//! Files as the log sees them: positioned reads and writes, one barrier, an exclusive lock.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use crate::StoreError;

/// What a log is written to: a file, or something that fails on purpose in a test.
pub trait Disk: Send + Sync {
    /// Length in bytes.
    ///
    /// # Errors
    /// If it cannot be found out.
    fn size(&self) -> io::Result<u64>;

    /// Fills `bytes` from offset `at`.
    ///
    /// # Errors
    /// [`io::ErrorKind::UnexpectedEof`] if there are fewer, or the device's own error.
    fn read_at(&self, at: u64, bytes: &mut [u8]) -> io::Result<()>;

    /// Writes all of `bytes` at offset `at`, growing the file.
    ///
    /// # Errors
    /// The device's own; any part may then have been written.
    fn write_at(&self, at: u64, bytes: &[u8]) -> io::Result<()>;

    /// Cuts the file to `size` bytes.
    ///
    /// # Errors
    /// The device's own.
    fn set_size(&self, size: u64) -> io::Result<()>;

    /// Returns when everything written so far survives a loss of power.
    ///
    /// # Errors
    /// The device's own; nothing is then known about the writes before.
    fn sync(&self) -> io::Result<()>;
}

impl Disk for File {
    fn size(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    #[cfg(unix)]
    fn read_at(&self, at: u64, bytes: &mut [u8]) -> io::Result<()> {
        std::os::unix::fs::FileExt::read_exact_at(self, bytes, at)
    }

    #[cfg(unix)]
    fn write_at(&self, at: u64, bytes: &[u8]) -> io::Result<()> {
        std::os::unix::fs::FileExt::write_all_at(self, bytes, at)
    }

    #[cfg(windows)]
    fn read_at(&self, mut at: u64, mut bytes: &mut [u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let read = std::os::windows::fs::FileExt::seek_read(self, bytes, at)?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            bytes = &mut bytes[read..];
            at += read as u64;
        }
        Ok(())
    }

    #[cfg(windows)]
    fn write_at(&self, mut at: u64, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let written = std::os::windows::fs::FileExt::seek_write(self, bytes, at)?;
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            bytes = &bytes[written..];
            at += written as u64;
        }
        Ok(())
    }

    fn set_size(&self, size: u64) -> io::Result<()> {
        self.set_len(size)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }
}

/// Opens a regular file; looks first, because opening a pipe would wait for its other end.
pub(crate) fn open_file(path: &Path, write: bool) -> Result<File, StoreError> {
    let action = if write { "open for writing" } else { "open" };
    let kind = fs::metadata(path).map_err(StoreError::io(path, action))?;
    if !kind.is_file() {
        return Err(StoreError::NotAFile {
            path: path.to_owned(),
        });
    }
    let file = OpenOptions::new().read(true).write(write).open(path);
    file.map_err(StoreError::io(path, action))
}

/// Takes the writer's lock, which lives as long as the file handle.
pub(crate) fn lock(path: &Path, file: &File) -> Result<(), StoreError> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(StoreError::Locked {
            path: path.to_owned(),
        }),
        Err(TryLockError::Error(error)) => Err(StoreError::io(path, "lock")(error)),
    }
}

/// Creates a file that appears under its name only when `fill` has written it and it is durable.
///
/// Until then it is `<path>.new`, which a crash may leave behind and the next attempt reuses.
pub(crate) fn create_file(
    path: &Path,
    fill: impl FnOnce(&File) -> Result<(), StoreError>,
) -> Result<File, StoreError> {
    let fail = |action| StoreError::io(path, action);
    let new = sibling(path, ".new");
    refuse_existing(path)?;
    let options = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&new);
    let file = options.map_err(fail("create"))?;
    lock(path, &file)?;
    file.set_len(0).map_err(fail("create"))?;
    fill(&file)?;
    file.sync_all().map_err(fail("sync"))?;
    refuse_existing(path)?;
    fs::rename(&new, path).map_err(fail("rename"))?;
    sync_directory(path)?;
    Ok(file)
}

/// `path` with `suffix` after its last part.
pub(crate) fn sibling(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

pub(crate) fn refuse_existing(path: &Path) -> Result<(), StoreError> {
    if path.try_exists().map_err(StoreError::io(path, "create"))? {
        return Err(StoreError::Exists {
            path: path.to_owned(),
        });
    }
    Ok(())
}

/// Makes the entry of `path` in its directory durable.
pub(crate) fn sync_directory(path: &Path) -> Result<(), StoreError> {
    if cfg!(unix) {
        let parent = path.parent().filter(|parent| *parent != Path::new(""));
        let directory = File::open(parent.unwrap_or(Path::new(".")));
        let synced = directory.and_then(|directory| directory.sync_all());
        synced.map_err(StoreError::io(path, "sync the directory of"))?;
    }
    Ok(())
}
