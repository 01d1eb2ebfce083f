# From a cluster.nix and its token to a NixOS configuration for each machine.
{
  nixpkgs,
  disko,
  settings,
}:
{ cluster, joinToken }:
let
  # The first control plane begins the cluster. All others join it there: NICO sees to it that the first of the list is
  # one that runs, and that an empty machine never takes its place.
  head = builtins.head cluster.controlPlane;

  machine =
    modules:
    nixpkgs.lib.nixosSystem {
      inherit (settings) system;
      modules = [
        disko.nixosModules.disko
        (import ./modules/base.nix settings)
      ]
      ++ modules;
    };

  node =
    role: node:
    let
      isHead = role == "server" && node.name == head.name;
    in
    {
      inherit (node) name;
      value = machine [
        (import ./modules/disk.nix { device = settings.disks.${node.name} or settings.disk; })
        (import ./modules/k3s.nix {
          inherit
            cluster
            head
            isHead
            joinToken
            node
            role
            ;
        })
      ];
    };

  nodes = map (node "server") cluster.controlPlane ++ map (node "agent") cluster.workers;
in
builtins.listToAttrs nodes
// {
  # One for all that leave, whatever they are called.
  minimal = machine [
    (import ./modules/disk.nix { device = settings.disk; })
    ./modules/minimal.nix
  ];
}
