#!/bin/sh
# The main job, on a real API server of this machine's own, from nothing to gone: with the operator, and a
# stand-in for NIO whose machines are made up. Leaves nothing behind, also when it is interrupted.
set -eu
cd "$(dirname "$0")/.."

control_plane=tests/control-plane/bin/control-plane
built=${CARGO_TARGET_DIR:-target}/debug
PATH=$(pwd)/tests/control-plane/bin:$(cd "$built" && pwd):$PATH
export PATH
folder=$(mktemp -d)
operator=
nio=

finish() {
  code=$?
  trap - EXIT INT TERM HUP
  for process in $operator $nio; do
    kill "$process" 2>/dev/null || true
    wait "$process" 2>/dev/null || true
  done
  "$control_plane" down "$folder/run" >/dev/null || true
  rm -rf "$folder"
  exit "$code"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

say() { printf '\n== %s\n' "$*"; }
run() { printf '$ %s\n' "$*"; "$@"; }

# Asks again until it is so, for two minutes at the most.
await() {
  tries=0
  until sh -c "$2" >/dev/null 2>&1; do
    tries=$((tries + 1))
    if [ "$tries" -gt 240 ]; then
      printf 'waited in vain for %s\n' "$1" >&2
      tail -n 20 "$folder/operator.log" >&2
      exit 1
    fi
    sleep 0.5
  done
}

say "An API server, with the CRDs of NICO and NIO"
"$control_plane" up "$folder/run" crds fixtures/nio/python.yaml >/dev/null
KUBECONFIG=$folder/run/kubeconfig
export KUBECONFIG

say "NIO (a stand-in: its machines are made up, and a hundred times as fast), and eight machines"
nio-stand-in --kubeconfig "$KUBECONFIG" --log "$folder/nio.log" --control-dir "$folder/nio" >"$folder/nio.out" 2>&1 &
nio=$!
run kubectl apply -f examples/machines.yaml
await "the machines" "kubectl wait --for=jsonpath='{.status.discoverable}'=true machines --all --timeout=1s"
run kubectl get machines --show-labels

say "What NICO will want, before it is done (the first of eight)"
# These machines are new, and time runs faster here than on real ones.
kubectl patch -f examples/cluster.yaml --local --type=merge -o yaml \
  -p '{"spec":{"installPolicy":"FullInstall","rollout":{"bootstrap":"HeadFirst","minReadySeconds":1}}}' \
  > "$folder/cluster.yaml"
kubectl get machines -o yaml > "$folder/machines.yaml"
echo '$ nico render cluster.yaml machines.yaml'
nico render "$folder/cluster.yaml" "$folder/machines.yaml" 2>"$folder/said" | sed '/^---$/q'
cat "$folder/said"

say "The operator makes it so: the first control plane alone, then the others"
nico run --interval 1s --metrics-port 0 --metrics-bind-address 127.0.0.1 >"$folder/operator.log" 2>&1 &
operator=$!
run kubectl apply -f "$folder/cluster.yaml"
await "all to be installed" "test 8 = \$(kubectl get nixosconfigurations -o \
  jsonpath='{range .items[?(@.status.hasFullInstall==true)]}{.spec.fullInstall}{\"\\n\"}{end}' | grep -c false)"
await "the cluster to be ready" "kubectl wait --for=jsonpath='{.status.phase}'=Ready kcluster/home --timeout=1s"
cut -d' ' -f2- "$folder/operator.log" | sed 's/^ *//' | grep -v 'begins\|served'

say "What is there"
run kubectl get kcluster -o wide
run kubectl get nixosconfigurations,secrets --show-labels
owned=$(kubectl get nixosconfigurations -o \
  jsonpath='{range .items[?(@.metadata.ownerReferences[0].name=="home")]}{.metadata.name}{"\n"}{end}' | wc -l)
labelled=$(kubectl get nixosconfigurations -o name \
  -l app.kubernetes.io/managed-by=nico,nico.homystack.com/cluster=home | wc -l)
printf '%s configurations are owned by the cluster, %s carry its labels\n' "$owned" "$labelled"
test "$owned" -eq 8
test "$labelled" -eq 8

say "Somebody changes a label of NICO's: it comes back"
run kubectl label nixosconfiguration home-node-4 nico.homystack.com/role=control-plane --overwrite
await "the label" "kubectl get nixosconfiguration home-node-4 --show-labels | grep role=worker"
run kubectl get nixosconfiguration home-node-4 --show-labels

say "The cluster is deleted: NIO cleans the workers, then the control planes; then it is gone"
run kubectl delete kcluster home --timeout=120s
left=$(kubectl get nixosconfigurations,secrets -o name | wc -l)
printf '%s objects are left\n' "$left"
test "$left" -eq 0
grep -o '"kind":"cleanup"' "$folder/nio.log" | wc -l | xargs printf '%s lines of the log of NIO tell of a clean-up\n'

say "Done: everything is stopped"
