#!/bin/sh
# Builds the control plane of the tests into bin/, unless what is there was
# built from these very sources. Several at once wait for the first.
set -eu
cd "$(dirname "$0")"

mkdir -p bin
exec 9>bin/.lock
flock 9

sources=$(sha256sum build.sh go.mod go.sum ./*.go ./*.yaml | sha256sum)
if [ "$(cat bin/.built-from 2>/dev/null)" = "$sources" ] && [ -x bin/control-plane ]; then
    exit 0
fi

command -v go >/dev/null || {
    echo "The control plane of the tests is built with Go: get it from https://go.dev/dl" >&2
    exit 1
}
echo "Building etcd and Kubernetes for the tests: about 6 minutes the first time" >&2

# Without these, clients would be told v0.0.0-master.
version=$(go list -mod=readonly -m -f '{{.Version}}' k8s.io/kubernetes 9>&-)
minor=${version#v*.}
stamp=k8s.io/component-base/version
rm -f bin/.built-from
CGO_ENABLED=0 go build -mod=readonly -trimpath -buildvcs=false -o bin/control-plane.new -ldflags "-s -w \
    -X $stamp.gitVersion=$version -X $stamp.gitMajor=1 -X $stamp.gitMinor=${minor%%.*}" . 9>&-

# One that is running keeps the file it was started from.
mv bin/control-plane.new bin/control-plane
for part in etcd kube-apiserver kube-controller-manager kube-scheduler kubectl; do
    ln -sfn control-plane "bin/$part"
done
echo "$sources" >bin/.built-from
