//! People with a folder of their own settings and programs, and a place where those leave what
//! they saw.

use super::programs::{Program, World};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A world whose people share one folder of settings, the one that `ackchat` finds by itself.
pub(super) struct Story {
    pub(super) world: World,
    /// Where `plugins/` is.
    pub(super) folder: PathBuf,
    /// Where programs leave what they saw.
    seen: PathBuf,
}

impl Story {
    pub(super) fn new() -> Self {
        let world = World::new();
        let folder = world.data.path().join(".config/ackchat");
        let seen = world.data.path().join("seen");
        fs::create_dir_all(folder.join("plugins")).unwrap();
        fs::create_dir(&seen).unwrap();
        Self {
            world,
            folder,
            seen,
        }
    }

    /// A program of a few lines of sh that works where things are seen.
    pub(super) fn script(&self, name: &str, lines: &str) -> String {
        let path = self.seen.join(name);
        let seen = self.seen.display();
        write_program(&path, &format!("#!/bin/sh\ncd {seen}\n{lines}\n"));
        path.display().to_string()
    }

    /// A program of a few lines of sh that is a command.
    pub(super) fn program(&self, name: &str, lines: &str) -> PathBuf {
        let path = self.folder.join(format!("plugins/ackchat-{name}"));
        write_program(&path, &format!("#!/bin/sh\n{lines}\n"));
        path
    }

    /// A program of `examples/plugins`, installed.
    pub(super) fn install(&self, name: &str) {
        let name = format!("ackchat-{name}");
        let lines = fs::read_to_string(format!("examples/plugins/{name}")).unwrap();
        write_program(&self.folder.join("plugins").join(name), &lines);
    }

    /// Somebody with these settings.
    pub(super) fn command(&self, name: &str, config: &str) -> Command {
        let path = self.folder.join(format!("{name}.toml"));
        fs::write(&path, config).unwrap();
        let options = ["--keep-going", "--config", path.to_str().unwrap()];
        self.world.client(name, &options)
    }

    pub(super) fn join(&self, name: &str, config: &str) -> Program {
        let mut program = Program::start(&mut self.command(name, config));
        program.until("[Welcome, You are registered.]");
        program.until("[Client table updated.]");
        program
    }

    pub(super) fn path_of(&self, file: &str) -> PathBuf {
        self.seen.join(file)
    }

    /// What a program left in a file.
    pub(super) fn seen(&self, file: &str) -> Option<String> {
        let bytes = fs::read(self.path_of(file)).ok()?;
        Some(String::from_utf8(bytes).unwrap())
    }
}

fn write_program(path: &Path, lines: &str) {
    fs::write(path, lines).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}
