# The versions that a cluster may ask for, by the names that spec.ref has: each a branch or tag of this repository, at a
# commit. `dir` is where the flake lies there; absent, where this one lies here.
{
  v1 = {
    ref = "refs/tags/v1";
    rev = "0000000000000000000000000000000000000000";
    dir = "";
  };
}
