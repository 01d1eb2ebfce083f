#!/bin/sh
# The main job, on a real API server of this machine's own, from nothing to gone. Leaves nothing behind,
# also when it is interrupted.
set -eu
cd "$(dirname "$0")/.."

control_plane=tests/control-plane/bin/control-plane
kubectl=tests/control-plane/bin/kubectl
nico=${CARGO_TARGET_DIR:-target}/debug/nico
folder=$(mktemp -d)

finish() {
  code=$?
  trap - EXIT INT TERM HUP
  "$control_plane" down "$folder/run" >/dev/null || true
  rm -rf "$folder"
  exit "$code"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

say() { printf '\n== %s\n' "$*"; }
run() { printf '$ %s\n' "$*"; "$@"; }

say "An API server, with the CRDs of NICO and NIO"
"$control_plane" up "$folder/run" crds fixtures/nio/python.yaml >/dev/null
KUBECONFIG=$folder/run/kubeconfig
export KUBECONFIG
PATH=$(dirname "$kubectl"):$PATH
PATH=$(dirname "$nico"):$PATH
export PATH

say "Eight machines, as NIO would have found them, and a cluster"
run kubectl apply -f examples/machines.yaml -f examples/cluster.yaml
# What NIO finds out about a machine stands in the status, which is a write of its own.
run kubectl apply --server-side --subresource=status --field-manager=nio -f examples/machines.yaml >/dev/null
run kubectl get machines --show-labels

say "What NICO will want, before it is done (the first of eight)"
kubectl get kubernetesclusters,machines -o yaml > "$folder/cluster.yaml"
echo '$ nico render cluster.yaml'
nico render "$folder/cluster.yaml" > "$folder/rendered.yaml"
sed '/^---$/q' "$folder/rendered.yaml"

say "And done"
run nico apply --once

say "What is there"
run kubectl get kubernetesclusters,nixosconfigurations,secrets --show-labels
owned=$(kubectl get nixosconfigurations -o \
  jsonpath='{range .items[?(@.metadata.ownerReferences[0].name=="home")]}{.metadata.name}{"\n"}{end}' | wc -l)
labelled=$(kubectl get nixosconfigurations -o name \
  -l app.kubernetes.io/managed-by=nico,nico.homystack.com/cluster=home | wc -l)
printf '%s configurations are owned by the cluster, %s carry its labels\n' "$owned" "$labelled"
test "$owned" -eq 8
test "$labelled" -eq 8

say "What was rendered is what is there: nothing is left to do"
kubectl get kubernetesclusters,machines,nixosconfigurations -o yaml > "$folder/live.yaml"
# When each was written is noted on it, and stays.
nico render "$folder/live.yaml" 2>/dev/null | sed '/nico.homystack.com\/written-at:/d' > "$folder/again.yaml"
run cmp "$folder/rendered.yaml" "$folder/again.yaml"
run nico apply --once

say "The cluster is deleted, and all that it owns goes with it"
run kubectl delete kubernetescluster home
run kubectl wait --for=delete nixosconfigurations --all --timeout=60s
left=$(kubectl get nixosconfigurations,secrets -o name | wc -l)
printf '%s objects are left\n' "$left"
test "$left" -eq 0

say "Done: the API server is stopped"
