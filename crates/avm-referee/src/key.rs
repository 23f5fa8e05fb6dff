//! Keys and signatures, and what exactly is signed.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use avm_core::Hash;
use ed25519_dalek::{Signer, SigningKey, VerifyingKey};

/// First line of a key file.
const KEY_FILE: &str = "avm-dispute-key 1";
/// Longest key file that is read.
const MAX_KEY_FILE: u64 = 256;

/// An Ed25519 public key. A party is its key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey(pub [u8; 32]);

/// An Ed25519 signature.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature(pub [u8; 64]);

/// A secret key. It is wiped from memory when dropped and never shown.
pub struct Key(SigningKey);

/// What is signed. Every message names its purpose and its game, so none fits anywhere else.
#[derive(Clone, Copy, Debug)]
pub enum Message<'a> {
    /// The opening of a game, by the referee.
    Opening {
        /// Id of the game.
        game: Hash,
    },
    /// An event of a party. It names its round, so that what a party once said cannot be said again
    /// in its name later.
    Party {
        /// Id of the game.
        game: Hash,
        /// The round it is meant for; 0 while parties join.
        round: u32,
        /// The event as bytes.
        event: &'a [u8],
    },
    /// A close, by the referee. It covers everything before it, so that a referee that shows two
    /// records of one game has signed both.
    Referee {
        /// Id of the game.
        game: Hash,
        /// Hash chain of the record before it.
        chain: Hash,
        /// The event as bytes.
        event: &'a [u8],
    },
}

impl Message<'_> {
    /// The bytes that are signed.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(128);
        match self {
            Message::Opening { game } => {
                out.extend(b"avm-dispute/1 opening\0");
                out.extend(game.0);
            }
            Message::Party { game, round, event } => {
                out.extend(b"avm-dispute/1 party\0");
                out.extend(game.0);
                out.extend(round.to_be_bytes());
                out.extend(Hash::keccak(event).0);
            }
            Message::Referee { game, chain, event } => {
                out.extend(b"avm-dispute/1 referee\0");
                out.extend(game.0);
                out.extend(chain.0);
                out.extend(Hash::keccak(event).0);
            }
        }
        out
    }
}

impl PublicKey {
    /// Whether `signature` is this key's, by the strict rules: no weak key, one form each.
    #[must_use]
    pub fn verifies(&self, message: &Message<'_>, signature: &Signature) -> bool {
        let signature = ed25519_dalek::Signature::from_bytes(&signature.0);
        let key = VerifyingKey::from_bytes(&self.0);
        key.is_ok_and(|key| key.verify_strict(&message.to_bytes(), &signature).is_ok())
    }

    /// The key that [`PublicKey`] shows as, the inverse of its `Display`.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        from_hex(text.trim_start_matches("0x")).map(Self)
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature({:02x}{:02x}..)", self.0[0], self.0[1])
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key of {}", self.public())
    }
}

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The system gives no random numbers.
    #[error("the system gives no random numbers: {0}")]
    Random(String),
    /// The file cannot be read or written.
    #[error("the key file {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is something else.
    #[error("{} is not a key file: its first line has to be `{KEY_FILE}`, its second 64 hex digits", path.display())]
    Form {
        /// The file.
        path: PathBuf,
    },
    /// Others may read it.
    #[error("the key file {} may be used by others (mode {mode:o}), it has to be 600", path.display())]
    Mode {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
}

impl Key {
    /// A new key from the randomness of the system.
    ///
    /// # Errors
    /// If there is none.
    pub fn generate() -> Result<Self, KeyError> {
        Ok(Self::from_seed(random()?))
    }

    /// The key of a seed, which is the secret.
    #[must_use]
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self(SigningKey::from_bytes(&seed))
    }

    /// The public key.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key().to_bytes())
    }

    /// Signs.
    #[must_use]
    pub fn sign(&self, message: &Message<'_>) -> Signature {
        Signature(self.0.sign(&message.to_bytes()).to_bytes())
    }

    /// Reads the key in `path`; if there is no such file, makes a key and writes it there, for its
    /// owner only, whole or not at all.
    ///
    /// # Errors
    /// If the file is no key file, others may read it, or it cannot be read or written.
    pub fn load_or_create(path: &Path) -> Result<Self, KeyError> {
        match Self::load(path) {
            Err(KeyError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                Self::create(path)
            }
            other => other,
        }
    }

    /// Reads the key in `path`.
    ///
    /// # Errors
    /// As [`Key::load_or_create`].
    pub fn load(path: &Path) -> Result<Self, KeyError> {
        let fail = |source| KeyError::Io {
            path: path.into(),
            source,
        };
        let file = File::open(path).map_err(fail)?;
        check_mode(path, &file.metadata().map_err(fail)?)?;
        let mut text = String::new();
        let read = file.take(MAX_KEY_FILE).read_to_string(&mut text);
        let form = || KeyError::Form { path: path.into() };
        read.map_err(|e| match e.kind() {
            io::ErrorKind::InvalidData => form(),
            _ => fail(e),
        })?;
        let mut lines = text.lines();
        let seed = match (lines.next(), lines.next().and_then(from_hex), lines.next()) {
            (Some(KEY_FILE), Some(seed), None) => seed,
            _ => return Err(form()),
        };
        Ok(Self::from_seed(seed))
    }

    fn create(path: &Path) -> Result<Self, KeyError> {
        let fail = |source| KeyError::Io {
            path: path.into(),
            source,
        };
        let seed = random::<32>()?;
        let mut text = format!("{KEY_FILE}\n");
        seed.iter().for_each(|byte| text += &format!("{byte:02x}"));
        text.push('\n');
        let mut beside = path.as_os_str().to_owned();
        beside.push(format!(".{}.new", std::process::id()));
        let beside = PathBuf::from(beside);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let written = options.open(&beside).and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()
        });
        // A link, unlike a rename, never takes the place of a key that somebody made meanwhile.
        let linked = written.and_then(|()| fs::hard_link(&beside, path));
        let _ = fs::remove_file(&beside);
        match linked {
            Ok(()) => Ok(Self::from_seed(seed)),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Self::load(path),
            Err(e) => Err(fail(e)),
        }
    }
}

#[cfg(unix)]
fn check_mode(path: &Path, metadata: &fs::Metadata) -> Result<(), KeyError> {
    let mode = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o777;
    if mode & 0o077 == 0 {
        return Ok(());
    }
    let path = path.into();
    Err(KeyError::Mode { path, mode })
}

#[cfg(not(unix))]
fn check_mode(_: &Path, _: &fs::Metadata) -> Result<(), KeyError> {
    Ok(())
}

/// Bytes from the randomness of the system.
///
/// # Errors
/// If there is none.
pub fn random<const N: usize>() -> Result<[u8; N], KeyError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|e| KeyError::Random(e.to_string()))?;
    Ok(bytes)
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    let digits: Vec<u8> = text
        .chars()
        .map(|c| c.to_digit(16).map(|digit| digit as u8))
        .collect::<Option<_>>()?;
    if digits.len() != 64 {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = pair[0] << 4 | pair[1];
    }
    Some(bytes)
}
