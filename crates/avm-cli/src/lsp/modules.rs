//! Modules that a text imports: `NAME.avm` beside it, as it is in the editor or else on disk.

use std::cell::OnceCell;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use avm_lang::compile::{ModuleText, Modules};
use avm_lang::lexer::MAX_SOURCE;

/// A module that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Module {
    /// Its number in spans.
    pub file: u32,
    /// Where it is.
    pub path: PathBuf,
    /// What is written.
    pub text: String,
}

/// The modules in the folder of a text, read when they are asked for.
pub struct Beside<'a> {
    folder: Option<PathBuf>,
    open: &'a dyn Fn(&Path) -> Option<String>,
    first: OnceCell<Box<Link>>,
}

/// One module, and the one that was asked for after it. A chain only grows, so texts that were
/// handed out stay where they are.
struct Link {
    name: String,
    module: Option<Module>,
    next: OnceCell<Box<Link>>,
}

impl<'a> Beside<'a> {
    /// Modules beside a file. `open` has the texts that an editor holds.
    #[must_use]
    pub fn new(path: Option<&Path>, open: &'a dyn Fn(&Path) -> Option<String>) -> Self {
        Self {
            folder: path.and_then(Path::parent).map(Path::to_owned),
            open,
            first: OnceCell::new(),
        }
    }

    /// The modules that were found.
    #[must_use]
    pub fn found(self) -> Vec<Module> {
        let mut found = Vec::new();
        let mut link = self.first.into_inner();
        while let Some(inner) = link {
            found.extend(inner.module);
            link = inner.next.into_inner();
        }
        found
    }

    /// Reads a module; its number is `file`.
    fn read(&self, name: &str, file: u32) -> Option<Module> {
        // A name may hold any sign that a word may, and must not lead elsewhere.
        let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
        if name.is_empty() || !name.chars().all(plain) {
            return None;
        }
        let path = self.folder.as_ref()?.join(format!("{name}.avm"));
        let text = (self.open)(&path).or_else(|| {
            let mut text = String::new();
            let limit = MAX_SOURCE as u64 + 1;
            let read = File::open(&path)
                .ok()?
                .take(limit)
                .read_to_string(&mut text);
            read.ok().map(|_| text)
        })?;
        Some(Module { file, path, text })
    }
}

impl Modules for Beside<'_> {
    fn module(&self, name: &str) -> Option<ModuleText<'_>> {
        let mut slot = &self.first;
        // File 0 is the text itself.
        let mut file = 1;
        while let Some(link) = slot.get() {
            if link.name == name {
                break;
            }
            slot = &link.next;
            file += 1;
        }
        let link = slot.get_or_init(|| {
            Box::new(Link {
                name: name.to_owned(),
                module: self.read(name, file),
                next: OnceCell::new(),
            })
        });
        let module = link.module.as_ref()?;
        Some(ModuleText {
            file: module.file,
            text: &module.text,
        })
    }
}

/// The path of a `file:` address, if it is one of this machine.
#[must_use]
pub fn path_of(uri: &str) -> Option<PathBuf> {
    let rest = uri.strip_prefix("file://")?;
    let rest = rest.strip_prefix("localhost").unwrap_or(rest);
    let mut bytes = Vec::with_capacity(rest.len());
    let mut from = rest.bytes();
    while let Some(byte) = from.next() {
        bytes.push(match byte {
            b'%' => {
                let digit = |b: Option<u8>| char::from(b?).to_digit(16);
                let value = digit(from.next())? * 16 + digit(from.next())?;
                value as u8
            }
            byte => byte,
        });
    }
    let path = String::from_utf8(bytes).ok()?;
    if !path.starts_with('/') || path.contains('\0') {
        return None;
    }
    // `/C:/x` where paths begin with a drive.
    let drive = cfg!(windows) && path.as_bytes().get(2) == Some(&b':');
    Some(PathBuf::from(if drive { &path[1..] } else { &path }))
}

/// The address of a path.
#[must_use]
pub fn uri_of(path: &Path) -> String {
    let path = path.to_string_lossy().replace('\\', "/");
    let mut uri = String::from(if path.starts_with('/') {
        "file://"
    } else {
        "file:///"
    });
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' | b'~' => {
                uri.push(char::from(byte));
            }
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_paths() {
        for path in ["/a/b.avm", "/with space/é#%.avm", "/"] {
            assert_eq!(path_of(&uri_of(Path::new(path))), Some(PathBuf::from(path)));
        }
        assert_eq!(path_of("file:///a%20b"), Some("/a b".into()));
        for other in [
            "untitled:1",
            "file://host/a",
            "file:///%",
            "file:///%zz",
            "file:///%ff",
            "file:///%00",
        ] {
            assert_eq!(path_of(other), None, "{other}");
        }
    }

    #[test]
    fn a_module_is_what_is_in_the_editor_or_else_on_disk() {
        let dir = tempfile::TempDir::new().unwrap();
        std::fs::write(dir.path().join("a.avm"), "disk a").unwrap();
        std::fs::write(dir.path().join("b.avm"), "disk b").unwrap();
        let open = |path: &Path| path.ends_with("b.avm").then(|| "open b".to_owned());
        let main = dir.path().join("sub/../main.avm");
        let beside = Beside::new(Some(&main), &open);
        let text = |name: &str| beside.module(name).map(|m| (m.file, m.text));
        assert_eq!(text("a"), None, "the folder `sub` does not exist");
        let beside = Beside::new(Some(&dir.path().join("main.avm")), &open);
        let text = |name: &str| beside.module(name).map(|m| (m.file, m.text));
        let first = text("a");
        assert_eq!(first, Some((1, "disk a")));
        assert_eq!(text("../a"), None);
        assert_eq!(text("b"), Some((3, "open b")));
        assert_eq!(text("missing"), None);
        assert_eq!(text("a"), first);
        let found = beside.found();
        assert_eq!(found.iter().map(|m| m.file).collect::<Vec<_>>(), [1, 3]);
    }
}
