//! The JSON-RPC of a Bitcoin node: three methods, none of the wallet's.

use std::time::Duration;

use bitcoin::hex::FromHex;
use serde_json::{Value, json};

use crate::http::{Auth, Client, MAX_HEX_BYTES, MAX_SMALL_BYTES, quote};
use crate::source::{from_hex, hex};
use crate::{BlockHash, RawBlock, Source, SourceError, Tip, block};

/// The node's error for a name it does not know.
const NOT_FOUND: i64 = -5;
/// The node's error for a height above its tip.
const BAD_PARAMETER: i64 = -8;

/// A node by its JSON-RPC: `getblockchaininfo`, `getblockhash`, `getblock`.
pub struct RpcSource {
    client: Client,
    id: u64,
}

impl RpcSource {
    /// A node at `url`, for example `http://127.0.0.1:8332`; nothing is sent yet. Each call may
    /// take as long as `timeout`.
    #[must_use]
    pub fn new(url: &str, auth: Auth, timeout: Duration) -> Self {
        let client = Client::new(url, auth, timeout);
        Self { client, id: 0 }
    }

    fn call(
        &mut self,
        method: &'static str,
        params: &Value,
        max: u64,
    ) -> Result<Value, SourceError> {
        self.id += 1;
        let request = json!({
            "jsonrpc": "1.0", "id": self.id, "method": method, "params": params,
        });
        let answer = self.client.post(&request.to_string(), max)?;
        let url = || self.client.url().to_owned();
        // A refusal is an error status with the reason in JSON; without one the status is all.
        let Ok(Value::Object(mut reply)) = serde_json::from_slice(&answer.body) else {
            return Err(match answer.status {
                200 => self.malformed(&answer.body, "a JSON object"),
                status => SourceError::Status { url: url(), status },
            });
        };
        if let Some(error @ Value::Object(_)) = reply.get("error") {
            return Err(SourceError::Rpc {
                url: url(),
                method,
                code: error["code"].as_i64().unwrap_or_default(),
                message: error["message"].as_str().unwrap_or_default().into(),
            });
        }
        if answer.status != 200 {
            let status = answer.status;
            return Err(SourceError::Status { url: url(), status });
        }
        if reply.get("id").and_then(Value::as_u64) != Some(self.id) {
            return Err(self.malformed(&answer.body, "an answer with the number of the call"));
        }
        let result = reply.remove("result");
        result.ok_or_else(|| self.malformed(&answer.body, "an answer with a result"))
    }

    fn malformed(&self, found: &[u8], expected: &'static str) -> SourceError {
        SourceError::Malformed {
            url: self.client.url().to_owned(),
            found: quote(found),
            expected,
        }
    }

    fn unexpected(&self, found: &Value, expected: &'static str) -> SourceError {
        self.malformed(found.to_string().as_bytes(), expected)
    }
}

impl Source for RpcSource {
    fn tip(&mut self) -> Result<Tip, SourceError> {
        let info = self.call("getblockchaininfo", &json!([]), MAX_SMALL_BYTES)?;
        read_tip(&info).ok_or_else(|| self.unexpected(&info, EXPECTED_TIP))
    }

    fn hash_at(&mut self, height: u32) -> Result<Option<BlockHash>, SourceError> {
        let hash = match self.call("getblockhash", &json!([height]), MAX_SMALL_BYTES) {
            Err(SourceError::Rpc { code, .. }) if code == BAD_PARAMETER => return Ok(None),
            other => other?,
        };
        let read = hash.as_str().and_then(from_hex);
        read.map(Some)
            .ok_or_else(|| self.unexpected(&hash, "a block hash of 64 digits"))
    }

    fn block(&mut self, hash: BlockHash) -> Result<RawBlock, SourceError> {
        let digits = match self.call("getblock", &json!([hex(&hash), 0]), MAX_HEX_BYTES) {
            Err(SourceError::Rpc { code, .. }) if code == NOT_FOUND => {
                return Err(SourceError::Missing { hash });
            }
            other => other?,
        };
        let bytes = digits.as_str().and_then(|text| Vec::from_hex(text).ok());
        let bytes =
            bytes.ok_or_else(|| self.unexpected(&digits, "a block in hexadecimal digits"))?;
        let checked = block::check(hash, &bytes);
        checked.map_err(|found| SourceError::WrongBlock { asked: hash, found })?;
        Ok(bytes.into())
    }
}

/// What [`read_tip`] reads.
pub(crate) const EXPECTED_TIP: &str = "chain information with `blocks` and `bestblockhash`";

/// Height and name of the best block out of a node's chain information, which is the same by
/// JSON-RPC and by REST.
pub(crate) fn read_tip(info: &Value) -> Option<Tip> {
    Some(Tip {
        height: info.get("blocks")?.as_u64()?.try_into().ok()?,
        hash: from_hex(info.get("bestblockhash")?.as_str()?)?,
    })
}
