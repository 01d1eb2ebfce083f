//! Every relative link of every page leads to a file, and to a heading of it; and the index leads to every page.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use crate::markdown::{anchor, sections};
use crate::pages::{self, Page};

/// A link, as it is written.
struct Link<'p> {
    page: &'p Page,
    target: String,
}

impl Link<'_> {
    /// The file, relative to the repository, and the anchor; None where it leads out of the repository.
    fn parts(&self) -> Option<(PathBuf, Option<&str>)> {
        if self.target.contains("://") || self.target.starts_with("mailto:") {
            return None;
        }
        let (path, anchor) = match self.target.split_once('#') {
            Some((path, anchor)) => (path, Some(anchor)),
            None => (self.target.as_str(), None),
        };
        let here = Path::new(&self.page.name);
        let file = if path.is_empty() { here.to_owned() } else { plain(&here.parent().unwrap().join(path)) };
        Some((file, anchor))
    }
}

/// Without `.` and `..`.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => assert!(plain.pop(), "{} leads out of the repository", path.display()),
            Component::CurDir => {}
            Component::Normal(_) | Component::RootDir | Component::Prefix(_) => plain.push(part),
        }
    }
    plain
}

fn links(page: &Page) -> Vec<Link<'_>> {
    let sections = sections(&page.text);
    let lines = sections
        .iter()
        .flat_map(|section| std::iter::once(section.heading).chain(section.lines.iter().copied()));
    let text = lines.collect::<Vec<_>>().join("\n");
    // What is in code is no link.
    let text: String = text.split('`').step_by(2).collect();
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
    targets.map(|(target, _)| Link { page, target: target.trim().to_owned() }).collect()
}

/// As GitHub numbers those that are there more than once.
fn anchors(page: &Page) -> BTreeSet<String> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut anchors = BTreeSet::new();
    for section in sections(&page.text).iter().skip(1) {
        let anchor = anchor(section.heading);
        let count = seen.entry(anchor.clone()).or_default();
        anchors.insert(if *count == 0 { anchor } else { format!("{anchor}-{count}") });
        *count += 1;
    }
    anchors
}

#[test]
fn every_link_leads_somewhere() {
    let pages = pages::all();
    let anchors: BTreeMap<_, _> =
        pages.iter().map(|page| (PathBuf::from(&page.name), anchors(page))).collect();
    let mut broken = Vec::new();
    let mut checked = 0;
    for link in pages.iter().flat_map(links) {
        let Some((file, anchor)) = link.parts() else { continue };
        checked += 1;
        let is_there = pages::root().join(&file).exists()
            && anchor.is_none_or(|anchor| anchors.get(&file).is_some_and(|all| all.contains(anchor)));
        if !is_there {
            broken.push(format!("{}: {}", link.page.name, link.target));
        }
    }
    assert!(checked > 100, "the links are not found: {checked}");
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn the_index_leads_to_every_page() {
    let pages = pages::all();
    let index = pages.iter().find(|page| page.name == "docs/README.md").unwrap();
    let linked: BTreeSet<_> = links(index).iter().filter_map(Link::parts).map(|(file, _)| file).collect();
    // Runbooks are linked from the alerts that they are about.
    let is_listed = |page: &&Page| page.name.starts_with("docs/") && !page.name.starts_with("docs/runbooks/");
    let others = pages.iter().filter(is_listed).filter(|page| page.name != index.name);
    let missing: Vec<_> =
        others.map(|page| &page.name).filter(|name| !linked.contains(Path::new(name))).collect();
    assert!(missing.is_empty(), "docs/README.md does not lead to {missing:?}");
}
