//! Every error code: its exit code and the page that `avm explain` shows.
//!
//! One code per cause, never reused. A code is named in exactly one other place, where its error
//! is made ([`crate::error`]); the assemblers bring their own codes, whose pages are in `asm`.

mod asm;

/// One cause of failure.
#[derive(Debug)]
pub struct Code {
    /// `AVMnnnn`.
    pub id: &'static str,
    /// Exit code of the process.
    pub exit: u8,
    /// One line.
    pub title: &'static str,
    /// What it means and what to do.
    pub page: &'static str,
}

macro_rules! codes {
    ($($name:ident $id:literal $exit:literal $title:literal $page:literal)*) => {
        $(#[doc = $title] pub static $name: Code = Code { id: $id, exit: $exit, title: $title, page: $page };)*
        /// All codes but those of the assembler.
        pub static ALL: &[(&str, &Code)] = &[$((stringify!($name), &$name)),*];
    };
}

codes! {
    USAGE "AVM0001" 2 "the command line cannot be understood"
        "An option or command does not exist, a value is missing or has the wrong form, or two options exclude each other. `avm help COMMAND` shows what a command takes; global options may stand anywhere."
    OTHER_AVM "AVM0002" 2 "the command belongs to another tool of the same name"
        "Anchor's version manager is called `avm`, too, and has the commands install, use, list and uninstall. This is the state-machine runtime. Put the directory of the tool you want first in PATH."
    VERB_RESERVED "AVM0003" 9 "the command is not supported yet"
        "The name is reserved for a command that a later release will have. `avm help` lists the commands there are."
    MACHINE_UNKNOWN "AVM0004" 2 "there is no machine with this id"
        "`avm machines` lists the machines of this build."
    EXISTS "AVM0005" 2 "the file exists already"
        "Nothing is overwritten without being asked. Choose another name, or say `--yes`."
    CODE_UNKNOWN "AVM0006" 2 "there is no error code with this number"
        "Codes are written AVM and four digits, as error messages show them in brackets. `avm explain` without a code lists all."
    NO_FILE "AVM0007" 2 "a point names no file and there is no current log"
        "A point such as `@3` or `final:-1` is relative to a log. The current log is, in this order: `main.avmlog` in the current directory or in the directory of --home, or else the only `*.avmlog` there. Otherwise write the file in front of the point, `main.avmlog@3`, or give the file before the point: `avm root main.avmlog @3`."
    NO_DIRECTORY "AVM0008" 2 "the directory of --dir cannot be entered"
        "`-C DIR` makes avm act as if it had been started in DIR; the directory must exist and be accessible."
    RULES_UNKNOWN "AVM0009" 2 "there are no rules with this name"
        "`--rules` chooses the rule set of a program whose file does not say one. `avm machines ID` lists the rule sets of a machine; most have one only."
    RULES_OTHER "AVM0010" 2 "a program is for other rules than those asked for"
        "The file, or the log, names the rules that it is for, and running it under others would give another result. Leave --rules out, or change the file."
    UNREADABLE "AVM0101" 3 "a file cannot be read"
        "It does not exist, is a directory, or may not be read; the message has the reason that the operating system gave."
    MALFORMED_PROGRAM "AVM0103" 3 "a file is not a program"
        "The file is neither a JSON program file (`.json`, `.mexe`: for `arb` an object with `code` and `static_val`, for `atomicals` one with `code`, `rules`, `state` and so on) nor anything else that the machine can load. The message says what was expected, at which line and column."
    MALFORMED_INBOX "AVM0104" 3 "an inbox file does not hold messages"
        "An inbox is a text file with one input in hex per line, or a JSON array: for `arb` of messages with the members kind, sender, block_number, timestamp, seq_num, gas_price_l1 and data, for `atomicals` of calls with method and args, or unlock, and tx, auth_pubkey, ft_incoming, nft_incoming and external."
    MALFORMED_JSON "AVM0105" 3 "a file is not JSON"
        "The message says at which line and column reading stopped. Truncated downloads are a common cause."
    MALFORMED_HEX "AVM0106" 3 "a line is not a message in hex"
        "Each line of a hex inbox is one message: an even number of hex digits, with or without 0x. Empty lines and lines that start with # are skipped."
    MALFORMED_INPUT "AVM0107" 3 "an input of the log is not a message of the machine"
        "The log holds bytes that the machine cannot take as an input. The log is intact, but it was written for something else or by a faulty tool."
    NOT_TEXT "AVM0108" 3 "a file is not UTF-8 text"
        "Source texts and inbox files are UTF-8. The message says at which byte the text stops being that."
    VECTORS_SCHEMA "AVM0109" 3 "a file does not have the form of reference vectors"
        "The README next to the vectors of a machine describes the files. A missing member means that the file is of another kind or was cut."
    UNWRITABLE "AVM0110" 3 "a file cannot be written"
        "The message has the reason that the operating system gave."
    NO_VECTORS "AVM0111" 3 "no vector file was found"
        "A directory is searched for files that end in .json, without going into its subdirectories."
    BENCH_CHANGED "AVM0112" 1 "a benchmark did not end as recorded"
        "The file records how many steps the program takes, and the run took another number. The speed of a wrong run says nothing."
    MALFORMED_PROOF "AVM0113" 3 "a file is not a proof"
        "A proof file begins with the bytes `AVMPRF` and ends with a checksum. The message says what was read at which byte. A file that was cut or changed on the way is not a wrong proof, it is none: fetch it again."
    PROGRAM_FAULT "AVM0117" 1 "the program stopped on an error"
        "An operation failed and the program had set no error handler, so the machine stopped for good; or the last call of a contract failed, which leaves the contract as it was. The message says which operation at which step, why, and what it found on the stack. `avm trace FILE@:fail` shows the first failing step of the run; an error that a handler caught does not stop a program."
    MALFORMED_SPEND "AVM0121" 3 "a file is not a transaction with the outputs it spends"
        "The machine `script` runs a JSON file `{\"tx\": HEX, \"spent\": [{\"value\": SATS, \"script\": HEX}, ...], \"flags\": RULES}` with one output for each input of the transaction, in order; `flags` may be left out. A file with `flags` alone is a set of rules, for transactions that --inputs gives. The message says which member is wrong."
    SPEND_REFUSED "AVM0122" 1 "a transaction may not spend its outputs"
        "The rules refuse an input of the transaction. The message says which input, in which of its scripts, at which operation and why, and what the operation found on the stack. `avm trace FILE --machine script` shows every operation before it. With `--rules standard` a transaction can be refused that the consensus of the chain accepts."
    TEXT_REFUSED "AVM0123" 3 "a source text does not compile"
        "The messages say what is wrong at which line and column, each with a code of the language: E0xx are about the text itself, E1xx about what it means. Warnings (W2xx) stop nothing; `avm check FILE` shows them."
    MALFORMED_SOURCE "AVM0124" 3 "a text of the language cannot be read"
        "Something is wrong with the text itself: a parenthesis without the other one, a text or comment that does not end, a character that does not belong in a program. The message says where, and has the code of the language in brackets. Nothing was changed."
    POINT_SYNTAX "AVM0201" 2 "a point cannot be understood"
        "POINT := [LOG] \"@\" [INPUT] [\":\" STEP] | NAMED [\":\" STEP]\nINPUT := number | -number | genesis | latest | final | bHEIGHT | tx:TXID\nSTEP  := number | -number | first | last | fail\nNAMED := final | latest | tx:TXID\nRANGE := POINT \"..\" POINT\n\n`@N` is the state after input N (from 0) was worked off, `@N:S` the state before step S of the span that begins when input N is taken, `@genesis` the state before the first step. Where inputs are blocks, `@b826309` is the input whose block has that height, and `tx:TXID` the one with that transaction."
    POINT_MISSING "AVM0202" 4 "a point is not in the log"
        "The log has fewer inputs, the span fewer steps, the machine stopped before, or no step of the span failed. The message says how far the log goes."
    KEY_MISSING "AVM0203" 4 "a state has no such key"
        "`avm state POINT` lists the keys that the state has."
    DIVERGENCE "AVM0204" 8 "our root differs from the recorded one"
        "Executing the inputs of the log gives another state than the one recorded with them. Either the recording is of other rules or was made by faulty software or hardware, or this build has a bug. All inputs named as agreeing are not in question; the first difference lies in the span of the input named."
    LOG_DAMAGED "AVM0205" 6 "a log is damaged"
        "The bytes are not those that were written: a checksum, a length or a hash chain does not fit. Nothing in the file is used. Fetch it again, or restore it from a copy."
    LOG_VERSION "AVM0206" 6 "a log has another format version"
        "The file was written by another release. Use the release that wrote it."
    LOG_IDENTITY "AVM0207" 6 "a log belongs to another machine or other rules"
        "Each log names its machine and the version of the rules. This build does not have that combination."
    LOG_MAGIC "AVM0208" 3 "a file is not a log"
        "A log begins with the bytes `AVMLOG`. The file ends in .avmlog but begins with something else; it may have been damaged by a text-mode transfer."
    LOG_LOCKED "AVM0209" 4 "another process writes the log"
        "Wait until it is done."
    POINT_UNSUPPORTED "AVM0211" 9 "this kind of point is not supported yet"
        "Points of nodes and URLs and roots (root:PREFIX) will come with the commands that need them. Block heights (b826309) and transactions (tx: and 64 hex digits) are for machines whose inputs are blocks, such as `atomicals-index`."
    NO_ROOTS "AVM0212" 4 "a log records no root"
        "`avm replay --check` and `avm bisect --recorded` compare recorded roots, and there is none. `avm run FILE --record LOG` writes logs with roots."
    RANGE_BACKWARD "AVM0213" 2 "a range ends before it begins"
        "The second point of A..B must be at or after the first."
    NO_WHOLE_INPUT "AVM0214" 4 "there is no whole input to prove"
        "A proof of an input goes from the state that waits for it to the state that waits for the next one. From the state at this point the machine does something else; the message says what. `LOG@3..@5` proves any range of steps, `LOG@3:7` a single step."
    BUNDLE_MAGIC "AVM0215" 3 "a file is not a bundle"
        "A bundle begins with the bytes `AVMBDL`. The file ends in .avmbundle but begins with something else; it may have been damaged by a text-mode transfer."
    BUNDLE_DAMAGED "AVM0216" 6 "a bundle is damaged"
        "The bytes are not those that were written: the checksum or a length does not fit, or the moment is none. Nothing in the file is used. Fetch it again."
    BUNDLE_VERSION "AVM0217" 6 "a bundle has another format version"
        "The file was written by another release. Use the release that wrote it."
    SNAPSHOT_MAGIC "AVM0218" 3 "a file is not a snapshot"
        "A snapshot begins with the bytes `AVMSNP`. `avm snapshot make POINT -o FILE` writes one."
    SNAPSHOT_VERSION "AVM0219" 6 "a snapshot has another format version"
        "The file was written by another release. Use the release that wrote it."
    SNAPSHOT_DAMAGED "AVM0220" 6 "a snapshot is damaged"
        "The bytes are not those of the state that the file names at its start: a node has another hash than the one above it says, is of another form, is missing, or follows the last one. Reading stopped at the byte that the message names, and nothing of the file is used. Fetch it again."
    SNAPSHOT_OTHER "AVM0221" 8 "a snapshot is of another state"
        "The file is whole, and the root of its state is not the one that --root asks for. Whoever made it had other inputs, other rules, or a faulty build."
    SNAPSHOT_NONE "AVM0222" 9 "the machine has no snapshots"
        "Only machines whose states grow large have a file form for a state; for the others the log is small enough. `avm bundle` writes one file that reproduces a point of any machine."
    SNAPSHOT_MOMENT "AVM0223" 4 "there is no snapshot of this moment"
        "A snapshot is of a state between two inputs, after the first. `avm snapshot make LOG@3` names the state after input 3."
    HISTORY_OTHER "AVM0224" 8 "the history of an object does not give its state"
        "The inputs that an object accepted, fed to a fresh object of its behaviour, must give its state bit for bit and the hash of its history. They do not, though the behaviour uses nothing but inputs and state: this build has a bug, or the machine's state was damaged. Please report it with the file."
    OBJECTS_NONE "AVM0225" 9 "the machine has no objects"
        "`avm replay --objects` checks histories of objects, and the machine of this file has none. Without --objects it compares recorded roots."
    CHART_NONE "AVM0226" 9 "the machine has no charts"
        "Message sequence charts and events are of machines whose objects call and message each other, such as `anoma`. `avm trace` shows the steps of every machine."
    LIMIT_STEPS "AVM0401" 7 "the limit of steps was hit"
        "The run needs more steps than --max-steps allows, over all that the command executes."
    LIMIT_MEMORY "AVM0402" 7 "the limit of memory was hit"
        "The state of the machine needs more memory than --max-mem allows (4 GiB unless given)."
    LIMIT_TIME "AVM0403" 7 "the limit of time was hit"
        "The command took longer than --timeout allows."
    LIMIT_SIZE "AVM0404" 7 "a file is larger than the limit"
        "Files are measured before they are read, so that no file can exhaust memory. The message has the limit."
    CASES_FAILED "AVM0501" 1 "reference vectors do not agree"
        "Each failing case is listed with what was expected and what was found. The machine of this build does not do what the reference did."
    PROOF_INVALID "AVM0502" 1 "a proof is not valid"
        "The file is intact and was checked, and it does not show what it claims: running the rules on the nodes and inputs of the proof, and on nothing else, does not lead from the state before to the state after. The message says where it fails. A prover that works as it should makes no such file."
    PROOF_OTHER "AVM0503" 1 "a proof is valid, but of something else"
        "The proof verifies, but not for the state or the log that was asked for with --root, --log or --head. A proof says: if the state before is right and the log is the agreed one, then the state after is right. Under another log it says nothing."
    PROOF_RULES "AVM0504" 9 "a proof is of other rules"
        "Each proof names its machine and the version of the rules. This build does not have that combination, so it cannot tell whether the proof is valid."
    PROOF_UNSUPPORTED "AVM0505" 9 "the machine has no such proofs"
        "Proofs need a machine whose every step is covered by reference vectors and proofs. `avm machines ID` says what can be proved for a machine."
    TESTS_FAILED "AVM0506" 1 "tests of a source text fail"
        "Each test runs in a machine of its own. The list has both values of those whose values differ, and the error and its place of those that fail. `--filter NAME` runs some of them."
    ENTRY_FAILED "AVM0507" 1 "an entry of a dialogue is wrong"
        "Without a terminal `avm repl` ends at the first entry that does not compile or whose run fails, since what follows may depend on it."
    GAME_MAGIC "AVM0601" 3 "a file is not a game file"
        "A game file (.avmdispute) begins with the bytes `AVMGAM`, and then with the opening of a game, which its referee signed."
    GAME_VERSION "AVM0602" 6 "a game file has another format version"
        "The file was written by another release. Use the release that wrote it."
    GAME_DAMAGED "AVM0603" 3 "a game file is damaged"
        "The bytes are not those that were written: a length or a hash chain does not fit. Only a record at the very end that was never finished is cut off without a word, as nobody was ever shown it. Get the file again, from anybody who has it: what it says is signed."
    GAME_RULES "AVM0604" 1 "a game file breaks the rules of the game"
        "Everything in a game file is checked again when it is read: signatures, turns, proofs. A record in it would have been refused by a referee that follows the rules, so the file was made by somebody who does not."
    GAME_IDENTITY "AVM0605" 6 "a game is about a machine or rules that this build does not have"
        "The terms of a game name the machine and the version of its rules. `avm machines` lists those of this build."
    GAME_OTHER "AVM0606" 8 "a game is about something else than ours"
        "The terms of the game name another machine, start, log or referee than the files and options at hand. Joining it would mean arguing about another run; look which side has the wrong program or log."
    GAME_LOST "AVM0607" 8 "our claim is not the verdict"
        "The game ended with another claim than ours, or with none. If we answered in time in every round, our run differs from what the rules say: faulty software or hardware, or another version. `avm dispute show FILE` shows where."
    UNREACHABLE "AVM0608" 5 "the referee cannot be reached"
        "Nobody answered at the address for as long as --patience says. A party that comes back before its round is over has lost nothing."
    PEER_PROTOCOL "AVM0609" 5 "the other side does not keep to the protocol"
        "What answers at the address is no referee of this version, or turned us away; the message has its reason."
    REFEREE_CHEATS "AVM0610" 8 "the referee shows a game that breaks the rules"
        "A record does not follow from those before it by the rules of the game. All that comes from a referee is checked; one that follows the rules cannot send this."
    KEY_FILE "AVM0611" 3 "a key file cannot be used"
        "A key file has two lines, `avm-dispute-key 1` and 64 hex digits, and may be read by its owner only. If there is no file, a key is made and written there."
    NOT_LOOPBACK "AVM0612" 2 "listening beyond this machine was not asked for"
        "A referee listens on this machine only, unless --allow-remote says that others may connect: then anybody who reaches the address may join, watch and read."
    LISTEN "AVM0613" 5 "the address cannot be listened at"
        "Another process has the port, or the address is not of this machine; the message has the reason that the operating system gave. Port 0 takes any free one."
    OFFLINE "AVM0614" 2 "the command needs the network, and --offline forbids it"
        "`avm dispute play`, `show` and `list`, and `watch` of a file, work without."
    GAME_LOCKED "AVM0615" 4 "another process writes the game file"
        "A game has one referee at a time. Wait until it is done, or watch it at its address."
    PROOF_FAILED "AVM0616" 101 "a step of our own run cannot be proved"
        "Whatever a machine can do it can prove, so this is a bug; please report it with the program, its inputs and the command line."
    KEY_USED "AVM0617" 2 "the key joined the game with another claim"
        "A party is its key, and says once where the run ends. This key was used in the same game with another program, log or lie. Use another `--key`, or the files that it joined with."
    DEV_NONE "AVM0701" 4 "there is no local chain in the directory"
        "A local chain is a directory with the files main.avmlog and dev.json. `avm dev init` makes one; the other commands of `avm dev` work on the one in the current directory, or in that of `-C DIR`."
    DEV_JOURNAL "AVM0702" 3 "the journal of a local chain cannot be understood"
        "dev.json has the names of keys, the interfaces of contracts and the transactions that wait; the message says what was expected. The blocks are in main.avmlog, and every other command reads them without the journal."
    DEV_UNKNOWN "AVM0703" 2 "a local chain has no contract or token of this name"
        "`avm dev status` lists what there is. After a reorg, what was made in a block that was taken back may be gone."
    DEV_CALL "AVM0704" 2 "a contract does not take this call"
        "It has no such method, or the method takes other arguments; the message has its signatures. Bytes are written in hex, or as `key:NAME`, `script:NAME`, `token:NAME` or `id:NAME`."
    DEV_CHAIN "AVM0705" 1 "the local chain does not take the transaction"
        "It breaks a rule of Bitcoin, such as spending more than there is; the message says which. The miner pays for everybody and earns 50 bitcoin a block, half as much after every 150 blocks."
    DEV_BLOCK "AVM0706" 6 "a block of a local chain is refused"
        "The blocks in main.avmlog are not a chain that follows the rules of Bitcoin. The log was changed, or written by something else; or a reorg moved transactions to where they are not allowed."
    DEV_TOKENS "AVM0707" 1 "somebody has too little of a token"
        "The sender, or the caller with --with, does not hold as many units as asked for. What waits for a block counts. Tokens in a contract belong to the contract."
    DEV_REFUSED "AVM0708" 1 "an operation was refused"
        "It is in a block, and has no effect: the rules of the index refuse it for the reason in the message. Tokens on its inputs moved as if it were not there."
    DEV_FAILED "AVM0709" 1 "the script of a contract failed"
        "The call or constructor is in a block, and has no effect. The message says at which operation and why, with the line of the source if the file still has the same code."
    SOURCE_UNREACHABLE "AVM0721" 5 "the source of blocks cannot be reached"
        "Nobody answered at the address, or not in time. `avm index` that has begun to follow waits and tries again; at the start, and with --once, it ends. What was indexed stays."
    SOURCE_REFUSED "AVM0722" 5 "the source of blocks refused a call"
        "The node answered with an error; the message has its reason. 401 is a wrong user, password or cookie file, 403 an address that the node does not allow, 404 a node whose REST interface is switched off."
    SOURCE_MALFORMED "AVM0723" 3 "the source of blocks gave something else"
        "Each block is checked against the name it was asked for: header, transactions and witnesses. The message says what came and what was expected. Block files may be damaged; what answers at an address may be no node."
    SOURCE_EMPTY "AVM0724" 3 "the source has no blocks of the chain"
        "The directory has no block files, or they are of another network than --chain says. Files are called blk00000.dat and so on, and are in `blocks` in the data directory of a node."
    SOURCE_CHANGING "AVM0725" 5 "the chain of the source changes faster than it is read"
        "The node named a block and did not have it a moment later, several times in a row. It may be in the middle of a reorg."
    OTHER_CHAIN "AVM0726" 2 "source and store are of different chains"
        "The first block of the store, or the genesis block of the network, is not the one that the source has. Nothing was changed."
    REORG_DEEP "AVM0727" 8 "a reorg goes back further than allowed"
        "The source does not have the last blocks of the store any more, and more of them than --depth allows to be taken back. On a healthy chain that does not happen, so nothing is changed until somebody has looked: the node may be on a wrong chain."
    STORE_CONTENTS "AVM0728" 6 "a store holds what no index wrote"
        "An input of the log is no block, or the program is none of an index. The store is intact but was written by something else."
    STORE_PARAMS "AVM0729" 2 "a store is of other parameters than asked for"
        "Chain, rules and first height are fixed when a store is made, since another choice would give other states. Leave the options out for the next runs."
    STORE_FAILED "AVM0730" 6 "a store failed while it was used"
        "Reading or writing a state failed, or a part of it is missing or damaged. The log carries all that matters: without the database state.redb the states are made again from it."
    COMPARE_OTHER "AVM0731" 2 "the logs are of different machines, rules or programs"
        "Roots can be compared only between runs of one machine under one version of its rules, from one program; of an index the program is chain, rules and first height. The message shows both."
    BUG "AVM0901" 101 "internal error"
        "A check inside avm failed. This is a bug whatever the input was; please report it with the command line, the files it read, and the output of `avm version`."
    HOST_FAILED "AVM0902" 101 "the machine asked for something that is not there"
        "A machine that starts from its program has all it needs in memory, so this is a bug; please report it with the files of the command."
    INTERRUPTED "AVM0903" 130 "interrupted"
        "The command was stopped with Ctrl-C. Recordings keep all inputs that were already acknowledged."
    PIPE_CLOSED "AVM0904" 0 "the reader of the output went away"
        "Nobody reads the output any more, for example because `head` had enough. The command ends quietly."
    LOG_IO "AVM0905" 3 "a log cannot be read or written"
        "The operating system refused; the message has its reason."
    PROGRAM_TOO_LONG "AVM0906" 7 "a program file would be too long"
        "The values of the program share parts that JSON must repeat. Share less between immediates, or build the values at run time."
}

/// Exit code of a command that found a divergence and shows it as its result.
#[must_use]
pub fn diverged() -> u8 {
    DIVERGENCE.exit
}

/// The code with this id, `AVM0204` or `0204` or `204`; assembler codes included.
#[must_use]
pub fn find(id: &str) -> Option<&'static Code> {
    let digits = id.trim_start_matches(['A', 'V', 'M', 'a', 'v', 'm']);
    let number: u16 = digits.parse().ok()?;
    let id = format!("AVM{number:04}");
    every().find(|code| code.id == id)
}

/// All codes in order.
pub fn every() -> impl Iterator<Item = &'static Code> {
    let (before, after): (Vec<_>, Vec<_>) = ALL
        .iter()
        .map(|(_, code)| *code)
        .partition(|code| code.id < "AVM03");
    before.into_iter().chain(asm::ALL).chain(after)
}
