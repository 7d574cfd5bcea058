//! URLs as Go judges them, which is not as browsers do: most text is a URL there, a bare host without a scheme
//! too. Source: Go's `net/url`.

use std::net::Ipv6Addr;

use super::field::quoted;

/// What a block may have to look at. All parts are as they are written, but for the scheme's case.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Url {
    /// In lower case; empty where none is written.
    pub scheme: String,
    /// Name, and password where a colon announces one.
    pub user: Option<(String, Option<String>)>,
    /// With its port.
    pub host: String,
    /// What follows the host, or the scheme where there is no host.
    rest: String,
    has_authority: bool,
}

impl Url {
    /// The URL, its password hidden.
    pub fn redacted(&self) -> String {
        self.written(|_| "xxxxx")
    }

    /// The URL with whatever secret it holds: to compare, never to show.
    pub fn whole(&self) -> String {
        self.written(|password| password)
    }

    fn written(&self, password_as: impl Fn(&str) -> &str) -> String {
        let mut out = String::new();
        if !self.scheme.is_empty() {
            out.push_str(&self.scheme);
            out.push(':');
        }
        if self.has_authority {
            out.push_str("//");
        }
        if let Some((name, password)) = &self.user {
            out.push_str(name);
            if let Some(password) = password {
                out.push(':');
                out.push_str(password_as(password));
            }
            out.push('@');
        }
        out.push_str(&self.host);
        out.push_str(&self.rest);
        out
    }
}

/// Reads a URL; the error is Go's, which shows the whole text.
pub fn parse(text: &str) -> Result<Url, String> {
    let (before, fragment) = text.split_once('#').unwrap_or((text, ""));
    let wrap = |shown: &str, why: String| format!("parse {}: {why}", quoted(shown));
    let mut url = parse_before_fragment(before).map_err(|why| wrap(before, why))?;
    check_escapes(fragment).map_err(|why| wrap(text, why))?;
    url.rest.push_str(&text[before.len()..]);
    Ok(url)
}

fn parse_before_fragment(text: &str) -> Result<Url, String> {
    if text.bytes().any(|byte| byte < b' ' || byte == 0x7f) {
        return Err("net/url: invalid control character in URL".to_owned());
    }
    if text == "*" {
        return Ok(Url { rest: text.to_owned(), ..Url::default() });
    }
    let (scheme, behind) = split_scheme(text)?;
    let mut url = Url { scheme: scheme.to_lowercase(), ..Url::default() };
    let (path, _query) = behind.split_once('?').unwrap_or((behind, ""));
    if !path.starts_with('/') {
        if !scheme.is_empty() {
            url.rest = behind.to_owned();
            return Ok(url);
        }
        if path.split('/').next().unwrap_or_default().contains(':') {
            return Err("first path segment in URL cannot contain colon".to_owned());
        }
    }
    let authority = path.strip_prefix("//").filter(|_| !scheme.is_empty() || !path.starts_with("///"));
    let path = match authority {
        Some(authority) => {
            let end = authority.find('/').unwrap_or(authority.len());
            (url.user, url.host) = parse_authority(&url.scheme, &authority[..end])?;
            url.has_authority = true;
            &authority[end..]
        }
        None => path,
    };
    check_escapes(path)?;
    let path_at = behind.split('?').next().unwrap_or_default().len() - path.len();
    url.rest = behind[path_at..].to_owned();
    Ok(url)
}

/// The scheme, empty where there is none, and what stands behind its colon.
fn split_scheme(text: &str) -> Result<(&str, &str), String> {
    for (place, byte) in text.bytes().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' => {}
            b'0'..=b'9' | b'+' | b'-' | b'.' if place > 0 => {}
            b':' if place == 0 => return Err("missing protocol scheme".to_owned()),
            b':' => return Ok((&text[..place], &text[place + 1..])),
            _ => break,
        }
    }
    Ok(("", text))
}

type User = Option<(String, Option<String>)>;

fn parse_authority(scheme: &str, authority: &str) -> Result<(User, String), String> {
    let (user, host) = match authority.rsplit_once('@') {
        Some((user, host)) => (Some(user), host),
        None => (None, authority),
    };
    check_host(scheme, host)?;
    let Some(user) = user else { return Ok((None, host.to_owned())) };
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-._:~!$&'()*+,;=%@".contains(letter);
    if !user.chars().all(plain) {
        return Err("net/url: invalid userinfo".to_owned());
    }
    let (name, password) = match user.split_once(':') {
        Some((name, password)) => (name, Some(password)),
        None => (user, None),
    };
    check_escapes(name)?;
    check_escapes(password.unwrap_or_default())?;
    Ok((Some((name.to_owned(), password.map(str::to_owned))), host.to_owned()))
}

fn check_host(scheme: &str, host: &str) -> Result<(), String> {
    match host.rfind('[') {
        Some(1..) => return Err("invalid IP-literal".to_owned()),
        Some(_) => {
            let Some(end) = host.rfind(']') else { return Err("missing ']' in host".to_owned()) };
            check_port(&host[end + 1..])?;
            return check_ip_literal(&host[1..end]);
        }
        None => {}
    }
    // Lists of hosts with ports are let pass, but not in URLs of the web.
    let colon = match scheme {
        "http" | "https" => host.find(':'),
        _ => host.rfind(':'),
    };
    if let Some(colon) = colon {
        check_port(&host[colon..])?;
    }
    check_host_letters(host)
}

/// An IPv6 address, which may have a zone behind an escaped percent sign.
fn check_ip_literal(literal: &str) -> Result<(), String> {
    let (address, zone) = match literal.split_once("%25") {
        Some((address, zone)) => (address, Some(zone)),
        None => (literal, None),
    };
    check_host_letters(address)?;
    check_escapes(zone.unwrap_or_default())?;
    if address.parse::<std::net::Ipv4Addr>().is_ok() {
        return Err("invalid IP-literal".to_owned());
    }
    match address.parse::<Ipv6Addr>() {
        Ok(_) if zone != Some("") => Ok(()),
        _ => Err(format!("invalid host: ParseAddr({}): unable to parse IP", quoted(literal))),
    }
}

fn check_port(port: &str) -> Result<(), String> {
    let digits = port.strip_prefix(':').unwrap_or(port);
    if port.is_empty() || (port.starts_with(':') && digits.bytes().all(|byte| byte.is_ascii_digit())) {
        return Ok(());
    }
    Err(format!("invalid port {} after host", quoted(port)))
}

/// In a host only bytes that are no ASCII may be escaped, and the percent sign. The first fault is told.
fn check_host_letters(host: &str) -> Result<(), String> {
    for (place, letter) in host.char_indices() {
        match letter {
            '%' => {
                let escape = check_escape(&host[place..])?;
                if escape != "%25" && escape[1..2] < *"8" {
                    return Err(format!("invalid URL escape {}", quoted(escape)));
                }
            }
            letter if !letter.is_ascii() || letter.is_ascii_alphanumeric() => {}
            letter if "-_.~!$&'()*+,;=:[]<>\"".contains(letter) => {}
            letter => {
                let shown = quoted(&letter.to_string());
                return Err(format!("invalid character {shown} in host name"));
            }
        }
    }
    Ok(())
}

/// Every percent sign must have two hexadecimal digits behind it.
fn check_escapes(text: &str) -> Result<(), String> {
    text.match_indices('%').try_for_each(|(place, _)| check_escape(&text[place..]).map(drop))
}

/// The escape that a text starts with.
fn check_escape(text: &str) -> Result<&str, String> {
    match text.get(..3) {
        Some(escape) if escape.bytes().skip(1).all(|byte| byte.is_ascii_hexdigit()) => Ok(escape),
        _ => Err(format!("invalid URL escape {}", quoted(&text.chars().take(3).collect::<String>()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_go_takes_for_a_url() {
        for text in [
            "nats://a:1",
            "nats-route://user:pass@a.b.c:6222/x?y#z",
            "localhost",
            "a/b:c",
            "",
            "*",
            "localhost:4222",
            "nats://a:1,b:2",
            "nats://[::1]:2",
            "nats://[fe80::1%25en0]:2",
            "nats://[::ffff:1.2.3.4]",
            "nats://a:",
            "nats:foo bar",
            "tls://a@b@c:1",
            "nats://%e4%bd%a0:1",
            "//host/path",
        ] {
            let url = parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(url.whole(), text);
        }
        let url = parse("NATS://me:secret@host:1/x").unwrap();
        assert_eq!((url.scheme.as_str(), url.host.as_str()), ("nats", "host:1"));
        assert_eq!(url.redacted(), "nats://me:xxxxx@host:1/x");
    }

    #[test]
    fn what_go_does_not() {
        for (text, why) in [
            ("127.0.0.1:4222", "first path segment in URL cannot contain colon"),
            (":4222", "missing protocol scheme"),
            ("nats://a:b", "invalid port \":b\" after host"),
            ("nats://a:-1", "invalid port \":-1\" after host"),
            ("nats://a b", "invalid character \" \" in host name"),
            ("nats://a/%zz", "invalid URL escape \"%zz\""),
            ("nats://a%20b", "invalid URL escape \"%20\""),
            ("nats://u ser@a", "net/url: invalid userinfo"),
            ("nats://a[b", "invalid IP-literal"),
            ("nats://[::1", "missing ']' in host"),
            ("nats://[1.2.3.4]", "invalid IP-literal"),
            ("http://a:1,b:2", "invalid port \":1,b:2\" after host"),
            ("a\tb", "net/url: invalid control character in URL"),
        ] {
            assert_eq!(parse(text), Err(format!("parse {}: {why}", quoted(text))));
        }
    }
}
