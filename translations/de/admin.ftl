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
fleet-empty-server = https://…

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
device-verbs = Was Sie tun können

credential-svid = Sein eigenes Zertifikat
credential-next = Sein nächstes Zertifikat, noch nicht benutzt
credential-agent = Der Agent, der darauf läuft
credential-until = noch { $span }
credential-ended = zu Ende { $when }

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
admin-done-locked = Das Gerät ist gesperrt.
admin-done-released = Das Gerät ist freigegeben.
admin-done-retired = Das Gerät ist ausgemustert.
