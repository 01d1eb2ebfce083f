//! What the annotations on the Node of a control plane say of its member of etcd, in k3s and RKE2.

use std::collections::BTreeMap;

use nico_render::workload::Member;

/// Those that have them, by the names that they use.
const DISTRIBUTIONS: [&str; 2] = ["k3s", "rke2"];

/// The longest name of a Node, and a suffix.
const LONGEST: usize = 300;

/// By its annotations; None: they say nothing of it.
pub(super) fn read(annotations: &BTreeMap<String, String>) -> Option<Member> {
    DISTRIBUTIONS.into_iter().find_map(|of| by(of, annotations))
}

/// By those of one distribution.
fn by(of: &'static str, annotations: &BTreeMap<String, String>) -> Option<Member> {
    let noted = |what: &str| {
        let noted = annotations.get(&format!("etcd.{of}.cattle.io/{what}"));
        noted.filter(|noted| is_name(noted))
    };
    let (name, removed) = (noted("node-name"), noted("removed-node-name"));
    match (name, removed) {
        (None, None) => None,
        (None, Some(removed)) => Some(Member::Removed { name: removed.clone() }),
        (Some(name), Some(removed)) if name == removed => Some(Member::Removed { name: removed.clone() }),
        // It joined anew after that, under another name.
        (Some(name), Some(_)) => Some(Member::In { of, name: name.clone() }),
        (Some(name), None) => {
            let is_asked = noted("remove").is_some_and(|asked| asked.eq_ignore_ascii_case("true"));
            let name = name.clone();
            Some(if is_asked { Member::Asked { name } } else { Member::In { of, name } })
        }
    }
}

/// It is noted elsewhere, so it has to be what it says that it is.
fn is_name(noted: &str) -> bool {
    !noted.is_empty() && noted.len() <= LONGEST && noted.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What these annotations say, without the part of their names that is the same in all.
    fn says(of: &str, noted: &[(&str, &str)]) -> Option<Member> {
        let whole =
            |(what, value): &(&str, &str)| (format!("etcd.{of}.cattle.io/{what}"), (*value).to_owned());
        read(&noted.iter().map(whole).collect())
    }

    fn is_in(of: &'static str, name: &str) -> Member {
        Member::In { of, name: name.to_owned() }
    }

    fn asked(name: &str) -> Member {
        Member::Asked { name: name.to_owned() }
    }

    fn removed(name: &str) -> Member {
        Member::Removed { name: name.to_owned() }
    }

    #[test]
    fn each_combination_says_one_thing() {
        let (name, gone) = ("node-name", "removed-node-name");
        for of in ["k3s", "rke2"] {
            assert_eq!(says(of, &[]), None);
            assert_eq!(says(of, &[(name, "")]), None);
            assert_eq!(says(of, &[("remove", "true")]), None, "who is no member is not asked to go");
            assert_eq!(says(of, &[(name, ""), (gone, "")]), None);
            assert_eq!(says(of, &[(name, "a")]), Some(is_in(of, "a")));
            assert_eq!(says(of, &[(name, "a b")]), None, "that is no name");
            assert_eq!(
                says(of, &[(name, "a"), (gone, &"a".repeat(301))]),
                Some(is_in(of, "a")),
                "nor is that"
            );
            assert_eq!(says(of, &[(name, "a"), ("remove", "")]), Some(is_in(of, "a")));
            assert_eq!(says(of, &[(name, "a"), ("remove", "false")]), Some(is_in(of, "a")));
            assert_eq!(says(of, &[(name, "a"), (gone, "")]), Some(is_in(of, "a")));
            assert_eq!(says(of, &[(name, "a"), ("remove", "true")]), Some(asked("a")));
            assert_eq!(says(of, &[(name, "a"), ("remove", "True"), (gone, "")]), Some(asked("a")));
            assert_eq!(says(of, &[(gone, "a")]), Some(removed("a")));
            assert_eq!(says(of, &[(name, ""), (gone, "a")]), Some(removed("a")));
            assert_eq!(says(of, &[(name, "a"), (gone, "a")]), Some(removed("a")));
            assert_eq!(says(of, &[(name, "a"), (gone, "a"), ("remove", "true")]), Some(removed("a")));
            assert_eq!(says(of, &[(name, "b"), (gone, "a")]), Some(is_in(of, "b")), "it joined anew");
            assert_eq!(says(of, &[(name, "b"), (gone, "a"), ("remove", "true")]), Some(is_in(of, "b")));
        }
        assert_eq!(says("k0s", &[(name, "a")]), None, "nobody else has them");
    }

    #[test]
    fn those_of_one_distribution_are_not_mixed_with_anothers() {
        let noted = [
            ("etcd.k3s.cattle.io/remove", "true"),
            ("etcd.rke2.cattle.io/node-name", "a"),
            ("nico.homystack.com/removed-node-name", "a"),
        ];
        let noted = noted.map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(read(&noted.into()), Some(is_in("rke2", "a")));
    }
}
