# As much of nixpkgs as the example flake asks for: modules are called and merged, with no options behind them.
{
  outputs =
    _:
    let
      arguments = {
        config = { };
        lib = { };
        options = { };
        modulesPath = "/nixpkgs/nixos/modules";
        pkgs.util-linux = "util-linux";
      };

      # As the module system does it where there is no word about priorities.
      merge =
        path: a: b:
        if builtins.isAttrs a && builtins.isAttrs b then
          a
          // builtins.mapAttrs (name: value: if a ? ${name} then merge "${path}.${name}" a.${name} value else value) b
        else if builtins.isList a && builtins.isList b then
          a ++ b
        else if a == b then
          a
        else
          throw "two modules set ${path}";

      load =
        module:
        if builtins.isPath module then
          load (import module)
        else if builtins.isString module then
          { imported = [ module ]; }
        else if builtins.isFunction module then
          load (module arguments)
        else
          builtins.foldl' (merge "config") (removeAttrs module [ "imports" ]) (map load (module.imports or [ ]));
    in
    {
      lib.nixosSystem =
        { system, modules }:
        {
          config = builtins.foldl' (merge "config") { nixpkgs.system = system; } (map load modules);
        };
    };
}
