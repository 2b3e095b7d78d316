//! A temporary folder that nobody else can read, and that goes away with what was done in it.

use super::ambient;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// A folder, until it is dropped.
pub(super) struct Folder(PathBuf);

impl Folder {
    /// Makes one whose name begins so.
    pub(super) fn make(what: &str) -> io::Result<Self> {
        let [a, b, c, d, ..] = ambient::random();
        let number = u32::from_be_bytes([a, b, c, d]);
        let path = std::env::temp_dir().join(format!("ackchat-{what}-{number:08x}"));
        DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// A file in it.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_folder_stays() {
        let folder = Folder::make("test").unwrap();
        let path = folder.path().to_owned();
        fs::write(folder.file("a"), "").unwrap();
        assert!(path.join("a").is_file());
        drop(folder);
        assert!(!path.exists());
    }
}
