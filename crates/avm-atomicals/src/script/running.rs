//! A call that runs: both scripts, then the end. Spec: sections 2 and 10.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;

use avm_core::{Bytes, Hash, HostError, Nodes};
use avm_merkle::map::VALUE_MAX;

use super::call::{Call, Context, ContractId, Effects, Part};
use super::closing::{self, Closing, StateSum};
use super::error::ScriptError as E;
use super::fault::{Failure, HostFault, Trap, Which};
use super::frame::{Conditions, Frame, per_bytes};
use super::instr;
use super::rules::Rules;
use super::run::{self, Flow, Position};
use super::stack::Stack;
use super::table::Table;
use super::text::{Read, Text};
use super::tx::{Tx, WitnessForm};
use super::txview::{self, TxView};

/// What taking a call costs, not counting its bytes and the entries of its tables.
pub const TAKE_COST: u64 = 2_000;

/// What a token of the contract costs: a place in the hash in the end.
const OWN_COST: u64 = 60;
/// What an incoming token or header costs: a place in a table, and in the hash in the end. An input
/// or output of the transaction has a place in a table, too, and costs as much beyond the first few.
const INCOMING_COST: u64 = 150;
/// Inputs and outputs of a transaction that are in what every call costs.
const FREE_PARTS: u64 = 16;

/// A contract: its code, and what is left of its last call.
#[derive(Clone, Debug)]
pub struct Contract {
    /// Its name.
    pub id: ContractId,
    /// The locking script of every call.
    pub code: Text,
    /// Its hash after its last call, zero before the first. Spec: section 11.
    pub chain: Hash,
    /// Its state: [`super::table::Key`] of space and key, to value.
    pub state: Table,
    /// What the state is known by.
    pub sum: StateSum,
    /// Fungible tokens: token to amount in eight bytes, big-endian.
    pub ft: Table,
    /// Non-fungible tokens.
    pub nft: Table,
}

/// What a call brings.
#[derive(Clone, Debug)]
pub struct CallInput {
    /// The unlocking script.
    pub unlock: Bytes,
    /// The transaction, serialised.
    pub tx: Bytes,
    /// Public key of the caller; empty if there is none.
    pub auth_key: Bytes,
    /// Fungible tokens on the inputs of the transaction: token to amount.
    pub ft_incoming: Table,
    /// Non-fungible tokens on the inputs of the transaction.
    pub nft_incoming: Table,
    /// Height in four bytes, big-endian, to block header.
    pub headers: Table,
    /// The current height.
    pub height: u32,
}

/// What a call that succeeded did.
#[derive(Clone, Debug)]
pub struct Accepted {
    /// Its tables. Spec: section 10.
    pub effects: Effects,
    /// What is left of the contract.
    pub contract: Contract,
}

/// How a call ended.
#[derive(Clone, Debug)]
pub struct Ended {
    /// What it did, or why it failed.
    pub outcome: Result<Accepted, Failure>,
    /// The main stack at the end.
    pub stack: Stack,
    /// Number of the last operation in its script, from 0.
    pub op_index: u32,
    /// What it cost, if the rules meter.
    pub cost: u64,
}

/// Where a running call is.
#[derive(Clone, Debug)]
pub(crate) enum Stage {
    /// In one of its scripts.
    Script(Which),
    /// Past both.
    Closing(Box<Closing>),
}

/// A call that runs.
#[derive(Clone)]
pub struct Running {
    pub(crate) frame: Frame,
    pub(crate) call: Call,
    pub(crate) stage: Stage,
    pub(crate) at: Position,
    /// Where the rest of a script is that was not read.
    pub(crate) nodes: Option<Arc<dyn Nodes>>,
    /// List of the instructions that follow, if the script is not in memory.
    pub(crate) list: Option<Hash>,
    /// Name of what the call brings, once it is known.
    pub(crate) context_name: Option<Hash>,
    /// What the call could cost at its start.
    pub(crate) budget: u64,
}

impl Contract {
    /// A contract that was never called.
    #[must_use]
    pub fn new(id: ContractId, code: Bytes) -> Self {
        Self {
            id,
            code: code.into(),
            chain: Hash::ZERO,
            state: Table::default(),
            sum: StateSum::EMPTY,
            ft: Table::default(),
            nft: Table::default(),
        }
    }
}

impl Running {
    /// Takes a call.
    ///
    /// # Errors
    /// Why it fails before its first instruction, or what failed outside.
    pub fn start(
        rules: &'static Rules,
        contract: &Contract,
        input: CallInput,
    ) -> Result<Result<Self, Failure>, HostError> {
        let form = if rules.bip144 {
            WitnessForm::Bip144
        } else {
            WitnessForm::Beta1
        };
        let tx = match Tx::decode(input.tx, form) {
            Ok(tx) => tx,
            Err(error) => return Ok(Err(Failure::Host(HostFault::Tx(error.to_string())))),
        };
        if let Some(len) = txview::too_long(&tx) {
            let error =
                format!("a part of the transaction has {len} bytes, a table takes {VALUE_MAX}");
            return Ok(Err(Failure::Host(HostFault::Tx(error))));
        }
        let budget = rules.budget(input.unlock.len());
        let unlock = Arc::clone(&input.unlock);
        let mut running = Self {
            frame: Frame::new(rules.limits, budget),
            call: Call {
                rules,
                context: Part::Here(Context {
                    contract: contract.id,
                    previous: contract.chain,
                    sum: contract.sum,
                    unlock: input.unlock.into(),
                    lock: contract.code.clone(),
                    tx: TxView::Decoded(tx),
                    auth_key: input.auth_key,
                    ft_incoming: input.ft_incoming,
                    nft_incoming: input.nft_incoming,
                    headers: input.headers,
                    height: input.height,
                }),
                effects: Part::Here(Effects {
                    state: contract.state.clone(),
                    ft: contract.ft.clone(),
                    nft: contract.nft.clone(),
                    ..Effects::default()
                }),
            },
            list: None,
            context_name: None,
            nodes: contract.code.nodes().cloned(),
            stage: Stage::Script(Which::Unlock),
            at: Position::default(),
            budget,
        };
        Ok(match running.enter(&unlock) {
            Ok(()) => Ok(running),
            Err(trap) => Err(running.failure(trap)?),
        })
    }

    /// Checks a call before its first instruction.
    fn enter(&mut self, unlock: &[u8]) -> Result<(), Trap> {
        let sum = self.call.context()?.sum;
        closing::check_before(&mut self.call, &sum)?;
        if self.call.rules.metered {
            self.charge_taking()?;
        }
        if !instr::is_push_only(unlock) {
            return Err(E::SigPushonly.into());
        }
        self.begin()
    }

    /// Charges for what the call brings, and for hashing it and the contract's tokens in the end.
    fn charge_taking(&mut self) -> Result<(), Trap> {
        let (context, effects) = self.call.both()?;
        let bytes = context.unlock.len() + context.tx.bytes() + context.auth_key.len();
        let headers = context.headers.len()?;
        let tokens = context
            .ft_incoming
            .len()?
            .saturating_add(context.nft_incoming.len()?);
        let parts = u64::from(context.tx.input_count()?) + u64::from(context.tx.output_count()?);
        let incoming = tokens
            .saturating_add(headers)
            .saturating_add(parts.saturating_sub(FREE_PARTS));
        let own = effects.ft.len()?.saturating_add(effects.nft.len()?);
        // The first 80 bytes of a header, and its height, are in the cost of an incoming one.
        let longer = context
            .headers
            .bytes()?
            .saturating_sub(headers.saturating_mul(84));
        let cost = (TAKE_COST + per_bytes(bytes))
            .saturating_add(longer / 8)
            .saturating_add(INCOMING_COST.saturating_mul(incoming))
            .saturating_add(OWN_COST.saturating_mul(own));
        Ok(self.frame.charge(cost)?)
    }

    /// The script that runs.
    pub(crate) fn text(&mut self) -> Result<&Text, HostError> {
        let which = match self.stage {
            Stage::Script(which) => which,
            Stage::Closing(_) => Which::Lock,
        };
        let context = self.call.context()?;
        Ok(match which {
            Which::Unlock => &context.unlock,
            Which::Lock => &context.lock,
        })
    }

    /// Begins a script.
    fn begin(&mut self) -> Result<(), Trap> {
        let text = self.text()?;
        let len = text.len();
        self.list = match text {
            Text::Here(_) => None,
            Text::Unread(names, _) => Some(names.list),
        };
        self.at = Position::default();
        self.frame.alt = Stack::default();
        self.frame.conditions = Conditions::default();
        if len > self.call.rules.max_script_bytes {
            return Err(E::ScriptSize.into());
        }
        if len == 0 {
            return self.end_script(false);
        }
        Ok(())
    }

    /// Ends a script: the other follows, or the end of the call.
    fn end_script(&mut self, returned: bool) -> Result<(), Trap> {
        if !returned && self.frame.conditions.depth > 0 {
            return Err(E::UnbalancedConditional.into());
        }
        if let Stage::Script(Which::Unlock) = self.stage {
            self.stage = Stage::Script(Which::Lock);
            return self.begin();
        }
        self.frame.reveal(0)?;
        match self.frame.main.len() {
            0 => Err(E::EvalFalse.into()),
            _ if !self.frame.main.peek(0).is_true() => Err(E::EvalFalse.into()),
            1 => {
                self.stage = Stage::Closing(Box::default());
                Ok(())
            }
            _ => Err(E::Cleanstack.into()),
        }
    }

    /// Takes steps until `steps` reaches `budget`, one an instruction and one an entry of a table
    /// at the end. Returns what the call did once it is over.
    ///
    /// # Errors
    /// If a node is missing.
    pub fn run(
        &mut self,
        budget: u64,
        steps: &mut u64,
    ) -> Result<Option<Result<Accepted, Failure>>, HostError> {
        match self.go(budget, steps) {
            Ok(None) => Ok(None),
            Ok(Some((chain, sum))) => Ok(Some(Ok(self.accepted(chain, sum)?))),
            Err(trap) => self.failure(trap).map(|failure| Some(Err(failure))),
        }
    }

    fn go(&mut self, budget: u64, steps: &mut u64) -> Result<Option<(Hash, StateSum)>, Trap> {
        while *steps < budget {
            if let Stage::Closing(closing) = &mut self.stage {
                return closing.run(&mut self.call, budget, steps);
            }
            let (flow, at_end) = match self.list {
                Some(list) => {
                    *steps += 1;
                    let flow = self.step_unread(list)?;
                    (flow, self.list == Some(Hash::ZERO))
                }
                None => {
                    let script = self.text()?.bytes()?;
                    let before = self.at.index;
                    let (frame, call) = (&mut self.frame, &mut self.call);
                    let ran = run::run(frame, call, &script, &mut self.at, budget - *steps);
                    *steps += u64::from(self.at.index - before);
                    (ran?, self.at.offset >= script.len())
                }
            };
            if flow == Flow::End || at_end {
                self.end_script(flow == Flow::End)?;
            }
        }
        Ok(None)
    }

    /// Opcode of the instruction that follows, if there is one and the script does not end within.
    ///
    /// # Errors
    /// If it is not in the store.
    pub fn opcode(&self) -> Result<Option<u8>, HostError> {
        if let (Some(list), Some(nodes)) = (self.list, &self.nodes) {
            return Ok(Read::of(list, &**nodes)?.instr().map(|instr| instr.opcode));
        }
        let Part::Here(context) = &self.call.context else {
            return Ok(None);
        };
        let text = match self.stage {
            Stage::Script(Which::Unlock) => context.unlock.bytes()?,
            _ => context.lock.bytes()?,
        };
        let rest = text.get(self.at.offset..).unwrap_or_default();
        Ok(instr::read(rest).map(|instr| instr.opcode))
    }

    /// Opcode and bytes of the instruction that follows; `None` if the script ends within it, or
    /// the call is past both scripts.
    ///
    /// # Errors
    /// If it is not in the store.
    pub fn instruction(&self) -> Result<Option<(u8, Vec<u8>)>, HostError> {
        let owned = |instr: instr::Instr<'_>| (instr.opcode, instr.data.to_vec());
        if let (Some(list), Some(nodes)) = (self.list, &self.nodes) {
            return Ok(Read::of(list, &**nodes)?.instr().map(owned));
        }
        let (Part::Here(context), Stage::Script(which)) = (&self.call.context, &self.stage) else {
            return Ok(None);
        };
        let text = match which {
            Which::Unlock => context.unlock.bytes()?,
            Which::Lock => context.lock.bytes()?,
        };
        let rest = text.get(self.at.offset..).unwrap_or_default();
        Ok(instr::read(rest).map(owned))
    }

    /// The main stack.
    #[must_use]
    pub fn main_stack(&self) -> &Stack {
        &self.frame.main
    }

    /// Executes the first instruction of a list that is not in memory.
    fn step_unread(&mut self, list: Hash) -> Result<Flow, Trap> {
        let nodes = self.nodes.clone();
        let nodes = nodes.ok_or(HostError::MissingNode { hash: list })?;
        let read = Read::of(list, &*nodes)?;
        self.at.index += 1;
        self.at.offset += read.len;
        self.list = Some(read.rest);
        run::step(&mut self.frame, &mut self.call, read.instr())
    }

    /// Number of the next operation in its script, from 0, and its offset in bytes.
    #[must_use]
    pub fn position(&self) -> Position {
        self.at
    }

    /// Number of the last operation in its script, from 0.
    #[must_use]
    pub fn op_index(&self) -> u32 {
        self.at.index.saturating_sub(1)
    }

    /// What it cost so far; 0 if the rules do not meter.
    #[must_use]
    pub fn cost(&self) -> u64 {
        if self.call.rules.metered {
            self.budget - self.frame.budget
        } else {
            0
        }
    }

    /// What a trap means for the call.
    fn failure(&self, trap: Trap) -> Result<Failure, HostError> {
        Ok(match trap {
            Trap::Script(error) => Failure::Script {
                error,
                script: match self.stage {
                    Stage::Script(which) => which,
                    Stage::Closing(_) => Which::Lock,
                },
                op_index: self.op_index(),
            },
            Trap::Fault(fault) => Failure::Host(fault),
            Trap::Size(oversize) => Failure::Size(oversize),
            Trap::Outside(error) => return Err(*error),
        })
    }

    fn accepted(&mut self, chain: Hash, sum: StateSum) -> Result<Accepted, HostError> {
        let effects = core::mem::take(self.call.effects()?);
        let context = self.call.context()?;
        let contract = Contract {
            id: context.contract,
            code: context.lock.clone(),
            chain,
            state: effects.state.clone(),
            sum,
            ft: effects.ft.clone(),
            nft: effects.nft.clone(),
        };
        Ok(Accepted { effects, contract })
    }
}

/// Runs a call to its end.
///
/// # Errors
/// If a node of the contract's tables is missing. What is wrong with the call is in
/// [`Ended::outcome`].
pub fn verify(
    rules: &'static Rules,
    contract: &Contract,
    input: CallInput,
) -> Result<Ended, HostError> {
    let mut running = match Running::start(rules, contract, input)? {
        Ok(running) => running,
        Err(failure) => {
            return Ok(Ended {
                outcome: Err(failure),
                stack: Stack::default(),
                op_index: 0,
                cost: 0,
            });
        }
    };
    let mut steps = 0;
    let outcome = running.run(u64::MAX, &mut steps)?;
    Ok(Ended {
        outcome: outcome.expect("without a budget a call runs to its end"),
        op_index: running.op_index(),
        cost: running.cost(),
        stack: running.frame.main,
    })
}
