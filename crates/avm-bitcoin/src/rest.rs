//! The REST interface of a Bitcoin node, which has no passwords: for a node started with `-rest`.

use std::time::Duration;

use crate::http::{Answer, Auth, Client, MAX_RAW_BYTES, MAX_SMALL_BYTES, quote};
use crate::rpc::{EXPECTED_TIP, read_tip};
use crate::source::{from_hex, hex};
use crate::{BlockHash, RawBlock, Source, SourceError, Tip, block};

/// A node by its REST interface: `chaininfo`, `blockhashbyheight`, `block`.
pub struct RestSource {
    client: Client,
}

impl RestSource {
    /// A node at `url`, for example `http://127.0.0.1:8332`; nothing is sent yet. Each call may
    /// take as long as `timeout`.
    #[must_use]
    pub fn new(url: &str, timeout: Duration) -> Self {
        let client = Client::new(url, Auth::None, timeout);
        Self { client }
    }

    fn get(&mut self, path: &str, max: u64) -> Result<Answer, SourceError> {
        self.client.get(path, max)
    }

    fn accept(&self, path: &str, answer: Answer) -> Result<Vec<u8>, SourceError> {
        match answer.status {
            200 => Ok(answer.body),
            status => Err(SourceError::Status {
                url: self.url(path),
                status,
            }),
        }
    }

    fn malformed(&self, path: &str, found: &[u8], expected: &'static str) -> SourceError {
        SourceError::Malformed {
            url: self.url(path),
            found: quote(found),
            expected,
        }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.client.url())
    }
}

impl Source for RestSource {
    fn tip(&mut self) -> Result<Tip, SourceError> {
        let path = "/rest/chaininfo.json";
        let answer = self.get(path, MAX_SMALL_BYTES)?;
        let body = self.accept(path, answer)?;
        let info = serde_json::from_slice(&body).ok();
        info.and_then(|info| read_tip(&info))
            .ok_or_else(|| self.malformed(path, &body, EXPECTED_TIP))
    }

    fn hash_at(&mut self, height: u32) -> Result<Option<BlockHash>, SourceError> {
        let path = format!("/rest/blockhashbyheight/{height}.hex");
        let answer = self.get(&path, MAX_SMALL_BYTES)?;
        // A node without REST says 404 to everything, and then to `tip` as well.
        if answer.status == 404 {
            return Ok(None);
        }
        let body = self.accept(&path, answer)?;
        let text = std::str::from_utf8(&body).ok();
        let hash = text.and_then(|text| from_hex(text.trim_ascii()));
        hash.map(Some)
            .ok_or_else(|| self.malformed(&path, &body, "a block hash of 64 digits"))
    }

    fn block(&mut self, hash: BlockHash) -> Result<RawBlock, SourceError> {
        let path = format!("/rest/block/{}.bin", hex(&hash));
        let answer = self.get(&path, MAX_RAW_BYTES)?;
        if answer.status == 404 {
            return Err(SourceError::Missing { hash });
        }
        let bytes = self.accept(&path, answer)?;
        let checked = block::check(hash, &bytes);
        checked.map_err(|found| SourceError::WrongBlock { asked: hash, found })?;
        Ok(bytes.into())
    }
}
