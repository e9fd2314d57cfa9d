# Was über Geräte bekannt ist.

level-unknown = Unbekannt
level-quarantine = Quarantäne
level-restricted = Eingeschränkt
level-standard = Standard
level-trusted = Vertrauenswürdig
place-waiting = Wartet auf Freigabe
device-waits = Sein Besitzer hat sich angemeldet und um es gebeten. Es bekommt nichts, bis jemand es zulässt.
place-contained = Eingedämmt
place-locked = Gesperrt
place-retired = Ausgemustert

why-good = Wie es sein soll
why-failing = Nicht, wie es sein soll
why-weak = In Ordnung, nach eigener Angabe des Geräts
why-stale = Länger nicht bestätigt
why-unknown = Nichts bekannt

class-self-reported = sagt, wer es benutzt
class-bearer-agent = sagt sein Agent
class-service = sagt ein Dienst
class-signed-agent = sagt sein Agent, in Hardware signiert
class-platform-attested = bescheinigt sein Hersteller
class-hardware-attested = bescheinigt seine eigene Hardware

signal-secure-boot = Secure Boot
signal-disk-encryption = Verschlüsselung der Platte
signal-security-updates = Sicherheitsaktualisierungen
signal-reboot-pending = Neustart nach Aktualisierungen
signal-kernel-age = Alter des Kernels
signal-os-supported = Unterstütztes System
signal-endpoint-protection = Endgeräteschutz
signal-firewall = Firewall
signal-mandatory-access = AppArmor oder SELinux
signal-kernel-lockdown = Kernel-Lockdown
signal-screen-lock = Bildschirmsperre
signal-vulnerable-software = Verwundbare Software
signal-ssh = Fernzugang über SSH
signal-kernel-settings = Kernel-Einstellungen
signal-listening-services = Lauschende Dienste
signal-agent-integrity = Der Agent selbst

fix-secure-boot = Schalten Sie Secure Boot in der Firmware des Rechners ein.
fix-disk-encryption = Verschlüsseln Sie die Platte, auf der das System liegt. Bei den meisten Distributionen heißt das, es mit Verschlüsselung neu zu installieren: Sichern Sie vorher Ihre Daten.
fix-security-updates = Installieren Sie die Aktualisierungen, die bereitliegen.
fix-reboot-pending = Starten Sie neu: Installierte Aktualisierungen warten darauf.
fix-kernel-age = Installieren Sie den neuesten Kernel Ihrer Distribution und starten Sie neu.
fix-os-supported = Wechseln Sie zu einer Version, die noch Sicherheitsaktualisierungen bekommt.
fix-endpoint-protection = Installieren und starten Sie den Endgeräteschutz Ihrer Organisation.
fix-firewall = Schalten Sie eine Firewall ein.
fix-mandatory-access = Schalten Sie AppArmor oder SELinux ein, und zwar durchsetzend.
fix-kernel-lockdown = Starten Sie den Kernel mit Lockdown. Mit Secure Boot tun das die meisten Distributionen von selbst.
fix-screen-lock = Lassen Sie den Bildschirm nach einigen Minuten sperren.
fix-ssh = Lassen Sie niemanden über SSH als root oder mit einem Passwort hinein.
fix-kernel-settings = Stellen Sie ein, was hier genannt ist, wie das Modell es will.
fix-listening-services = Halten Sie Dienste an, die niemand benutzt, oder lassen Sie sie nur auf diesem Rechner lauschen.

gate-disk-not-encrypted = die Platte ist nicht verschlüsselt
gate-os-unsupported = das System bekommt keine Sicherheitsaktualisierungen mehr
gate-secure-boot-off = Secure Boot ist aus
gate-no-endpoint-protection = es gibt keinen Endgeräteschutz
gate-known-exploited = Software darauf wird anderswo angegriffen
