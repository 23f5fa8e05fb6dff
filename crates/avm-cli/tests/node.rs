//! `avm index` beside a node: it follows the REST interface of one that mines, changes its mind and
//! goes away for a while, until Ctrl-C.
#![cfg(unix)]
#![allow(clippy::disallowed_methods)] // a server is a thread

mod common;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, ChildStdout, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use avm_bitcoin::source::{from_hex, hex};
use avm_bitcoin::{MemorySource, Source};
use avm_regtest::{Chain, bitcoin};
use common::Work;
use common::blocks::{files, index, row, walked};
use serde_json::{Value, json};

/// A node: what its chain is, and how many answers from now on say that it is busy.
#[derive(Clone)]
struct Node {
    chain: Arc<Mutex<MemorySource>>,
    busy: Arc<AtomicU32>,
    at: SocketAddr,
}

impl Node {
    /// Serves until the test ends.
    fn new(chain: &Chain) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let node = Self {
            chain: Arc::new(Mutex::new(MemorySource::new(0))),
            busy: Arc::default(),
            at: listener.local_addr().unwrap(),
        };
        node.show(chain);
        let serving = node.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let node = serving.clone();
                thread::spawn(move || node.serve(stream.unwrap()));
            }
        });
        node
    }

    /// Makes `chain` the best one.
    fn show(&self, chain: &Chain) {
        let mut source = self.chain.lock().unwrap();
        let mut tip = [0; 32];
        for block in chain.blocks() {
            let bytes = bitcoin::consensus::serialize(block);
            tip = source.add(bytes.into()).unwrap();
        }
        source.set_tip(tip).unwrap();
    }

    /// Answers one request after the other.
    fn serve(&self, mut stream: TcpStream) {
        let mut input = BufReader::new(stream.try_clone().unwrap());
        loop {
            let mut line = String::new();
            let (mut path, mut more) = (None, true);
            while more {
                line.clear();
                if input.read_line(&mut line).unwrap_or(0) == 0 {
                    return;
                }
                path = path.or_else(|| line.split(' ').nth(1).map(ToOwned::to_owned));
                more = !line.trim_end().is_empty();
            }
            let (status, body) = self.answer(&path.unwrap());
            let length = body.len();
            let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\n\r\n");
            // In one piece: the second of two would wait for the first to be acknowledged.
            let mut bytes = head.into_bytes();
            bytes.extend(body);
            if stream.write_all(&bytes).is_err() {
                return;
            }
        }
    }

    fn answer(&self, path: &str) -> (u16, Vec<u8>) {
        let less = |busy: u32| busy.checked_sub(1);
        let was_busy = self
            .busy
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, less);
        if was_busy.is_ok() {
            return (503, b"Work queue depth exceeded\r\n".to_vec());
        }
        let mut source = self.chain.lock().unwrap();
        let part = |from: &str, to: &str| path.strip_prefix(from)?.strip_suffix(to);
        if path == "/rest/chaininfo.json" {
            let tip = source.tip().unwrap();
            let info =
                json!({"chain": "regtest", "blocks": tip.height, "bestblockhash": hex(&tip.hash)});
            return (200, info.to_string().into());
        }
        let found = match (
            part("/rest/blockhashbyheight/", ".hex"),
            part("/rest/block/", ".bin"),
        ) {
            (Some(height), _) => {
                let hash = source.hash_at(height.parse().unwrap()).unwrap();
                hash.map(|hash| format!("{}\n", hex(&hash)).into_bytes())
            }
            (None, Some(name)) => source
                .block(from_hex(name).unwrap())
                .ok()
                .map(|b| b.to_vec()),
            (None, None) => panic!("{path} is not asked for"),
        };
        found.map_or((404, b"not found\r\n".to_vec()), |body| (200, body))
    }
}

/// An index that follows, and what it prints.
struct Following {
    child: Child,
    out: BufReader<ChildStdout>,
}

impl Following {
    fn start(work: &Work, node: &Node) -> Self {
        let args = format!(
            "index --source rest {} --chain regtest --follow --store s --json",
            node.at
        );
        let mut command = work.command(&args.split(' ').collect::<Vec<_>>());
        let command = command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        Self { child, out }
    }

    /// The next records, until one is of this kind and height.
    fn until(&mut self, kind: &str, height: u32) -> Value {
        loop {
            let mut line = String::new();
            if self.out.read_line(&mut line).unwrap() == 0 {
                let mut error = String::new();
                let stderr = self.child.stderr.as_mut().unwrap();
                stderr.read_to_string(&mut error).unwrap();
                panic!("it ended before {kind} {height}: {error}");
            }
            let record: Value = serde_json::from_str(&line).unwrap();
            let at = match kind {
                "reorg" => &record["new"]["height"],
                _ => &record["height"],
            };
            if record["t"] == kind && *at == height {
                return record;
            }
        }
    }

    /// Ctrl-C: the exit code and the rest of both outputs.
    fn interrupted(mut self) -> (Option<i32>, String, String) {
        let id = self.child.id().to_string();
        let sent = std::process::Command::new("kill")
            .args(["-INT", &id])
            .status();
        assert!(sent.unwrap().success());
        let (mut out, mut error) = (String::new(), String::new());
        self.out.read_to_string(&mut out).unwrap();
        let stderr = self.child.stderr.as_mut().unwrap();
        stderr.read_to_string(&mut error).unwrap();
        (self.child.wait().unwrap().code(), out, error)
    }
}

#[test]
fn a_node_is_followed_until_ctrl_c() {
    let work = Work::new();
    let mut chain = walked(11, 130);
    let node = Node::new(&chain);
    let mut following = Following::start(&work, &node);
    following.until("blocks", chain.height());

    // It mines.
    chain.mine();
    node.show(&chain);
    let at_first = following.until("blocks", chain.height());
    // A store that is followed into can be read: roots, and the log from its beginning on.
    let root = work.avm("root s@latest --json").json()["data"]["root"].clone();
    assert_eq!(root, at_first["root"]);
    let replayed = work.avm("replay s --check --json");
    assert_eq!(replayed.code, 0, "{replayed:?}");
    assert_eq!(replayed.json()["data"]["root"], at_first["root"]);

    // Its states are in use; the error says what goes all the same.
    let state = work.avm("state s@b105 height");
    assert_eq!(state.code, 4, "{state:?}");
    assert!(
        state.stderr.contains("put s/main.avmlog in place of s"),
        "{state:?}"
    );
    assert_eq!(work.avm("state s/main.avmlog@b105 height").code, 0);

    // It changes its mind, and is busy at first.
    let old = chain.height();
    chain.reorg(6).unwrap();
    chain.set_branch(77);
    for _ in 0..9 {
        chain.mine();
    }
    node.busy.store(2, Ordering::SeqCst);
    node.show(&chain);
    let reorg = following.until("reorg", chain.height());
    assert_eq!(
        (&reorg["taken_back"], &reorg["old"]["height"]),
        (&json!(6), &json!(old))
    );
    assert_eq!(reorg["old"]["root"], at_first["root"]);
    let last = following.until("blocks", chain.height());
    let (code, out, error) = following.interrupted();
    assert_eq!(code, Some(130), "{error}");
    let end: Value = serde_json::from_str(out.lines().last().unwrap()).unwrap();
    assert_eq!(
        (&end["t"], &end["ok"], &end["error"]["message"]),
        (&json!("error"), &json!(false), &json!("interrupted")),
        "{out}"
    );
    assert!(error.contains("waiting: "), "{error}");

    // What it knows is what a run on the new chain alone knows.
    files(&work, "blocks", &chain);
    let fresh = index(&work, "blocks", "fresh", "");
    assert_eq!(last["root"], format!("0x{}", row(&fresh, "root")));
    let again = work.avm(&format!(
        "index --source rest {} --chain regtest --once --store s",
        node.at
    ));
    for label in ["height", "block", "root", "T", "S"] {
        assert_eq!(row(&again, label), row(&fresh, label), "{label}");
    }
    assert_eq!(work.avm("compare s fresh").code, 0);
}
