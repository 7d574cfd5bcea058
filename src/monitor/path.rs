//! Which page a path means. Source: Go's `net/http` (`ServeMux`), nats-server `server.go:basePath`.

use percent_encoding::percent_decode_str;

/// Where a path leads.
#[derive(Debug, PartialEq, Eq)]
pub enum Way {
    /// To the page of this name, if it is one.
    Page(String),
    /// To another path first.
    Elsewhere(String),
}

/// A base path as it is used: with a slash before it and none behind.
pub fn base(configured: &str) -> String {
    match clean(&format!("/{configured}")).trim_end_matches('/') {
        "" => "/".to_owned(),
        base => base.to_owned(),
    }
}

/// The page of a request's path; what is not below the base is no page.
pub fn way(base: &str, path: &str) -> Way {
    if !path.starts_with('/') {
        return Way::Page(String::new());
    }
    let path = percent_decode_str(path).decode_utf8_lossy();
    let cleaned = clean(&path);
    if cleaned != path {
        return Way::Elsewhere(cleaned);
    }
    if base == "/" {
        return Way::Page(cleaned);
    }
    Way::Page(match cleaned.strip_prefix(base) {
        Some("") => "/".to_owned(),
        // The base with a slash behind it is no page.
        Some(rest) if rest.starts_with('/') && rest != "/" => rest.to_owned(),
        _ => String::new(),
    })
}

/// Without empty parts, `.` and `..`; a slash at the end stays.
fn clean(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    let slash = if path.ends_with('/') && !parts.is_empty() { "/" } else { "" };
    format!("/{}{slash}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bases() {
        for (configured, used) in
            [("", "/"), ("/", "/"), ("nats", "/nats"), ("/a/b/", "/a/b"), ("//a/./b", "/a/b")]
        {
            assert_eq!(base(configured), used);
        }
    }

    #[test]
    fn ways() {
        let page = |name: &str| Way::Page(name.to_owned());
        assert_eq!(way("/", "/varz"), page("/varz"));
        assert_eq!(way("/", "/%76arz"), page("/varz"));
        assert_eq!(way("/", "/varz/"), page("/varz/"));
        assert_eq!(way("/", "*"), page(""));
        assert_eq!(way("/", "//varz"), Way::Elsewhere("/varz".to_owned()));
        assert_eq!(way("/", "/a/../varz"), Way::Elsewhere("/varz".to_owned()));
        assert_eq!(way("/nats", "/nats"), page("/"));
        assert_eq!(way("/nats", "/nats/varz"), page("/varz"));
        for nowhere in ["/varz", "/nats/", "/natsvarz", "/"] {
            assert_eq!(way("/nats", nowhere), page(""), "{nowhere}");
        }
    }
}
