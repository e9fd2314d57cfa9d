# Zustimmung und Abmeldung.

consent-title = Darf { $application } Ihr Konto verwenden?
consent-resource = Es geht um { $resource }.
consent-gets = Die Anwendung bekommt
consent-optional = Nur wenn Sie möchten
consent-for = Sie darf das { $span } lang verwenden, dann muss sie wieder fragen.
consent-until-withdrawn = Sie darf das verwenden, bis Sie es zurücknehmen, auch während Sie nicht da sind.
consent-allow = Erlauben
consent-deny = Nicht erlauben
consent-withdraw = Sie können das jederzeit in Ihrem Konto zurücknehmen:
consent-withdraw-link = Verbundene Anwendungen
consent-refused-title = { $application } darf Ihr Konto nicht verwenden
consent-refused-words = Die Regeln hier erlauben es nicht: { $reason }.
consent-refused-back = Zurück zu { $application }

scope-openid = wer Sie sind: einen Namen, der ihr nur sagt, dass Sie dieselbe Person sind
scope-profile = Ihren Namen und was in Ihrem Profil steht
scope-email = Ihre E-Mail-Adresse
scope-phone = Ihre Telefonnummer
scope-address = Ihre Postanschrift
scope-groups = die Gruppen, zu denen Sie gehören
scope-offline-access = Zugriff, auch während Sie nicht da sind
scope-svid = Diensten von diesem Rechner aus nachweisen, dass Sie es sind (SVIDs)

logout-title = Abmelden?
logout-asked = { $application } fragt, ob Sie sich abmelden möchten. Alle Anwendungen, die Sie hier benutzen, erfahren es.
logout-words = Alle Anwendungen, die Sie hier benutzen, erfahren es.
logout-yes = Abmelden
logout-no = Angemeldet bleiben

signedout-title = Sie sind abgemeldet
signedout-words = Die Anwendungen, die Sie hier benutzt haben, wissen es. An einem gemeinsamen Rechner schließen Sie auch den Browser.
signedout-again = Wieder anmelden
