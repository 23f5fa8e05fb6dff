//! `avm bundle`: one file that reproduces a point.

use std::path::Path;

use avm_core::Claim;
use avm_store::{Bundle, LogHeader, LogWriter};
use serde_json::json;

use super::prove::{default_name, file_part, moment};
use super::{open, state};
use crate::context::Context;
use crate::error::{self, CliError};
use crate::files;
use crate::locate;
use crate::log::{BUNDLE, Log};
use crate::output::{Reply, count, number, root, row};

/// What goes into the file, and where it is written.
pub struct Options<'a> {
    /// The file, if it was named.
    pub output: Option<&'a Path>,
    /// Without recorded roots.
    pub min: bool,
    /// Why there is a bundle.
    pub why: &'a str,
}

/// `avm bundle POINT`.
///
/// # Errors
/// If there is no such moment, or the file exists or cannot be written.
pub fn bundle(
    ctx: &Context,
    target: &[String],
    inputs: Option<&Path>,
    options: &Options<'_>,
) -> Result<Reply, CliError> {
    let (log, target) = open(ctx, target, inputs)?;
    let point = state::moment(&target)?;
    let mut session = locate::state(ctx, &log, &point)?;
    ctx.end_progress();
    let (at, most) = (moment(&session, &point), session.most);
    let claim = session.claim();
    let claims = match (options.min, log.recorded.is_empty()) {
        (true, _) => Vec::new(),
        (false, true) => vec![claim],
        (false, false) => log.recorded.clone(),
    };
    let claims: Vec<Claim> = claims.into_iter().filter(|c| c.inputs <= most).collect();
    let bytes = pack(&log, most, &claims, &at, options.why)?;
    let path = match options.output {
        Some(path) => path.to_owned(),
        None => default_name(&log, &file_part(&at), BUNDLE),
    };
    files::write_or_keep(&path, &bytes, ctx.global.yes)?;
    let shown = path.display().to_string();
    let (inputs, roots) = (most.to_string(), claims.len().to_string());
    let mut text = row(
        "bundle",
        format!(
            "{at}  {}, {}",
            count(&inputs, "input"),
            count(&roots, "root")
        ),
    );
    text += &row("root", claim.state);
    text += &row("file", format!("{shown}   replay it: avm trace {shown}"));
    let data = json!({
        "point": at,
        "root": root(claim.state),
        "inputs": number(most),
        "roots": claims.len(),
        "file": shown,
        "file_bytes": bytes.len(),
    });
    Ok(Reply::new(text, data))
}

/// A bundle of the first `inputs` inputs of a log and of `claims`, for the point `at`.
///
/// # Errors
/// If the log is too long for one file.
pub fn pack(
    log: &Log,
    inputs: u64,
    claims: &[Claim],
    at: &str,
    why: &str,
) -> Result<Vec<u8>, CliError> {
    let header = LogHeader::for_export(log.identity(), &log.program.image);
    let path = Path::new(&log.name);
    let mut writer = LogWriter::new(Vec::new(), path, &header).map_err(error::store)?;
    let write = |done: u64, writer: &mut LogWriter<Vec<u8>>| {
        let mut after = claims.iter().filter(|claim| claim.inputs == done);
        after.try_for_each(|claim| writer.claim(claim))
    };
    write(0, &mut writer).map_err(error::store)?;
    for (input, done) in log.inputs.iter().zip(1..=inputs) {
        writer.input(input).map_err(error::store)?;
        write(done, &mut writer).map_err(error::store)?;
    }
    let bundle = Bundle {
        identity: log.identity(),
        point: at.into(),
        why: why.into(),
        log: writer.finish().map_err(error::store)?,
    };
    Ok(bundle.to_bytes())
}
