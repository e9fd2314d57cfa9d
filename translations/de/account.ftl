# Das eigene Konto.

account-title = Ihr Konto
account-hello = Hallo, { $name }
account-lead = Wie Sie sich anmelden, wo Sie angemeldet sind und wer was bekommt.
account-nav = Seiten Ihres Kontos
account-sign-out = Abmelden

tab-overview = Übersicht
tab-sessions = Sitzungen
tab-devices = Geräte
tab-passkeys = Passkeys
tab-password = Passwort
tab-authenticator = Authenticator
tab-recovery-codes = Wiederherstellungscodes
tab-providers = Verbundene Konten
tab-applications = Anwendungen
tab-history = Verlauf
tab-data = Sprache und Daten

card-passkeys = { $n ->
    [0] Sie haben noch keinen. Damit melden Sie sich mit Fingerabdruck, Gesicht oder PIN an.
    [one] Sie haben { $n } Passkey.
   *[other] Sie haben { $n } Passkeys.
}
card-password = Wählen Sie ein neues, wann immer Sie möchten.
card-authenticator = Codes aus einer App auf Ihrem Telefon, als zweiter Schritt nach dem Passwort.
card-recovery-codes = { $n ->
    [0] Sie haben keine. Damit kommen Sie hinein, wenn alles andere verloren ist.
    [one] { $n } Code ist übrig.
   *[other] { $n } Codes sind übrig.
}
card-sessions = { $n ->
    [one] Sie sind auf { $n } Gerät angemeldet.
   *[other] Sie sind auf { $n } Geräten angemeldet.
}
card-devices = { $n ->
    [0] Hier gehört Ihnen kein Gerät.
    [one] { $n } Gerät gehört Ihnen: wie es steht und was zu beheben ist.
   *[other] { $n } Geräte gehören Ihnen: wie sie stehen und was zu beheben ist.
}
card-providers = { $n ->
    [0] Kein Konto anderswo ist verbunden.
    [one] { $n } Konto anderswo ist verbunden.
   *[other] { $n } Konten anderswo sind verbunden.
}
card-applications = { $n ->
    [0] Keine Anwendung hat Zugriff auf Ihr Konto.
    [one] { $n } Anwendung hat Zugriff auf Ihr Konto.
   *[other] { $n } Anwendungen haben Zugriff auf Ihr Konto.
}
card-history = Was mit Ihrem Konto geschah, und wann.
card-console-title = Konsole
card-console = Ihre Rollen hier: { $roles }.
card-look = Ansehen
card-change = Ändern
card-good = Eingerichtet
card-missing = Nicht eingerichtet

unproven-title = Ihre E-Mail-Adresse
unproven-badge = Nicht bestätigt
unproven-words = { $address } ist noch nicht bestätigt. Wir schicken Ihnen einen Brief mit einem Link; öffnen Sie ihn und drücken Sie auf den Knopf. Bis dahin können Sie sich mit der Adresse nirgends anmelden und kommen nicht per E-Mail in Ihr Konto zurück.
unproven-send = Brief noch einmal schicken

sessions-title = Wo Sie angemeldet sind
sessions-lead = Wenn Sie eine davon nicht kennen, beenden Sie sie und ändern Sie, wie Sie sich anmelden.
sessions-here = Dieser Browser
sessions-since = Angemeldet { $when }
sessions-used = zuletzt benutzt { $when }
sessions-end = Abmelden
sessions-end-this = { $device } abmelden
sessions-all-title = Überall abmelden
sessions-all-words = Beendet jede Sitzung, auch diese, und sagt es allen Anwendungen.
sessions-all = Überall abmelden
device-unknown = Unbekanntes Gerät

how-password = Passwort
how-totp = Authenticator-App
how-passkey = Passkey
how-hardware-passkey = Sicherheitsschlüssel
how-recovery-code = Wiederherstellungscode
how-mail = Link per E-Mail
how-upstream = anderer Anbieter

passkeys-title = Passkeys
passkeys-lead = Der sicherste Weg, sich anzumelden, und der schnellste. Haben Sie zwei, damit ein verlorenes Gerät Sie nicht aussperrt.
passkeys-none = Sie haben noch keinen Passkey.
passkeys-since = Hinzugefügt { $when }
passkeys-used = zuletzt benutzt { $when }
passkeys-never = nie benutzt
passkeys-name = Name
passkeys-rename = Umbenennen
passkeys-remove = Entfernen
passkeys-remove-this = Den Passkey { $name } entfernen
passkeys-add-title = Passkey hinzufügen
passkeys-add-words = Ihr Gerät fragt nach Fingerabdruck, Gesicht oder PIN. Es geht auch mit einem Telefon oder einem Sicherheitsschlüssel.
passkeys-new-name = Mein Passkey
passkeys-declined-title = Kein Angebot beim Anmelden
passkeys-declined-words = Wenn Sie sich mit Ihrem Passwort anmelden, wird Ihnen kein Passkey angeboten: Das haben Sie { $when } abgeschaltet. Hinzufügen können Sie oben jederzeit einen.
passkeys-offer-again = Wieder anbieten

pw-title = Passwort
pw-present = Sie haben ein Passwort. Mit einem neuen gilt das alte nicht mehr.
pw-none = Sie haben kein Passwort. Mit einem Passkey brauchen Sie keines.
pw-elsewhere = Überall sonst abmelden: andere Browser und alle Anwendungen

otp-title = Authenticator-App
otp-lead = Eine App auf Ihrem Telefon zeigt jede halbe Minute einen neuen Code. Sie geben ihn nach dem Passwort ein.
otp-none = Sie ist nicht eingerichtet.
otp-start = Einrichten
otp-scan = Scannen Sie das mit Ihrer App
otp-picture = Ein QR-Code, den Ihre Authenticator-App liest
otp-type = Oder geben Sie das in die App ein:
otp-code = Der Code, den die App jetzt zeigt
otp-confirm = Bestätigen
otp-on = Eingerichtet
otp-remove = Entfernen

codes-title = Wiederherstellungscodes
codes-lead = Drucken Sie sie aus oder schreiben Sie sie auf. Jeder lässt Sie einmal hinein, zusammen mit Ihrem Passwort, wenn Ihre Geräte weg sind.
codes-left = { $n ->
    [0] Sie haben keine.
    [one] { $n } Code ist übrig.
   *[other] { $n } Codes sind übrig.
}
codes-make = Neue Codes machen
codes-old = Die alten gelten nicht mehr, sobald Sie neue machen.
codes-new = Ihre neuen Codes
codes-keep = Sie werden nur dieses eine Mal gezeigt. Bewahren Sie sie auf, wo sonst niemand nachsieht.
codes-kept = Ich habe sie aufbewahrt

providers-title = Verbundene Konten
providers-lead = Auch damit können Sie sich hier anmelden.
providers-none = Nichts ist verbunden.
providers-since = Verbunden { $when }
providers-unlink = Trennen
providers-unlink-this = { $provider } trennen
providers-add = Ein weiteres verbinden

apps-title = Verbundene Anwendungen
apps-lead = Was Sie erlaubt haben. Nehmen Sie es zurück, wann immer Sie möchten; die Anwendung ist sofort abgeschnitten.
apps-none = Keine Anwendung hat Zugriff auf Ihr Konto.
apps-since = Erlaubt { $when }
apps-used = zuletzt benutzt { $when }
apps-withdraw = Zurücknehmen
apps-withdraw-this = Zurücknehmen, was { $application } bekommt

history-title = Verlauf
history-lead = Was mit Ihrem Konto geschah. Wenn Sie etwas davon nicht waren, melden Sie sich überall ab und ändern Sie, wie Sie sich anmelden.
history-none = Noch nichts.
fact-signed-in = Angemeldet
fact-refused = Eine Anmeldung wurde abgelehnt
fact-signed-out = Abgemeldet
fact-passkey = Ein Passkey wurde geändert
fact-device = Ein Gerät kam dazu
fact-passkey-declined = Das Angebot eines Passkeys wurde abgeschaltet
fact-passkey-offered-again = Das Angebot eines Passkeys wurde eingeschaltet
fact-password = Das Passwort wurde geändert
fact-authenticator = Die Authenticator-App wurde geändert
fact-recovery-codes = Die Wiederherstellungscodes wurden geändert
fact-link = Ein verbundenes Konto wurde geändert
fact-application = Einer Anwendung wurde Zugriff gegeben oder verweigert
fact-account = Das Konto wurde geändert
fact-other = Etwas anderes: { $kind }

data-title = Sprache und Daten
data-lead = Die Sprache von E-Mails und Seiten, eine Kopie dessen, was über Sie gespeichert ist, und der Ausgang.
data-language-title = Sprache
data-language-words = Für E-Mails, und für Seiten, auf denen Sie keine andere gewählt haben.
data-language-label = Bevorzugte Sprache
data-language-save = Speichern
data-export-title = Eine Kopie Ihrer Daten
data-export-words = Alles, was über Sie gespeichert ist, in einer Datei, die Programme lesen können.
data-export = Herunterladen
data-delete-title = Konto löschen
data-delete-words = Ihr Name, Ihre Adressen und alles, womit Sie sich anmelden, werden endgültig gelöscht. Niemand kann sie zurückholen.
data-delete-open = Mein Konto löschen
delete-title = Ihr Konto löschen?
delete-sure = Ich weiß, dass das nicht rückgängig zu machen ist
delete-do = Mein Konto endgültig löschen
delete-keep = Behalten

done-saved = Gespeichert.
done-retired = Das Gerät ist ausgemustert.
done-session = Diese Sitzung ist beendet.
done-passkey-added = Der Passkey wurde hinzugefügt.
done-removed = Entfernt.
done-withdrawn = Zurückgenommen. Die Anwendung ist abgeschnitten.
done-confirmed = Die Authenticator-App ist eingerichtet.
done-linked = Verbunden. Sie können sich jetzt damit anmelden.
done-letter-sent = Der Brief ist unterwegs. Sein Link gilt einen Tag lang. Nichts da? Sehen Sie auch bei der unerwünschten Post nach.
account-wrong-last = Das ist Ihr einziger Weg, sich anzumelden. Fügen Sie erst einen anderen hinzu.
account-wrong-code = Dieser Code stimmt nicht. Warten Sie auf den nächsten und versuchen Sie es noch einmal.
account-wrong-passkey = Der Passkey konnte nicht hinzugefügt werden. Versuchen Sie es noch einmal.
account-wrong-repeated = Die beiden sind nicht gleich.
account-wrong-password = Dieses Passwort hält die Regeln nicht ein: Es ist zu kurz oder steht auf einer Liste gestohlener.
account-wrong-sure = Setzen Sie das Häkchen, wenn Sie sicher sind.
account-wrong-limited = Das waren zu viele Versuche. Warten Sie ein wenig.

devices-title = Ihre Geräte
devices-lead = Wie jedes steht, warum, und was zu tun ist.
devices-empty-title = Noch gehört Ihnen kein Gerät
devices-empty-words = Ein Gerät, das Ihnen gehört, sagt hier, wie es ihm geht, und was Sie darauf bekommen, richtet sich danach. Sagen Sie dies auf dem Gerät und melden Sie sich an:
devices-put-out = Jemand hat es gesperrt: Es bekommt nichts, bis ein Verwalter es freigibt.
devices-silent = Es hat nie gesagt, wie es ihm geht. Auf dem Gerät sagt dies es, und sagt es weiter:
devices-fine = Für Sie gibt es nichts zu beheben.
devices-gain = + { $points } Punkte
devices-why = Was nicht ist, wie es sein soll
devices-waits = Es wartet auf Freigabe: Ein Verwalter lässt es zu oder nicht.
devices-comes = Es ist zugelassen und hat seine Nachweise noch nicht geholt. Sagen Sie auf dem Gerät:
devices-retire-title = Verloren, verkauft oder kaputt?
devices-retire-words = Es bekommt nichts mehr und kommt unter diesem Namen nicht zurück. Für eines, das verloren, verkauft oder kaputt ist.
devices-retire = Ausmustern
devices-retire-this = Dieses Gerät ausmustern: { $name }
data-email-title = E-Mail-Adresse
data-email-now = Sie ist { $address }.
data-email-none = Sie haben keine.
data-email-words = Wir schicken einen Brief an die neue. Sie gilt, sobald Sie seinen Link in diesem Browser geöffnet haben; bis dahin ändert sich nichts.
data-email-label = Neue Adresse
data-email-change = Brief schicken
account-wrong-address = Das ist keine E-Mail-Adresse.
