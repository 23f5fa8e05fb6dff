//! Contract files: source texts, JSON, hex, or the image that a log keeps.
//!
//! ```json
//! { "rules": "avm1", "code": "51", "id": "00..00", "state": { "SPACE": { "KEY": "VALUE" } },
//!   "ft": { "TOKEN": 5 }, "nft": { "TOKEN": true }, "prev_state_hash": "00..00", "methods": "" }
//! ```
//!
//! Only `code` is needed. Names, values and tokens are hex text, as in the reference vectors.

use std::path::Path;

use avm_atomicals::asm;
use avm_atomicals::machine::Image;
use avm_atomicals::script::{Rules, instr, tables};
use avm_core::{Bytes, Hash};
use serde_json::{Map, Value};

use super::place::{Read, Wrong};
use super::tx;
use super::vectors::recorded::to_cbor;
use crate::codes;
use crate::error::{self, CliError};
use crate::files::Source;
use crate::registry::Loaded;

/// Name endings of source texts.
pub(super) const SOURCE: &[&str] = &["script"];
/// Members of a contract.
const KNOWN: [&str; 8] = [
    "rules",
    "code",
    "id",
    "state",
    "ft",
    "nft",
    "prev_state_hash",
    "methods",
];
/// First byte of an image.
const IMAGE_MARK: u8 = 0xa1;

/// What a file is, by its name and its first bytes.
enum Form {
    Image,
    Json,
    Hex,
    Text,
}

fn form(file: &Source) -> Form {
    let first = file.bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    let is_hex =
        |byte: &u8| byte.is_ascii_hexdigit() || byte.is_ascii_whitespace() || *byte == b'x';
    match first {
        Some(&IMAGE_MARK) => Form::Image,
        Some(b'{') => Form::Json,
        _ if file.has_extension(SOURCE) => Form::Text,
        _ if file.has_extension(&["hex"]) || file.bytes.iter().all(is_hex) => Form::Hex,
        _ => Form::Text,
    }
}

/// Whether a file is a contract, as far as its name and first bytes tell.
pub(super) fn is_contract(file: &Source) -> bool {
    if file.has_extension(SOURCE) || file.has_extension(&["hex"]) {
        return true;
    }
    match form(file) {
        Form::Image => true,
        // The code of a contract is text, that of other machines is not.
        Form::Json => has_text(&file.bytes, "code"),
        Form::Hex | Form::Text => false,
    }
}

/// Whether a JSON text has a member of this name that is text, at a first look.
pub(crate) fn has_text(json: &[u8], name: &str) -> bool {
    let name = format!("\"{name}\"");
    let at = json
        .windows(name.len())
        .position(|window| window == name.as_bytes());
    let rest = at.map_or(&[][..], |at| &json[at + name.len()..]);
    let mut rest = rest.iter().filter(|b| !b.is_ascii_whitespace());
    (rest.next(), rest.next()) == (Some(&b':'), Some(&b'"'))
}

/// Reads a contract.
pub(super) fn load(file: &Source, rules: Option<&str>) -> Result<Loaded, CliError> {
    let asked = rules.map(named).transpose()?;
    let image = match form(file) {
        Form::Image => {
            let image = image(&file.name(), &file.bytes)?;
            agrees(file, image.rules, asked)?;
            image
        }
        Form::Json => {
            let document = file.json()?;
            let read = contract(&document, asked);
            let (image, own) = read.map_err(|e| malformed(e, file))?;
            if let Some(own) = own {
                agrees(file, own, asked)?;
            }
            image
        }
        Form::Hex => {
            let digits: String = file.text()?.split_whitespace().collect();
            let code = tx::bytes(&digits).and_then(|code| fits(code, asked));
            let code = code.map_err(|e| malformed(e, file))?;
            Image::new(asked.unwrap_or(&Rules::AVM1), code.into())
        }
        Form::Text => return assemble(file, asked),
    };
    loaded(&image, Vec::new())
}

/// A source text, assembled.
fn assembled(file: &Source) -> Result<asm::Assembled, CliError> {
    let (text, name) = (file.text()?, file.name());
    let folder = file.path.parent().unwrap_or(Path::new(""));
    let include = |name: &str| {
        let included = Source::read(&folder.join(name)).ok()?;
        included.text().ok().map(Into::into)
    };
    let options = asm::Options {
        name: &name,
        includes: &include,
    };
    asm::assemble(text, &options).map_err(|errors| assembler_error(&name, text, &errors))
}

/// What the linter has to say of a source text.
pub(super) fn findings(file: &Source) -> Result<Vec<String>, CliError> {
    let texts = assembled(file)?.warnings.into_iter().map(|finding| {
        let kind = finding.severity.name();
        let mut text = format!("{kind}[{}]: {}", finding.name, finding.message);
        if let Some(asm::Place { file, span }) = finding.place {
            text += &format!("\n  --> {file}:{}:{}", span.line, span.column);
        }
        if !finding.help.is_empty() {
            text += &format!("\nhelp: {}", finding.help);
        }
        text
    });
    Ok(texts.collect())
}

/// Translates a source text.
pub(super) fn assemble(file: &Source, asked: Option<&'static Rules>) -> Result<Loaded, CliError> {
    let assembled = assembled(file)?;
    let own = assembled
        .rules
        .map(|rules| match Rules::named(rules.name()) {
            Some(own) => agrees(file, own, asked).map(|()| own),
            None => {
                let message = format!(
                    "the text is for the rules `{}`, a contract has {}",
                    rules.name(),
                    known()
                );
                Err(malformed(Wrong::new(message), file))
            }
        });
    let rules = own.transpose()?.or(asked).unwrap_or(&Rules::AVM1);
    let code = instr::instructions(&assembled.code);
    let offsets = code.map(|instr| instr.map_or_else(|at| at, |(at, _)| at));
    let spans = offsets.map(|offset| match assembled.map.at(offset) {
        Some(place)
            if assembled
                .map
                .files()
                .first()
                .is_some_and(|file| *file == place.file) =>
        {
            place.span
        }
        _ => asm::Span::default(),
    });
    let spans: Vec<asm::Span> = spans.collect();
    let mut image = Image::new(rules, assembled.code.into());
    image.methods = asm::write_abi(&assembled.methods).into_bytes().into();
    let lines = spans.iter().map(|span| span.line).collect();
    let columns = spans.iter().map(|span| (span.column, span.len)).collect();
    Ok(Loaded {
        columns,
        ..loaded(&image, lines)?
    })
}

/// All errors of a source text; the first one gives the code.
fn assembler_error(name: &str, text: &str, errors: &[asm::AsmError]) -> CliError {
    let Some((first, code)) = errors
        .first()
        .and_then(|first| Some((first, codes::find(first.kind.code())?)))
    else {
        return error::bug("the assembler refused a text without a reason");
    };
    let one = |error: &asm::AsmError| {
        serde_json::json!({
            "code": error.kind.code(),
            "message": error.message(),
            "file": error.file,
            "line": error.span.line,
            "column": error.span.column,
            "length": error.span.len,
        })
    };
    let list: Vec<_> = errors.iter().map(one).collect();
    let mut report = CliError::new(code, first.message()).with("errors", list);
    report.place = Some(format!(
        "{}:{}:{}",
        first.file, first.span.line, first.span.column
    ));
    let source = |file: &str| (file == name).then_some(text);
    let rendered: Vec<String> = errors
        .iter()
        .map(|error| rendered(error, source(&error.file)))
        .collect();
    let count = match errors.len() {
        1 => String::new(),
        count => format!("{count} errors in {name}\n"),
    };
    report.rendered = Some(rendered.concat() + &count);
    report
}

/// One error of a source text.
fn rendered(error: &asm::AsmError, text: Option<&str>) -> String {
    let code = codes::find(error.kind.code());
    let Some(code) = code else {
        return format!("{error}\n");
    };
    let span = error.span;
    let place = format!("{}:{}:{}", error.file, span.line, span.column);
    let mut report = CliError::new(code, error.message()).at(place);
    let line = text.and_then(|text| text.lines().nth(span.line.saturating_sub(1) as usize));
    if let Some(line) = line.filter(|line| line.chars().count() <= 200) {
        let space = " ".repeat(span.column.saturating_sub(1) as usize);
        let marks = "^".repeat(span.len.clamp(1, 200) as usize);
        let label = error.kind.label();
        report = report
            .line(
                span.line.to_string(),
                crate::output::clip(&line.replace('\t', " "), 200),
            )
            .line("", format!("{space}{marks} {label}"));
    }
    if let Some(help) = error.kind.help() {
        report = report.help(help);
    }
    anstream::adapter::strip_str(&report.render()).to_string()
}

/// A program from a contract.
fn loaded(image: &Image, lines: Vec<u32>) -> Result<Loaded, CliError> {
    let outside = |e: avm_core::HostError| error::bug(e.to_string());
    let operations = instr::instructions(&image.contract.code.bytes().map_err(outside)?).count();
    Ok(Loaded {
        image: image.to_bytes().map_err(outside)?.into(),
        operations,
        lines,
        columns: Vec::new(),
    })
}

/// The contract that a log or a session keeps.
pub(super) fn image(file: &str, bytes: &[u8]) -> Result<Image, CliError> {
    Image::from_bytes(bytes)
        .map_err(|e| error::malformed_program(format!("not a contract: {e}")).at(file))
}

/// The rule set of this name.
pub(crate) fn named(name: &str) -> Result<&'static Rules, CliError> {
    Rules::named(name).ok_or_else(|| error::unknown_rules(name, &known()))
}

/// Names of the rule sets.
pub(crate) fn known() -> String {
    Rules::ALL.map(|rules| rules.name).join(", ")
}

/// Refuses a file of other rules than those asked for.
pub(crate) fn agrees(
    file: &Source,
    own: &Rules,
    asked: Option<&'static Rules>,
) -> Result<(), CliError> {
    match asked.filter(|asked| *asked != own) {
        None => Ok(()),
        Some(asked) => Err(error::other_rules(&file.name(), own.name, asked.name)),
    }
}

/// The error about a contract.
pub(crate) fn malformed(wrong: Wrong, file: &Source) -> CliError {
    wrong.into_error(error::malformed_program, file)
}

/// Refuses code that no call could run.
fn fits(code: Vec<u8>, rules: Option<&'static Rules>) -> Read<Vec<u8>> {
    let most = rules.unwrap_or(&Rules::AVM1).max_script_bytes;
    if code.len() <= most {
        return Ok(code);
    }
    let found = code.len();
    Err(Wrong::new(format!(
        "the code has {found} bytes, the rules take at most {most}"
    )))
}

/// A contract, and the rules it names.
fn contract(
    document: &Value,
    asked: Option<&'static Rules>,
) -> Read<(Image, Option<&'static Rules>)> {
    let members = document
        .as_object()
        .ok_or_else(|| Wrong::new(format!("expected an object, found {}", tx::found(document))))?;
    tx::only(members, &KNOWN)?;
    let own = members.get("rules").map(own_rules).transpose()?;
    let rules = own.or(asked).unwrap_or(&Rules::AVM1);
    let code = tx::hex(members, "code")?;
    let code = code.ok_or_else(|| Wrong::new("the contract has no `code`"))?;
    let code = fits(code, Some(rules)).map_err(|e| e.member("code"))?;
    let mut image = Image::new(rules, code.into());
    let contract = &mut image.contract;
    if let Some(id) = sized(members, "id", 36)? {
        contract.id = id.try_into().unwrap_or(contract.id);
    }
    if let Some(chain) = sized(members, "prev_state_hash", 32)? {
        contract.chain = chain.try_into().map_or(Hash::ZERO, Hash);
    }
    type Reader =
        fn(&Rules, &[u8]) -> Result<avm_atomicals::script::table::Table, tables::TableError>;
    let table = |name: &str, read: Reader| {
        let empty = Value::Object(Map::new());
        read(rules, &to_cbor(members.get(name).unwrap_or(&empty))).map_err(|e| {
            Wrong::new(format!("{} is {}, expected {}", e.at, e.got, e.want)).member(name)
        })
    };
    contract.state = table("state", tables::state)?;
    contract.ft = table("ft", tables::ft)?;
    contract.nft = table("nft", tables::nft)?;
    contract.sum = tables::sum(&contract.state).map_err(|e| Wrong::new(e.to_string()))?;
    image.methods = match members.get("methods") {
        None => Bytes::default(),
        Some(Value::String(text)) => {
            asm::parse_abi(text).map_err(|e| Wrong::new(e.to_string()).member("methods"))?;
            text.as_bytes().into()
        }
        Some(other) => {
            let message = format!(
                "expected signatures, one a line, found {}",
                tx::found(other)
            );
            return Err(Wrong::new(message).member("methods"));
        }
    };
    Ok((image, own))
}

pub(crate) fn own_rules(value: &Value) -> Read<&'static Rules> {
    let rules = value.as_str().and_then(Rules::named);
    rules.ok_or_else(|| {
        Wrong::new(format!(
            "expected one of {}, found {}",
            known(),
            tx::found(value)
        ))
        .member("rules")
    })
}

/// A member of so many bytes.
fn sized(members: &Map<String, Value>, name: &str, len: usize) -> Read<Option<Vec<u8>>> {
    let bytes = tx::hex(members, name)?;
    match bytes {
        Some(bytes) if bytes.len() != len => {
            Err(Wrong::new(format!("expected {len} bytes, found {}", bytes.len())).member(name))
        }
        bytes => Ok(bytes),
    }
}

/// A contract as the JSON form that [`load`] reads.
pub(super) fn to_json(image: &Image) -> Result<Value, avm_core::HostError> {
    let contract = &image.contract;
    let mut members = Map::new();
    let mut put = |name: &str, value: Value| drop(members.insert(name.into(), value));
    put("rules", image.rules.name.into());
    put("code", tables::hex(&contract.code.bytes()?).into());
    put("id", tables::hex(&contract.id).into());
    let mut state = Map::new();
    for entry in &contract.state {
        let (joined, value) = entry?;
        let (space, key) = avm_atomicals::script::table::split(joined);
        let space = state
            .entry(tables::hex(&space))
            .or_insert_with(|| Map::new().into());
        space[tables::hex(key)] = tables::hex(value).into();
    }
    put("state", state.into());
    let mut ft = Map::new();
    for entry in &contract.ft {
        let (token, value) = entry?;
        ft.insert(
            tables::hex(token),
            avm_atomicals::script::call::amount(value).into(),
        );
    }
    put("ft", ft.into());
    let mut nft = Map::new();
    for entry in &contract.nft {
        nft.insert(tables::hex(entry?.0), true.into());
    }
    put("nft", nft.into());
    put("prev_state_hash", tables::hex(&contract.chain.0).into());
    put("methods", String::from_utf8_lossy(&image.methods).into());
    Ok(members.into())
}
