# What is yours to say. All machines of this example boot in the same way and have the same layout of disk.
{
  system = "x86_64-linux";

  # The disk that an installation WIPES; of single machines another one.
  disk = "/dev/sda";
  disks = {
    # node-4 = "/dev/nvme0n1";
  };

  # Who may log in as root: the key with which NIO and NICO come, and yours.
  sshKeys = [
    "ssh-ed25519 AAAA... nio"
  ];

  # Of the drivers that the disk and the network need at boot.
  kernelModules = [
    "ahci"
    "nvme"
    "sd_mod"
    "usb_storage"
    "virtio_blk"
    "virtio_pci"
    "virtio_scsi"
    "xhci_pci"
  ];

  # Never changed once machines are installed.
  stateVersion = "25.05";
}
