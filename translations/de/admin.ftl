# Die Konsole.

admin-title = Konsole
admin-nav = Teile der Konsole
admin-tab-fleet = Geräte
admin-also = Dasselbe für Programme:
admin-first = Erste Seite
admin-next = Nächste Seite

admin-refused-title = Das dürfen Sie nicht
admin-refused-none = Sie sind angemeldet und haben hier keine Rolle.
admin-refused-roles = Sie haben: { $roles }. Das reicht hierfür nicht.
admin-refused-how = Wer die Rolle admin hat, kann Ihnen eine geben. Auf dem Rechner des Servers oder über die Admin-API:
admin-refused-account = Ihr Konto

fleet-lead = Was am meisten drückt, kommt zuerst.
fleet-counts = Wie viele wo stehen
fleet-search = Name, Besitzer, Plattform oder Id
fleet-order = Reihenfolge
fleet-order-worst = Was am meisten drückt
fleet-order-name = Name
fleet-order-silent = Am längsten stumm
fleet-find = Suchen
fleet-found = { $n ->
    [one] { $n } Gerät
   *[other] { $n } Geräte
}
fleet-none = Kein Gerät ist so.
fleet-hurts = { $signal }: { $why }
fleet-empty-title = Noch hat sich kein Gerät angemeldet
fleet-empty-words = Ein Gerät kommt mit einem Token herein, meldet seinen Zustand und bekommt eine Bewertung, der seine Berechtigungen folgen.
fleet-empty-here = Machen Sie ein Token, auf dem Rechner des Servers oder über die Admin-API:
fleet-empty-there = Dann auf dem Gerät:

machine-laptop = Laptop
machine-desktop = Arbeitsplatzrechner
machine-server = Server
machine-other = Andere Maschine

device-score-of = { $score } von 100 Punkten
device-reported = Gemeldet { $when }
device-never = Hat sich nie gemeldet
device-put-out = Angegebener Grund: { $reason }
device-put-out-silent = Es wurde kein Grund angegeben.
device-fixes = Was zu beheben ist
device-gain = + { $gain } Punkte, dann { $score }
device-held = Es bleibt unten, solange dies gilt: { $gates }.
device-chart = Bewertung im Lauf der Zeit
device-chart-now = Jetzt { $score } Punkte, Stufe { $level }.
device-chart-range = Der niedrigste Wert hier ist { $lowest }, der höchste { $highest }.
device-steps = Wann sich die Stufe änderte
device-why = Warum diese Bewertung
device-gate = Höchstens { $points } Punkte: { $why }.
device-gate-unknown = { $gate } Darüber ist nichts bekannt, deshalb zählt es so.
device-seen = Gesehen:
device-source-none = Niemand sagt etwas darüber
device-loss = − { $points } Punkte
device-loss-none = kostet nichts
device-silent-title = Dieses Gerät hat sich nie gemeldet
device-silent-words = Seine Stufe ist unbekannt, und seine Berechtigungen leben so lange, wie die Richtlinie es Geräten gibt, über die nichts bekannt ist. Auf dem Gerät meldet dies, und meldet weiter:
device-credentials = Was daran hängt
device-facts = Was bekannt ist
device-events = Was zuletzt geschah
device-events-none = Nichts ist verzeichnet.

credential-svid = Sein eigenes Zertifikat
credential-next = Sein nächstes Zertifikat, noch nicht benutzt
credential-agent = Der Agent, der darauf läuft
credential-until = noch { $span }
credential-ended = zu Ende { $when }

credential-sign-in = Anmeldung von { $person }, { $client }

source-title = Wer darüber berichtet
source-signals = { $n ->
    [one] { $n } Signal
   *[other] { $n } Signale
}
source-collector = Sein Sammler
source-osquery = osquery auf ihm
source-service = Der Dienst { $name }
anew-title = Was seinetwegen neu entschieden wurde
anew-none = Nichts am letzten Tag.

about-owner = Besitzer
about-nobody = Niemand
about-kind = Maschine
about-report = Letzte Meldung
about-enrolled = Angemeldet
about-confidence = Sicherheit
about-rising = Auf dem Weg zu
about-life = Eine Berechtigung lebt
about-model = Modell
about-id = Id
about-spiffe = SPIFFE-ID

admin-contain = Eindämmen
admin-contain-title = { $name } eindämmen?
admin-contain-words = Es bekommt für eine Weile nichts mehr, an keiner Tür, und was auf ihm vergeben wurde, endet. Anmeldung und eigenes Zertifikat behält es: Danach ist nichts neu einzurichten.
admin-end-containment = Eindämmung beenden
admin-end-containment-title = { $name } wieder etwas geben?
admin-end-containment-words = Es hat wieder die Stufe, die seine Meldungen ihm geben. Wer es benutzt, meldet sich darauf neu an.
admin-span = Wie lange
admin-span-hour = Eine Stunde
admin-span-hours = Vier Stunden
admin-span-day = Einen Tag
admin-span-week = Eine Woche
admin-done-contained = Das Gerät ist eingedämmt.
admin-done-containment-ended = Das Gerät ist nicht mehr eingedämmt.
admin-approve = Zulassen
admin-approve-title = { $name } zulassen?
admin-approve-words = Sein Besitzer hat sich angemeldet und um es gebeten. Ist es zugelassen, holt es sich seine Nachweise selbst; was nicht hinein soll, wird mit „Ausmustern“ abgelehnt.
admin-lock = Sperren
admin-lock-title = { $name } sperren?
admin-lock-words = Es wird ab jetzt an jeder Tür abgewiesen, auch auf offenen Verbindungen, und erneuert nichts, bis jemand es freigibt.
admin-release = Freigeben
admin-release-title = { $name } freigeben?
admin-release-words = Es darf wieder anfragen und hat die Stufe, die seine Meldungen ihm geben.
admin-retire = Ausmustern
admin-retire-title = { $name } ausmustern?
admin-retire-words = Unter dieser Id kommt es nie zurück. Die Maschine kann sich neu anmelden.
admin-reason = Grund
admin-reason-hint = Andere Verwalter sehen ihn, und wer das Gerät benutzt, auch.
admin-reason-missing = Sagen Sie, warum: Wer später hierher kommt, will es wissen.
admin-reason-long = Fassen Sie sich kürzer, in einer Zeile.
admin-changed = Jemand hat dieses Gerät inzwischen geändert. Sehen Sie es noch einmal an, bevor Sie weitermachen.
admin-done-approved = Das Gerät ist zugelassen.
admin-done-locked = Das Gerät ist gesperrt.
admin-done-released = Das Gerät ist freigegeben.
admin-done-retired = Das Gerät ist ausgemustert.

admin-tab-contained = Eingedämmt
contained-lead = Wer für eine Weile nichts bekommt, weil jemand es gesagt hat.
contained-new = Jemanden eindämmen
contained-nobody = Niemand ist eingedämmt.
contained-release = Freigeben
contained-by = { $by }, { $when }
contained-by-unknown = Jemand, { $when }
contained-until = noch { $span }
contained-device = Gerät
contained-person = Person
contained-named = Dienst oder Anwendung
contain-words = Wer eingedämmt ist, bekommt für eine Weile nichts mehr, an keiner Tür, und was er hat, endet. Danach ist nichts neu einzurichten.
contain-subject = Wen
contain-subject-hint = Name oder Adresse einer Person, Id eines Geräts oder SPIFFE-ID oder Pfad eines Dienstes oder einer Anwendung.
contain-subject-missing = Niemand und nichts heißt hier so, oder Sie dürfen es nicht ansehen.
contain-reason-hint = Andere Verwalter sehen ihn, und wer abgewiesen wird, auch.
contain-do = Eindämmen
contain-oneself = Niemand dämmt sich selbst ein, auch nicht das Gerät, an dem er sitzt. Bitten Sie einen anderen Verwalter.
contain-cannot = Das lässt sich nicht eindämmen: { $why }
release-title = { $name } freigeben?
release-words = Es gibt wieder, was die Richtlinie gibt. Personen melden sich neu an.
release-reason-hint = Er steht neben der Freigabe im Protokoll.
release-gone = Das ist nicht mehr eingedämmt.
admin-done-subject-contained = Eingedämmt: Bis dahin gibt es nichts.
admin-done-subject-released = Freigegeben.

admin-tab-decisions = Entscheidungen
admin-tab-policies = Richtlinien
admin-tab-what-if = Was wäre, wenn?

decisions-lead = Warum wurde dies erlaubt oder verweigert? Das Neueste zuerst.
decisions-about = Person, Gerät, SPIFFE-ID oder Nummer
decisions-of = Worüber
decisions-effect = Ausgang
decisions-since = Wann
decisions-all = Alles
decisions-any = Beides
decisions-ever = Jederzeit
decisions-hour = In der letzten Stunde
decisions-day = Am letzten Tag
decisions-week = In der letzten Woche
decisions-issued = Zertifikate und Tokens
decisions-unknown = Niemand und nichts heißt hier so, oder Sie dürfen es nicht ansehen.
decisions-none = So etwas ist nicht verzeichnet.
decisions-none-yet = So etwas ist nicht unter dem Neuesten. Sehen Sie weiter zurück.
decisions-newest = Das Neueste
decisions-older = Älteres
decision-allowed = Erlaubt
decision-refused = Verweigert
decision-sign-in = Anmeldung
decision-x509 = Zertifikat
decision-jwt = JWT-SVID
decision-tokens = Tokens
decision-consent = Zugriff einer Anwendung
decision-enrolment = Aufnahme eines Geräts
decision-attestation = Ausweis eines Agenten
decision-again = Neu entschieden
decision-report = Meldung eines Geräts
decision-door = Ein Gerät an einer Tür
decision-more = { $n ->
    [one] In den zehn Minuten davor wurde dasselbe noch einmal verweigert.
   *[other] In den zehn Minuten davor wurde dasselbe noch { $n }-mal verweigert.
}
decision-why = Warum
decision-rule = Die Regel, die das sagt, wie sie jetzt ist, in der Richtlinie
decision-who = Für wen
decision-policy = Richtlinien
decision-policy-now = diese gelten
decision-policy-then = jetzt gelten andere
decision-device = Auf dem Gerät
decision-record = Was verzeichnet ist
decision-event = Ereignis
decision-when = Wann
decision-subject = Wer
decision-actor = Durch wen

policies-lead = Was gilt, nach Namen. Eine eigene tritt an die Stelle einer mitgelieferten dieses Namens.
policies-lines = { $n ->
    [one] { $n } Zeile
   *[other] { $n } Zeilen
}
policy-own = Eigene
policy-shipped = Mitgeliefert
policy-in-force = Was gilt
policy-check = Einen geänderten Text probieren
policy-check-words = Er wird gelesen und mit dem Schema verglichen, und niemand wird durch ihn ausgesperrt. Nichts wird behalten.
policy-text = Text
policy-check-do = Prüfen
policy-good = Dieser Text könnte so behalten werden.
policy-replay-do = An verzeichneten Entscheidungen prüfen
policy-replay-title = Was er aus den verzeichneten Entscheidungen gemacht hätte
policy-replay-asked = { $n ->
    [one] Eine verzeichnete Entscheidung wurde noch einmal gefragt.
   *[other] Die letzten { $n } verzeichneten Entscheidungen wurden noch einmal gefragt.
}
policy-replay-others = Dieser Text hätte { $refused } verweigert, die erlaubt wurden, und { $allowed } erlaubt, die verweigert wurden. Nichts wird behalten.
policy-replay-refused = Erlaubt, und wäre verweigert worden
policy-replay-allowed = Verweigert, und wäre erlaubt worden
policy-flaws = { $n ->
    [one] Mit diesem Text stimmt etwas nicht
   *[other] Mit diesem Text stimmen { $n } Dinge nicht
}
policy-at = Zeile { $line }, Spalte { $column }:
policy-past = Was sie war
policy-past-none = Sie wurde nie geändert, soweit Ereignisse aufgehoben sind.
policy-past-text = Text
policy-set = Gesetzt
policy-deleted = Gelöscht
policy-save = Um einen geänderten Text zu behalten:

what-if-lead = Fragen Sie die geltenden Richtlinien, was sie sagen würden. Nichts geschieht.
what-if-answer = Sie sagen
what-if-lives = Was ausgestellt wird, lebt höchstens { $span }.
what-if-step-up = Es braucht etwas Stärkeres
what-if-holds = Wer fragt, hat:
what-if-by = Entschieden durch
what-if-by-none = Keine Regel erlaubt es.
what-if-considered = { $n ->
    [one] { $n } Regel wurde angesehen
   *[other] { $n } Regeln wurden angesehen
}
what-if-action = Handlung
what-if-principal = Wer fragt
what-if-resource = Woran
what-if-context = Tatsachen
what-if-context-hint = Als JSON. Was nicht gesagt wird, ist leer, null oder nein.
what-if-level = Stufe des Geräts
what-if-no-device = Kein Gerät
what-if-score = Bewertung des Geräts
what-if-ask = Fragen

admin-tab-upstreams = Anbieter
admin-tab-undelivered = Nicht zugestellt
admin-done-upstream-made = Der Anbieter ist eingerichtet. Probieren Sie ihn aus, bevor jemand über ihn kommt.
admin-done-upstream-changed = Der Anbieter ist geändert.
admin-done-tried-again = Es wird noch einmal versucht.

undelivered-lead = Briefe, Abmeldungen und Ähnliches, die noch nicht angekommen sind. Vier Tage lang wird es wieder versucht; was aufgegeben ist, bleibt dreißig Tage.
undelivered-none = Alles ist zugestellt.
undelivered-mail = Brief
undelivered-logout = Abmeldung
undelivered-revocation = Token, die zu widerrufen sind
undelivered-waiting = wartet
undelivered-failing = scheitert
undelivered-given-up = aufgegeben
undelivered-tries = Aufgegeben zur Zustellung { $since }. Versuche: { $n }.
undelivered-next = Nächster Versuch in { $span }.
undelivered-again = Noch einmal

upstreams-lead = Anbieter, bei denen die Leute schon ein Konto haben und über die sie hierher kommen.
upstreams-none = Es gibt keinen. Alle melden sich mit dem an, was sie hier haben.
upstream-new = Neuer Anbieter
upstream-change = Ändern
upstream-change-title = { $name } ändern
upstream-test = Ausprobieren
upstream-facts = Hier
upstream-settings = Einstellungen
upstream-callback = Adresse, die beim Anbieter einzutragen ist
upstream-has-secret = Client-Geheimnis ist hinterlegt
upstream-updated = Zuletzt geändert
upstream-yes = ja
upstream-no = nein
upstream-on = an
upstream-off = aus
upstream-form-words = Sobald er an ist, kommen Leute über ihn. Was er über sie sagt, zählt nur so weit, wie Sie es hier festlegen.
upstream-keep = Speichern
upstream-cannot = Das geht nicht: { $why }
upstream-unread = „{ $field }“ ist nicht lesbar.
upstream-exists = Einen Anbieter dieses Namens gibt es schon.
upstream-outdated = Jemand hat diesen Anbieter inzwischen geändert. Sehen Sie ihn noch einmal an, bevor Sie weitermachen.
upstream-each-line = Jeder Eintrag in einer Zeile.
upstream-empty-all = Jeder Eintrag in einer Zeile; leer: keine Grenze.
upstream-id = Kurzname
upstream-id-hint = Teil der Adresse, die beim Anbieter einzutragen ist; er ändert sich nie.
upstream-display-name = Name auf dem Knopf
upstream-issuer = Aussteller
upstream-issuer-hint = Buchstabe für Buchstabe wie in den Metadaten des Anbieters: https://idp.example.com
upstream-client-id = Client-Id
upstream-client-authentication = Wie das Geheimnis gezeigt wird
upstream-secret-basic = Im Kopf (client_secret_basic)
upstream-secret-post = Im Rumpf (client_secret_post)
upstream-secret-none = Es gibt kein Geheimnis
upstream-client-secret = Client-Geheimnis
upstream-client-secret-hint = Was der Anbieter gab. Es wird versiegelt und nie wieder gezeigt.
upstream-client-secret-kept = Leer: das hinterlegte bleibt. Es wird nie gezeigt.
upstream-enabled = An: man darf über ihn kommen
upstream-usage = Wofür er da ist
upstream-usage-login = Anmelden und verknüpfen
upstream-usage-link = Nur verknüpfen
upstream-scopes = Scopes, um die gebeten wird
upstream-algorithms = Algorithmen der ID-Token
upstream-algorithms-hint = Jeder in einer Zeile: RS256, ES256 und ihresgleichen.
upstream-domains = E-Mail-Domänen, die dort zu Hause sind
upstream-domains-hint = Wer eine solche Adresse eingibt, wird dorthin geschickt. Jede in einer Zeile.
upstream-email-trust = Ob sein Wort zählt, dass eine Adresse bestätigt ist
upstream-email-never = Nie
upstream-email-if-true = Wo er es sagt
upstream-email-domains-only = Wo er es sagt, für die Domänen unten
upstream-email-domains = Domänen, für die es zählt
upstream-link-verified-email = Mit dem Konto derselben Adresse verknüpfen, wenn beide Seiten sie bestätigt haben
upstream-create-accounts = Ein Konto anlegen für alle, die keines haben
upstream-create-domains = Nur für bestätigte Adressen dieser Domänen
upstream-create-groups = Nur für Mitglieder dieser Gruppen des Anbieters
upstream-attributes = Attribute
upstream-attributes-hint = Jedes in einer Zeile: Claim = Ausdruck. Leer: jedes, wie der Anbieter es sagt.
upstream-groups = Gruppen des Anbieters
upstream-groups-hint = Ein Ausdruck: claims.groups
upstream-group-map = Welche seiner Gruppen welche von unseren sind
upstream-group-map-hint = Jede in einer Zeile: seine = unsere.
upstream-two-factors = Dort wurden zwei Faktoren gezeigt
upstream-two-factors-hint = Ein Ausdruck: "mfa" in claims.amr
upstream-userinfo = Auch sein Userinfo fragen
upstream-keep-tokens = Seine Token versiegelt aufheben
upstream-skew = Sekunden, die seine Uhr falsch gehen darf
upstream-private-authority = In einem privaten Netz: Host und Port
upstream-private-hint = Nur, wo die Einstellungen des Servers dasselbe erlauben: idp.corp.example:443
upstream-private-network = In einem privaten Netz: das Netz
upstream-private-certificates = In einem privaten Netz: wer für ihn bürgt (PEM)

upstream-test-title = { $name } ausprobieren
upstream-test-words = Das meldet niemanden an und ändert nichts.
upstream-test-provider = Den Anbieter fragen
upstream-test-provider-words = Ob er antwortet, und was er über den sagt, der sich dort anmeldet.
upstream-test-provider-do = Fragen
upstream-test-answers = Der Anbieter antwortet
upstream-test-keys = Seine Schlüssel:
upstream-test-there = Melden Sie sich dort in einem anderen Reiter an, dann sehen Sie hier, was zurückkam. Es bleibt zehn Minuten.
upstream-test-go = Dort anmelden
upstream-test-look = Was kam zurück?
upstream-test-waits = Noch ist niemand zurückgekommen. Laden Sie diese Seite neu, wenn Sie sich dort angemeldet haben.
upstream-test-over = Dieser Versuch ist vorbei. Fragen Sie den Anbieter noch einmal.
upstream-test-away = Der Anbieter kann nicht gefragt werden: { $why }
upstream-test-made = Was daraus wird
upstream-test-received = Empfangene Claims
upstream-test-verified = Die Adresse zählt als bestätigt
upstream-test-two-factors = Zwei Faktoren zählen als gezeigt
upstream-test-their-groups = Gruppen des Anbieters
upstream-test-groups = Gruppen hier
upstream-test-claims-title = Oder Claims eingeben
upstream-test-claims = Claims, als JSON
upstream-test-claims-do = Was wird daraus?
upstream-test-claims-bad = Das sind keine Claims: { $why }
