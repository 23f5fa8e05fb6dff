//! The life of a session: which message is allowed when, the open texts, and what goes back.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use avm_lang::compile::compile;
use avm_lang::dialect::Dialect;
use avm_lang::names::Definition;
use gen_lsp_types::{
    CompletionOptions, CompletionParams, DefinitionParams, DidChangeTextDocumentParams,
    DidCloseTextDocumentParams, DidOpenTextDocumentParams, DocumentFormattingParams, ErrorCodes,
    HoverParams, InitializeParams, InitializeResult, LogMessageParams, LspNotificationMethod,
    LspRequestMethod, MessageType, PositionEncodingKind, PublishDiagnosticsParams,
    ServerCapabilities, ServerInfo, TextDocumentContentChangeEvent, TextDocumentIdentifier,
    TextDocumentPositionParams, TextDocumentSyncKind, TextDocumentSyncOptions, Uri,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::answers::{self, Text};
use super::document::Document;
use super::modules::{Beside, path_of};
use super::wire::{self, Incoming};

/// Where a session is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// `initialize` has not come yet.
    New,
    /// Everything is allowed.
    Running,
    /// `shutdown` came: only `exit` is left.
    Down,
    /// It is over, with this exit code.
    Over(u8),
}

/// Why a request has no result.
struct Refused(ErrorCodes, String);

/// A session.
pub struct Server<'a> {
    dialect: &'a Dialect,
    library: Vec<Definition>,
    phase: Phase,
    /// Open texts by address.
    texts: BTreeMap<String, Text>,
}

impl<'a> Server<'a> {
    /// A session that nothing was said in.
    #[must_use]
    pub fn new(dialect: &'a Dialect) -> Self {
        Self {
            dialect,
            library: answers::library(dialect),
            phase: Phase::New,
            texts: BTreeMap::new(),
        }
    }

    /// The exit code, once the session is over.
    #[must_use]
    pub fn exit(&self) -> Option<u8> {
        match self.phase {
            Phase::Over(exit) => Some(exit),
            _ => None,
        }
    }

    /// The exit code if the client goes away without a word.
    #[must_use]
    pub fn gone(&self) -> u8 {
        u8::from(self.phase != Phase::Down)
    }

    /// Takes one message; what is to be sent, in order.
    pub fn handle(&mut self, incoming: Incoming) -> Vec<Value> {
        match incoming {
            Incoming::Malformed(answer) => vec![answer],
            Incoming::Response => Vec::new(),
            Incoming::Request { id, method, params } => {
                // A bug in a check must not take the editor's session with it.
                let answer = catch_unwind(AssertUnwindSafe(|| self.request(&method, params)));
                let bug = || Refused(ErrorCodes::InternalError, "internal error".to_owned());
                vec![match answer.unwrap_or_else(|_| Err(bug())) {
                    Ok(result) => wire::success(id, result),
                    Err(Refused(code, reason)) => wire::failure(id, code, &reason),
                }]
            }
            Incoming::Notification { method, params } => {
                let said = catch_unwind(AssertUnwindSafe(|| self.notification(&method, params)));
                let said = said.unwrap_or_else(|_| Err("internal error".to_owned()));
                match said {
                    Ok(message) => message.into_iter().collect(),
                    Err(reason) => vec![log(&format!("{method}: {reason}"))],
                }
            }
        }
    }

    fn request(&mut self, method: &str, params: Value) -> Result<Value, Refused> {
        let refused = |code, reason: &str| Err(Refused(code, reason.to_owned()));
        let kind = LspRequestMethod::from(method);
        match self.phase {
            Phase::New if kind == LspRequestMethod::Initialize => {
                let _: InitializeParams = parsed(params)?;
                self.phase = Phase::Running;
                return Ok(json(&initialized()));
            }
            Phase::New => {
                return refused(ErrorCodes::ServerNotInitialized, "`initialize` comes first");
            }
            Phase::Running => {}
            Phase::Down | Phase::Over(_) => {
                return refused(ErrorCodes::InvalidRequest, "the server was shut down");
            }
        }
        match kind {
            LspRequestMethod::Initialize => {
                refused(ErrorCodes::InvalidRequest, "`initialize` came before")
            }
            LspRequestMethod::Shutdown => {
                self.phase = Phase::Down;
                Ok(Value::Null)
            }
            LspRequestMethod::TextDocumentHover => {
                let params: HoverParams = parsed(params)?;
                let (text, byte) = self.place(&params.text_document_position_params)?;
                Ok(json(&answers::hover(text, &self.library, byte)))
            }
            LspRequestMethod::TextDocumentDefinition => {
                let params: DefinitionParams = parsed(params)?;
                let place = &params.text_document_position_params;
                let (text, byte) = self.place(place)?;
                let uri = &place.text_document.uri;
                Ok(json(&answers::definition(text, uri, byte)))
            }
            LspRequestMethod::TextDocumentCompletion => {
                let params: CompletionParams = parsed(params)?;
                let (text, byte) = self.place(&params.text_document_position_params)?;
                Ok(json(&answers::completion(text, &self.library, byte)))
            }
            LspRequestMethod::TextDocumentFormatting => {
                let params: DocumentFormattingParams = parsed(params)?;
                Ok(json(&answers::formatted(self.text(&params.text_document)?)))
            }
            _ => Err(Refused(
                ErrorCodes::MethodNotFound,
                format!("`{method}` is not supported"),
            )),
        }
    }

    /// Takes note of something. The result is what is to be said about it, or why it is not taken.
    fn notification(&mut self, method: &str, params: Value) -> Result<Option<Value>, String> {
        let kind = LspNotificationMethod::from(method);
        if kind == LspNotificationMethod::Exit {
            self.phase = Phase::Over(self.gone());
            return Ok(None);
        }
        if self.phase != Phase::Running {
            return Ok(None);
        }
        match kind {
            LspNotificationMethod::TextDocumentDidOpen => {
                let params: DidOpenTextDocumentParams = taken(params)?;
                let item = params.text_document;
                let document = Document::new(item.text);
                Ok(Some(self.changed(item.uri, item.version, document)))
            }
            LspNotificationMethod::TextDocumentDidChange => self.change(params).map(Some),
            LspNotificationMethod::TextDocumentDidClose => {
                let params: DidCloseTextDocumentParams = taken(params)?;
                let uri = params.text_document.uri;
                self.texts.remove(&uri.0);
                // Findings about a text that is not open would stay for ever.
                Ok(Some(publish(uri, None, Vec::new())))
            }
            // `initialized`, `$/cancelRequest` for what is answered already, and all that this
            // server has no use for.
            _ => Ok(None),
        }
    }

    fn change(&mut self, params: Value) -> Result<Value, String> {
        // A change with a range that cannot be read would look like one of the whole text.
        let ranges: Vec<bool> = params["contentChanges"]
            .as_array()
            .map(|changes| {
                changes
                    .iter()
                    .map(|c| c.get("range").is_some_and(|r| !r.is_null()))
            })
            .into_iter()
            .flatten()
            .collect();
        let params: DidChangeTextDocumentParams = taken(params)?;
        let version = params.text_document.version;
        let uri = params.text_document.text_document_identifier.uri;
        let text = self.texts.get(&uri.0);
        let mut document = text.ok_or("the text is not open")?.document.clone();
        for (change, has_range) in params.content_changes.into_iter().zip(ranges) {
            match change {
                TextDocumentContentChangeEvent::TextDocumentContentChangePartial(part) => {
                    document.replace(part.range, &part.text);
                }
                TextDocumentContentChangeEvent::TextDocumentContentChangeWholeDocument(_)
                    if has_range =>
                {
                    return Err("the range of a change cannot be read".to_owned());
                }
                TextDocumentContentChangeEvent::TextDocumentContentChangeWholeDocument(whole) => {
                    document = Document::new(whole.text);
                }
            }
        }
        Ok(self.changed(uri, version, document))
    }

    /// Checks a text and says what was found.
    fn changed(&mut self, uri: Uri, version: i32, document: Document) -> Value {
        let path = path_of(&uri.0);
        let open = |path: &Path| {
            let open = self
                .texts
                .iter()
                .find(|(uri, _)| path_of(uri).as_deref() == Some(path));
            open.map(|(_, text)| text.document.text().to_owned())
        };
        let beside = Beside::new(path.as_deref(), &open);
        // The text is kept even if the check fails: the edits that follow build on it.
        let checked = catch_unwind(AssertUnwindSafe(|| {
            let compiled = compile(document.text(), 0, self.dialect, &beside);
            (compiled.diagnostics, compiled.names)
        }));
        let (diagnostics, names) = checked.unwrap_or_default();
        let modules = beside.found();
        let before = self.texts.remove(&uri.0);
        let text = Text::new(document, diagnostics, names, modules, before);
        let found = answers::diagnostics(&text, &uri);
        self.texts.insert(uri.0.clone(), text);
        publish(uri, Some(version), found)
    }

    fn text(&self, identifier: &TextDocumentIdentifier) -> Result<&Text, Refused> {
        let uri = &identifier.uri.0;
        let text = self.texts.get(uri);
        text.ok_or_else(|| Refused(ErrorCodes::InvalidParams, format!("{uri} is not open")))
    }

    fn place(&self, place: &TextDocumentPositionParams) -> Result<(&Text, usize), Refused> {
        let text = self.text(&place.text_document)?;
        Ok((text, text.document.byte(place.position)))
    }
}

/// What the server can do.
fn initialized() -> InitializeResult {
    let sync = TextDocumentSyncOptions {
        open_close: Some(true),
        change: Some(TextDocumentSyncKind::Incremental),
        ..TextDocumentSyncOptions::default()
    };
    InitializeResult {
        capabilities: ServerCapabilities {
            position_encoding: Some(PositionEncodingKind::UTF16),
            text_document_sync: Some(sync.into()),
            completion_provider: Some(CompletionOptions {
                trigger_characters: Some(vec!["(".to_owned()]),
                ..CompletionOptions::default()
            }),
            hover_provider: Some(true.into()),
            definition_provider: Some(true.into()),
            document_formatting_provider: Some(true.into()),
            ..ServerCapabilities::default()
        },
        server_info: Some(ServerInfo {
            name: "avm".to_owned(),
            version: Some(env!("CARGO_PKG_VERSION").to_owned()),
        }),
    }
}

fn publish(uri: Uri, version: Option<i32>, found: Vec<gen_lsp_types::Diagnostic>) -> Value {
    let params = PublishDiagnosticsParams {
        uri,
        version,
        diagnostics: found,
    };
    wire::notification(
        LspNotificationMethod::TextDocumentPublishDiagnostics,
        json(&params),
    )
}

/// Something that cannot be answered, for the log of the editor.
fn log(message: &str) -> Value {
    let params = LogMessageParams {
        kind: MessageType::Warning,
        message: message.to_owned(),
    };
    wire::notification(LspNotificationMethod::WindowLogMessage, json(&params))
}

/// The parameters of a request.
fn parsed<P: DeserializeOwned>(params: Value) -> Result<P, Refused> {
    taken(params).map_err(|reason| Refused(ErrorCodes::InvalidParams, reason))
}

/// The parameters of a notification.
fn taken<P: DeserializeOwned>(params: Value) -> Result<P, String> {
    serde_json::from_value(params).map_err(|e| format!("the parameters cannot be read: {e}"))
}

fn json(value: &impl Serialize) -> Value {
    // The types of the protocol have string keys only, so they always are JSON.
    serde_json::to_value(value).unwrap_or(json!(null))
}
