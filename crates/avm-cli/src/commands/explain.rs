//! `avm explain CODE`: the page of an error code.

use serde_json::json;

use crate::codes::{self, Code};
use crate::error::CliError;
use crate::output::{Reply, clip};

/// Columns of the text.
const WIDTH: usize = 80;

/// `avm explain [CODE]`.
///
/// # Errors
/// If there is no such code.
pub fn explain(code: Option<&str>) -> Result<Reply, CliError> {
    let Some(text) = code else {
        let text = codes::every()
            .map(|code| format!("{}  exit {:<3}  {}\n", code.id, code.exit, code.title));
        let list = codes::every()
            .map(|code| json!({ "code": code.id, "exit": code.exit, "title": code.title }));
        return Ok(Reply::new(
            text.collect::<String>(),
            json!({ "codes": list.collect::<Vec<_>>() }),
        ));
    };
    let found = codes::find(text).ok_or_else(|| {
        CliError::new(
            &codes::CODE_UNKNOWN,
            format!("there is no error code `{}`", clip(text, 40)),
        )
        .help("codes look like AVM0204; `avm explain` lists all")
    })?;
    let Code {
        id,
        exit,
        title,
        page,
    } = *found;
    let text = format!(
        "{id}: {title}\n\n{}\nThe command exits with {exit}.\n",
        wrapped(page)
    );
    Ok(Reply::new(
        text,
        json!({ "code": id, "exit": exit, "title": title, "page": page }),
    ))
}

fn wrapped(page: &str) -> String {
    let mut text = String::new();
    for paragraph in page.lines() {
        let mut column = 0;
        // Lines of a grammar keep their form.
        if paragraph.contains(":=") {
            text.push_str(paragraph);
            text.push('\n');
            continue;
        }
        for word in paragraph.split(' ') {
            let len = word.chars().count();
            if column > 0 && column + 1 + len > WIDTH {
                text.push('\n');
                column = 0;
            } else if column > 0 {
                text.push(' ');
                column += 1;
            }
            text.push_str(word);
            column += len;
        }
        text.push('\n');
    }
    text
}
