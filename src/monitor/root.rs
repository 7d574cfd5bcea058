//! `/`: the list of pages.

use super::page::{Fault, Page};
use super::{Monitor, path};

const PAGES: [(&str, &str); 4] = [
    ("General", "/varz"),
    ("Connections", "/connz"),
    ("Subscriptions", "/subsz"),
    ("Health Probe", "/healthz"),
];

pub fn page(monitor: &Monitor) -> Result<Page, Fault> {
    monitor.count("/");
    let base = path::base(&monitor.options.borrow().http_base_path);
    let base = base.trim_end_matches('/');
    let links = PAGES.map(|(name, page)| format!("    <li><a href=\"{base}{page}\">{name}</a></li>\n"));
    let version = &monitor.identity.product_version;
    Ok(Page::html(format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head><title>corebus</title></head>\n<body>\n  <h1>corebus \
         {version}</h1>\n  <ul>\n{}  </ul>\n</body>\n</html>\n",
        links.concat()
    )))
}
