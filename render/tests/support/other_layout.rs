//! The same `cluster.nix` as another version of this program might lay it out: in one line, with other
//! blanks, comments and order.

use nico_render::cluster_nix::{ClusterNix, Node};
use nico_render::nix;

/// Writes it.
pub fn relay(cluster: &ClusterNix, revision: u64) -> String {
    let text = |value: &str| nix::string(value).unwrap();
    let nodes = |nodes: &[Node]| {
        nodes
            .iter()
            .map(|node| format!("{{name={};ip={};}}", text(&node.name), text(&node.ip)))
            .collect::<String>()
    };
    let vip = cluster.vip.as_ref().map(|vip| format!("vip={};", text(vip))).unwrap_or_default();
    let source = &cluster.source;
    let git_ref =
        source.git_ref.as_ref().map(|git_ref| format!("ref={};", text(git_ref))).unwrap_or_default();
    let subdir = source.subdir.as_ref().map(|subdir| format!("subdir={};", text(subdir))).unwrap_or_default();
    format!(
        "/* nico = {{ revision = 99; */ {{ # nico = {{ revision = 98; }}\n nico={{source={{{git_ref}url={};{subdir}}};revision \
         =\t{revision};}};workers=[{}];controlPlane=[{}];{vip}name={};__functor=self: _: {{cluster=removeAttrs self \
         [\"__functor\"];}};}}",
        text(&source.url),
        nodes(&cluster.workers),
        nodes(&cluster.control_plane),
        text(&cluster.name),
    )
}
