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
need ssh-keygen openssh-client
need shellcheck shellcheck
# Outside of a person's PATH.
[ -x /usr/sbin/sshd ] || packages="$packages openssh-server"
# Whichever python3 comes first is the one that the tests call.
python3 -c 'import yaml' 2>/dev/null || packages="$packages python3 python3-yaml"

if [ -n "$packages" ]; then
    install="apt-get install --yes --no-install-recommends$packages"
    # Some come with a server, which is not to run: systemd does not start what is masked, and others start
    # it by its init script, which is left out.
    quiet() {
        case "$packages " in *" $1 "*)
            masked=/etc/systemd/system/$2.service
            no_script=--option=DPkg::Options::=--path-exclude=/etc/init.d/$2
            install="mkdir -p ${masked%/*} && ln -sf /dev/null $masked && $install $no_script"
            ;;
        esac
    }
    quiet prometheus prometheus
    quiet openssh-server ssh
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
