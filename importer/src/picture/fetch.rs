//! Pictures from the web: with limits on time, size and redirects, never from this machine or its network, and giving up on a
//! host that does not answer. It says nothing about what it fetched; [`super::encode`] looks at the bytes.

use std::collections::HashMap;
use std::error::Error;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Url, redirect};
use tokio::sync::Semaphore;

use super::encode::BYTES_MAX;
use crate::shop::innermost;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const FETCH_TIMEOUT: Duration = Duration::from_secs(20);
const REDIRECTS_MAX: usize = 4;
const FETCHES_AT_ONCE: usize = 8;

/// Connection failures in a row after which a host is left alone.
const FAILURES_MAX: u32 = 3;

/// Why there is no picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failed {
    /// This one did not work.
    Once(String),
    /// The host has failed too often; the first to hear of it gets the reason.
    HostGivenUp(Option<String>),
}

/// Fetches pictures.
#[derive(Debug)]
pub struct Fetcher {
    http: reqwest::Client,
    slots: Semaphore,
    failures: Mutex<HashMap<String, u32>>,
    allow_private: bool,
}

impl Fetcher {
    /// A fetcher; with `allow_private` also from this machine and its network (for tests and shops behind a wall).
    ///
    /// # Errors
    /// When there is no TLS to be had.
    pub fn new(allow_private: bool) -> Result<Self, reqwest::Error> {
        let policy = redirect::Policy::custom(move |attempt| {
            if attempt.previous().len() > REDIRECTS_MAX {
                attempt.error("too many redirects")
            } else if let Err(reason) = check_address(attempt.url(), allow_private) {
                attempt.error(reason)
            } else {
                attempt.follow()
            }
        });
        let http = reqwest::Client::builder()
            // A proxy would resolve names past the check below.
            .no_proxy()
            .dns_resolver(Arc::new(PublicOnly { allow_private }))
            .redirect(policy)
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(FETCH_TIMEOUT)
            .user_agent(concat!("kasuwa-importer/", env!("CARGO_PKG_VERSION")))
            .build()?;
        let (slots, failures) = (Semaphore::new(FETCHES_AT_ONCE), Mutex::default());
        Ok(Self { http, slots, failures, allow_private })
    }

    /// The bytes at `address`.
    ///
    /// # Errors
    /// See [`Failed`].
    pub async fn fetch(&self, address: &str) -> Result<Vec<u8>, Failed> {
        let url = Url::parse(address).map_err(|error| Failed::Once(format!("not a web address: {error}")))?;
        check_address(&url, self.allow_private).map_err(Failed::Once)?;
        let host =
            format!("{}:{}", url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or_default());
        let Ok(_slot) = self.slots.acquire().await else { return Err(Failed::Once("stopped".to_owned())) };
        if self.failures_of(&host) >= FAILURES_MAX {
            return Err(Failed::HostGivenUp(None));
        }
        match self.download(url).await {
            Ok(bytes) => {
                self.note(&host, false);
                Ok(bytes)
            }
            Err(Download::Unreachable(reason)) => {
                let failures = self.note(&host, true);
                if failures == FAILURES_MAX {
                    let reason = format!("{host} does not answer ({reason}); its other pictures are not tried");
                    return Err(Failed::HostGivenUp(Some(reason)));
                }
                Err(Failed::Once(reason))
            }
            Err(Download::Unusable(reason)) => Err(Failed::Once(reason)),
        }
    }

    async fn download(&self, url: Url) -> Result<Vec<u8>, Download> {
        let classify = |error: reqwest::Error| {
            let reason = innermost(&error);
            // A refused address or a bad redirect is the row's fault, not the host's.
            let ours = reason.contains(PRIVATE) || error.is_redirect();
            if (error.is_connect() || error.is_timeout()) && !ours {
                Download::Unreachable(reason)
            } else {
                Download::Unusable(reason)
            }
        };
        let mut response = self.http.get(url).send().await.map_err(classify)?;
        if !response.status().is_success() {
            return Err(Download::Unusable(format!("the server answers {}", response.status())));
        }
        let too_large = || Download::Unusable(format!("larger than {} MB", BYTES_MAX / 1024 / 1024));
        if response.content_length().is_some_and(|length| length > BYTES_MAX) {
            return Err(too_large());
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(classify)? {
            if (bytes.len() + chunk.len()) as u64 > BYTES_MAX {
                return Err(too_large());
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }

    fn failures_of(&self, host: &str) -> u32 {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).get(host).copied().unwrap_or(0)
    }

    /// Counts failures in a row; answers the count.
    fn note(&self, host: &str, failed: bool) -> u32 {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let count = failures.entry(host.to_owned()).or_default();
        *count = if failed { *count + 1 } else { 0 };
        *count
    }
}

enum Download {
    Unreachable(String),
    Unusable(String),
}

const PRIVATE: &str = "is not a public address";

fn check_address(url: &Url, allow_private: bool) -> Result<(), String> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!("{} addresses are not fetched, only http and https", url.scheme()));
    }
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    match host.parse::<IpAddr>() {
        Ok(address) if !allow_private && !is_public(address) => Err(format!("{address} {PRIVATE}")),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Resolves names, and keeps the public addresses only: a name in a catalogue must not reach into the operator's network.
#[derive(Debug)]
struct PublicOnly {
    allow_private: bool,
}

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        let allow_private = self.allow_private;
        Box::pin(async move {
            let name = name.as_str().to_owned();
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let usable: Vec<SocketAddr> = found.filter(|address| allow_private || is_public(address.ip())).collect();
            if usable.is_empty() {
                return Err(Box::<dyn Error + Send + Sync>::from(format!("{name} {PRIVATE}")));
            }
            Ok(Box::new(usable.into_iter()) as Addrs)
        })
    }
}

/// Whether `address` is out on the internet (after IANA's special-purpose registries).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => match embedded_v4(v6) {
            Some(v4) => is_public_v4(v4),
            // Only 2000::/3 is given out; of it, 2001::/23 (protocols) and 2001:db8::/32 (examples) are not.
            None => {
                let [first, second, ..] = v6.segments();
                first & 0xe000 == 0x2000 && !(first == 0x2001 && (second < 0x200 || second == 0xdb8))
            }
        },
    }
}

/// The IPv4 address that an IPv6 address stands for: mapped, NAT64, 6to4.
fn embedded_v4(v6: Ipv6Addr) -> Option<Ipv4Addr> {
    let s = v6.segments();
    let v4 = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Ipv4Addr::new(a, b, c, d)
    };
    match s {
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => {
            Some(v4(high, low))
        }
        _ => None,
    }
}

fn is_public_v4(v4: Ipv4Addr) -> bool {
    let [a, b, c, _] = v4.octets();
    let special = v4.is_private()
        || v4.is_loopback()
        || v4.is_link_local()
        || v4.is_documentation()
        || v4.is_multicast()
        || a == 0
        || a >= 240
        || (a == 100 && b & 0xc0 == 64)
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && b & 0xfe == 18);
    !special
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_addresses_are_fetched_from() {
        for private in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "0.0.0.0",
            "100.64.0.1",
            "255.255.255.255",
            "198.18.0.1",
            "224.0.0.1",
            "::1",
            "::",
            "fe80::1",
            "fd00::1",
            "::ffff:127.0.0.1",
            "64:ff9b::a00:1",
            "2002:7f00:1::",
            "2001:db8::1",
            "ff02::1",
        ] {
            assert!(!is_public(private.parse().unwrap()), "{private}");
        }
        for public in ["93.184.216.34", "172.32.0.1", "2606:4700::1111", "100.128.0.1"] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
    }

    #[tokio::test]
    async fn addresses_of_this_machine_are_refused_in_every_spelling() {
        let fetcher = Fetcher::new(false).unwrap();
        for address in [
            "http://127.0.0.1:1/a",
            "http://[::1]/a",
            "http://2130706433/a",
            "http://0x7f.1/a",
            "http://localhost:1/a",
            "file:///etc/passwd",
        ] {
            let failed = fetcher.fetch(address).await.unwrap_err();
            assert!(
                matches!(&failed, Failed::Once(reason) if reason.contains(PRIVATE) || reason.contains("only http")),
                "{address}: {failed:?}"
            );
        }
    }

    #[tokio::test]
    async fn a_host_that_does_not_answer_is_given_up_once() {
        let fetcher = Fetcher::new(true).unwrap();
        let mut outcomes = Vec::new();
        for _ in 0..5 {
            outcomes.push(fetcher.fetch("http://127.0.0.1:9/a.jpg").await.unwrap_err());
        }
        assert!(matches!(outcomes[0], Failed::Once(_)) && matches!(outcomes[1], Failed::Once(_)));
        assert!(matches!(outcomes[2], Failed::HostGivenUp(Some(_))));
        assert_eq!(outcomes[3..], [Failed::HostGivenUp(None), Failed::HostGivenUp(None)]);
    }
}
