#!/bin/sh
# nico-crds and nico-render are pure, and it shows in what they depend on. Each is looked at alone: in a
# build of the whole workspace, features that another crate asks for would hide a breach.
set -eu
cd "$(dirname "$0")/.."
forbidden='tokio|hyper|openssh|prometheus|kube-client|kube-runtime|axum|reqwest|getrandom|rand|tracing'
for crate in nico-crds nico-render nico-apply nico; do
  cargo check --quiet --package "$crate"
done
for crate in nico-crds nico-render; do
  # In a pipe a failure of cargo would look like a clean tree.
  tree=$(cargo tree --package "$crate" --edges normal --prefix none --format '{p}')
  if printf '%s\n' "$tree" | cut -d' ' -f1 | grep -xE "$forbidden"; then
    echo "error: $crate must not depend on the above: what is pure has no client, clock or randomness" >&2
    exit 1
  fi
done
# Dependencies run crds <- render <- apply <- src and never back.
for edge in nico-crds:nico-render nico-crds:nico-apply nico-render:nico-apply; do
  tree=$(cargo tree --package "${edge%%:*}" --edges normal --prefix none --format '{p}')
  if printf '%s\n' "$tree" | cut -d' ' -f1 | grep -xq "${edge##*:}"; then
    echo "error: ${edge%%:*} must not depend on ${edge##*:}" >&2
    exit 1
  fi
done
echo "The walls stand."
