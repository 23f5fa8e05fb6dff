//! `avm doctor`: whether the environment is in order.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::context::Context;
use crate::error::CliError;
use crate::output::{Reply, row};
use crate::registry::MACHINES;

/// `avm doctor`.
///
/// # Errors
/// None; what is wrong is part of the result.
pub fn doctor(ctx: &Context) -> Result<Reply, CliError> {
    let mut warnings = Vec::new();
    let own = std::env::current_exe()
        .and_then(std::fs::canonicalize)
        .unwrap_or_default();
    let first = first_in_path();
    match &first {
        None => warnings.push("avm is not in PATH".to_owned()),
        Some(path) if *path != own => {
            let mut warning = format!("another avm comes first in PATH: {}", path.display());
            if path
                .components()
                .any(|part| part.as_os_str() == ".avm" || part.as_os_str() == "anchor")
            {
                warning.push_str(" (it looks like Anchor's version manager)");
            }
            warnings.push(warning);
        }
        Some(_) => {}
    }
    let writable = writable(Path::new("."));
    if !writable {
        warnings.push(
            "the current directory cannot be written, so nothing can be recorded here".into(),
        );
    }
    let home = ctx.global.home.as_ref();
    if let Some(home) = home.filter(|home| !home.is_dir()) {
        warnings.push(format!(
            "the data directory {} does not exist",
            home.display()
        ));
    }
    let machines: Vec<&str> = MACHINES
        .iter()
        .map(|machine| machine.vm(0).spec())
        .collect();
    let mut text = row("binary", own.display());
    text += &row(
        "in PATH",
        first
            .as_ref()
            .map_or("(none)".into(), |path| path.display().to_string()),
    );
    text += &row("machines", machines.join(", "));
    text += &row("here", if writable { "writable" } else { "read only" });
    text += &row(
        "verdict",
        if warnings.is_empty() {
            "all is well".into()
        } else {
            format!("{} warnings", warnings.len())
        },
    );
    let data = json!({
        "binary": own.display().to_string(),
        "first_in_path": first.map(|path| path.display().to_string()),
        "machines": machines,
        "directory_writable": writable,
        "home": home.map(|home| home.display().to_string()),
    });
    Ok(Reply {
        warnings,
        ..Reply::new(text, data)
    })
}

/// The `avm` that a shell would start.
fn first_in_path() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let name = format!("avm{}", std::env::consts::EXE_SUFFIX);
    let found = std::env::split_paths(&path)
        .map(|dir| dir.join(&name))
        .find(|file| file.is_file());
    found.and_then(|file| std::fs::canonicalize(file).ok())
}

fn writable(dir: &Path) -> bool {
    let probe = dir.join(format!(".avm-doctor-{}", std::process::id()));
    let made = std::fs::File::options()
        .write(true)
        .create_new(true)
        .open(&probe)
        .is_ok();
    made && std::fs::remove_file(&probe).is_ok()
}
