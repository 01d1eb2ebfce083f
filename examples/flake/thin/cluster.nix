# An example: NIO puts what NICO writes in its place.
{
  name = "home";
  controlPlane = [
    { name = "node-1"; ip = "10.0.0.1"; }
    { name = "node-2"; ip = "10.0.0.2"; }
    { name = "node-3"; ip = "10.0.0.3"; }
  ];
  workers = [
    { name = "node-4"; ip = "10.0.0.4"; }
    { name = "node-5"; ip = "10.0.0.5"; }
  ];
  nico = {
    revision = 1;
    source = {
      url = "https://git.example/fleet.git";
      ref = "v1";
    };
  };
  __functor = self: _: { cluster = removeAttrs self [ "__functor" ]; };
}
