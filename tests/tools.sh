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
need promtool prometheus
# Whichever python3 comes first is the one that the tests call.
python3 -c 'import yaml' 2>/dev/null || packages="$packages python3 python3-yaml"

if [ -n "$packages" ]; then
    install="apt-get install --yes --no-install-recommends$packages"
    # promtool comes with a server, which is not wanted: systemd does not start what is masked, and others
    # start it by its init script, which is left out.
    case "$packages " in *' prometheus '*)
        masked=/etc/systemd/system/prometheus.service
        no_script=--option=DPkg::Options::=--path-exclude=/etc/init.d/prometheus
        install="mkdir -p ${masked%/*} && ln -sf /dev/null $masked && $install $no_script"
        ;;
    esac
    if [ "$(id -u)" != 0 ]; then
        echo "The tests need$packages. Run: sudo sh -c 'apt-get update && $install'" >&2
        exit 1
    fi
    export DEBIAN_FRONTEND=noninteractive
    # The lists of packages may be old, and the network may fail once.
    update="apt-get update --quiet"
    sh -ec "$update && $install" >&2 || { sleep 5; sh -ec "$update && $install" >&2; }
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
