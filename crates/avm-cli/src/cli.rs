//! What can be typed: commands, options, and the names that are reserved.

use std::path::PathBuf;
use std::time::Duration;

use avm_core::Hash;
use clap::{Args, Parser, Subcommand, ValueEnum};

/// Full name of the project, the first thing `avm version` prints.
pub const PROJECT: &str = "avm - verifiable state machine runtime";

/// Commands that later releases will have.
pub const RESERVED: &[&str] = &[
    "demo",
    "tour",
    "new",
    "init",
    "build",
    "fuzz",
    "debug",
    "profile",
    "explain-intent",
    "node",
    "peers",
    "sim",
    "config",
];

/// Commands of Anchor's version manager, which has the same name.
pub const OTHER_TOOL: &[&str] = &["install", "use", "list", "uninstall"];

/// Run, trace, replay and check verifiable state machines
#[derive(Debug, Parser)]
#[command(
    name = "avm",
    version,
    about = "Run, trace, replay and check verifiable state machines",
    long_about = "avm runs deterministic machines over a log of inputs and answers: is my state the \
                  same as yours, where did we first disagree, why, and can I prove it to others.\n\n\
                  A moment is named by a POINT: `main.avmlog@3` is the state after input 3, \
                  `main.avmlog@3:7` the state before step 7 of that input, `main.avmlog@final:-1` \
                  the one before the last step. `avm explain AVM0201` has the whole grammar.",
    after_help = "Try: avm run FILE.masm    avm trace FILE    avm replay LOG.avmlog --check",
    disable_help_subcommand = false,
    arg_required_else_help = true,
    max_term_width = 100
)]
pub struct Cli {
    /// Options that every command takes.
    #[command(flatten)]
    pub global: Global,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// Options that every command takes, at any place.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// Machine to use [default: from the file]
    #[arg(short, long, global = true, value_name = "ID")]
    pub machine: Option<String>,
    /// Rule set, for programs whose file does not say one
    #[arg(long, global = true, value_name = "NAME")]
    pub rules: Option<String>,
    /// Act as if started in DIR
    #[arg(short = 'C', long, global = true, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// Data directory
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "AVM_HOME",
        hide_env_values = true
    )]
    pub home: Option<PathBuf>,
    /// Forbid any network use (only `dispute` and `index` use it)
    #[arg(long, global = true)]
    pub offline: bool,
    /// One JSON document on stdout; JSON lines for streams
    #[arg(long, global = true)]
    pub json: bool,
    /// No progress or notes on stderr; errors still print
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// More on stderr, never on stdout
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// When to use colour; auto honours NO_COLOR and CLICOLOR_FORCE
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: Color,
    /// Assume yes where a question would be asked
    #[arg(long, global = true)]
    pub yes: bool,
    /// Most steps the command may execute; hitting it is exit 7
    #[arg(long, global = true, value_name = "N", value_parser = steps)]
    pub max_steps: Option<u64>,
    /// Most memory a machine may take, for example 512M or 8G; hitting it is exit 7
    #[arg(long, global = true, value_name = "BYTES", value_parser = bytes)]
    pub max_mem: Option<u64>,
    /// Longest the command may take, for example 500ms, 30s or 5m; hitting it is exit 7
    #[arg(long, global = true, value_name = "TIME", value_parser = time)]
    pub timeout: Option<Duration>,
}

/// When to use colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal.
    Auto,
    /// Also into files and pipes.
    Always,
    /// Not at all.
    Never,
}

/// Inputs for a program that is not a log.
#[derive(Args, Clone, Debug)]
pub struct Inputs {
    /// Messages for the program: an inbox file (JSON), or a text with one message in hex per line
    #[arg(short, long, value_name = "FILE")]
    pub inputs: Option<PathBuf>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Execute a program or log and print result and root
    #[command(
        long_about = "Executes a program (.json, .mexe, .masm, .script or .hex) with its inputs, or a recorded log, and \
        prints what is on top of the stack, logs and sends, and the root before and after.\n\n\
        Exits 0 when the program halts or waits for input, and 1 when it stops on an error or the \
        last call of a contract failed."
    )]
    Run {
        /// Program file, assembler text, or .avmlog
        file: String,
        /// Its inputs.
        #[command(flatten)]
        inputs: Inputs,
        /// Write inputs and roots to a new log
        #[arg(long, value_name = "LOG")]
        record: Option<PathBuf>,
        /// Start reporting at this point; what comes before is executed all the same
        #[arg(long, value_name = "POINT")]
        from: Option<String>,
    },
    /// Assemble a text to a program file
    Asm {
        /// Assembler text
        file: PathBuf,
        /// Write to OUT instead of stdout
        #[arg(short, long, value_name = "OUT")]
        output: Option<PathBuf>,
    },
    /// Print a program as assembler text, the inverse of asm
    Disasm {
        /// Program file
        file: PathBuf,
        /// Write to OUT instead of stdout
        #[arg(short, long, value_name = "OUT")]
        output: Option<PathBuf>,
        /// Add number, gas and code point hash of each operation as a comment
        #[arg(long)]
        annotate: bool,
    },
    /// Print every step of a run, a span or a range
    #[command(
        long_about = "Prints every step. FILE traces the whole run, `FILE@3` the span of input 3, `FILE@3:7` \
        one step, `FILE@3..@5` everything between two points. The output is a stream: it takes no \
        memory however long the run.\n\n\
        For a machine whose objects exchange messages, `--as mermaid` and `--as dot` draw who called and \
        messaged whom: the effective chart, without what was rolled back or aborted, and with --audit all \
        of it, marked. `--as events` lists the events, one a line. A chart names its root, a Merkle root \
        over the effective arrows."
    )]
    Trace {
        /// FILE, FILE@POINT or FILE@POINT..POINT; or a file and then a point
        #[arg(required = true, num_args = 1..=2, value_name = "TARGET")]
        target: Vec<String>,
        /// Its inputs.
        #[command(flatten)]
        inputs: Inputs,
        /// Form of the output
        #[arg(long = "as", value_name = "FORM", default_value = "text")]
        form: TraceForm,
        /// Add the root before each step (slow: a hash a step)
        #[arg(long)]
        roots: bool,
        /// Stack items shown a step; eip3155 shows all
        #[arg(long, value_name = "N", default_value_t = 4)]
        stack: usize,
        /// In a chart, also what was undone, marked
        #[arg(long)]
        audit: bool,
    },
    /// Print the committed root at a point or along a range
    Root {
        /// FILE, FILE@POINT or FILE@POINT..POINT; or a file and then a point
        #[arg(required = true, num_args = 1..=2, value_name = "TARGET")]
        target: Vec<String>,
        /// Its inputs.
        #[command(flatten)]
        inputs: Inputs,
        /// In a range, only every Nth input
        #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
        every: u64,
    },
    /// List the inputs of a log with their roots, one a line
    Log {
        /// LOG, or a program with --inputs
        file: String,
        /// Only these inputs
        range: Option<String>,
        /// Its inputs.
        #[command(flatten)]
        inputs: Inputs,
    },
    /// Run one input on top of a point, and keep nothing
    #[command(
        long_about = "Runs one input on top of the state at the end of a program or log, or at --at POINT, and \
        prints what came of it: the outcome, the keys that changed, the cost and the outputs. Nothing is \
        written.\n\n\
        For a contract with methods the first word is the method, and its arguments follow as the contract \
        declares them; for one without, each word is pushed. For `arb` the one word is a message, as JSON \
        or in hex. Words that begin with `-` go behind `--`.\n\n\
        Exits 0 if the input had its effect, and 1 if it failed."
    )]
    Call {
        /// Program file, assembler text, or .avmlog
        target: String,
        /// What to call, and its arguments
        #[arg(value_name = "WORD")]
        words: Vec<String>,
        /// Inputs that come before.
        #[command(flatten)]
        inputs: Inputs,
        /// On top of this point
        #[arg(long, value_name = "POINT")]
        at: Option<String>,
    },
    /// List the keys of a state, or those under a prefix
    State {
        /// FILE@POINT, or a file for the end of its run
        point: String,
        /// Only keys that start with this, for example stack/
        prefix: Option<String>,
        /// Its inputs.
        #[command(flatten)]
        inputs: Inputs,
        /// Only how many keys there are
        #[arg(long)]
        count: bool,
        /// Only the first N keys [default: 1000 as text, all otherwise]
        #[arg(long, value_name = "N")]
        limit: Option<usize>,
        /// Form of the output
        #[arg(long = "as", value_name = "FORM", default_value = "text")]
        form: StateForm,
    },
    /// Show an input, or a value by key or hash
    #[command(
        long_about = "`avm show LOG@3` shows input 3 decoded; `avm show LOG@3 stack/0` a value of the state at \
        that point by key, and `avm show LOG@3 0xHASH` one by its hash."
    )]
    Show {
        /// FILE@POINT
        point: String,
        /// A key, as `avm state` lists them, or a hash
        key: Option<String>,
        /// Its inputs.
        #[command(flatten)]
        inputs: Inputs,
        /// The bytes of the input in hex, as --inputs reads them; or the value alone
        #[arg(long)]
        raw: bool,
    },
    /// Execute a log again and compare every recorded root
    #[command(
        long_about = "Executes a log again and compares every root that it records.\n\n\
        With --objects, of a log or a program whose machine has objects: what each object accepted is fed to \
        a fresh object of its behaviour, which must come to the same history and, bit for bit, to the same \
        state. An object whose behaviour calls or reads more than its inputs and its state cannot be checked \
        alone; the list says what it uses.\n\n\
        Exits 8 if something differs."
    )]
    Replay {
        /// The log; with --objects also a program
        log: PathBuf,
        /// Refuse a log without roots, and print the verdict only
        #[arg(long)]
        check: bool,
        /// Check the history and state of every object
        #[arg(long, conflicts_with = "check")]
        objects: bool,
    },
    /// Check source texts without running them
    #[command(
        long_about = "Compiles source texts and shows all that is wrong with them, and what is likely not meant. \
        FILE may be a directory: then all .avm files in it and below. Without FILE: the current directory. \
        Texts of other machines are assembled, and their lint is shown.\n\n\
        Exits 0 if there is no error, and 3 if there is one; with --deny-warnings also if there is a warning."
    )]
    Check {
        /// Files or directories; `-` for standard input
        #[arg(value_name = "FILE")]
        files: Vec<PathBuf>,
        /// Treat warnings as errors
        #[arg(long)]
        deny_warnings: bool,
    },
    /// Run the tests in source texts
    #[command(
        long_about = "Runs the forms `(test \"name\" expr => expected)` of .avm files, each in a machine of its own; \
        the expressions may create objects and use transactions. FILE may be a directory: then all .avm files in \
        it and below. Without FILE: the current directory.\n\n\
        Exits 0 if all pass and 1 if one does not."
    )]
    Test {
        /// Files or directories
        #[arg(value_name = "FILE")]
        files: Vec<PathBuf>,
        /// Only tests whose name contains this
        #[arg(
            long,
            value_name = "TEXT",
            default_value = "",
            hide_default_value = true
        )]
        filter: String,
    },
    /// Try expressions of the language in a machine that lives on
    #[command(
        long_about = "Reads forms from standard input. Definitions are kept, and FILE's are there from the start; \
        expressions are run in a machine that lives on, so objects stay. The value of the first expression is \
        `$1`. `:state` lists objects, `:trace` draws the last expression, `:help` has the rest. An entry ends \
        where its parentheses balance.\n\n\
        Prompts only at a terminal: `echo '(+ 1 2)' | avm repl` prints 3. Without a terminal the first error ends \
        it, with exit code 1."
    )]
    Repl {
        /// Definitions to start with
        file: Option<PathBuf>,
    },
    /// List the keys that differ between two points
    #[command(
        long_about = "Lists the keys whose values differ between two points of one log or of two, with both \
        values. Differences inside tuples are named down to the element.\n\n\
        Exits 0 if nothing differs and 1 if something does."
    )]
    Diff {
        /// FILE@POINT, or a file for the end of its run
        a: String,
        /// The same; without a file, a point of the first one
        b: String,
        /// Inputs, for programs
        #[command(flatten)]
        inputs: Inputs,
        /// Only how many keys differ, by their first part
        #[arg(long)]
        stat: bool,
        /// Only keys that start with this
        #[arg(long, value_name = "PREFIX")]
        only: Option<String>,
        /// Only the first N keys
        #[arg(long, value_name = "N", default_value_t = 1000)]
        limit: usize,
    },
    /// Find the first input, step and key where two logs disagree
    #[command(
        long_about = "Compares two logs: the programs, the inputs, and the roots that were recorded with \
        them. Names the first input that differs, the first step inside it, and the keys that differ \
        there; or the first root that only one side recorded and that executing the inputs does not \
        give. Writes a bundle that reproduces it.\n\n\
        A and B are logs, store directories, bundles or programs; a point `LOG@N` compares up to input \
        N. `avm bisect LOG --recorded` compares what a log records with what executing it gives.\n\n\
        Exits 0 if the two agree as far as both go, and 8 if they do not."
    )]
    Bisect {
        /// The one log
        a: String,
        /// The other; none with --recorded
        #[arg(conflicts_with = "recorded")]
        b: Option<String>,
        /// Inputs, for programs
        #[command(flatten)]
        inputs: Inputs,
        /// How far to look
        #[arg(long, value_name = "WHAT", default_value = "key")]
        until: Until,
        /// Compare one log with the roots recorded in it
        #[arg(long)]
        recorded: bool,
        /// Write the bundle to FILE [default: disagree-INPUT.avmbundle, here]
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Write one file that reproduces a point
    #[command(
        long_about = "Writes the program, the inputs up to a point and the point itself into one file. Every \
        command takes a bundle where it takes a log; without `@` a bundle stands for its own point.\n\n\
        The roots recorded up to the point are in it, too, or the root at the point if none was \
        recorded; --min leaves them out."
    )]
    Bundle {
        /// FILE@POINT, a point in the current log, or a file and then a point
        #[arg(required = true, num_args = 1..=2, value_name = "POINT")]
        target: Vec<String>,
        /// Its inputs.
        #[command(flatten)]
        inputs: Inputs,
        /// Write to FILE [default: LOG-INPUT-STEP.avmbundle, here]
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
        /// Leave out what the point does not need: recorded roots
        #[arg(long)]
        min: bool,
        /// A text that says why there is a bundle
        #[arg(long, value_name = "TEXT")]
        why: Option<String>,
    },
    /// Prove a step, a range, an input, or a key of a state
    #[command(
        long_about = "Writes a proof that anybody can check offline, with nothing but the file and this \
        program: `avm verify FILE`.\n\n\
        A point with a step (`main.avmlog@3:7`, `final:-1`) proves that step, `A..B` all steps between two \
        points, a point without a step (`@3`) the whole input, and --key what the state at a point has \
        at a key, or that it has none.\n\n\
        Without a file in front of the point the current log is meant: main.avmlog here or in --home, \
        or the only .avmlog there. A file that exists is overwritten only with --yes, or if it would \
        not change."
    )]
    Prove {
        /// FILE@POINT, FILE@POINT..POINT, or a point in the current log; or a file and then a point
        #[arg(required = true, num_args = 1..=2, value_name = "TARGET")]
        target: Vec<String>,
        /// Its inputs.
        #[command(flatten)]
        inputs: Inputs,
        /// Write to FILE [default: LOG-INPUT-STEP.avmproof, here]
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
        /// What to prove [default: as the target says]
        #[arg(long, value_name = "KIND")]
        kind: Option<ProofKind>,
        /// What the state has at KEY, as `avm state` names it
        #[arg(long, value_name = "KEY")]
        key: Option<String>,
    },
    /// Check proofs, offline
    #[command(
        long_about = "Checks proof files with nothing but the files and the rules in this program, and says \
        what each shows, and under which log.\n\n\
        Exits 0 if all are valid, 1 if one is not, 3 if a file is no proof, 9 if it is of other rules, \
        and 7 if it covers more than --max-steps steps (100 million unless given)."
    )]
    Verify {
        /// Proof files
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// Require this state: the one after a run, or the one that has the key
        #[arg(long, value_name = "HASH")]
        root: Option<Hash>,
        /// Require the log that the proof holds under to be this one
        #[arg(long, value_name = "LOG", conflicts_with = "head")]
        log: Option<String>,
        /// Require the log that the proof holds under to have this root
        #[arg(long, value_name = "HASH")]
        head: Option<Hash>,
    },
    /// List the machines, or describe one
    Machines {
        /// Machine
        id: Option<String>,
        /// The opcode table
        #[arg(long)]
        ops: bool,
    },
    /// Measure steps per second, or the size and time of proofs
    #[command(
        long_about = "Measures steps per second in CPU time; of recorded calls of contracts, such as \
        vectors/atomicals/bench.json, the time of a call.\n\n`avm bench prove vectors/arb` measures \
        proofs instead: for every opcode, how large the proof of a step is and how long it takes to make \
        and to check it, over every step of the recorded programs in a directory; then a step on a stack \
        of four million items, and what a root after every input costs.\n\n`avm bench index` makes \
        blocks of the shape of the main network's, 3,000 transactions of which 30 call contracts and 30 \
        move tokens, and measures what it takes to index them with a root after each, on a small state and \
        on one of --keys keys; then what taking a block back costs.\n\n`avm bench anoma` without a file measures \
        calls, messages, creations and transactions of objects at each trace level, the root and the memory \
        of a million objects, and beside them the same programs in Erlang, if `erl` and `erlc` are on PATH. \
        --only picks by name and level: `echo`, `/core`, `tx-many/full`."
    )]
    Bench {
        /// Machine, `prove` or `index`
        id: String,
        /// A program, or a bench.json with several; for `prove` also a directory, for `index` nothing,
        /// for `anoma` a program or nothing
        file: Option<PathBuf>,
        /// For `index`: blocks that are measured on each state
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
        blocks: Option<u32>,
        /// For `index`: keys of the large state
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
        keys: Option<u64>,
        /// Measurements of each program
        #[arg(long, value_name = "N", default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=1000))]
        rounds: u32,
        /// For `anoma` without a file: divide all counts by this
        #[arg(long, value_name = "N", hide = true, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
        divide: u64,
        /// Only programs whose name contains this
        #[arg(long, value_name = "TEXT")]
        only: Option<String>,
    },
    /// Index the chain of a Bitcoin node, and follow it
    #[command(
        long_about = "Brings the chain of a Bitcoin node into a store: the blocks as the inputs of a log, the \
        state of the Atomicals rules after each, and its root. It goes on where the store ends, takes back \
        blocks that the node no longer has, and at the tip waits for the next block, or ends with --once.\n\n\
        LOCATION is the directory with the node's block files or its data directory for --source files, \
        and an address such as http://127.0.0.1:8332 for rpc and rest.\n\n\
        The process may be ended at any moment, by Ctrl-C or by force: the next one goes on from the last \
        block that was acknowledged.",
        after_help = "Try: avm index --source files ~/.bitcoin --once    avm index --source rpc \
        127.0.0.1:8332 --cookie ~/.bitcoin/.cookie"
    )]
    Index(crate::commands::index::IndexArgs),
    /// Compare the roots that several stores or logs recorded
    #[command(
        long_about = "Compares the roots recorded in store directories or logs and says who agrees, who is behind, \
        and from which block on somebody differs. Nothing is executed; `avm bisect` finds out who is right.\n\n\
        Exits 0 if all agree as far as they go, and 8 if one differs."
    )]
    Compare(crate::commands::compare::CompareArgs),
    /// Play, referee, join, watch and check disputes about a run
    Dispute {
        /// What to do.
        #[command(subcommand)]
        command: crate::commands::dispute::DisputeCommand,
    },
    /// A local Bitcoin chain with Atomicals: deploy, call, mint, reorg
    #[command(
        long_about = "A local chain for contract developers: Bitcoin blocks made here, and the index of protocols, \
        contracts and tokens that follows them. No node, no network.\n\n\
        A chain is a directory with two files: `main.avmlog`, a log of the machine `atomicals-index` with the \
        blocks as inputs, and `dev.json` with names, and what waits. The same commands give the same bytes. \
        Keys are names: `alice` is a key that everybody knows, and the miner gives it what it needs. \
        Every command mines a block unless --no-mine.",
        after_help = "Try: avm dev init chain && cd chain\n     avm dev deploy counter counter.script\n     avm dev call counter add 5"
    )]
    Dev {
        /// What to do.
        #[command(subcommand)]
        command: crate::commands::dev::DevCommand,
    },
    /// Write states as files, and check such files
    Snapshot {
        /// What to do.
        #[command(subcommand)]
        command: crate::commands::snapshot::SnapshotCommand,
    },
    /// Lay out texts of the language
    #[command(
        long_about = "Gives .avm files the one layout: indentation by the conventions of Scheme, lines of at most \
        100 columns, one blank line at most. Tokens and comments stay as they are, and formatting twice changes \
        nothing. Files that have the layout are not touched; a file that cannot be read is not changed.\n\n\
        FILE may be a directory: then all .avm files in it and below, without those whose names begin with a \
        dot. `-` is standard input, and its layout goes to standard output. Without FILE: the current \
        directory.\n\n\
        With --check nothing is written; the files that have another layout are named, and the exit code is 1 \
        if there are any."
    )]
    Fmt {
        /// Files or directories; `-` for standard input
        #[arg(value_name = "FILE")]
        files: Vec<PathBuf>,
        /// Only say which files have another layout; exits with 1 if there are any
        #[arg(long)]
        check: bool,
    },
    /// Serve an editor: the language server, on standard input and output
    #[command(
        long_about = "Speaks the Language Server Protocol on standard input and output: findings while typing, hover, \
        definitions, completion and formatting of .avm files. Editors start it; `editors/` has settings for \
        some.\n\n\
        Exits with 0 after `shutdown` and `exit`, and with 1 if the editor goes away without."
    )]
    Lsp,
    /// Run reference vectors
    #[command(
        long_about = "Runs the reference vectors in files or directories, prints each failure with what was \
        expected and found, and each case that is left for later with the reason, and ends with \
        `N passed, N failed`, and `, N skipped` if any was. Exits 1 if any failed, 3 if a file cannot \
        be read or has another form."
    )]
    Vectors {
        /// Machine
        id: String,
        /// Files, or directories with .json files
        #[arg(required = true)]
        paths: Vec<PathBuf>,
    },
    /// Explain an error code, or list all
    Explain {
        /// For example AVM0204
        code: Option<String>,
    },
    /// Print a completion script
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page, or write one page a command to DIR
    Man {
        /// Directory to write to
        out: Option<PathBuf>,
    },
    /// Print version, and which rules this build follows
    Version,
    /// Check the environment: which avm runs, its machines, directories
    Doctor,
}

/// Form of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TraceForm {
    /// Columns for people
    Text,
    /// JSON lines with a "t" member, ended by a record "end"
    Jsonl,
    /// The strict form of EIP-3155
    Eip3155,
    /// Message sequence chart, as Mermaid
    Mermaid,
    /// Who called and messaged whom, as a Graphviz graph
    Dot,
    /// Events of objects, as JSON lines
    Events,
}

/// Form of a state listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum StateForm {
    /// Columns for people
    Text,
    /// JSON lines, ended by a record "end"
    Jsonl,
    /// Comma-separated values with a header line
    Csv,
}

/// How far a comparison looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Until {
    /// To the first input that differs
    Input,
    /// To the first step in it
    Step,
    /// To the keys that differ after it
    Key,
}

/// What a proof is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ProofKind {
    /// One step
    Step,
    /// All steps from one point to another
    Range,
    /// A whole input
    Input,
    /// A key of a state
    Key,
}

fn steps(text: &str) -> Result<u64, String> {
    let digits = text.replace(['_', ' '], "");
    digits
        .parse()
        .map_err(|_| "expected a whole number below 2^64, such as 1000000".into())
}

fn bytes(text: &str) -> Result<u64, String> {
    let expected = || String::from("expected a number of bytes, such as 4096, 512M or 8G");
    let text = text
        .trim()
        .trim_end_matches(['B', 'b'])
        .trim_end_matches('i');
    let (digits, shift) = match text.chars().last().map(|c| c.to_ascii_uppercase()) {
        Some('K') => (&text[..text.len() - 1], 10),
        Some('M') => (&text[..text.len() - 1], 20),
        Some('G') => (&text[..text.len() - 1], 30),
        _ => (text, 0),
    };
    let count: u64 = digits.trim().parse().map_err(|_| expected())?;
    count.checked_mul(1 << shift).ok_or_else(expected)
}

pub(crate) fn time(text: &str) -> Result<Duration, String> {
    let expected = || String::from("expected a time, such as 500ms, 30s, 5m or 1h");
    let split = text
        .find(|c: char| c.is_ascii_alphabetic())
        .unwrap_or(text.len());
    let (digits, unit) = text.split_at(split);
    let seconds = match unit {
        "ms" => 1e-3,
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return Err(expected()),
    };
    let count: f64 = digits.trim().parse().map_err(|_| expected())?;
    Duration::try_from_secs_f64(count * seconds).map_err(|_| expected())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn sizes_and_times() {
        assert_eq!(bytes("512M"), Ok(512 << 20));
        assert_eq!(bytes("8GiB"), Ok(8 << 30));
        assert_eq!(bytes("4096"), Ok(4096));
        assert!(bytes("99999999999G").is_err());
        assert!(bytes("-1").is_err());
        assert_eq!(time("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(time("2"), Ok(Duration::from_secs(2)));
        assert!(time("-3s").is_err());
        assert!(time("1e400").is_err());
        assert_eq!(steps("1_000"), Ok(1000));
    }
}
