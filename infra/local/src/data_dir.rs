//! The folder with the state of a local stack, which survives a restart.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The file that says whose folder it is.
const MARKER: &str = "office365-sync.json";
/// The layout this version writes.
const FORMAT: u32 = 1;
/// How often the lock is tried.
const LOCK_ATTEMPTS: u32 = 20;
/// Between two attempts.
const LOCK_PAUSE: Duration = Duration::from_millis(100);

/// Why a folder cannot be used. Nothing in it has been changed.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// Files are there, but not ours.
    #[error(
        "{0} holds files of something else; name an empty or new folder with --data-dir, or the one of an earlier run"
    )]
    Foreign(PathBuf),
    /// Our file is there, but damaged.
    #[error("{path} is damaged ({reason}); delete the folder {folder} to start anew, or name another with --data-dir")]
    Corrupt {
        /// The damaged file.
        path: PathBuf,
        /// The folder.
        folder: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// It belongs to another tenant than the one asked for.
    #[error("{path} holds the state of {found}, and {asked} was asked for; name another folder with --data-dir")]
    OtherTenant {
        /// The folder.
        path: PathBuf,
        /// Whose state it is.
        found: String,
        /// Whose state was asked for.
        asked: String,
    },
    /// Another process is using it.
    #[error("{0} is in use by another process; stop that one first, or name another folder with --data-dir")]
    InUse(PathBuf),
    /// The file system refused.
    #[error("{path} cannot be used")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// What the state in a folder belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "tenant", rename_all = "snake_case")]
pub enum Origin {
    /// A simulated tenant; the same numbers make the same tenant again.
    Simulated {
        /// Users at the start.
        users: u32,
        /// Groups at the start.
        groups: u32,
        /// What all of it follows from.
        seed: u64,
    },
    /// A tenant reached over the network.
    External {
        /// Where its Graph is.
        graph_url: String,
        /// Our registration there.
        client_id: String,
    },
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Simulated { users, groups, seed } => {
                write!(f, "a simulated tenant (--users {users} --groups {groups} --seed {seed})")
            }
            Self::External { graph_url, client_id } => write!(f, "the tenant at {graph_url} (--client-id {client_id})"),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Marker {
    format: u32,
    #[serde(flatten)]
    origin: Origin,
}

/// A folder that is ours, and locked for this process.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    _lock: fs::File,
}

impl DataDir {
    /// Opens a folder, or makes it.
    ///
    /// # Errors
    /// When it is somebody else's, damaged, another tenant's, or in use.
    pub fn open(path: &Path, origin: &Origin) -> Result<Self, DataDirError> {
        // People's names are in it: nobody else on this machine may look.
        fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(io(path))?;
        let marker = path.join(MARKER);
        let is_new = !marker.exists();
        if is_new && fs::read_dir(path).map_err(io(path))?.next().is_some() {
            return Err(DataDirError::Foreign(path.to_owned()));
        }
        if is_new {
            let text = serde_json::to_string_pretty(&Marker { format: FORMAT, origin: origin.clone() })
                .map_err(|error| io(&marker)(error.into()))?;
            write_private(&marker, text.as_bytes())?;
        }
        let lock = fs::File::open(&marker).map_err(io(&marker))?;
        take(&lock).map_err(|_| DataDirError::InUse(path.to_owned()))?;
        let found = read_marker(path, &marker)?;
        close_to_others(path)?;
        if found != *origin {
            return Err(DataDirError::OtherTenant {
                path: path.to_owned(),
                found: found.to_string(),
                asked: origin.to_string(),
            });
        }
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// A file in the folder.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// A file in the folder that only its owner can read, empty if it is new: whoever opens it by name keeps these permissions, and
    /// SQLite gives them to the files beside it.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn private_file(&self, name: &str) -> Result<PathBuf, DataDirError> {
        let path = self.file(name);
        fs::OpenOptions::new().append(true).create(true).mode(0o600).open(&path).map_err(io(&path))?;
        Ok(path)
    }
}

/// Takes the folder and what is in it away from everybody but its owner: an earlier version, or whoever made the folder, may have
/// left it open.
fn close_to_others(folder: &Path) -> Result<(), DataDirError> {
    let close = |path: &Path, mode: u32| {
        let of_others = fs::metadata(path).map_err(io(path))?.permissions().mode() & 0o077;
        if of_others == 0 {
            return Ok(());
        }
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(io(path))
    };
    close(folder, 0o700)?;
    for entry in fs::read_dir(folder).map_err(io(folder))? {
        let entry = entry.map_err(io(folder))?;
        // What a link leads to may be anybody's.
        if entry.file_type().map_err(io(folder))?.is_file() {
            close(&entry.path(), 0o600)?;
        }
    }
    Ok(())
}

fn read_marker(folder: &Path, marker: &Path) -> Result<Origin, DataDirError> {
    let corrupt = |reason: String| DataDirError::Corrupt { path: marker.to_owned(), folder: folder.to_owned(), reason };
    let text = fs::read_to_string(marker).map_err(io(marker))?;
    let found: Marker = serde_json::from_str(&text).map_err(|error| corrupt(error.to_string()))?;
    if found.format != FORMAT {
        return Err(corrupt(format!("its format is {}, and this version reads {FORMAT}", found.format)));
    }
    Ok(found.origin)
}

/// Writes a file only its owner can read, whole or not at all.
///
/// # Errors
/// When the file system refuses; an earlier file of the name is then untouched.
pub fn write_private(path: &Path, content: &[u8]) -> Result<(), DataDirError> {
    let new = path.with_extension("new");
    let write = || {
        let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&new, path)
    };
    write().map_err(io(path))
}

fn io(path: &Path) -> impl FnOnce(std::io::Error) -> DataDirError {
    let path = path.to_owned();
    move |source| DataDirError::Io { path, source }
}

/// A process that was killed a moment ago may still be on its way out, so the lock is given a few seconds.
#[expect(clippy::disallowed_methods, reason = "it waits for another process")]
fn take(lock: &fs::File) -> Result<(), fs::TryLockError> {
    for _ in 1..LOCK_ATTEMPTS {
        match lock.try_lock() {
            Err(fs::TryLockError::WouldBlock) => std::thread::sleep(LOCK_PAUSE),
            done => return done,
        }
    }
    lock.try_lock()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    const SAMPLE: Origin = Origin::Simulated { users: 10, groups: 10, seed: 1 };

    #[test]
    fn a_folder_is_made_and_opened_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        drop(DataDir::open(&path, &SAMPLE).unwrap());
        DataDir::open(&path, &SAMPLE).unwrap();
    }

    #[test]
    fn a_folder_of_something_else_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("thesis.doc"), "important").unwrap();
        assert!(matches!(DataDir::open(folder.path(), &SAMPLE), Err(DataDirError::Foreign(_))));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_damaged_folder_says_so_and_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(MARKER), "{\"format\":").unwrap();
        let error = DataDir::open(folder.path(), &SAMPLE).unwrap_err().to_string();
        assert!(error.contains("is damaged") && error.contains("--data-dir"), "{error}");
    }

    #[test]
    fn a_folder_of_another_tenant_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        drop(DataDir::open(folder.path(), &SAMPLE).unwrap());
        let other = Origin::Simulated { users: 11, groups: 10, seed: 1 };
        let error = DataDir::open(folder.path(), &other).unwrap_err().to_string();
        assert!(error.contains("--users 10") && error.contains("--users 11"), "{error}");
    }

    #[test]
    fn two_processes_do_not_share_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        let _first = DataDir::open(folder.path(), &SAMPLE).unwrap();
        assert!(matches!(DataDir::open(folder.path(), &SAMPLE), Err(DataDirError::InUse(_))));
    }

    #[test]
    fn folder_open_to_others_is_closed_with_all_that_is_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        let opened = DataDir::open(&path, &SAMPLE).unwrap();
        let database = opened.private_file("dynamodb.sqlite").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&database), 0o600);
        drop(opened);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        fs::set_permissions(&database, fs::Permissions::from_mode(0o644)).unwrap();
        let _opened = DataDir::open(&path, &SAMPLE).unwrap();
        assert_eq!([mode(&path), mode(&database), mode(&path.join(MARKER))], [0o700, 0o600, 0o600]);
    }

    #[test]
    fn private_files_are_readable_by_their_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("admin-token");
        write_private(&path, b"secret").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
