//! A node's JSON-RPC and REST, from a server that also answers badly.
#![allow(clippy::disallowed_methods)] // a server is a thread, and a timeout is about time

mod common;

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use avm_bitcoin::http::Auth;
use avm_bitcoin::source::hex;
use avm_bitcoin::{MemorySource, RawBlock, RestSource, RpcSource, Source, SourceError, Tip, block};
use bitcoin::hex::DisplayHex;
use common::chain;
use serde_json::{Value, json};

/// A time limit that no test runs into unless it wants to.
const LONG: Duration = Duration::from_secs(20);

/// What came in.
struct Request {
    method: String,
    path: String,
    auth: Option<String>,
    body: Vec<u8>,
}

/// What goes out; `cut` bytes less than announced, after `wait`.
#[derive(Clone, Default)]
struct Reply {
    status: u16,
    body: Vec<u8>,
    cut: usize,
    wait: Duration,
    /// Close the connection so much later, without saying so and without reading.
    close: Option<Duration>,
    /// Announce this length instead.
    length: Option<u64>,
}

fn reply(status: u16, body: impl Into<Vec<u8>>) -> Reply {
    let body = body.into();
    Reply {
        status,
        body,
        ..Reply::default()
    }
}

type Handler = dyn FnMut(&Request) -> Reply + Send;

/// A server on a port of its own, until it is dropped.
struct Server {
    url: String,
    stop: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Server {
    fn new(handler: impl FnMut(&Request) -> Reply + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let stop = Arc::new(AtomicBool::new(false));
        let handler: Arc<Mutex<Handler>> = Arc::new(Mutex::new(handler));
        let stopped = stop.clone();
        let thread = thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                let handler = handler.clone();
                // An ended test closes the connection, so the thread ends as well.
                thread::spawn(move || serve(stream.unwrap(), &handler));
            }
        });
        let thread = Some(thread);
        Self { url, stop, thread }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.url.strip_prefix("http://").unwrap());
        let _ = self.thread.take().unwrap().join();
    }
}

fn serve(stream: TcpStream, handler: &Mutex<Handler>) {
    let mut input = BufReader::new(stream.try_clone().unwrap());
    let mut output = stream;
    while let Some(request) = read_request(&mut input) {
        let reply = (handler.lock().unwrap())(&request);
        thread::sleep(reply.wait);
        let length = reply.length.unwrap_or(reply.body.len() as u64);
        let head = format!(
            "HTTP/1.1 {} X\r\ncontent-length: {length}\r\n\r\n",
            reply.status
        );
        let body = &reply.body[..reply.body.len() - reply.cut];
        // The client may have gone.
        if output.write_all(head.as_bytes()).is_err() || output.write_all(body).is_err() {
            return;
        }
        thread::sleep(reply.close.unwrap_or_default());
        if reply.cut > 0 || reply.length.is_some() || reply.close.is_some() {
            return;
        }
    }
}

fn read_request(input: &mut impl BufRead) -> Option<Request> {
    let mut line = String::new();
    input.read_line(&mut line).ok().filter(|&len| len > 0)?;
    let mut words = line.split(' ');
    let (method, path) = (words.next()?.into(), words.next()?.into());
    let (mut auth, mut len) = (None, 0);
    loop {
        let mut line = String::new();
        input.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        match name.to_ascii_lowercase().as_str() {
            "authorization" => auth = Some(value.to_owned()),
            "content-length" => len = value.parse().unwrap(),
            _ => {}
        }
    }
    let mut body = vec![0; len];
    input.read_exact(&mut body).ok()?;
    Some(Request {
        method,
        path,
        auth,
        body,
    })
}

/// What a node with this chain answers by REST.
fn rest_node(mut source: MemorySource) -> impl FnMut(&Request) -> Reply + Send {
    move |request| {
        assert_eq!(request.method, "GET");
        let path = request.path.as_str();
        if path == "/rest/chaininfo.json" {
            return reply(200, info(&mut source).to_string());
        }
        if let Some(height) = path.strip_prefix("/rest/blockhashbyheight/") {
            let height = height.strip_suffix(".hex").unwrap().parse().unwrap();
            return match source.hash_at(height).unwrap() {
                Some(name) => reply(200, format!("{}\n", hex(&name))),
                None => reply(404, "Block height out of range\r\n"),
            };
        }
        let name = path.strip_prefix("/rest/block/").unwrap();
        let name = name.strip_suffix(".bin").unwrap();
        match source.block(avm_bitcoin::source::from_hex(name).unwrap()) {
            Ok(bytes) => reply(200, &*bytes),
            Err(_) => reply(404, format!("{name} not found\r\n")),
        }
    }
}

/// What a node with this chain answers by JSON-RPC.
fn rpc_node(mut source: MemorySource) -> impl FnMut(&Request) -> Reply + Send {
    move |request| {
        assert_eq!(
            (request.method.as_str(), request.path.as_str()),
            ("POST", "/")
        );
        let call: Value = serde_json::from_slice(&request.body).unwrap();
        let first = &call["params"][0];
        let error = |code: i64, message: &str| Err(json!({"code": code, "message": message}));
        let result = match call["method"].as_str().unwrap() {
            "getblockchaininfo" => Ok(info(&mut source)),
            "getblockhash" => {
                let height = first.as_u64().unwrap().try_into().unwrap();
                match source.hash_at(height).unwrap() {
                    Some(name) => Ok(json!(hex(&name))),
                    None => error(-8, "Block height out of range"),
                }
            }
            "getblock" => {
                assert_eq!(call["params"][1], 0);
                let name = avm_bitcoin::source::from_hex(first.as_str().unwrap()).unwrap();
                match source.block(name) {
                    Ok(bytes) => Ok(json!(bytes.to_lower_hex_string())),
                    Err(_) => error(-5, "Block not found"),
                }
            }
            other => panic!("{other} is not asked for"),
        };
        match result {
            Ok(result) => {
                let body = json!({"result": result, "error": null, "id": call["id"]});
                reply(200, body.to_string())
            }
            Err(error) => {
                let body = json!({"result": null, "error": error, "id": call["id"]});
                reply(500, body.to_string())
            }
        }
    }
}

fn info(source: &mut MemorySource) -> Value {
    let tip = source.tip().unwrap();
    json!({"chain": "regtest", "blocks": tip.height, "bestblockhash": hex(&tip.hash)})
}

fn memory(blocks: &[RawBlock]) -> MemorySource {
    let mut source = MemorySource::new(0);
    for block in blocks {
        source.push(block.clone()).unwrap();
    }
    source
}

fn rpc(server: &Server) -> RpcSource {
    RpcSource::new(&server.url, Auth::None, LONG)
}

fn rest(server: &Server) -> RestSource {
    RestSource::new(&server.url, LONG)
}

/// Both kinds of source, each at a server that answers everything with `reply`.
fn both(reply: &Reply) -> [(Server, Box<dyn Source>); 2] {
    let make = || {
        let reply = reply.clone();
        Server::new(move |_| reply.clone())
    };
    let (first, second) = (make(), make());
    let (one, two) = (Box::new(rpc(&first)), Box::new(rest(&second)));
    [(first, one), (second, two)]
}

#[test]
fn a_chain_comes_across_whole() {
    let blocks = chain(5, 300_000);
    let servers = [
        Server::new(rpc_node(memory(&blocks))),
        Server::new(rest_node(memory(&blocks))),
    ];
    let sources: [Box<dyn Source>; 2] = [Box::new(rpc(&servers[0])), Box::new(rest(&servers[1]))];
    for mut source in sources {
        let want = Tip {
            height: 5,
            hash: block::name(&blocks[5]),
        };
        assert_eq!(source.tip().unwrap(), want);
        for (height, bytes) in blocks.iter().enumerate() {
            let name = source.hash_at(height as u32).unwrap().unwrap();
            assert_eq!(name, block::name(bytes));
            assert_eq!(source.block(name).unwrap(), *bytes);
        }
        assert_eq!(source.hash_at(6).unwrap(), None);
        let missing = source.block([9; 32]);
        assert!(matches!(missing, Err(SourceError::Missing { hash }) if hash == [9; 32]));
    }
}

#[test]
fn nobody_is_there() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap();
    drop(listener);
    let url = format!("http://user:secret@{host}/");
    let mut rpc = RpcSource::new(&url, Auth::None, LONG);
    let mut rest = RestSource::new(&url, LONG);
    let sources: [(&mut dyn Source, &str); 2] =
        [(&mut rpc, ""), (&mut rest, "/rest/chaininfo.json")];
    for (source, path) in sources {
        let error = source.tip().unwrap_err();
        assert!(matches!(error, SourceError::Unreachable { .. }), "{error}");
        let text = error.to_string();
        assert!(
            text.starts_with(&format!("http://{host}{path}: no answer: ")),
            "{text}"
        );
        assert!(!format!("{error:?}").contains("secret"));
    }
    // No TLS is spoken here, and it says so.
    let error = RestSource::new("https://127.0.0.1:1", LONG)
        .tip()
        .unwrap_err();
    assert!(matches!(error, SourceError::Unreachable { .. }), "{error}");
}

/// A node closes connections that were quiet for a while, and all of them when it stops.
#[test]
fn connections_that_were_closed_meanwhile() {
    let blocks = chain(3, 0);
    let (mut rpc_node, mut rest_node) = (rpc_node(memory(&blocks)), rest_node(memory(&blocks)));
    // Before the next call is made, or while it waits for its answer.
    let mut calls = 0;
    let mut close = move || {
        calls += 1;
        Some(Duration::from_millis(calls % 3 * 5))
    };
    let mut close_too = close;
    let servers = [
        Server::new(move |request| Reply {
            close: close(),
            ..rpc_node(request)
        }),
        Server::new(move |request| Reply {
            close: close_too(),
            ..rest_node(request)
        }),
    ];
    let sources: [Box<dyn Source>; 2] = [Box::new(rpc(&servers[0])), Box::new(rest(&servers[1]))];
    for mut source in sources {
        for wait in [0, 0, 0, 50, 0, 50] {
            thread::sleep(Duration::from_millis(wait));
            assert_eq!(source.tip().unwrap().height, 3);
            assert_eq!(common::names(&mut *source, 0).len(), 4);
        }
    }
}

#[test]
fn a_slow_server() {
    let wait = Duration::from_secs(5);
    let slow = Reply {
        wait,
        ..reply(200, "{}")
    };
    let server = Server::new(move |_| slow.clone());
    // One that says nothing, and one that stops in the middle.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    for url in [&server.url, &url] {
        let started = Instant::now();
        let timeout = Duration::from_millis(200);
        let error = RestSource::new(url, timeout).tip().unwrap_err();
        assert!(matches!(error, SourceError::Unreachable { .. }), "{error}");
        assert!(error.to_string().contains("timeout"), "{error}");
        assert!(started.elapsed() < Duration::from_secs(3));
    }
}

#[test]
fn statuses() {
    for status in [301, 401, 403, 404, 500, 503] {
        for (_server, mut source) in both(&reply(status, "<html>no</html>")) {
            let error = source.tip().unwrap_err();
            let found =
                matches!(error, SourceError::Status { status: found, .. } if found == status);
            assert!(found, "{status}: {error}");
        }
    }
    for (_server, mut source) in both(&reply(503, "")) {
        assert!(source.hash_at(1).is_err());
        assert!(matches!(
            source.block([0; 32]),
            Err(SourceError::Status { .. })
        ));
    }
}

#[test]
fn answers_that_are_cut_or_too_long() {
    let cut = Reply {
        cut: 1,
        ..reply(200, "{\"blocks\": 1}")
    };
    for (_server, mut source) in both(&cut) {
        let error = source.tip().unwrap_err();
        assert!(matches!(error, SourceError::Unreachable { .. }), "{error}");
    }
    let exact = reply(200, vec![b' '; 1 << 20]);
    for (_server, mut source) in both(&exact) {
        let error = source.tip().unwrap_err();
        assert!(matches!(error, SourceError::Malformed { .. }), "{error}");
    }
    let long = reply(200, vec![b' '; (1 << 20) + 1]);
    for (_server, mut source) in both(&long) {
        let error = source.tip().unwrap_err();
        assert!(
            matches!(error, SourceError::TooLong { max: 1_048_576, .. }),
            "{error}"
        );
    }
    let long = reply(200, vec![b'0'; 17_000_001]);
    for (_server, mut source) in both(&long) {
        let error = source.block([0; 32]).unwrap_err();
        assert!(matches!(error, SourceError::TooLong { .. }), "{error}");
    }
}

#[test]
fn answers_that_are_something_else() {
    let texts = [
        "",
        "null",
        "[]",
        "{}",
        "\u{1}\u{7f}",
        "{\"result\": 7}",
        "{\"blocks\": -1}",
    ];
    for text in texts {
        for (_server, mut source) in both(&reply(200, text)) {
            let errors = [
                source.tip().map(drop).unwrap_err(),
                source.hash_at(3).map(drop).unwrap_err(),
            ];
            for error in errors {
                let malformed = matches!(error, SourceError::Malformed { .. });
                assert!(malformed, "{text:?}: {error}");
                assert!(!error.to_string().contains(char::is_control));
            }
            assert!(source.block([3; 32]).is_err());
        }
    }
    // The right shape around wrong things, with the right number of the call.
    let results = [
        json!(null),
        json!(5),
        json!("zz"),
        json!("00ff"),
        json!({"blocks": 1}),
    ];
    for result in results {
        let server = Server::new(move |request| {
            let call: Value = serde_json::from_slice(&request.body).unwrap();
            let body = json!({"result": result, "error": null, "id": call["id"]});
            reply(200, body.to_string())
        });
        let mut source = rpc(&server);
        assert!(matches!(source.tip(), Err(SourceError::Malformed { .. })));
        assert!(matches!(
            source.hash_at(0),
            Err(SourceError::Malformed { .. })
        ));
        let block = source.block([0; 32]);
        let refused = matches!(
            block,
            Err(SourceError::Malformed { .. } | SourceError::WrongBlock { .. })
        );
        assert!(refused, "{block:?}");
    }
    // The answer to another call.
    let server = Server::new(|_| reply(200, "{\"result\": 1, \"error\": null, \"id\": 77}"));
    assert!(matches!(
        rpc(&server).tip(),
        Err(SourceError::Malformed { .. })
    ));
}

#[test]
fn another_block_than_asked_for() {
    let blocks = chain(2, 0);
    let (asked, bytes) = (block::name(&blocks[1]), blocks[2].clone());
    let server = Server::new(move |_| reply(200, &*bytes));
    let error = rest(&server).block(asked).unwrap_err().to_string();
    let names = [hex(&asked), hex(&block::name(&blocks[2]))];
    assert_eq!(
        error,
        format!("asked for block {}, got block {}", names[0], names[1])
    );
    // Cut, but announced as it is: the last byte is missing.
    let bytes = blocks[1][..blocks[1].len() - 1].to_vec();
    let server = Server::new(move |_| reply(200, bytes.clone()));
    let error = rest(&server).block(asked).unwrap_err();
    assert!(matches!(error, SourceError::WrongBlock { .. }), "{error}");
}

#[test]
fn errors_of_the_node() {
    let body = r#"{"result":null,"error":{"code":-28,"message":"Loading block index…"},"id":1}"#;
    for status in [200, 500] {
        let server = Server::new(move |_| reply(status, body));
        let error = rpc(&server).tip().unwrap_err().to_string();
        let want = ": getblockchaininfo: error -28: Loading block index…";
        assert!(error.ends_with(want), "{error}");
    }
    // A node that prunes knows the name and has no block.
    let body = r#"{"result":null,"error":{"code":-1,"message":"Block not available (pruned data)"},"id":1}"#;
    let server = Server::new(move |_| reply(500, body));
    let error = rpc(&server).block([0; 32]).unwrap_err();
    assert!(
        matches!(error, SourceError::Rpc { code: -1, .. }),
        "{error}"
    );
    assert!(error.to_string().contains("pruned"), "{error}");
}

#[test]
fn users_and_cookies() {
    let blocks = chain(1, 0);
    let expected = Arc::new(Mutex::new("Basic dXNlcjpwYTpzcw==".to_owned())); // user:pa:ss
    let wanted = expected.clone();
    let mut node = rpc_node(memory(&blocks));
    let server = Server::new(move |request| {
        match request.auth.as_deref() == Some(wanted.lock().unwrap().as_str()) {
            true => node(request),
            false => reply(401, ""),
        }
    });
    let user = |password: &str| Auth::User {
        user: "user".into(),
        password: password.into(),
    };
    let source = |auth| RpcSource::new(&server.url, auth, LONG);
    assert_eq!(source(user("pa:ss")).tip().unwrap().height, 1);
    let with_user = server.url.replace("//", "//user:pa:ss@");
    assert!(RpcSource::new(&with_user, Auth::None, LONG).tip().is_ok());
    for auth in [user("wrong"), Auth::None] {
        let error = source(auth).tip().unwrap_err();
        assert!(
            matches!(error, SourceError::Status { status: 401, .. }),
            "{error}"
        );
        assert!(error.to_string().contains("cookie"), "{error}");
    }
    // The node starts again and makes another cookie.
    let dir = tempfile::tempdir().unwrap();
    let cookie = dir.path().join(".cookie");
    let mut source = source(Auth::Cookie(cookie.clone()));
    let error = source.tip().unwrap_err();
    assert!(matches!(error, SourceError::Io { .. }), "{error}");
    for (text, header) in [
        ("__cookie__:1", "X19jb29raWVfXzox"),
        ("__cookie__:2", "X19jb29raWVfXzoy"),
    ] {
        *expected.lock().unwrap() = format!("Basic {header}");
        assert!(source.tip().is_err(), "the old cookie");
        std::fs::write(&cookie, text).unwrap();
        assert_eq!(source.tip().unwrap().height, 1);
    }
}
