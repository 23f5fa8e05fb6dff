//! `avm completions`, `avm man`, `avm version`.

use std::path::Path;

use clap::CommandFactory;
use clap_complete::Shell;
use serde_json::json;

use crate::cli::{Cli, PROJECT};
use crate::context::Context;
use crate::error::{self, CliError};
use crate::output::Reply;
use crate::registry::MACHINES;

/// `avm completions SHELL`.
#[must_use]
pub fn completions(shell: Shell) -> Reply {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "avm", &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    let data = json!({ "shell": shell.to_string(), "script": script });
    Reply::new(script, data)
}

/// `avm man [DIR]`.
///
/// # Errors
/// If the pages cannot be written.
pub fn man(ctx: &Context, out: Option<&Path>) -> Result<Reply, CliError> {
    let Some(dir) = out else {
        let mut page = Vec::new();
        let rendered = clap_mangen::Man::new(Cli::command()).render(&mut page);
        rendered.map_err(|e| error::output(&e))?;
        let page = String::from_utf8_lossy(&page).into_owned();
        let data = json!({ "page": page });
        return Ok(Reply::new(page, data));
    };
    let written = std::fs::create_dir_all(dir)
        .and_then(|()| clap_mangen::generate_to(Cli::command().disable_help_subcommand(true), dir));
    written.map_err(|e| error::unwritable(dir, &e))?;
    ctx.note(&format!("wrote the manual to {}", dir.display()));
    Ok(Reply::new(
        "",
        json!({ "directory": dir.display().to_string() }),
    ))
}

/// `avm version`.
#[must_use]
pub fn version() -> Reply {
    let version = env!("CARGO_PKG_VERSION");
    let mut text = format!(
        "{PROJECT}\nversion   {version}\nformat    .avmlog {}\n",
        avm_store::VERSION
    );
    for machine in MACHINES {
        text += &format!(
            "machine   {} ({})\n",
            machine.vm(0).id(),
            machine.vm(0).spec()
        );
    }
    let machines = MACHINES
        .iter()
        .map(|machine| json!({ "id": machine.vm(0).id(), "spec": machine.vm(0).spec() }));
    let data = json!({
        "project": PROJECT,
        "version": version,
        "commit": option_env!("AVM_COMMIT"),
        "target": format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS),
        "log_format": avm_store::VERSION,
        "machines": machines.collect::<Vec<_>>(),
    });
    Reply::new(text, data)
}
