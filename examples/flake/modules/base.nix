# What every machine has: how it boots, and who may log in.
settings:
{ modulesPath, ... }:
{
  imports = [ (modulesPath + "/installer/scan/not-detected.nix") ];

  boot = {
    initrd.availableKernelModules = settings.kernelModules;
    loader = {
      systemd-boot.enable = true;
      efi.canTouchEfiVariables = true;
    };
  };

  # The addresses that the Machines have must stay theirs: reserve them, or set them here.
  networking.useDHCP = true;

  services.openssh = {
    enable = true;
    settings.PasswordAuthentication = false;
  };
  users.users.root.openssh.authorizedKeys.keys = settings.sshKeys;

  system.stateVersion = settings.stateVersion;
}
