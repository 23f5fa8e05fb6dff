//! Prints what the most expensive calls that `avm1` admits cost and take: for each family of
//! operations a call that spends the budget, or as much of it as a script of 1 MB can. The last
//! column is the time of a unit of cost against the median of all families.
//!
//! `cargo run --release -p avm-atomicals --example metering [FAMILY]`
#![allow(clippy::disallowed_types, clippy::disallowed_methods)]

use std::hint::black_box;
use std::time::Instant;

use avm_atomicals::machine::{call_from_bytes, call_to_bytes};
use avm_atomicals::script::call::token;
use avm_atomicals::script::num::Num;
use avm_atomicals::script::table::{Key, Table};
use avm_atomicals::script::{CallInput, Contract, Rules, tables, verify};

/// Rounds after the first.
const ROUNDS: usize = 12;
/// Room for a script: a little below the limit of 1,000,000 bytes.
const ROOM: usize = 999_000;

/// A call to be measured.
struct Family {
    name: String,
    contract: Contract,
    call: CallInput,
}

/// What was measured of a family.
struct Row {
    name: String,
    cost: u64,
    /// The least of all rounds.
    ns: f64,
    ended: String,
}

impl Row {
    fn per_unit(&self) -> f64 {
        self.ns / self.cost.max(1) as f64
    }
}

fn main() {
    let wanted = std::env::args().nth(1).unwrap_or_default();
    let mut families = families();
    families.retain(|family| family.name.contains(&wanted));
    let mut rows: Vec<Row> = families.iter().map(measure).collect();
    // Rounds follow one another over all families, so that a busy while hits no family alone.
    for _ in 0..ROUNDS {
        for (row, family) in rows.iter_mut().zip(&families) {
            row.ns = row.ns.min(measure(family).ns);
        }
    }
    rows.sort_by(|a, b| a.per_unit().total_cmp(&b.per_unit()));
    let median = rows[rows.len() / 2].per_unit();
    println!(
        "{:<34} {:>10} {:>10} {:>8} {:>7}  ended",
        "family", "cost", "us", "ns/unit", "ratio"
    );
    for row in &rows {
        let Row {
            name,
            cost,
            ns,
            ended,
        } = row;
        let (us, unit) = (ns / 1000.0, row.per_unit());
        println!(
            "{name:<34} {cost:>10} {us:>10.0} {unit:>8.3} {:>7.2}  {ended}",
            unit / median
        );
    }
}

/// One round: what the call costs and takes.
fn measure(family: &Family) -> Row {
    for table in [
        &family.contract.state,
        &family.contract.ft,
        &family.contract.nft,
    ] {
        black_box(table.root());
    }
    let input = call_to_bytes(&family.call).expect("in memory");
    let start = Instant::now();
    let call = call_from_bytes(&Rules::AVM1, &input).expect("we wrote it");
    let ended = verify(&Rules::AVM1, &family.contract, call).expect("in memory");
    // The receipt of a call names what it did by the roots of its tables.
    if let Ok(accepted) = &ended.outcome {
        let e = &accepted.effects;
        for table in [
            &e.state,
            &e.updates,
            &e.deletes,
            &e.ft,
            &e.ft_updates,
            &e.nft,
            &e.nft_updates,
            &e.ft_withdraws,
            &e.nft_withdraws,
            &e.ft_adds,
            &e.nft_puts,
        ] {
            black_box(table.root());
        }
    }
    let ns = start.elapsed().as_nanos() as f64;
    let how = match &ended.outcome {
        Ok(_) => "ok".into(),
        Err(failure) => failure.to_string(),
    };
    Row {
        name: family.name.clone(),
        cost: ended.cost,
        ns,
        ended: how,
    }
}

fn push(bytes: &[u8]) -> Vec<u8> {
    let head = match bytes {
        [] => vec![0],
        [small @ 1..=16] => return vec![0x50 + small],
        [0x81] => return vec![0x4f],
        _ if bytes.len() <= 75 => vec![bytes.len() as u8],
        _ if bytes.len() <= 255 => vec![0x4c, bytes.len() as u8],
        _ => vec![0x4d, bytes.len() as u8, (bytes.len() >> 8) as u8],
    };
    [&head, bytes].concat()
}

fn num(number: i64) -> Vec<u8> {
    push(&Num::from(number).encode())
}

/// `before`, then as many of `each` as fit, then `after`.
fn filled(before: &[u8], each: &[u8], after: &[u8]) -> Vec<u8> {
    let room = ROOM - before.len() - after.len();
    [before, &each.repeat(room / each.len()), after].concat()
}

fn tx(outputs: &[(u64, Vec<u8>)]) -> Vec<u8> {
    let size = |out: &mut Vec<u8>, n: usize| match n {
        0..=0xfc => out.push(n as u8),
        0xfd..=0xffff => {
            out.push(0xfd);
            out.extend((n as u16).to_le_bytes());
        }
        _ => {
            out.push(0xfe);
            out.extend((n as u32).to_le_bytes());
        }
    };
    let mut tx = vec![2, 0, 0, 0, 1];
    tx.extend([1; 36]);
    size(&mut tx, 3_500);
    tx.extend([0x51; 3_500]);
    tx.extend([0xfd, 0xff, 0xff, 0xff]);
    size(&mut tx, outputs.len());
    for (value, script) in outputs {
        tx.extend(value.to_le_bytes());
        size(&mut tx, script.len());
        tx.extend(script);
    }
    tx.extend([0; 4]);
    tx
}

fn family(name: impl Into<String>, code: Vec<u8>) -> Family {
    let small: Vec<_> = (0..3).map(|_| (1 << 40, vec![0x51; 22])).collect();
    Family {
        name: name.into(),
        contract: Contract::new([7; 36], code.into()),
        call: CallInput {
            unlock: Vec::new().into(),
            tx: tx(&small).into(),
            auth_key: Vec::new().into(),
            ft_incoming: Table::default(),
            nft_incoming: Table::default(),
            headers: Table::default(),
            height: 1,
        },
    }
}

fn reference(number: u32) -> [u8; 36] {
    let mut reference = [7; 36];
    reference[..4].copy_from_slice(&number.to_le_bytes());
    reference
}

fn put(table: &mut Table, key: &[u8], value: &[u8]) {
    table.insert(key, value.into()).expect("in memory");
}

/// A state with `count` entries in one space, whose keys begin alike in `shared` bytes.
fn state(count: u32, shared: usize, value: usize) -> Table {
    let mut state = Table::default();
    for number in 0..count {
        let key = [&vec![5; shared][..], &number.to_be_bytes()[1..]].concat();
        put(&mut state, Key::new(b"s", &key).bytes(), &vec![1; value]);
    }
    state
}

fn with_state(mut family: Family, state: Table) -> Family {
    family.contract.sum = tables::sum(&state).expect("in memory");
    family.contract.state = state;
    family
}

/// A row of keys that part at every bit: the deepest tree.
fn deep() -> Table {
    let mut state = Table::default();
    for bit in 0..8 * 900_usize {
        let mut key = vec![0x55; 64];
        let at = bit % (64 * 8);
        key[at / 8] ^= 0x80 >> (at % 8);
        if bit < 512 {
            put(&mut state, Key::new(b"s", &key).bytes(), &[1]);
        }
    }
    state
}

fn families() -> Vec<Family> {
    let mut all = Vec::new();
    let mut add = |name: &str, before: &[u8], each: &[u8], after: &[u8]| {
        all.push(family(name, filled(before, each, after)));
    };
    let long = [push(&[0x77; 3_999]), vec![]].concat();
    let drop1 = &[0x75, 0x51][..];
    let many = |count: usize| [0x51].repeat(count);
    // Pushes and control.
    add("nop", &[0x51], &[0x61], &[]);
    add("op_1 drop", &[0x51], &[0x51, 0x75], &[]);
    add("depth drop", &[0x51], &[0x74, 0x75], &[]);
    add(
        "push 20 drop",
        &[0x51],
        &[&push(&[9; 20])[..], &[0x75]].concat(),
        &[],
    );
    add(
        "push 75 drop",
        &[0x51],
        &[&push(&[9; 75])[..], &[0x75]].concat(),
        &[],
    );
    add(
        "push 255 drop",
        &[0x51],
        &[&push(&[9; 255])[..], &[0x75]].concat(),
        &[],
    );
    add(
        "push 4000 drop",
        &[0x51],
        &[&push(&[9; 4_000])[..], &[0x75]].concat(),
        &[],
    );
    add("if endif", &[0x51], &[0x51, 0x63, 0x68], &[]);
    add(
        "not executed",
        &[0x00, 0x63],
        &[0x67, 0x67, 0x61, 0x93],
        &[0x68, 0x51],
    );
    add("not executed if", &[0x00, 0x63], &[0x63], &[]);
    add(
        "not executed push 4000",
        &[0x00, 0x63],
        &push(&[9; 4_000]),
        &[0x68, 0x51],
    );
    add("verify", &[0x51], &[0x51, 0x69], &[]);
    // The stack.
    add("dup drop short", &[0x51], &[0x76, 0x75], &[]);
    add("dup drop 4000", &long, &[0x76, 0x75], drop1);
    add(
        "2dup 2drop 4000",
        &[&long[..], &long].concat(),
        &[0x6e, 0x6d],
        &[0x6d, 0x51],
    );
    add(
        "3dup 2drop drop",
        &[0x51, 0x51, 0x51],
        &[0x6f, 0x6d, 0x75],
        &[],
    );
    add("2over 2drop", &many(4), &[0x70, 0x6d], &[]);
    add("2rot", &many(6), &[0x71], &[]);
    add("2swap", &many(4), &[0x72], &[]);
    add("rot", &many(3), &[0x7b], &[]);
    add("swap", &many(2), &[0x7c], &[]);
    add("tuck drop", &many(2), &[0x7d, 0x75], &[]);
    add("over nip", &many(2), &[0x78, 0x77], &[]);
    add("toalt fromalt", &[0x51], &[0x6b, 0x6c], &[]);
    add("size drop", &[0x51], &[0x82, 0x75], &[]);
    add(
        "ifdup drop zeros 4000",
        &push(&[&[0; 3_998][..], &[1]].concat()),
        &[0x73, 0x75],
        drop1,
    );
    add(
        "pick 990 drop",
        &many(995),
        &[&num(990)[..], &[0x79, 0x75]].concat(),
        &[],
    );
    add(
        "roll 990",
        &many(995),
        &[&num(990)[..], &[0x7a]].concat(),
        &[],
    );
    add("roll 1", &many(995), &[0x51, 0x7a], &[]);
    add(
        "roll 30",
        &many(995),
        &[&num(30)[..], &[0x7a]].concat(),
        &[],
    );
    // Bytes.
    let half = push(&[9; 2_000]);
    add(
        "split cat 4000",
        &push(&[9; 4_000]),
        &[&num(2_000)[..], &[0x7f, 0x7e]].concat(),
        drop1,
    );
    add(
        "cat 2000 drop",
        &[&half[..], &half].concat(),
        &[0x6e, 0x7e, 0x75],
        &[0x6d, 0x51],
    );
    add("cat 1 drop", &many(2), &[0x6e, 0x7e, 0x75], &[]);
    add(
        "cat 20 drop",
        &[push(&[9; 20]), push(&[9; 20])].concat(),
        &[0x6e, 0x7e, 0x75],
        &[],
    );
    add(
        "num2bin 4000 drop",
        &[0x51],
        &[&[0x51][..], &num(4_000), &[0x80, 0x75]].concat(),
        &[],
    );
    add(
        "num2bin 40 drop",
        &[0x51],
        &[&[0x51][..], &num(40), &[0x80, 0x75]].concat(),
        &[],
    );
    add(
        "bin2num zeros 4000",
        &push(&[0; 4_000]),
        &[0x76, 0x81, 0x75],
        drop1,
    );
    add("bin2num 4000", &push(&[9; 4_000]), &[0x81], drop1);
    add("reverse 4000", &push(&[9; 4_000]), &[0xbc], drop1);
    add("reverse 40", &push(&[9; 40]), &[0xbc], drop1);
    add("invert 4000", &push(&[9; 4_000]), &[0x83], drop1);
    for (name, code) in [("and", 0x84), ("xor", 0x86), ("equal", 0x87)] {
        for len in [4_000, 40, 1] {
            let two = [push(&vec![99; len]), push(&vec![99; len])].concat();
            add(
                &format!("{name} {len}"),
                &two,
                &[0x6e, code, 0x75],
                &[0x6d, 0x51],
            );
        }
    }
    for (name, code) in [("lshift", 0x98), ("rshift", 0x99)] {
        for (len, by) in [(4_000, 13), (4_000, 31_999), (4_000, 8), (40, 13), (3, 1)] {
            let step = [&num(by)[..], &[code]].concat();
            add(
                &format!("{name} {len} by {by}"),
                &push(&vec![99; len]),
                &step,
                drop1,
            );
        }
    }
    // Numbers.
    for (name, code) in [
        ("add", 0x93_u8),
        ("sub", 0x94),
        ("mul", 0x95),
        ("div", 0x96),
        ("mod", 0x97),
        ("booland", 0x9a),
        ("numequal", 0x9c),
        ("lessthan", 0x9f),
        ("max", 0xa4),
    ] {
        for (a, b) in [
            (1, 1),
            (8, 8),
            (9, 9),
            (32, 32),
            (100, 100),
            (1_900, 1_900),
            (3_990, 3_990),
            (3_990, 16),
            (3_990, 9),
            (3_990, 2_000),
            (3_990, 1),
            (64, 32),
        ] {
            if matches!(code, 0x95) && a + b > 4_000 {
                continue;
            }
            let two = [push(&vec![0x73; a]), push(&vec![0x71; b])].concat();
            add(
                &format!("{name} {a} {b}"),
                &two,
                &[0x6e, code, 0x75],
                &[0x6d, 0x51],
            );
        }
    }
    for (name, code) in [("1add", 0x8b), ("negate", 0x8f), ("not", 0x91)] {
        for len in [1, 9, 3_990] {
            add(
                &format!("{name} {len}"),
                &push(&vec![0x73; len]),
                &[0x76, code, 0x75],
                drop1,
            );
        }
    }
    for len in [1, 3_990] {
        let three = push(&vec![0x73; len]).repeat(3);
        add(
            &format!("within {len}"),
            &three,
            &[0x6f, 0xa5, 0x75],
            &[0x6d, 0x75, 0x51],
        );
    }
    // Digests.
    for (name, code) in [
        ("ripemd160", &[0xa6][..]),
        ("sha1", &[0xa7]),
        ("sha256", &[0xa8]),
        ("hash160", &[0xa9]),
        ("hash256", &[0xaa]),
        ("sha3", &[0x00, 0xfd]),
        ("sha512", &[0x51, 0xfd]),
        ("sha512_256", &[0x52, 0xfd]),
        ("eaglesong", &[0x53, 0xfd]),
    ] {
        for len in [0, 55, 63, 64, 120, 4_000] {
            let step = [&[0x76][..], code, &[0x75]].concat();
            add(&format!("{name} {len}"), &push(&vec![9; len]), &step, drop1);
        }
    }
    all.extend(signatures());
    all.extend(introspection());
    all.extend(storage());
    all.extend(tokens());
    all
}

fn hex(text: &str) -> Vec<u8> {
    tables::from_hex(text).expect("hex")
}

fn signatures() -> Vec<Family> {
    let key = hex("026c5d5e73124f3c821c0985df787e11b3d018a86add577fa8661613a0d49dde59");
    let long_key = hex(
        "046c5d5e73124f3c821c0985df787e11b3d018a86add577fa8661613a0d49dde59be34f8ec266c26f94f94497e5b5d1f4159f6c0d2af22ed5ab5ba41d19535499c",
    );
    let ecdsa = hex(
        "304402203be43d1c265bfb3ac6a757bf61bc00194e048aec1eedf7b4c12e16d29a79779a02205dc36856a0f33046f4b1aa699a4258e6a1faec84842e0198d13d0632c0b16fb9",
    );
    let schnorr = hex(
        "5e9fb23946572a8af6fe7c3756cdfd9978f199d4e89ab1fd5577808ed73e16ea92264356e5cf54688ec11c26df673b978eb65eed4353a2f329024aa93482bff9",
    );
    let mut all = Vec::new();
    for (name, signature, key) in [
        ("ecdsa", &ecdsa, &key),
        ("ecdsa long key", &ecdsa, &long_key),
        ("schnorr long key", &schnorr, &long_key),
    ] {
        let operands = [push(signature), vec![0x00], push(key)].concat();
        let code = filled(&operands, &[0x6f, 0xba, 0x75], &[0x6d, 0x75, 0x51]);
        all.push(family(format!("checkdatasig {name}"), code));
        // A bad signature ends the call at once.
        let mut bad = signature.clone();
        let last = bad.len() - 1;
        bad[last] ^= 1;
        let code = [push(&bad), vec![0x00], push(key), vec![0xba]].concat();
        all.push(family(format!("checkdatasig bad {name}"), code));
    }
    let code = filled(
        &[&[0x00, 0x00][..], &push(&key)].concat(),
        &[0x6f, 0xba, 0x75],
        &[0x6d, 0x75, 0x51],
    );
    all.push(family("checkdatasig empty", code));
    let code = filled(&[], &[0xc0, 0x75], &[0x51]);
    all.push(family("checkauthsig nobody", code.clone()));
    for (name, count, len) in [
        ("10000 outputs", 10_000, 0),
        ("1000 outputs of 1000", 1_000, 1_000),
        ("1 output of 1000000", 1, 1_000_000),
    ] {
        let mut nobody = family(format!("checkauthsig nobody, {name}"), code.clone());
        let outputs: Vec<_> = (0..count).map(|_| (5, vec![0x51; len])).collect();
        nobody.call.tx = tx(&outputs).into();
        all.push(nobody);
        let mut bad = family(format!("checkauthsig, {name}"), code.clone());
        let mut outputs = outputs;
        outputs.push((0, [&[0x6a, 3, b's', b'i', b'g', 64][..], &schnorr].concat()));
        bad.call.tx = tx(&outputs).into();
        bad.call.auth_key = key.clone().into();
        all.push(bad);
    }
    all
}

fn introspection() -> Vec<Family> {
    let mut all = Vec::new();
    for code in [0xc2, 0xc3, 0xc4, 0xc5] {
        all.push(family(
            format!("{code:x} drop"),
            filled(&[], &[code, 0x75], &[0x51]),
        ));
    }
    for code in [0xc8, 0xc9, 0xca, 0xcb, 0xcd] {
        let each = [0x00, code, 0x75];
        all.push(family(
            format!("{code:x} drop"),
            filled(&[], &each, &[0x51]),
        ));
    }
    let code = filled(&[], &[0x00, 0xce, 0x75], &[0x51]);
    for len in [0, 22, 4_000] {
        let mut family = family(format!("outputbytecode {len}"), code.clone());
        family.call.tx = tx(&[(5, vec![0x51; len])]).into();
        all.push(family);
    }
    let code = filled(&num(0), &[0xb1], &[0x75, 0x51]);
    all.push(family("checklocktimeverify", code));
    for field in [0, 1, 3, 6, 7, 8] {
        let each = [&[0x00][..], &num(field), &[0xfb, 0x75]].concat();
        let mut get = family(format!("getblockinfo {field}"), filled(&[], &each, &[0x51]));
        let length = if field == 7 { 100_000 } else { 80 };
        put(
            &mut get.call.headers,
            &1_u32.to_be_bytes(),
            &vec![0x1c; length],
        );
        all.push(get);
    }
    for bits in [0x1c_u8, 0x00, 0xff] {
        let header = push(&[bits; 80]);
        let each = [0x76, 0x56, 0xfc, 0x75];
        let code = filled(&header, &each, &[0x75, 0x51]);
        all.push(family(format!("decodeblockinfo difficulty {bits:x}"), code));
    }
    // What a call brings and nothing looks at.
    let mut large = family("taking 60000 outputs", vec![0x51]);
    large.call.tx = tx(&vec![(5, vec![]); 60_000]).into();
    all.push(large);
    for (name, own, incoming) in [("own", 20_000, 0), ("incoming", 0, 20_000)] {
        let mut large = family(format!("taking 40000 {name} tokens"), vec![0x51]);
        let amount = 1_u64.to_be_bytes();
        for number in 0..own.max(incoming) {
            let key = token(&reference(number));
            if number < own {
                put(&mut large.contract.ft, &key, &amount);
                put(&mut large.contract.nft, &key, &[]);
            } else {
                put(&mut large.call.ft_incoming, &key, &amount);
                put(&mut large.call.nft_incoming, &key, &[]);
            }
        }
        all.push(large);
    }
    let mut large = family("taking 20000 headers", vec![0x51]);
    for height in 0..20_000_u32 {
        put(&mut large.call.headers, &height.to_be_bytes(), &[7; 80]);
    }
    all.push(large);
    let mut large = family("taking 1 output of 3 MB", vec![0x51]);
    large.call.tx = tx(&[(5, vec![7; 3_000_000])]).into();
    all.push(large);
    let mut large = family("taking 1 MB of unlock", filled(&[], &[0x6d], &[0x51]));
    large.contract = Contract::new([7; 36], vec![0x51].into());
    large.call.unlock = filled(&[], &push(&[3; 75]), &[]).into();
    all.push(large);
    let mut large = family("taking 1 MB of short unlock", vec![0x51]);
    large.call.unlock = filled(&[], &[0x50], &[]).into();
    all.push(large);
    all
}

fn storage() -> Vec<Family> {
    let mut all = Vec::new();
    let small = |len: usize| [push(b"s"), push(&vec![5; len])].concat();
    let trees: [(&str, &dyn Fn() -> Table); 4] = [
        ("empty", &Table::default),
        ("100000", &|| state(100_000, 0, 1)),
        ("300000", &|| state(300_000, 0, 0)),
        ("deep", &deep),
    ];
    for (tree, make) in trees {
        for len in [3, 64, 1_000] {
            // Keys that follow the longest path of the tree.
            let names = match (tree, len) {
                ("deep", 64) => [push(b"s"), push(&[0x55; 64])].concat(),
                ("100000", 3) | ("300000", 3) => [push(b"s"), push(&[0, 0x80, 5])].concat(),
                _ => small(len),
            };
            for (name, each) in [
                ("exists", &[0x6e, 0xed, 0x75][..]),
                ("delete", &[0x6e, 0xf1]),
                ("put", &[0x6e, 0x51, 0xf0]),
            ] {
                let code = filled(&names, each, &[0x6d, 0x51]);
                let call = family(format!("kv_{name} {len}, tree {tree}"), code);
                all.push(with_state(call, make()));
            }
        }
        let code = [&push(b"s")[..], &[0x51, 0x52, 0xf0, 0x51]].concat();
        all.push(with_state(
            family(format!("one kv_put, tree {tree}"), code),
            make(),
        ));
        let code = [0x51, 0x52, 0xf1, 0x51].to_vec();
        all.push(with_state(
            family(format!("one kv_delete, tree {tree}"), code),
            make(),
        ));
        all.push(with_state(
            family(format!("nothing, tree {tree}"), vec![0x51]),
            make(),
        ));
    }
    let one = |value: usize| {
        let mut table = Table::default();
        put(&mut table, Key::new(b"s", &[5; 3]).bytes(), &vec![1; value]);
        table
    };
    for len in [1, 40, 4_000] {
        let code = filled(&small(3), &[0x6e, 0xef, 0x75], &[0x6d, 0x51]);
        all.push(with_state(
            family(format!("kv_get value {len}"), code),
            one(len),
        ));
        let before = [small(3), push(&vec![3; len])].concat();
        let code = filled(&before, &[0x6f, 0xf0], &[0x6d, 0x75, 0x51]);
        all.push(family(format!("kv_put value {len}"), code));
    }
    let zeros = [push(&[0; 4_000]), push(&[0; 4_000])].concat();
    all.push(family(
        "kv_exists zeros 4000",
        filled(&zeros, &[0x6e, 0xed, 0x75], &[0x6d, 0x51]),
    ));
    all.push(family(
        "kv_delete zeros 4000",
        filled(&zeros, &[0x6e, 0xf1], &[0x6d, 0x51]),
    ));
    // A counter is the next key: 76 8b is what makes it.
    for (name, op) in [("kv_put", &[0x00, 0xf0][..]), ("kv_delete", &[0xf1])] {
        let each = [&[0x8b, 0x76, 0x51, 0x7c][..], op].concat();
        all.push(family(
            format!("{name} of many"),
            filled(&num(100_000), &each, &[0x75, 0x51]),
        ));
        let count = 13_000;
        let code = [num(100_000), each.repeat(count), vec![0x75, 0x51]].concat();
        all.push(family(format!("{name} of {count}"), code));
        let each = [&[0x8b, 0x76, 0x76, 0x7c][..], op].concat();
        all.push(family(
            format!("{name} of many spaces"),
            filled(&num(100_000), &each, &[0x75, 0x51]),
        ));
        let long = push(&[5; 1_000]);
        let each = [&[0x8b, 0x76, 0x6b, 0x78, 0x7e, 0x51, 0x7c][..], op, &[0x6c]].concat();
        let code = filled(&[&long[..], &num(100_000)].concat(), &each, &[0x6d, 0x51]);
        all.push(family(format!("{name} of many long"), code));
    }
    all
}

fn tokens() -> Vec<Family> {
    let mut all = Vec::new();
    let many = |count: u32, value: &[u8]| {
        let mut table = Table::default();
        (0..count).for_each(|number| put(&mut table, &token(&reference(number)), value));
        table
    };
    let amount = (1_u64 << 40).to_be_bytes();
    for count in [1, 20_000] {
        let mut make = |name: &str, each: &[u8]| {
            let mut made = family(
                format!("{name}, {count} tokens"),
                filled(&[], each, &[0x51]),
            );
            made.contract.ft = many(count, &amount);
            made.contract.nft = many(count, &[]);
            made.call.ft_incoming = many(count, &amount);
            made.call.nft_incoming = many(count, &[]);
            all.push(made);
        };
        let first = push(&reference(0));
        make("nothing", &[0x61]);
        make("ft_balance", &[&first[..], &[0x00, 0xf4, 0x75]].concat());
        make("nft_exists", &[&first[..], &[0x00, 0xf8, 0x75]].concat());
        make("ft_count", &[0x00, 0xf6, 0x75]);
        make("ft_item", &[0x00, 0x00, 0xf7, 0x75]);
        make("nft_item", &[0x00, 0x00, 0xfa, 0x75]);
        make(
            "ft_withdraw",
            &[&[0x51, 0x00][..], &first, &[0xf2]].concat(),
        );
    }
    // Each token its own.
    for (name, op) in [
        ("ft_withdraw", &[0xf2][..]),
        ("nft_withdraw", &[0xf3]),
        ("ft_add", &[0xd3]),
        ("nft_put", &[0xd1]),
    ] {
        let mut code = Vec::new();
        for number in 0..2_200 {
            match op {
                [0xf2] => code.extend([0x51, 0x00]),
                [0xf3] => code.push(0x00),
                _ => {}
            }
            code.extend(push(&reference(number)));
            code.extend(op);
        }
        code.push(0x51);
        let mut made = family(format!("{name} of 2200"), code);
        made.contract.ft = many(2_200, &amount);
        made.contract.nft = many(2_200, &[]);
        made.call.ft_incoming = many(2_200, &amount);
        made.call.nft_incoming = many(2_200, &[]);
        all.push(made);
    }
    // One token to each of many outputs.
    let mut code = Vec::new();
    for output in 0..20_000 {
        code.push(0x51);
        code.extend(num(output));
        code.extend(push(&reference(0)));
        code.push(0xf2);
    }
    code.push(0x51);
    let mut made = family("ft_withdraw to 20000 outputs", code);
    made.contract.ft = many(1, &amount);
    made.call.tx = tx(&vec![(5, vec![]); 20_000]).into();
    all.push(made);
    all
}
