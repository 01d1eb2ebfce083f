# A cluster of k3s with several control planes, as NICO gives it: one NixOS configuration for each machine in cluster.nix,
# and `minimal` for machines that leave. README.md says what to change.
{
  description = "Machines of a NICO cluster, with k3s";

  inputs = {
    nixpkgs.url = "github:NixOS/nixpkgs/nixos-25.05";
    disko = {
      url = "github:nix-community/disko";
      inputs.nixpkgs.follows = "nixpkgs";
    };
  };

  outputs =
    { nixpkgs, disko, ... }:
    let
      settings = import ./settings.nix;
      configurations = import ./machines.nix { inherit nixpkgs disko settings; };
    in
    {
      # For a thin flake, which has its own cluster.nix and join-token (thin/flake.nix).
      lib.nixosConfigurations = configurations;

      # NIO puts both files in the place of those that lie here.
      nixosConfigurations = configurations {
        cluster = import ./cluster.nix;
        joinToken = ./join-token;
      };
    };
}
