//! `Fold`, a toy machine that folds blocks: three steps a block, and an output for every other one.

use std::sync::Arc;

use avm_core::{
    Channel, Hash, Host, HostError, ImageError, Machine, MemoryNodes, Nodes, Output, Ran, Save,
    Sink, Stop, Vm,
};

/// Its rules. The image is any bytes; a block whose coinbase has the tag of [`HALT`] halts it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fold;

/// Tag of a block that halts the machine.
pub const HALT: u64 = 0xdead_dead_dead_dead;

const ROOT: usize = 1 + 32 + 32;
const TAKE: u8 = 0;
const FOLD: u8 = 1;
const EMIT: u8 = 2;
const HALTED: u8 = 3;

impl Vm for Fold {
    fn id(&self) -> &'static str {
        "fold"
    }

    fn spec(&self) -> &'static str {
        "fold/1"
    }

    fn hash(&self, node: &[u8]) -> Hash {
        Hash::keccak(node)
    }

    fn genesis(&self, image: &[u8]) -> Result<Box<dyn Machine>, ImageError> {
        Ok(Box::new(Folding {
            phase: FOLD,
            sum: Hash::ZERO,
            leaf: Leaf::Open(image.to_vec()),
            nodes: Arc::new(MemoryNodes::default()),
        }))
    }

    fn open(&self, state: Hash, nodes: Arc<dyn Nodes>) -> Result<Box<dyn Machine>, HostError> {
        let root = nodes.get(state)?;
        let bad = HostError::BadNode {
            hash: state,
            len: root.len(),
            want: "a fold state of 65 bytes",
        };
        let Ok(root) = <&[u8; ROOT]>::try_from(&*root) else {
            return Err(bad);
        };
        let name = |at: usize| Hash(root[at..at + 32].try_into().unwrap());
        Ok(Box::new(Folding {
            phase: root[0],
            sum: name(1),
            leaf: Leaf::Closed(name(33)),
            nodes,
        }))
    }
}

/// The first 200 bytes of the last block, or their name.
#[derive(Clone)]
enum Leaf {
    Open(Vec<u8>),
    Closed(Hash),
}

#[derive(Clone)]
struct Folding {
    phase: u8,
    sum: Hash,
    leaf: Leaf,
    nodes: Arc<dyn Nodes>,
}

struct Content(Hash);

impl Save for Content {
    fn save(&self, sink: &mut dyn Sink) -> Result<(), HostError> {
        sink.put(Hash::keccak(&self.0.0), &self.0.0)
    }
}

impl Folding {
    fn leaf_name(&self) -> Hash {
        match &self.leaf {
            Leaf::Open(bytes) => Hash::keccak(bytes),
            Leaf::Closed(name) => *name,
        }
    }

    fn root(&self) -> Vec<u8> {
        [&[self.phase], &self.sum.0[..], &self.leaf_name().0].concat()
    }

    /// One step; `false` if it has to wait.
    fn step(&mut self, host: &mut dyn Host) -> Result<bool, HostError> {
        match self.phase {
            TAKE => {
                let Some(block) = host.next_input()? else {
                    return Ok(false);
                };
                self.leaf = Leaf::Open(block[..block.len().min(200)].to_vec());
                self.phase = FOLD;
            }
            FOLD => {
                // Read, even when only its name is known: so that a lost node is noticed.
                let bytes = match &self.leaf {
                    Leaf::Open(bytes) => bytes.clone(),
                    Leaf::Closed(name) => self.nodes.get(*name)?.to_vec(),
                };
                self.sum = self.sum.join(Hash::keccak(&bytes));
                self.phase = match self.sum.0[0] % 2 {
                    0 => TAKE,
                    _ => EMIT,
                };
                if bytes.windows(8).any(|tag| tag == HALT.to_be_bytes()) {
                    self.phase = HALTED;
                }
            }
            _ => {
                let content = Content(self.sum);
                host.emit(Output {
                    channel: Channel(self.sum.0[1] % 2),
                    hash: Hash::keccak(&content.0.0),
                    content: &content,
                })?;
                self.phase = TAKE;
            }
        }
        Ok(true)
    }
}

impl Machine for Folding {
    fn run(&mut self, budget: u64, host: &mut dyn Host) -> Result<Ran, HostError> {
        let mut steps = 0;
        let stop = loop {
            if self.phase == HALTED {
                break Stop::Halted;
            }
            if steps == budget {
                break Stop::Budget;
            }
            if !self.step(host)? {
                break Stop::NeedsInput;
            }
            steps += 1;
        };
        Ok(Ran { steps, stop })
    }

    fn state_hash(&mut self) -> Hash {
        Hash::keccak(&self.root())
    }

    fn save(&mut self, sink: &mut dyn Sink) -> Result<Hash, HostError> {
        let root = self.root();
        let name = Hash::keccak(&root);
        if let Leaf::Open(bytes) = &self.leaf {
            sink.put(self.leaf_name(), bytes)?;
        }
        sink.put(name, &root)?;
        Ok(name)
    }

    fn fork(&self) -> Box<dyn Machine> {
        Box::new(self.clone())
    }
}
