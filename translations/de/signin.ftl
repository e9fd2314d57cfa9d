# Die Seiten einer Anmeldung. Keine verrät, ob es ein Konto gibt.

signin-title = Anmelden
signin-to = weiter zu { $application }
signin-identifier = Benutzername oder E-Mail-Adresse
signin-use-passkey = Passkey verwenden
signin-with = Weiter mit { $provider }
signin-last-used = Zuletzt benutzt
signin-or = oder
signin-submit = Anmelden
signin-not-you = Nicht Sie?
signin-other-ways = Andere Wege, sich anzumelden
signin-passkey-gave-up = Das hat nicht geklappt. Versuchen Sie es noch einmal, oder wählen Sie einen anderen Weg.

way-password = Passwort verwenden
way-passkey = Passkey verwenden
way-totp = Authenticator-App verwenden
way-recovery-code = Wiederherstellungscode verwenden
way-mail = Ich kann mich nicht anmelden

select-title = Wählen Sie ein Konto
select-other = Anderes Konto verwenden

password-title = Geben Sie Ihr Passwort ein
password-label = Passwort

passkey-title = Verwenden Sie Ihren Passkey
passkey-words = Ihr Gerät fragt nach Fingerabdruck, Gesicht oder PIN. Nichts davon verlässt das Gerät.
passkey-needs-script = Passkeys brauchen JavaScript, und das ist in diesem Browser ausgeschaltet.

totp-title = Geben Sie den Code ein
totp-words = Öffnen Sie Ihre Authenticator-App und tippen Sie die sechs Ziffern ab.
totp-label = Code

code-title = Wiederherstellungscode verwenden
code-words = Geben Sie einen der Codes ein, die Sie für einen Tag wie diesen aufgehoben haben. Jeder gilt einmal.
code-label = Wiederherstellungscode

recover-title = Wieder hineinkommen
recover-words = Wir schicken einen Link an die E-Mail-Adresse Ihres Kontos. Damit können Sie ein neues Passwort wählen.
recover-send = Link schicken

sent-title = Sehen Sie in Ihre Post
sent-words = Wenn es ein Konto mit bestätigter Adresse gibt, ist ein Link unterwegs. Öffnen Sie ihn in diesem Browser.
sent-lasting = Er gilt einmal, { $span } lang. Nichts da? Sehen Sie auch bei der unerwünschten Post nach.
sent-again = Von vorn beginnen

newpass-title = Wählen Sie ein neues Passwort
newpass-words = Ein paar Wörter ohne Zusammenhang merkt man sich leichter als ein kurzes Rätsel, und sie sind schwerer zu erraten.
newpass-label = Neues Passwort
newpass-repeat = Neues Passwort noch einmal
newpass-hint = { $n ->
    [one] Mindestens { $n } Zeichen. Jedes Zeichen zählt, auch Leerzeichen.
   *[other] Mindestens { $n } Zeichen. Jedes Zeichen zählt, auch Leerzeichen.
}
newpass-save = Passwort speichern

enrol-title = Legen Sie Ihren Passkey an
enrol-words = Mit einem Passkey melden Sie sich mit Fingerabdruck, Gesicht oder der PIN Ihres Geräts an. Es gibt kein Passwort, das man vergessen oder verlieren kann.
offer-title = Nächstes Mal schneller anmelden?
offer-words = Mit einem Passkey reicht nächstes Mal Ihr Fingerabdruck, Ihr Gesicht oder die PIN Ihres Geräts. Das ist sicherer als ein Passwort.
offer-add = Passkey hinzufügen
offer-later = Jetzt nicht
offer-never = Nicht mehr fragen
offer-gave-up = Es wurde kein Passkey angelegt. Versuchen Sie es noch einmal, oder lassen Sie es für heute.

device-title = Sitzen Sie an einem Ihrer Geräte?
device-words = Zeigen Sie, an welchem: Davon kann abhängen, was Sie nutzen dürfen.
device-show = Dieses Gerät zeigen
device-absent = Falls Ihr Browser dann keine Verbindung bekommt, läuft Weft auf diesem Gerät nicht. Kommen Sie dann hierher zurück, und machen Sie ohne weiter.
device-again = Seite neu laden
device-without = Ohne weiter

link-title = Diese Konten verbinden?
link-words = Danach können Sie sich hier auch mit { $provider } anmelden.
link-there = Dort
link-here = Hier
link-yes = Verbinden
link-no = Nicht verbinden
link-prove = Zu dieser Adresse gibt es hier ein Konto. Zeigen Sie, dass es Ihres ist, dann kann { $provider } damit verbunden werden.

noway-title = Hier braucht es etwas Stärkeres
noway-words = Dafür brauchen Sie einen Passkey oder eine Authenticator-App, und Ihr Konto hat noch keins von beiden. Fügen Sie etwas hinzu und kommen Sie wieder.
noway-account = Zu meinem Konto

refused-title = Sie können sich hier nicht anmelden
refused-application = Ihr Konto darf { $application } nicht benutzen.
refused-words = Ihr Konto darf hier nicht weiter.

wrong-nothing = Bitte ausfüllen.
wrong-password = Name und Passwort gehören nicht zusammen.
wrong-code = Dieser Code stimmt nicht, oder nicht mehr.
wrong-passkey = Der Passkey wurde nicht angenommen. Versuchen Sie es noch einmal oder wählen Sie einen anderen Weg.
wrong-limited = Das waren zu viele Versuche. Versuchen Sie es in { $span } noch einmal.
wrong-busy = Gerade ist zu viel zu tun. Versuchen Sie es gleich noch einmal.
wrong-new-password = Wählen Sie ein längeres Passwort, oder eines, das andere nicht kennen.
wrong-repeated = Die beiden Passwörter sind verschieden.
upstream-again = Das hat zu lange gedauert oder war schon erledigt. Bitte versuchen Sie es noch einmal.
upstream-ended = Der andere Anbieter hat Sie nicht eingelassen, oder Sie sind dort umgekehrt.
upstream-untrusted = Die Antwort des anderen Anbieters wurde nicht angenommen.
upstream-away = Der andere Anbieter ist gerade nicht zu erreichen. Versuchen Sie es später, oder wählen Sie einen anderen Weg.
upstream-not-allowed = Mit diesem Anbieter geht das nicht, oder nicht mit Ihrem Konto dort.
upstream-unknown = Mit Ihrem Konto dort ist hier niemand verbunden. Melden Sie sich anders an und verbinden Sie es dann unter Ihrem Konto.
wrong-link = Dieses Konto dort gehört hier jemand anderem.
wrong-other = Bitte melden Sie sich mit dem Konto an, nach dem gefragt wurde.
wrong-device = Dieses Gerät wurde nicht erkannt. Versuchen Sie es noch einmal, oder machen Sie ohne weiter.

proof-title = Weiter
proof-recover = Sie können jetzt ein neues Passwort wählen.
proof-enrol = Sie können jetzt Ihren ersten Passkey hinzufügen.
proof-address = Damit bestätigen Sie, dass die E-Mail-Adresse Ihnen gehört.
proof-unlink = Damit trennen Sie das andere Konto und melden sich überall ab.
proof-spent-title = Dieser Link gilt nicht mehr
proof-spent-words = Er wurde schon benutzt oder ist zu alt. Fordern Sie einen neuen an.
proof-verified-title = Danke
proof-verified-words = Ihre E-Mail-Adresse ist bestätigt.
proof-unlinked-title = Es ist getrennt
proof-unlinked-words = So kommt niemand mehr in Ihr Konto, und jeder Browser ist abgemeldet. Melden Sie sich an und sehen Sie nach, ob sonst etwas geändert wurde.
proof-change-address = Diese Adresse tritt an die Stelle der Adresse, die Ihr Konto jetzt hat.
proof-sign-in-title = Melden Sie sich zuerst an
proof-sign-in-words = Melden Sie sich in diesem Browser bei Ihrem Konto an und öffnen Sie dann den Link aus dem Brief noch einmal. Geändert ist nichts.
