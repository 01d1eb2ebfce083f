# As much of disko as the example flake asks for.
{
  outputs = _: { nixosModules.disko = { }; };
}
