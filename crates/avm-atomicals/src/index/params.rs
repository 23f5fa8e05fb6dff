//! What a chain's rules depend on, and the image of an index. Spec: sections 14.2 and 14.7.

use alloc::vec::Vec;

use crate::machine::WireError;
use crate::machine::wire::Reader;
use crate::script::rules::Rules;

/// Begins every image of an index.
const IMAGE_MARK: u8 = 0xa3;

/// Blocks that a commit may be older than its reveal.
pub const COMMIT_DEPTH: u32 = 100;
/// The same where a name is asked for.
pub const NAMED_DEPTH: u32 = 3;
/// Blocks on top of a commit before its name is verified.
pub const NAME_DEPTH: u32 = 3;
/// Most headers that scripts may see.
pub const HEADER_WINDOW_MAX: u32 = 2016;
/// No block is higher.
pub const HEIGHT_MAX: u32 = 10_000_000;

/// Heights from which rules hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heights {
    /// Any operation.
    pub base: u32,
    /// Tokens go to outputs in the order of inputs.
    pub dmint: u32,
    /// A named request must be in output 0 of its commit.
    pub commitz: u32,
    /// Bytes among the arguments; 21,000,000 lots of a ticker.
    pub density: u32,
    /// Outputs that are coloured in part.
    pub custom: u32,
    /// Protocols, contracts and calls.
    pub contracts: u32,
}

/// What the rules of an index depend on; a part of its image and of every state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Params {
    /// The rule set of calls.
    pub rules: &'static Rules,
    /// Height of the first block.
    pub start: u32,
    /// Name of the block before it in internal order; zero if any will do.
    pub before: [u8; 32],
    /// Heights from which rules hold.
    pub heights: Heights,
    /// Headers that a script may see: the current one and those before it. At least 1.
    pub header_window: u32,
    /// Whether there are virtual outputs. Experimental. Spec: section 17.
    pub overlay: bool,
}

/// A Bitcoin network whose heights are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    /// The main network.
    Main,
    /// The third test network.
    Testnet3,
    /// The fourth test network.
    Testnet4,
    /// A chain of one's own.
    Regtest,
}

impl Network {
    /// Every network.
    pub const ALL: [Self; 4] = [Self::Main, Self::Testnet3, Self::Testnet4, Self::Regtest];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Main => "mainnet",
            Self::Testnet3 => "testnet3",
            Self::Testnet4 => "testnet4",
            Self::Regtest => "regtest",
        }
    }

    /// Its heights. Contracts begin with the last change of the reference, which never gave them a
    /// height of their own.
    #[must_use]
    pub const fn heights(self) -> Heights {
        let [base, dmint, commitz, density, custom] = match self {
            Self::Main => [808_080, 819_181, 822_800, 828_128, 848_484],
            Self::Testnet3 => [2_505_238, 2_540_296, 2_543_936, 2_572_729, 2_584_936],
            Self::Testnet4 => [27_000; 5],
            Self::Regtest => [0; 5],
        };
        Heights {
            base,
            dmint,
            commitz,
            density,
            custom,
            contracts: custom,
        }
    }
}

impl Params {
    /// The parameters of a network. An index starts with the first block that can matter, and on
    /// regtest with the one after the genesis block.
    #[must_use]
    pub fn new(network: Network, rules: &'static Rules) -> Self {
        let heights = network.heights();
        Self {
            rules,
            start: heights.base.max(1),
            before: [0; 32],
            heights,
            header_window: 1,
            overlay: false,
        }
    }

    /// The image of an index with these parameters.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(72);
        out.push(IMAGE_MARK);
        out.push(self.rules.number());
        out.extend(self.start.to_be_bytes());
        out.extend(self.before);
        let h = &self.heights;
        for height in [h.base, h.dmint, h.commitz, h.density, h.custom, h.contracts] {
            out.extend(height.to_be_bytes());
        }
        out.extend(self.header_window.to_be_bytes());
        out.push(u8::from(self.overlay));
        out
    }

    /// Whether bytes begin like an image of an index.
    #[must_use]
    pub fn is_image(bytes: &[u8]) -> bool {
        bytes.first() == Some(&IMAGE_MARK)
    }

    /// Reads [`Params::to_bytes`].
    ///
    /// # Errors
    /// Where and how the bytes differ from an image.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WireError> {
        let mut r = Reader::new(bytes);
        r.mark(IMAGE_MARK, "the mark of an index", "0xa3")?;
        let at = r.at();
        let number = r.byte("the rule set")?;
        let rules = Rules::ALL.get(usize::from(number));
        let rules = *rules.ok_or(WireError::Value {
            what: "the rule set",
            at,
            got: number.into(),
            want: "0 for avm1 or 1 for beta1",
        })?;
        let start = height(&mut r, "the height of the first block")?;
        let before = r.hash("the name of the block before the first")?.0;
        let heights = Heights {
            base: height(&mut r, "the height of the first operation")?,
            dmint: height(&mut r, "the height of dmint")?,
            commitz: height(&mut r, "the height of commitz")?,
            density: height(&mut r, "the height of density")?,
            custom: height(&mut r, "the height of custom colouring")?,
            contracts: height(&mut r, "the height of contracts")?,
        };
        let at = r.at();
        let header_window = r.u32("the number of headers")?;
        if !(1..=HEADER_WINDOW_MAX).contains(&header_window) {
            return Err(WireError::Value {
                what: "the number of headers",
                at,
                got: header_window.into(),
                want: "1 to 2016",
            });
        }
        let at = r.at();
        let overlay = match r.byte("whether there are virtual outputs")? {
            0 => false,
            1 => true,
            got => {
                return Err(WireError::Value {
                    what: "whether there are virtual outputs",
                    at,
                    got: got.into(),
                    want: "0 or 1",
                });
            }
        };
        r.end()?;
        Ok(Self {
            rules,
            start,
            before,
            heights,
            header_window,
            overlay,
        })
    }
}

fn height(r: &mut Reader<'_>, what: &'static str) -> Result<u32, WireError> {
    let at = r.at();
    let height = r.u32(what)?;
    if height > HEIGHT_MAX {
        return Err(WireError::Value {
            what,
            at,
            got: height.into(),
            want: "10000000 at most",
        });
    }
    Ok(height)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_round_trip_and_nothing_else_reads() {
        for network in Network::ALL {
            for rules in Rules::ALL {
                let params = Params::new(network, rules);
                let bytes = params.to_bytes();
                assert_eq!(Params::from_bytes(&bytes).expect("its own bytes"), params);
                for len in 0..bytes.len() {
                    assert!(Params::from_bytes(&bytes[..len]).is_err(), "{len} bytes");
                }
            }
        }
        let mut bytes = Params::new(Network::Main, &Rules::AVM1).to_bytes();
        bytes[2] = 0xff;
        let error = Params::from_bytes(&bytes).expect_err("too high");
        assert!(alloc::format!("{error}").contains("first block"), "{error}");
    }
}
