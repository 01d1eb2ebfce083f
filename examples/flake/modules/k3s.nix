# A node of the cluster: a server (control plane), or an agent (worker).
{
  cluster,
  head,
  isHead,
  joinToken,
  node,
  role,
}:
let
  isServer = role == "server";
  bracketed = address: if builtins.match ".*:.*" address == null then address else "[${address}]";

  # By these names the API servers are known: the endpoint of the cluster, where there is one, and each of them.
  names = (if cluster ? vip then [ cluster.vip ] else [ ]) ++ map (node: node.ip) cluster.controlPlane;
in
{
  networking = {
    # NICO finds the Node of a machine by its name.
    hostName = node.name;
    firewall = {
      allowedTCPPorts = [ 10250 ] ++ (if isServer then [ 2379 2380 6443 ] else [ ]);
      allowedUDPPorts = [ 8472 ];
    };
  };

  services.k3s = {
    inherit role;
    enable = true;

    # It lies in the Nix store, where every user of the machine can read it: let nobody else log in.
    tokenFile = joinToken;

    # Without effect once the cluster is there, so that the next one may become the first.
    clusterInit = isHead;
    serverAddr = if isHead then "" else "https://${bracketed head.ip}:6443";

    extraFlags = [
      "--node-name=${node.name}"
      "--node-ip=${node.ip}"
    ]
    ++ (if isServer then map (name: "--tls-san=${name}") names else [ ]);
  };
}
