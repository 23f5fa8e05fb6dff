use crate::{Bytes, Hash, Host, HostError, Inbox, Machine, Outbox, Output, Probe, Ran, Stop};

/// What honest parties agree on: how far a run is, and everything it read and wrote so far.
///
/// [`advance`] folds inputs and outputs in; machines never do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Claim {
    /// Steps since genesis.
    pub steps: u64,
    /// Name of the machine's state.
    pub state: Hash,
    /// Inputs taken.
    pub inputs: u64,
    /// Hash chain over the inputs taken: `inbox' = K(inbox ‖ K(input))`, zero at first.
    pub inbox: Hash,
    /// Outputs given.
    pub outputs: u64,
    /// Hash chain over the outputs: `outbox' = K(outbox ‖ channel ‖ hash)`, zero at first.
    pub outbox: Hash,
}

impl Claim {
    /// Length of [`Claim::to_bytes`].
    pub const LEN: usize = 3 * 8 + 3 * 32;

    /// The claim before the first step.
    #[must_use]
    pub const fn genesis(state: Hash) -> Self {
        Self {
            steps: 0,
            state,
            inputs: 0,
            inbox: Hash::ZERO,
            outputs: 0,
            outbox: Hash::ZERO,
        }
    }

    /// Takes one more input into account.
    pub fn fold_input(&mut self, input: &[u8]) {
        self.inputs += 1;
        self.inbox = self.inbox.join(Hash::keccak(input));
    }

    /// Takes one more output into account.
    pub fn fold_output(&mut self, output: &Output<'_>) {
        let mut link = [0; 65];
        link[..32].copy_from_slice(&self.outbox.0);
        link[32] = output.channel.0;
        link[33..].copy_from_slice(&output.hash.0);
        self.outputs += 1;
        self.outbox = Hash::keccak(&link);
    }

    /// The fields in order, numbers as 8 bytes big-endian: what is stored and what is hashed.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        let counted = [
            (self.steps, self.state),
            (self.inputs, self.inbox),
            (self.outputs, self.outbox),
        ];
        for (chunk, (count, hash)) in bytes.chunks_exact_mut(40).zip(counted) {
            chunk[..8].copy_from_slice(&count.to_be_bytes());
            chunk[8..].copy_from_slice(&hash.0);
        }
        bytes
    }

    /// The inverse of [`Claim::to_bytes`].
    #[must_use]
    pub fn from_bytes(bytes: &[u8; Self::LEN]) -> Self {
        let counted = |at: usize| {
            let mut count = [0; 8];
            let mut hash = [0; 32];
            count.copy_from_slice(&bytes[at..at + 8]);
            hash.copy_from_slice(&bytes[at + 8..at + 40]);
            (u64::from_be_bytes(count), Hash(hash))
        };
        let ((steps, state), (inputs, inbox), (outputs, outbox)) =
            (counted(0), counted(40), counted(80));
        Self {
            steps,
            state,
            inputs,
            inbox,
            outputs,
            outbox,
        }
    }

    /// Keccak-256 of [`Claim::to_bytes`].
    #[must_use]
    pub fn hash(&self) -> Hash {
        Hash::keccak(&self.to_bytes())
    }
}

/// Runs `machine`, which is at `from`, for at most `budget` steps against the log, and returns
/// where it then is. The state hash is taken once, at the end.
///
/// # Errors
/// If the log, the outbox or the machine's store failed. The machine is then poisoned.
pub fn advance(
    machine: &mut dyn Machine,
    from: Claim,
    inbox: &dyn Inbox,
    outbox: &mut dyn Outbox,
    budget: u64,
) -> Result<(Claim, Stop), HostError> {
    advance_watched(machine, from, inbox, outbox, budget, None)
}

/// [`advance`] with somebody watching each step.
///
/// # Errors
/// As [`advance`].
pub fn advance_watched(
    machine: &mut dyn Machine,
    from: Claim,
    inbox: &dyn Inbox,
    outbox: &mut dyn Outbox,
    budget: u64,
    probe: Option<&mut dyn Probe>,
) -> Result<(Claim, Stop), HostError> {
    if let Some(&count) = [from.steps, from.inputs, from.outputs].iter().max()
        && count >> 63 == 1
    {
        return Err(HostError::ClaimCount { count });
    }
    let mut host = Folding {
        claim: from,
        inbox,
        outbox,
        probe,
    };
    let Ran { steps, stop } = machine.run(budget, &mut host)?;
    let mut claim = host.claim;
    claim.steps += steps;
    claim.state = machine.state_hash();
    Ok((claim, stop))
}

/// A host that folds what passes through it into a claim.
struct Folding<'a, 'p> {
    claim: Claim,
    inbox: &'a dyn Inbox,
    outbox: &'a mut dyn Outbox,
    probe: Option<&'p mut dyn Probe>,
}

impl Host for Folding<'_, '_> {
    fn next_input(&mut self) -> Result<Option<Bytes>, HostError> {
        let input = self.inbox.get(self.claim.inputs)?;
        if let Some(bytes) = &input {
            self.claim.fold_input(bytes);
        }
        Ok(input)
    }

    fn emit(&mut self, output: Output<'_>) -> Result<(), HostError> {
        self.outbox.push(self.claim.outputs, output)?;
        self.claim.fold_output(&output);
        Ok(())
    }

    fn probe(&mut self) -> Option<&mut dyn Probe> {
        match &mut self.probe {
            Some(probe) => Some(&mut **probe),
            None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_round_trip() {
        let mut claim = Claim::genesis(Hash::keccak(b"state"));
        claim.steps = 7;
        claim.fold_input(b"one");
        claim.fold_input(b"two");
        assert_eq!(Claim::from_bytes(&claim.to_bytes()), claim);
        assert_eq!(claim.inputs, 2);
        assert_eq!(
            claim.inbox,
            Hash::ZERO
                .join(Hash::keccak(b"one"))
                .join(Hash::keccak(b"two"))
        );
    }
}
