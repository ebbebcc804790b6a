//! What is asked of a TSA goes by HTTP: a question, an answer, and what can keep one from coming.

use std::fmt;
use std::time::Duration;

use pregao_protocol::wire::delivery::MAX_DELIVERY_ANSWER;
use pregao_protocol::wire::tsa::content;
use ureq::http::Response;

use super::ProxyAddress;
use crate::net::tls::{Roots, distrusted};

/// The same for everybody, whatever version of the program or its library they have.
const USER_AGENT: &str = "pregao";

/// Asks a TSA. Both functions block until the answer is there, and wait for no task of this program.
pub trait Transport: fmt::Debug + Send + Sync {
    /// Asks for what is at a URL, and waits for at most `patience`.
    ///
    /// # Errors
    /// [`TransportError`] if no answer came. A refusal of the TSA is an answer.
    fn get(&self, url: &str, patience: Duration) -> Result<HttpAnswer, TransportError>;

    /// Hands a JSON text in, and waits for at most `patience`.
    ///
    /// # Errors
    /// [`TransportError`] if no answer came; the text may have arrived all the same.
    fn post(
        &self,
        url: &str,
        json: &[u8],
        patience: Duration,
    ) -> Result<HttpAnswer, TransportError>;
}

/// What a TSA answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpAnswer {
    /// Status of HTTP.
    pub status: u16,
    /// The body, whole.
    pub body: Vec<u8>,
}

impl HttpAnswer {
    /// Whether what was asked for was done.
    #[must_use]
    pub const fn is_success(&self) -> bool {
        matches!(self.status, 200..300)
    }
}

/// Why no answer came. Whoever asked knows of whom.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// It does not answer.
    #[error("no answer: {reason}")]
    Unreachable {
        /// What the client says.
        reason: String,
    },
    /// It shows a TLS certificate that is not believed.
    #[error("a TLS certificate that is not believed: {reason}")]
    Distrusted {
        /// What is wrong with it.
        reason: String,
    },
    /// It is not reached by the way that was asked for.
    #[error("not reached through the proxy {proxy}: {reason}")]
    Proxy {
        /// Through which proxy, without its password.
        proxy: String,
        /// What the client says.
        reason: String,
    },
}

/// The client of HTTP on the real network.
#[derive(Debug)]
pub(super) struct Client {
    agent: ureq::Agent,
    proxy: Option<ProxyAddress>,
}

impl Client {
    /// The one place where a client of HTTP is made.
    pub(super) fn new(proxy: Option<&ProxyAddress>, roots: &Roots) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            // A TSA has none; one could lead off the way that was asked for, or out of TLS.
            .max_redirects(0)
            .user_agent(USER_AGENT)
            // Said in every case: the library would take one from the environment.
            .proxy(proxy.map(ProxyAddress::proxy))
            .tls_config(roots.http())
            .build();
        Self { agent: config.into(), proxy: proxy.cloned() }
    }

    /// An answer, whole.
    fn whole(
        &self,
        answer: Result<Response<ureq::Body>, ureq::Error>,
    ) -> Result<HttpAnswer, TransportError> {
        let mut answer = answer.map_err(|error| self.failed(&error))?;
        let limit = u64::try_from(MAX_DELIVERY_ANSWER).unwrap_or(u64::MAX);
        let body = answer.body_mut().with_config().limit(limit).read_to_vec();
        let body = body.map_err(|error| self.failed(&error))?;
        Ok(HttpAnswer { status: answer.status().as_u16(), body })
    }

    fn failed(&self, error: &ureq::Error) -> TransportError {
        let reason = error.to_string();
        let distrusted = match error {
            ureq::Error::Io(error) => distrusted(error),
            ureq::Error::Rustls(rustls::Error::InvalidCertificate(_)) => Some(reason.clone()),
            _ => None,
        };
        if let Some(reason) = distrusted {
            return TransportError::Distrusted { reason };
        }
        match &self.proxy {
            None => TransportError::Unreachable { reason },
            Some(proxy) => TransportError::Proxy { proxy: proxy.to_string(), reason },
        }
    }
}

impl Transport for Client {
    fn get(&self, url: &str, patience: Duration) -> Result<HttpAnswer, TransportError> {
        let get = self.agent.get(url).config().timeout_global(Some(patience)).build();
        self.whole(get.call())
    }

    fn post(
        &self,
        url: &str,
        json: &[u8],
        patience: Duration,
    ) -> Result<HttpAnswer, TransportError> {
        let post = self.agent.post(url).config().timeout_global(Some(patience)).build();
        self.whole(post.content_type(content::JSON).send(json))
    }
}
