//! How do I put a machine of my own behind the seam?
//!
//! This one counts the bytes of its log. What it gets for it: logs, claims, stores, and the laws
//! that the last lines check.
//!
//! ```text
//! cargo run -p avm --example own_machine
//! ```

use std::sync::Arc;

use avm::core::{
    Channel, Hash, Host, HostError, ImageError, Machine, Nodes, Output, Ran, Save, Sink, Stop, Vm,
};
use avm_testkit::laws::{self, Case};

/// The rules. An image is not needed, so every image is the same program.
struct Counter;

/// The state: one node, the count as 8 bytes.
#[derive(Clone)]
struct Count([u8; 8]);

impl Vm for Counter {
    fn id(&self) -> &'static str {
        "count"
    }

    fn spec(&self) -> &'static str {
        "count/1"
    }

    fn hash(&self, node: &[u8]) -> Hash {
        Hash::keccak(node)
    }

    fn genesis(&self, _image: &[u8]) -> Result<Box<dyn Machine>, ImageError> {
        Ok(Box::new(Count([0; 8])))
    }

    fn open(&self, state: Hash, nodes: Arc<dyn Nodes>) -> Result<Box<dyn Machine>, HostError> {
        let node = nodes.get(state)?;
        let (hash, len, want) = (state, node.len(), "a count of 8 bytes");
        let count = node[..].try_into();
        Ok(Box::new(Count(count.map_err(|_| HostError::BadNode {
            hash,
            len,
            want,
        })?)))
    }
}

impl Machine for Count {
    /// A step takes one input, and hands the new count out.
    fn run(&mut self, budget: u64, host: &mut dyn Host) -> Result<Ran, HostError> {
        for steps in 0..budget {
            let Some(input) = host.next_input()? else {
                return Ok(Ran {
                    steps,
                    stop: Stop::NeedsInput,
                });
            };
            let count = u64::from_be_bytes(self.0).wrapping_add(input.len() as u64);
            self.0 = count.to_be_bytes();
            let (channel, hash) = (Channel(0), self.state_hash());
            host.emit(Output {
                channel,
                hash,
                content: self,
            })?;
        }
        Ok(Ran {
            steps: budget,
            stop: Stop::Budget,
        })
    }

    fn state_hash(&mut self) -> Hash {
        Hash::keccak(&self.0)
    }

    fn save(&mut self, sink: &mut dyn Sink) -> Result<Hash, HostError> {
        Save::save(self, sink)?;
        Ok(self.state_hash())
    }

    fn fork(&self) -> Box<dyn Machine> {
        Box::new(self.clone())
    }
}

impl Save for Count {
    fn save(&self, sink: &mut dyn Sink) -> Result<(), HostError> {
        let hash = Hash::keccak(&self.0);
        if sink.has(hash)? {
            Ok(())
        } else {
            sink.put(hash, &self.0)
        }
    }
}

fn main() {
    let inputs = [&b"one"[..], b"", b"three"].map(Vec::from).into();
    laws::check(
        &Counter,
        &[Case {
            image: vec![],
            inputs,
        }],
    );
    println!("{} keeps the laws", Counter.spec());
}

#[test]
fn runs() {
    main();
}
