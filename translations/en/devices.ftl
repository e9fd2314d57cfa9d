# What is known of devices.

level-unknown = Unknown
level-quarantine = Quarantine
level-restricted = Restricted
level-standard = Standard
level-trusted = Trusted
place-waiting = Waits for approval
device-waits = Its owner signed in and asked for it. It gets nothing until somebody approves it.
place-contained = Contained
place-locked = Locked
place-retired = Retired

why-good = As it should be
why-failing = Not as it should be
why-weak = Right, by the device's own word
why-stale = Not confirmed for a while
why-unknown = Nothing is known

class-self-reported = its user says so
class-bearer-agent = its agent says so
class-service = a service says so
class-signed-agent = its agent says so, signed in hardware
class-platform-attested = its maker attests it
class-hardware-attested = its own hardware attests it

signal-secure-boot = Secure Boot
signal-disk-encryption = Disk encryption
signal-security-updates = Security updates
signal-reboot-pending = Restart after updates
signal-kernel-age = Age of the kernel
signal-os-supported = Supported system
signal-endpoint-protection = Endpoint protection
signal-firewall = Firewall
signal-mandatory-access = AppArmor or SELinux
signal-kernel-lockdown = Kernel lockdown
signal-screen-lock = Screen lock
signal-vulnerable-software = Vulnerable software
signal-ssh = Remote access by SSH
signal-kernel-settings = Kernel settings
signal-listening-services = Listening services
signal-agent-integrity = The agent itself

fix-secure-boot = Switch Secure Boot on in the firmware setup of the machine.
fix-disk-encryption = Encrypt the disk that the system is on. On most distributions this means to install it again with encryption chosen: save your data first.
fix-security-updates = Install the updates that are waiting.
fix-reboot-pending = Restart: updates that are installed already wait for it.
fix-kernel-age = Install the newest kernel of your distribution, and restart.
fix-os-supported = Upgrade to a release that still gets security updates.
fix-endpoint-protection = Install and start the endpoint protection of your organisation.
fix-firewall = Switch a firewall on.
fix-mandatory-access = Switch AppArmor or SELinux on, and let it enforce.
fix-kernel-lockdown = Start the kernel with lockdown. With Secure Boot on, most distributions do it by themselves.
fix-screen-lock = Let the screen lock after a few minutes.
fix-ssh = Let nobody sign in by SSH as root, or with a password.
fix-kernel-settings = Set what is named here as the model wants it.
fix-listening-services = Stop services that nobody uses, or let them listen on this machine only.

gate-disk-not-encrypted = the disk is not encrypted
gate-os-unsupported = the system gets no security updates any more
gate-secure-boot-off = Secure Boot is off
gate-no-endpoint-protection = there is no endpoint protection
gate-known-exploited = software on it is being attacked elsewhere
