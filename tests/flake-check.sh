#!/bin/sh
# `nix flake check` of the example flake and of its thin variant, over the real nixpkgs and disko. It needs a network, so
# only the workflow calls it: `make test` evaluates both over stubs.
set -eu
cd "$(dirname "$0")/.."
folder=$(mktemp -d)
trap 'chmod -R u+w "$folder" && rm -rf "$folder"' EXIT

# A store of its own, so that nothing has to be set up; the environment may add to the configuration.
NIX_CONFIG="build-users-group =
experimental-features = nix-command flakes
${NIX_CONFIG:-}"
export NIX_CONFIG
in_nix() { (cd "$folder/$1" && shift && nix --store "$folder/store" "$@"); }
commit() {
  git -C "$folder/$1" init --quiet
  git -C "$folder/$1" add --all
  git -C "$folder/$1" -c user.name=check -c user.email=check@example commit --quiet --message example
}

echo "The flake"
cp -R examples/flake "$folder/flake"
commit flake
in_nix flake flake lock
commit flake
git -C "$folder/flake" tag v1
in_nix flake flake check

echo "The thin variant, which fetches it as its version v1"
mv "$folder/flake/thin" "$folder/thin"
commit_of_v1=$(git -C "$folder/flake" rev-parse v1)
sed -i "s/rev = \"0*\"/rev = \"$commit_of_v1\"/" "$folder/thin/versions.nix"
sed -i "s|https://git.example/fleet.git|file://$folder/flake|" "$folder/thin/cluster.nix"
grep -q "$commit_of_v1" "$folder/thin/versions.nix"
grep -q "file://$folder/flake" "$folder/thin/cluster.nix"
commit thin
in_nix thin flake check
