//! The language server as an editor sees it: the real binary, over pipes.

mod common;

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use common::Work;
use serde_json::{Value, json};

const URI: &str = "file:///nowhere/a.avm";

/// A server and both ends of it.
struct Editor {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    next: i64,
    _work: Work,
}

impl Editor {
    fn new() -> Self {
        let work = Work::new();
        let mut command = work.command(&["lsp"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        Self {
            to: child.stdin.take().unwrap(),
            from: BufReader::new(child.stdout.take().unwrap()),
            child,
            next: 0,
            _work: work,
        }
    }

    /// After the greetings.
    fn greeted() -> (Self, Value) {
        let mut editor = Self::new();
        let answer = editor.ask(
            "initialize",
            json!({ "processId": null, "rootUri": null, "capabilities": {} }),
        );
        editor.tell("initialized", json!({}));
        (editor, answer)
    }

    fn raw(&mut self, text: &str) {
        self.to.write_all(text.as_bytes()).unwrap();
        self.to.flush().unwrap();
    }

    fn send(&mut self, message: &Value) {
        let body = message.to_string();
        self.raw(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
    }

    fn read(&mut self) -> Value {
        let mut line = String::new();
        self.from.read_line(&mut line).unwrap();
        let length = line
            .trim()
            .strip_prefix("Content-Length: ")
            .unwrap_or_else(|| panic!("{line:?}"));
        let mut body = vec![0; length.parse().unwrap()];
        self.from.read_line(&mut line).unwrap();
        self.from.read_exact(&mut body).unwrap();
        let message: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(message["jsonrpc"], "2.0");
        message
    }

    fn tell(&mut self, method: &str, params: Value) {
        self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": params }));
    }

    /// The whole answer to a request.
    fn answer(&mut self, method: &str, params: Value) -> Value {
        self.next += 1;
        let id = self.next;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        let answer = self.read();
        assert_eq!(answer["id"], id, "{answer}");
        answer
    }

    /// The result of a request that succeeds.
    fn ask(&mut self, method: &str, params: Value) -> Value {
        let answer = self.answer(method, params);
        assert!(answer.get("error").is_none(), "{method}: {answer}");
        answer["result"].clone()
    }

    /// Asks about a place.
    fn at(&mut self, method: &str, line: u32, character: u32) -> Value {
        let document = json!({ "uri": URI });
        let position = json!({ "line": line, "character": character });
        self.ask(
            &format!("textDocument/{method}"),
            json!({ "textDocument": document, "position": position }),
        )
    }

    /// Opens a text; what the server finds in it.
    fn open(&mut self, text: &str) -> Vec<Value> {
        let item = json!({ "uri": URI, "languageId": "avm", "version": 1, "text": text });
        self.tell("textDocument/didOpen", json!({ "textDocument": item }));
        self.found()
    }

    fn change(&mut self, version: i64, changes: Value) {
        let document = json!({ "uri": URI, "version": version });
        self.tell(
            "textDocument/didChange",
            json!({ "textDocument": document, "contentChanges": changes }),
        );
    }

    fn found(&mut self) -> Vec<Value> {
        let message = self.read();
        assert_eq!(
            message["method"], "textDocument/publishDiagnostics",
            "{message}"
        );
        assert_eq!(message["params"]["uri"], URI);
        message["params"]["diagnostics"].as_array().unwrap().clone()
    }

    fn code(mut self) -> Option<i32> {
        drop(self.to);
        self.child.wait().unwrap().code()
    }
}

fn range(line: u32, from: u32, to: u32) -> Value {
    json!({ "start": { "line": line, "character": from }, "end": { "line": line, "character": to } })
}

/// The second line begins with a character of two UTF-16 units.
const TEXT: &str = "(module a)
#|\u{1f600}|# (define (twice x) (+ x x))
; Starts here.
(program (main n)
(let ((m (twice n))) (list m (twice m))))
";

#[test]
fn a_session() {
    let (mut editor, greeting) = Editor::greeted();
    assert_eq!(greeting["serverInfo"]["name"], "avm");
    assert_eq!(greeting["capabilities"]["positionEncoding"], "utf-16");
    assert_eq!(
        greeting["capabilities"]["textDocumentSync"],
        json!({ "openClose": true, "change": 2 })
    );
    for provider in [
        "hoverProvider",
        "definitionProvider",
        "documentFormattingProvider",
    ] {
        assert_eq!(greeting["capabilities"][provider], true, "{provider}");
    }

    // An error, at its place, and gone once it is mended.
    let found = editor.open(&TEXT.replace("(twice n)", "(thrice n)"));
    let [error] = found.as_slice() else {
        panic!("{found:?}")
    };
    assert_eq!(
        (&error["code"], &error["severity"], &error["source"]),
        (&json!("E108"), &json!(1), &json!("avm"))
    );
    assert_eq!(error["range"], range(4, 10, 16));
    assert!(
        error["message"].as_str().unwrap().contains("thrice"),
        "{error}"
    );
    editor.change(2, json!([{ "range": range(4, 10, 16), "text": "twice" }]));
    assert_eq!(editor.found(), [] as [Value; 0]);

    // Hover: a function of the text, a program with a comment, a word, a form, nothing.
    let hover = |editor: &mut Editor, line, character| {
        let hover = editor.at("hover", line, character);
        (
            hover["contents"]["value"].as_str().unwrap_or("").to_owned(),
            hover["range"].clone(),
        )
    };
    let (text, place) = hover(&mut editor, 4, 12);
    assert!(text.starts_with("twice (function)"), "{text}");
    assert_eq!(place, range(4, 10, 15));
    let (text, _) = hover(&mut editor, 3, 10);
    assert!(
        text.starts_with("main (program)") && text.ends_with("Starts here."),
        "{text}"
    );
    let (text, _) = hover(&mut editor, 4, 2);
    assert!(text.starts_with("let (word of the language)"), "{text}");
    let (text, _) = hover(&mut editor, 3, 3);
    assert!(text.starts_with("program (word of the language)"), "{text}");
    assert_eq!(editor.at("hover", 2, 3), Value::Null);
    assert_eq!(editor.at("hover", 900, 3), Value::Null);

    // Definitions: of a function, behind the last character of its name, and of a variable.
    for character in [12, 15] {
        let place = editor.at("definition", 4, character);
        assert_eq!(place, json!({ "uri": URI, "range": range(1, 16, 21) }));
    }
    let place = editor.at("definition", 4, 27);
    assert_eq!(place, json!({ "uri": URI, "range": range(4, 7, 8) }));
    assert_eq!(editor.at("definition", 4, 2), Value::Null);

    // Completion: what is in scope, each once, and an edit for the whole word.
    let items = editor.at("completion", 4, 13);
    let items = items.as_array().unwrap();
    let labels: Vec<&str> = items
        .iter()
        .map(|item| item["label"].as_str().unwrap())
        .collect();
    for wanted in ["twice", "n", "let", "lambda", "transaction", "call", "map"] {
        assert_eq!(
            labels.iter().filter(|label| **label == wanted).count(),
            1,
            "{wanted}: {labels:?}"
        );
    }
    assert!(!labels.contains(&"x"), "a parameter of another function");
    let twice = items.iter().find(|item| item["label"] == "twice").unwrap();
    assert_eq!(
        (&twice["kind"], &twice["textEdit"]["range"]),
        (&json!(3), &range(4, 10, 15))
    );
    assert_eq!(
        editor.at("completion", 2, 5),
        json!([]),
        "inside of a comment"
    );

    // Layout.
    let format = json!({ "textDocument": { "uri": URI }, "options": { "tabSize": 2, "insertSpaces": true } });
    let edits = editor.ask("textDocument/formatting", format.clone());
    assert_eq!(edits.as_array().unwrap().len(), 1);
    assert_eq!(
        edits[0]["range"]["end"],
        json!({ "line": 5, "character": 0 })
    );
    let laid_out = edits[0]["newText"].as_str().unwrap().to_owned();
    assert!(
        laid_out.ends_with("(program (main n)\n  (let ((m (twice n))) (list m (twice m))))\n"),
        "{laid_out}"
    );
    editor.change(3, json!([{ "text": laid_out }]));
    assert_eq!(editor.found(), [] as [Value; 0]);
    assert_eq!(
        editor.ask("textDocument/formatting", format.clone()),
        json!([])
    );

    // What the machine brings: a form, and a function of its library.
    editor.change(
        4,
        json!([{ "text": "(module a)\n(program (main) (maybe (call (self) 'x) 0))\n" }]),
    );
    editor.found();
    let (text, _) = hover(&mut editor, 1, 18);
    assert!(
        text.starts_with("maybe (function)") && text.contains("else the default"),
        "{text}"
    );
    let (text, _) = hover(&mut editor, 1, 25);
    assert!(text.starts_with("call (form of the machine)"), "{text}");
    editor.change(5, json!([{ "text": laid_out }]));
    assert_eq!(editor.found(), [] as [Value; 0]);

    // While a parenthesis is missing there is no layout, and completion still knows the names.
    let broken = laid_out
        .trim_end()
        .strip_suffix("m))))")
        .unwrap()
        .to_owned();
    editor.change(6, json!([{ "text": broken }]));
    assert!(!editor.found().is_empty());
    assert_eq!(editor.ask("textDocument/formatting", format), Value::Null);
    let items = editor.at("completion", 4, 38);
    assert!(
        items
            .as_array()
            .unwrap()
            .iter()
            .any(|item| item["label"] == "twice"),
        "{items}"
    );

    editor.tell(
        "textDocument/didClose",
        json!({ "textDocument": { "uri": URI } }),
    );
    assert_eq!(editor.found(), [] as [Value; 0]);
    let gone = editor.answer(
        "textDocument/hover",
        json!({ "textDocument": { "uri": URI }, "position": { "line": 0, "character": 0 } }),
    );
    assert_eq!(gone["error"]["code"], -32602);

    assert_eq!(editor.ask("shutdown", Value::Null), Value::Null);
    let late = editor.answer("shutdown", Value::Null);
    assert_eq!(late["error"]["code"], -32600);
    editor.tell("exit", Value::Null);
    assert_eq!(editor.code(), Some(0));
}

#[test]
fn what_is_no_message_is_answered() {
    let mut editor = Editor::new();
    let early = editor.answer("textDocument/hover", json!({}));
    assert_eq!(early["error"]["code"], -32002);
    editor.tell(
        "textDocument/didOpen",
        json!("ignored before the greetings"),
    );
    editor.raw("Content-Length: 3\r\n\r\n{{{");
    assert_eq!(editor.read()["error"]["code"], -32700);
    editor.raw("Content-Length: x\r\n\r\n");
    assert_eq!(editor.read()["error"]["code"], -32700);
    let bad = editor.answer("initialize", json!(7));
    assert_eq!(bad["error"]["code"], -32602);
    editor.ask(
        "initialize",
        json!({ "processId": 1, "rootUri": null, "capabilities": {} }),
    );
    let twice = editor.answer(
        "initialize",
        json!({ "processId": 1, "rootUri": null, "capabilities": {} }),
    );
    assert_eq!(twice["error"]["code"], -32600);
    let unknown = editor.answer("textDocument/foldTheMap", json!({}));
    assert_eq!(unknown["error"]["code"], -32601);
    let bad = editor.answer("textDocument/hover", json!({ "textDocument": 1 }));
    assert_eq!(bad["error"]["code"], -32602);

    // Notifications have no answer: what is wrong with them goes to the log of the editor.
    editor.tell("textDocument/didOpen", json!({ "textDocument": 1 }));
    assert_eq!(editor.read()["method"], "window/logMessage");
    editor.change(2, json!([{ "text": "" }]));
    assert_eq!(editor.read()["method"], "window/logMessage");
    editor.tell("nobody/knows", json!({}));
    editor.tell("$/cancelRequest", json!({ "id": 1 }));
    editor.send(&json!({ "jsonrpc": "2.0", "id": 1, "result": null }));

    // Texts that are no modules, and changes beyond their ends.
    for text in ["", ")", "(((", "\"", "(module a) (define (f", "\u{0}", "#|"] {
        editor.open(text);
        editor.change(2, json!([{ "range": range(7, 900, 901), "text": "\n(" }]));
        editor.found();
        editor.at("hover", 0, 1);
        editor.at("completion", 1, 1);
    }
    editor.change(
        3,
        json!([{ "range": { "start": { "line": -1, "character": 0 } }, "text": "lost" }]),
    );
    assert_eq!(editor.read()["method"], "window/logMessage");
    assert_eq!(editor.ask("shutdown", Value::Null), Value::Null);
    assert_eq!(editor.code(), Some(0));
}

#[test]
fn leaving_without_a_word_is_exit_1() {
    let (editor, _) = Editor::greeted();
    assert_eq!(editor.code(), Some(1));
    let (mut editor, _) = Editor::greeted();
    editor.tell("exit", Value::Null);
    assert_eq!(editor.code(), Some(1));
    assert_eq!(Editor::new().code(), Some(1));
}

#[test]
fn definitions_in_other_files() {
    let work = Work::new();
    work.write("other.avm", "(module other)\n(define (f x) x)\n");
    let uri = format!("file://{}", work.path("main.avm").display());
    let (mut editor, _) = Editor::greeted();
    let text = "(module main (import other))\n(program (main) (f 1))\n";
    let item = json!({ "uri": uri, "languageId": "avm", "version": 1, "text": text });
    editor.tell("textDocument/didOpen", json!({ "textDocument": item }));
    let found = editor.read();
    assert_eq!(found["params"]["diagnostics"], json!([]), "{found}");
    let place =
        json!({ "textDocument": { "uri": uri }, "position": { "line": 1, "character": 17 } });
    let place = editor.ask("textDocument/definition", place);
    let other = format!("file://{}", work.path("other.avm").display());
    assert_eq!(place, json!({ "uri": other, "range": range(1, 9, 10) }));
}
