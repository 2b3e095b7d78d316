//! Where things lie on this machine: directories, key files, stores, and the locks of their owners.

use super::{Fault, ambient, output};
use crate::model::Name;
use crate::model::limits::COMPLETED_FILES_MAX;
use crate::secure::Identity;
use crate::shell::Exit;
use directories::ProjectDirs;
use nix::fcntl::{Flock, FlockArg, OFlag};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// A profile that is ours until this is dropped.
#[derive(Debug)]
pub struct Profile {
    /// Its directory.
    pub directory: PathBuf,
    /// The file of lines typed.
    pub history: PathBuf,
    _lock: Flock<File>,
}

impl Profile {
    /// Makes the profile's directory, if need be, and locks it.
    ///
    /// # Errors
    /// If a running program has it, or others can get at it.
    pub fn open(data: Option<&Path>, name: &Name) -> Result<Self, Fault> {
        Self::open_if_free(data, name)?.ok_or_else(|| {
            let words = format!("Registration request rejected - name {name} used.");
            let mut fault = Fault::new(Exit::Unreachable, &words);
            fault.line += "\n  a program on this machine has this profile: end that one first";
            fault
        })
    }

    /// The same; none if a running program has it.
    ///
    /// # Errors
    /// If others can get at it.
    pub fn open_if_free(data: Option<&Path>, name: &Name) -> Result<Option<Self>, Fault> {
        let directory = profile_directory(data, name)?;
        let Some(lock) = lock(&directory)? else {
            return Ok(None);
        };
        tell_place(data, &directory);
        let history = state_directory(data)?
            .join("profiles")
            .join(name.to_lower());
        make_private(&history)?;
        Ok(Some(Self {
            directory,
            history: history.join("history"),
            _lock: lock,
        }))
    }

    /// The file of its store.
    #[must_use]
    pub fn store(&self) -> PathBuf {
        self.directory.join("client.db")
    }

    /// The profile's key; a new one at first use.
    ///
    /// # Errors
    /// If the file is not right, or others can get at it.
    pub fn identity(&self) -> Result<Identity, Fault> {
        identity(&self.directory.join("identity.key"))
    }
}

/// The directory of a server, ours until this is dropped.
#[derive(Debug)]
pub struct ServerData {
    directory: PathBuf,
    _lock: Flock<File>,
}

impl ServerData {
    /// Makes `server/` of the data directory, if need be, and locks it.
    ///
    /// # Errors
    /// If a running server has it, or others can get at it.
    pub fn open(data: Option<&Path>) -> Result<Self, Fault> {
        let directory = server_directory(data)?;
        let lock = lock(&directory)?.ok_or_else(|| {
            let shown = directory.display();
            let words = format!("Another server uses {shown}: stop it, or choose --data DIR.");
            Fault::new(Exit::Unreachable, &words)
        })?;
        tell_place(data, &directory);
        Ok(Self {
            directory,
            _lock: lock,
        })
    }

    /// The server's key; a new one at first use.
    ///
    /// # Errors
    /// If the file is not right, or others can get at it.
    pub fn identity(&self) -> Result<Identity, Fault> {
        identity(&self.directory.join("server.key"))
    }
}

/// Nobody said where files belong: what the system says of the user decides.
fn tell_place(data: Option<&Path>, directory: &Path) {
    let has_home = std::env::var_os("HOME").is_some_and(|home| !home.is_empty());
    if data.is_none() && !has_home && std::env::var_os("XDG_DATA_HOME").is_none() {
        let words = format!("[HOME is not set: data is in {}.]", directory.display());
        output::complain(&words);
    }
}

/// The longest path of a socket: `sun_path` has 104 bytes on macOS, 108 on Linux.
const SOCKET_PATH_BYTES_MAX: usize = 100;

/// Where the running session of a profile listens; `chosen` (`--sock`, `ACKCHAT_SOCK`) wins. It is
/// the same for programs that start elsewhere.
///
/// # Errors
/// There is no directory for it, or its path is too long for a socket.
pub fn socket(
    data: Option<&Path>,
    profile: &Name,
    chosen: Option<&Path>,
) -> Result<PathBuf, Fault> {
    let path = match chosen {
        Some(path) => std::path::absolute(path).unwrap_or_else(|_| path.to_owned()),
        None => runtime_directory(data)?.join(format!("{}.sock", profile.to_lower())),
    };
    if path.as_os_str().len() > SOCKET_PATH_BYTES_MAX {
        let words = format!(
            "The path of the socket is longer than {SOCKET_PATH_BYTES_MAX} bytes: choose a \
             shorter one with --sock FILE. ({})",
            path.display()
        );
        return Err(Fault::new(Exit::Usage, &words));
    }
    Ok(path)
}

/// Makes the directory of a socket that nobody chose; one that was chosen has to be there.
///
/// # Errors
/// It cannot be made, or others can get at it.
pub fn make_socket_directory(path: &Path, chosen: bool) -> Result<(), Fault> {
    match path.parent() {
        Some(directory) if !chosen => make_private(directory),
        _ => Ok(()),
    }
}

/// What lives as long as the session; macOS has no place of its own for it.
fn runtime_directory(data: Option<&Path>) -> Result<PathBuf, Fault> {
    let project = ProjectDirs::from("", "", "ackchat").filter(|_| data.is_none());
    let runtime = project.and_then(|project| project.runtime_dir().map(Path::to_owned));
    match runtime {
        Some(directory) => Ok(directory),
        None => Ok(state_directory(data)?.join("run")),
    }
}

/// The store of a profile, or of the server.
///
/// # Errors
/// There is no data directory.
pub fn store(data: Option<&Path>, profile: Option<&Name>) -> Result<PathBuf, Fault> {
    match profile {
        Some(name) => Ok(profile_directory(data, name)?.join("client.db")),
        None => Ok(server_directory(data)?.join("store.db")),
    }
}

/// The names of the profiles that there are, in order.
#[must_use]
pub fn profiles(data: Option<&Path>) -> Vec<String> {
    let folder = data_directory(data).map(|data| data.join("profiles"));
    let entries = folder.ok().and_then(|folder| fs::read_dir(folder).ok());
    let names = entries.into_iter().flatten().flatten();
    let names = names.filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<String> = names.filter(|name| name.parse::<Name>().is_ok()).collect();
    names.sort();
    names
}

fn profile_directory(data: Option<&Path>, name: &Name) -> Result<PathBuf, Fault> {
    // Names are equal without regard to case, so are their profiles.
    let folder = name.to_lower();
    Ok(data_directory(data)?.join("profiles").join(folder))
}

fn server_directory(data: Option<&Path>) -> Result<PathBuf, Fault> {
    Ok(data_directory(data)?.join("server"))
}

/// Makes a directory, and its lock; none if somebody else has it.
fn lock(directory: &Path) -> Result<Option<Flock<File>>, Fault> {
    make_private(directory)?;
    let path = directory.join("lock");
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true).mode(0o600);
    options.custom_flags(OFlag::O_NOFOLLOW.bits());
    let file = options
        .open(&path)
        .map_err(|error| cannot("open", &path, &error))?;
    match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
        Ok(lock) => Ok(Some(lock)),
        Err((_, nix::errno::Errno::EWOULDBLOCK)) => Ok(None),
        Err((_, errno)) => Err(cannot("lock", &path, &errno.into())),
    }
}

fn data_directory(data: Option<&Path>) -> Result<PathBuf, Fault> {
    if let Some(directory) = data {
        return Ok(directory.to_owned());
    }
    let project = ProjectDirs::from("", "", "ackchat");
    let found = project.map(|project| project.data_dir().to_owned());
    found.ok_or_else(|| {
        let words = "There is no home directory: say where data belongs with --data DIR.";
        Fault::new(Exit::Usage, words)
    })
}

/// Where config.toml and rc.chat are.
///
/// # Errors
/// There is no home directory.
pub fn config_directory() -> Result<PathBuf, Fault> {
    let project = ProjectDirs::from("", "", "ackchat");
    let found = project.map(|project| project.config_dir().to_owned());
    found.ok_or_else(|| {
        let words = "There is no home directory: say where config.toml is with --config FILE.";
        Fault::new(Exit::Usage, words)
    })
}

/// Reads a file that others may read and nobody else may write.
///
/// # Errors
/// It is not there, too long, no text, or others can write to it.
pub fn read_shared(path: &Path, bytes_max: u64) -> io::Result<String> {
    let wrong = |words: &str| io::Error::new(io::ErrorKind::InvalidData, words.to_owned());
    let file = File::open(path)?;
    let meta = file.metadata()?;
    if meta.mode() & 0o022 != 0 {
        return Err(wrong("others can write to it, run chmod go-w first"));
    }
    if meta.len() > bytes_max {
        return Err(wrong("it is too long"));
    }
    let mut text = String::new();
    file.take(bytes_max).read_to_string(&mut text)?;
    Ok(text)
}

/// Where it is kept what other programs say of themselves.
///
/// # Errors
/// There is no directory for it.
pub fn manifests(data: Option<&Path>) -> Result<PathBuf, Fault> {
    Ok(state_directory(data)?.join("manifests"))
}

/// What may be lost; macOS has no place of its own for it.
fn state_directory(data: Option<&Path>) -> Result<PathBuf, Fault> {
    let project = ProjectDirs::from("", "", "ackchat").filter(|_| data.is_none());
    project.map_or_else(
        || data_directory(data),
        |project| {
            let state = project.state_dir();
            Ok(state.unwrap_or_else(|| project.data_local_dir()).to_owned())
        },
    )
}

fn make_private(directory: &Path) -> Result<(), Fault> {
    let made = DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory);
    made.map_err(|error| cannot("make", directory, &error))?;
    let meta = fs::metadata(directory).map_err(|error| cannot("read", directory, &error))?;
    demand_private(directory, &meta, "700")
}

fn identity(path: &Path) -> Result<Identity, Fault> {
    let seed = match read_key(path)? {
        Some(seed) => seed,
        None => make_key(path)?,
    };
    Ok(Identity::from_seed(*seed))
}

const KEY_HEAD: &str = "ackchat-identity 1\nseed ";
/// The head, 64 hex digits and a newline.
const KEY_BYTES: usize = KEY_HEAD.len() + 65;

type Seed = Zeroizing<[u8; 32]>;

fn read_key(path: &Path) -> Result<Option<Seed>, Fault> {
    let mut options = OpenOptions::new();
    options
        .read(true)
        .custom_flags((OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits());
    let file = match options.open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(|error| cannot("read", path, &error))?,
    };
    let meta = file
        .metadata()
        .map_err(|error| cannot("read", path, &error))?;
    demand_private(path, &meta, "600")?;
    let mut text = Zeroizing::new(String::with_capacity(KEY_BYTES + 1));
    let read = file.take(KEY_BYTES as u64 + 1).read_to_string(&mut text);
    let seed = read.ok().and_then(|_| parse_key(&text));
    seed.map(Some).ok_or_else(|| {
        let path = path.display();
        let words = format!("{path} is not a key file: put the right one in its place.");
        Fault::new(Exit::Usage, &words)
    })
}

fn parse_key(text: &str) -> Option<Seed> {
    let digits = text.strip_prefix(KEY_HEAD)?;
    let digits = digits.strip_suffix('\n').unwrap_or(digits).as_bytes();
    let (pairs, rest) = digits.as_chunks::<2>();
    if pairs.len() != 32 || !rest.is_empty() {
        return None;
    }
    let mut seed = Zeroizing::new([0; 32]);
    for (byte, [high, low]) in seed.iter_mut().zip(pairs) {
        *byte = hex(*high)? << 4 | hex(*low)?;
    }
    Some(seed)
}

fn hex(digit: u8) -> Option<u8> {
    let value = char::from(digit).to_digit(16)?;
    u8::try_from(value).ok()
}

fn key_text(seed: &[u8; 32]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(KEY_BYTES));
    text.push_str(KEY_HEAD);
    for byte in seed {
        for digit in [byte >> 4, byte & 15] {
            text.push(char::from_digit(digit.into(), 16).expect("four bits are a hex digit"));
        }
    }
    text.push('\n');
    text
}

/// Writes a new key under another name, and gives it its name when it is durable.
fn make_key(path: &Path) -> Result<Seed, Fault> {
    let seed = Zeroizing::new(ambient::random());
    match place_key(path, &key_text(&seed)) {
        Ok(()) => Ok(seed),
        // Another program was faster: then its key is the one.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            read_key(path)?.ok_or_else(|| cannot("read", path, &error))
        }
        Err(error) => Err(cannot("make", path, &error)),
    }
}

fn place_key(path: &Path, text: &str) -> io::Result<()> {
    let directory = path.parent().expect("a key file lies in a directory");
    let temporary = path.with_extension(format!("new-{}", std::process::id()));
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    options.custom_flags(OFlag::O_NOFOLLOW.bits());
    // What a crash left behind under this process number was never a key of anybody.
    fs::remove_file(&temporary).ok();
    let mut file = options.open(&temporary)?;
    let written = file
        .write_all(text.as_bytes())
        .and_then(|()| file.sync_all());
    // Unlike a rename, a link never replaces a key that appeared meanwhile.
    let placed = written.and_then(|()| fs::hard_link(&temporary, path));
    fs::remove_file(&temporary)?;
    placed?;
    File::open(directory)?.sync_all()
}

/// Writes a new file that only its owner can read, and returns when it is on disk.
///
/// # Errors
/// It exists already, or cannot be written; nothing is left of it then.
pub fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    let mut file = options.open(path)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    if written.is_err() {
        fs::remove_file(path).ok();
    }
    written
}

/// The paths that begin so, folders with a `/` at their end, in order; for completion.
#[must_use]
pub fn beginning(begin: &str) -> Vec<String> {
    let (folder, name) = match begin.rfind('/') {
        Some(at) => begin.split_at(at + 1),
        None => ("", begin),
    };
    let place = if folder.is_empty() { "." } else { folder };
    let Ok(entries) = fs::read_dir(place) else {
        return Vec::new();
    };
    let row = |entry: fs::DirEntry| {
        let found = entry.file_name().into_string().ok()?;
        let is_hidden = found.starts_with('.') && !name.starts_with('.');
        let is_wanted = found.starts_with(name) && !is_hidden;
        let is_harmless = !found.chars().any(char::is_control);
        let end = if entry.path().is_dir() { "/" } else { "" };
        (is_wanted && is_harmless).then(|| format!("{folder}{found}{end}"))
    };
    let rows = entries.flatten().filter_map(row);
    let mut rows: Vec<String> = rows.take(COMPLETED_FILES_MAX).collect();
    rows.sort();
    rows
}

/// Why a file could not be written, without the numbers of an operating system.
#[must_use]
pub fn why(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AlreadyExists => "there is such a file already".to_owned(),
        io::ErrorKind::NotFound => "there is no such folder".to_owned(),
        io::ErrorKind::PermissionDenied => "it is not permitted".to_owned(),
        io::ErrorKind::StorageFull => "the disk is full".to_owned(),
        _ => error.to_string(),
    }
}

/// As ssh does: a secret that others may read is no secret.
fn demand_private(path: &Path, meta: &fs::Metadata, mode: &str) -> Result<(), Fault> {
    let path = path.display();
    if meta.uid() != nix::unistd::geteuid().as_raw() {
        let words = format!("{path} belongs to another user: choose another place with --data.");
        return Err(Fault::new(Exit::Usage, &words));
    }
    if meta.mode() & 0o077 != 0 {
        let words = format!("{path} is open to other users: run chmod {mode} {path} first.");
        return Err(Fault::new(Exit::Usage, &words));
    }
    Ok(())
}

fn cannot(verb: &str, path: &Path, error: &io::Error) -> Fault {
    let words = format!("Cannot {verb} {}: {error}.", path.display());
    Fault::new(Exit::Unreachable, &words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn mode(path: &Path) -> u32 {
        path.metadata().unwrap().permissions().mode() & 0o777
    }

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_path_is_completed_by_what_lies_in_its_folder() {
        let data = tempfile::tempdir().unwrap();
        for file in ["talk.txt", "tall", ".hidden", "odd\nname"] {
            fs::write(data.path().join(file), "").unwrap();
        }
        fs::create_dir(data.path().join("table")).unwrap();
        let folder = format!("{}/", data.path().display());
        let found = |begin: &str| -> Vec<String> {
            let paths = beginning(&format!("{folder}{begin}"));
            let rests = paths.iter().map(|path| path.strip_prefix(&folder).unwrap());
            rests.map(str::to_owned).collect()
        };
        assert_eq!(found(""), ["table/", "talk.txt", "tall"]);
        assert_eq!(found("tal"), ["talk.txt", "tall"]);
        assert_eq!(found(".h"), [".hidden"]);
        assert_eq!(found("zoo/"), [""; 0]);
    }

    #[test]
    fn a_key_is_made_once_and_is_private() {
        let data = tempfile::tempdir().unwrap();
        let path = data.path().join("identity.key");
        let seed = make_key(&path).unwrap();
        assert_eq!(read_key(&path).unwrap(), Some(seed.clone()));
        assert_eq!(make_key(&path).unwrap(), seed, "the first one stays");
        assert_eq!(mode(&path), 0o600);
        assert_eq!(fs::read_dir(data.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_key_that_others_may_read_is_refused_with_an_advice() {
        let data = tempfile::tempdir().unwrap();
        let path = data.path().join("identity.key");
        make_key(&path).unwrap();
        for wrong in [0o640, 0o604, 0o610, 0o602] {
            set_mode(&path, wrong);
            let fault = read_key(&path).unwrap_err();
            assert_eq!(fault.exit, Exit::Usage);
            assert!(fault.line.contains("run chmod 600"), "{}", fault.line);
        }
        set_mode(&path, 0o400);
        assert!(read_key(&path).is_ok());
    }

    #[test]
    fn a_directory_that_others_may_read_is_refused() {
        let data = tempfile::tempdir().unwrap();
        let directory = data.path().join("ours");
        make_private(&directory).unwrap();
        set_mode(&directory, 0o750);
        let fault = make_private(&directory).unwrap_err();
        assert!(fault.line.contains("run chmod 700"), "{}", fault.line);
    }

    #[test]
    fn a_link_is_no_key_file() {
        let data = tempfile::tempdir().unwrap();
        let (path, link) = (data.path().join("a"), data.path().join("b"));
        make_key(&path).unwrap();
        symlink(&path, &link).unwrap();
        assert!(read_key(&link).is_err());
    }

    #[test]
    fn only_a_whole_key_is_a_key() {
        let text = key_text(&[0xa5; 32]);
        assert_eq!(*parse_key(&text).unwrap(), [0xa5; 32]);
        assert_eq!(text.len(), KEY_BYTES);
        assert!(parse_key(text.trim_end()).is_some());
        let digits = text.trim_end();
        for wrong in [
            String::new(),
            digits[..digits.len() - 1].to_owned(),
            format!("{digits}0"),
            digits.replace('a', "g"),
            digits.replace(" 1\n", " 2\n"),
            format!("{digits}\n\n"),
        ] {
            assert!(parse_key(&wrong).is_none(), "{wrong:?}");
        }
    }

    #[test]
    fn a_socket_lies_in_a_private_directory_unless_somebody_chose_a_place() {
        let data = tempfile::tempdir().unwrap();
        let bob: Name = "Bob".parse().unwrap();
        let path = socket(Some(data.path()), &bob, None).unwrap();
        assert_eq!(path, data.path().join("run/bob.sock"));
        make_socket_directory(&path, false).unwrap();
        assert_eq!(mode(path.parent().unwrap()), 0o700);
        for (length, fits) in [(99, true), (100, true), (101, false)] {
            let chosen = PathBuf::from(format!("/{}", "x".repeat(length - 1)));
            let found = socket(None, &bob, Some(&chosen));
            assert_eq!(found.is_ok(), fits, "{length}");
            if let Err(fault) = found {
                assert!(fault.line.contains("--sock"), "{}", fault.line);
            }
        }
        let relative = socket(None, &bob, Some(Path::new("bob.sock"))).unwrap();
        assert_eq!(relative, std::env::current_dir().unwrap().join("bob.sock"));
    }

    #[test]
    fn a_profile_is_one_programs_own_whatever_the_case_of_its_name() {
        let data = tempfile::tempdir().unwrap();
        let (bob, shout): (Name, Name) = ("Bob".parse().unwrap(), "BOB".parse().unwrap());
        let first = Profile::open(Some(data.path()), &bob).unwrap();
        assert_eq!(mode(&first.directory), 0o700);
        let fault = Profile::open(Some(data.path()), &shout).unwrap_err();
        let line = "[Registration request rejected - name BOB used.]\n  \
            a program on this machine has this profile: end that one first";
        assert_eq!((fault.line.as_str(), fault.exit), (line, Exit::Unreachable));
        drop(first);
        assert!(Profile::open(Some(data.path()), &shout).is_ok());
    }
}
