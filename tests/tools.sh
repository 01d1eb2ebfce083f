#!/bin/sh
# Installs what the tests call and Debian has; silent when all is there.
set -eu

# What is looked for, and the package that brings it.
packages=
need() {
    command -v "$1" >/dev/null || packages="$packages $2"
}
need git git
need make make
need flock util-linux
need setpriv util-linux
need cc build-essential
need nix-instantiate nix-bin
# Whichever python3 comes first is the one that the tests call.
python3 -c 'import yaml' 2>/dev/null || packages="$packages python3 python3-yaml"

if [ -n "$packages" ]; then
    install="apt-get install --yes --no-install-recommends$packages"
    if [ "$(id -u)" != 0 ]; then
        echo "The tests need$packages. Run: sudo sh -c 'apt-get update && $install'" >&2
        exit 1
    fi
    export DEBIAN_FRONTEND=noninteractive
    # The lists of packages may be old, and the network may fail once.
    { apt-get update --quiet && $install; } >&2 || { sleep 5; apt-get update --quiet && $install; } >&2
    python3 -c 'import yaml' || {
        echo "$(command -v python3) is not Debian's and lacks PyYAML. Run: python3 -m pip install PyYAML" >&2
        exit 1
    }
fi

missing=0
command -v go >/dev/null || {
    echo "Go is missing: the control plane of the tests is built with it. Get it from https://go.dev/dl" >&2
    missing=1
}
command -v cargo >/dev/null || {
    echo "Rust is missing: get it from https://rustup.rs" >&2
    missing=1
}
exit $missing
