//! `avm check`: what is wrong with source texts, without running them.

use std::path::PathBuf;

use serde_json::json;

use super::fmt;
use crate::anoma::source::{self, Looked};
use crate::context::Context;
use crate::error::CliError;
use crate::files::Source;
use crate::output::{Reply, count};
use crate::registry;

/// `avm check [FILES] [--deny-warnings]`.
///
/// # Errors
/// If a text has errors, or cannot be read.
pub fn check(ctx: &Context, names: &[PathBuf], deny: bool) -> Result<Reply, CliError> {
    let here = [PathBuf::from(".")];
    let paths = fmt::collect(if names.is_empty() { &here } else { names })?;
    let mut looked = Vec::new();
    let mut findings = Vec::new();
    let mut text = String::new();
    for path in &paths {
        ctx.spend(0, String::new)?;
        let file = Source::read(path)?;
        let machine = registry::chosen(ctx.global.machine.as_deref(), &file)?;
        if file.has_extension(&["avm"]) || machine.vm(0).id() == "anoma" {
            looked.push(source::look(&file)?);
            continue;
        }
        machine.assemble(&file, ctx.global.rules.as_deref())?;
        for finding in machine.findings(&file)? {
            text += &format!("{finding}\n");
            findings
                .push(json!({ "severity": "warning", "message": finding, "file": file.name() }));
        }
    }
    let fails = looked.iter().any(|looked| looked.fails(deny));
    let lists = looked.iter().flat_map(Looked::list);
    findings.extend(lists);
    if fails {
        let mut error = source::refused(&looked, deny);
        if !deny {
            // Errors alone went into the report; warnings are part of the result all the same.
            let all = looked.iter().map(Looked::rendered);
            error.rendered = Some(all.collect());
        }
        return Err(error.with("findings", findings));
    }
    let rendered = looked.iter().map(Looked::rendered);
    text += &rendered.collect::<String>();
    let (files, warnings) = (paths.len().to_string(), findings.len().to_string());
    ctx.note(&format!(
        "{}, {}",
        count(&files, "file"),
        count(&warnings, "warning")
    ));
    let data = json!({ "files": paths.len(), "findings": findings });
    Ok(Reply::new(text, data))
}
