# A thin flake for the default branch, which is what NIO clones. It fetches the version that the cluster asks for
# (spec.ref), so that NICO decides which machine gets it when.
{
  description = "Machines of a NICO cluster, in the version that the cluster asks for";

  outputs =
    _:
    let
      cluster = import ./cluster.nix;
      versions = import ./versions.nix;
      source =
        cluster.nico.source or (throw "cluster.nix does not say where it comes from: it is not NICO's, or is the former operator's");
      wanted = source.ref or (throw "the cluster ${cluster.name} has no spec.ref: it has to name a version of versions.nix");
      version =
        versions.${wanted}
          or (throw "spec.ref of the cluster ${cluster.name} is ${wanted}, which versions.nix does not have: ${toString (builtins.attrNames versions)}");

      # Flakes want git+ssh://user@host/path where git also takes user@host:path.
      isUrl = builtins.match "[a-z]+://.*" source.url != null;
      scp = builtins.match "([^:]+):/?(.*)" source.url;
      url = if isUrl then source.url else "ssh://${builtins.elemAt scp 0}/${builtins.elemAt scp 1}";

      folder = version.dir or source.subdir or "";
      query = "ref=${version.ref}&rev=${version.rev}" + (if folder == "" then "" else "&dir=${folder}");

      # Locked by the commit, so that Nix evaluates it as purely as it does by default.
      flake = builtins.getFlake "git+${url}?${query}";
    in
    {
      nixosConfigurations = flake.lib.nixosConfigurations {
        inherit cluster;
        joinToken = ./join-token;
      };
    };
}
