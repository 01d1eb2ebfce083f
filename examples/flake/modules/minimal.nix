# What is left of a machine that leaves: it boots, can be logged in to, and has forgotten its cluster.
{ pkgs, ... }:
{
  # Containers outlive k3s. What they have mounted must not be removed with the rest: it may be somebody's data.
  systemd.services.forget-kubernetes = {
    description = "Ends what k3s left running, and removes what it left";
    wantedBy = [ "multi-user.target" ];
    path = [ pkgs.util-linux ];
    serviceConfig = {
      Type = "oneshot";
      RemainAfterExit = true;
    };
    script = ''
      for group in /sys/fs/cgroup/kubepods* /sys/fs/cgroup/system.slice/k3s.service; do
        if [ -e "$group/cgroup.kill" ]; then
          echo 1 > "$group/cgroup.kill"
        fi
      done
      while read -r _ mounted _; do
        case "$mounted" in
          /run/k3s* | /var/lib/kubelet* | /var/lib/rancher* | /run/netns/cni-*) umount --lazy "$mounted" || true ;;
        esac
      done < <(tac /proc/self/mounts)
      rm --recursive --force --one-file-system \
        /etc/rancher /etc/cni /var/lib/cni /var/lib/kubelet /var/lib/rancher /run/k3s
    '';
  };
}
