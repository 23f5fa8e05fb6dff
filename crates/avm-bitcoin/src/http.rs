//! The HTTP that the interfaces of a node need: one request at a time, a time limit on each, and
//! a limit on what is read.
//!
//! Without TLS: a node is on this machine, in a private network, or behind a tunnel.

use std::path::PathBuf;
use std::time::Duration;
use std::{fmt, fs, io};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ureq::http::Response;
use ureq::{Agent, Body};

use crate::SourceError;

/// Most bytes of an answer that is a block.
pub const MAX_RAW_BYTES: u64 = crate::block::MAX_BYTES as u64;
/// Most bytes of an answer that is a block in hexadecimal digits.
pub const MAX_HEX_BYTES: u64 = 17_000_000;
/// Most bytes of any other answer.
pub const MAX_SMALL_BYTES: u64 = 1 << 20;
/// How much of a bad answer goes into an error, in characters.
const QUOTED: usize = 80;

/// Who we are to the server.
#[derive(Clone, Default, PartialEq, Eq)]
pub enum Auth {
    /// Anybody.
    #[default]
    None,
    /// A name and a password.
    User {
        /// As in the node's `-rpcuser` or `-rpcauth`.
        user: String,
        /// As in `-rpcpassword`, or what `rpcauth.py` printed.
        password: String,
    },
    /// What the node wrote into this file when it started, usually `.cookie` in its data
    /// directory. It is read again when the node refuses what it said before.
    Cookie(PathBuf),
}

/// The password is left out.
impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::User { user, .. } => f.debug_struct("User").field("user", user).finish(),
            Self::Cookie(path) => f.debug_tuple("Cookie").field(path).finish(),
        }
    }
}

impl Auth {
    fn header(&self) -> Result<Option<String>, SourceError> {
        let pair = match self {
            Self::None => return Ok(None),
            Self::User { user, password } => format!("{user}:{password}"),
            Self::Cookie(path) => {
                let cookie = fs::read_to_string(path).map_err(SourceError::io(path))?;
                cookie.trim_end().to_owned()
            }
        };
        Ok(Some(format!("Basic {}", STANDARD.encode(pair))))
    }
}

/// An answer with status and body, whatever the status.
pub(crate) struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
}

/// One server.
pub(crate) struct Client {
    agent: Agent,
    url: String,
    auth: Auth,
    header: Option<String>,
}

impl Client {
    /// A server at `url`; a user and password in it are used and taken out.
    pub fn new(url: &str, auth: Auth, timeout: Duration) -> Self {
        let (url, auth) = split_user(url, auth);
        let config = Agent::config_builder()
            .timeout_global(Some(timeout))
            .http_status_as_error(false)
            .max_redirects(0)
            // The environment's proxy is for the web, not for one's own node.
            .proxy(None)
            .user_agent("avm")
            .build();
        Self {
            agent: config.into(),
            url,
            auth,
            header: None,
        }
    }

    /// The server's address without user and password, no slash at its end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Gets `path`.
    pub fn get(&mut self, path: &str, max: u64) -> Result<Answer, SourceError> {
        self.send(path, None, max)
    }

    /// Posts a JSON text to the server's address.
    pub fn post(&mut self, body: &str, max: u64) -> Result<Answer, SourceError> {
        self.send("", Some(body), max)
    }

    fn send(&mut self, path: &str, body: Option<&str>, max: u64) -> Result<Answer, SourceError> {
        let fresh = self.header.is_none();
        if fresh {
            self.header = self.auth.header()?;
        }
        let answer = self.send_once(path, body, max)?;
        // A node makes a new cookie whenever it starts.
        if answer.status == 401 && !fresh {
            self.header = self.auth.header()?;
            return self.send_once(path, body, max);
        }
        if answer.status == 401 {
            self.header = None;
        }
        Ok(answer)
    }

    fn send_once(&self, path: &str, body: Option<&str>, max: u64) -> Result<Answer, SourceError> {
        let url = format!("{}{path}", self.url);
        let answer = match self.exchange(&url, body, max) {
            // The server may close a connection while the next call is on its way. All calls only
            // read, so they may be repeated.
            Err(ureq::Error::Io(error)) if error.kind() != io::ErrorKind::ConnectionRefused => {
                self.exchange(&url, body, max)
            }
            other => other,
        };
        answer.map_err(|error| match error {
            ureq::Error::BodyExceedsLimit(_) => SourceError::TooLong { url, max },
            error => SourceError::Unreachable {
                url,
                source: Box::new(error),
            },
        })
    }

    fn exchange(&self, url: &str, body: Option<&str>, max: u64) -> Result<Answer, ureq::Error> {
        let response = match body {
            None => {
                let request = self.agent.get(url);
                match &self.header {
                    Some(header) => request.header("authorization", header).call(),
                    None => request.call(),
                }
            }
            Some(body) => {
                let request = self.agent.post(url);
                let request = request.header("content-type", "application/json");
                match &self.header {
                    Some(header) => request.header("authorization", header).send(body),
                    None => request.send(body),
                }
            }
        };
        read(response?, max)
    }
}

fn read(mut response: Response<Body>, max: u64) -> Result<Answer, ureq::Error> {
    let status = response.status().as_u16();
    // The client counts a body of exactly the limit as too long.
    let body = response.body_mut().with_config().limit(max + 1);
    let body = body.read_to_vec()?;
    Ok(Answer { status, body })
}

fn split_user(url: &str, auth: Auth) -> (String, Auth) {
    let url = url.trim_end_matches('/');
    let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let Some((pair, host)) = host.rsplit_once('@') else {
        return (format!("{scheme}://{rest}"), auth);
    };
    let (user, password) = pair.split_once(':').unwrap_or((pair, ""));
    let found = Auth::User {
        user: user.into(),
        password: password.into(),
    };
    let auth = if auth == Auth::None { found } else { auth };
    (format!("{scheme}://{host}{path}"), auth)
}

/// The beginning of a bad answer, fit for one line of text.
pub(crate) fn quote(body: &[u8]) -> String {
    let start = &body[..body.len().min(4 * QUOTED)];
    let text = String::from_utf8_lossy(start);
    let clean = text.chars().take(QUOTED).map(|c| match c {
        c if c.is_control() => ' ',
        c => c,
    });
    format!("{:?} ({} bytes)", clean.collect::<String>(), body.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_and_password_leave_the_address() {
        let user = |user: &str, password: &str| Auth::User {
            user: user.into(),
            password: password.into(),
        };
        let cases = [
            ("http://h:1/", Auth::None, "http://h:1", Auth::None),
            ("h:1", Auth::None, "http://h:1", Auth::None),
            (
                "http://u:p@h:1/w/a@b",
                Auth::None,
                "http://h:1/w/a@b",
                user("u", "p"),
            ),
            ("http://u:p:@@h", Auth::None, "http://h", user("u", "p:@")),
            ("http://u@h", user("v", "q"), "http://h", user("v", "q")),
        ];
        for (url, auth, want, want_auth) in cases {
            assert_eq!(split_user(url, auth), (want.into(), want_auth), "{url}");
        }
        assert!(!format!("{:?}", user("u", "secret")).contains("secret"));
    }
}
