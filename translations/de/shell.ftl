# Was jede Seite sagt.

shell-skip = Zum Inhalt springen
shell-language = Sprache dieser Seite
shell-errors = { $n ->
    [one] Hier fehlt noch etwas
   *[other] Hier fehlen noch { $n } Dinge
}
shell-cancel = Abbrechen
shell-continue = Weiter

leave-title = Weiter zu { $name }
leave-words = Einen Augenblick. Wenn nichts passiert, gehen Sie selbst weiter.
leave-go = Weiter

ago-now = gerade eben
ago-minutes = { $n ->
    [one] vor { $n } Minute
   *[other] vor { $n } Minuten
}
ago-hours = { $n ->
    [one] vor { $n } Stunde
   *[other] vor { $n } Stunden
}
ago-days = { $n ->
    [one] vor { $n } Tag
   *[other] vor { $n } Tagen
}
lasting-minutes = { $n ->
    [one] { $n } Minute
   *[other] { $n } Minuten
}
lasting-hours = { $n ->
    [one] { $n } Stunde
   *[other] { $n } Stunden
}
lasting-days = { $n ->
    [one] { $n } Tag
   *[other] { $n } Tage
}

failure-reference = Für alle, die Ihnen helfen:
failure-invalid-title = Das hat nicht geklappt
failure-invalid-words = Beim Öffnen dieser Seite fehlte etwas oder war nicht an seinem Platz. Gehen Sie dorthin zurück, woher Sie kamen, und versuchen Sie es noch einmal.
failure-unauthenticated-title = Bitte melden Sie sich an
failure-unauthenticated-words = Sie sind hier nicht angemeldet oder waren eine Weile weg. Melden Sie sich an und öffnen Sie die Seite noch einmal.
failure-denied-title = Hier geht es für Sie nicht weiter
failure-denied-words = Dazu haben Sie keine Berechtigung. Wenn Sie sie haben sollten, fragen Sie, wer sich um { -fabric } kümmert.
failure-not-found-title = Hier ist nichts
failure-not-found-words = Vielleicht ist die Adresse vertippt, oder was hier war, gibt es nicht mehr.
failure-method-title = Das kann diese Seite nicht
failure-method-words = Gehen Sie dorthin zurück, woher Sie kamen, und versuchen Sie es noch einmal.
failure-conflict-title = Inzwischen hat sich etwas geändert
failure-conflict-words = Gehen Sie zurück, sehen Sie sich die Seite noch einmal an, und wiederholen Sie, was Sie tun wollten.
failure-limited-title = Einen Augenblick, bitte
failure-limited-words = Das waren zu viele Versuche in kurzer Zeit. Warten Sie ein wenig und versuchen Sie es dann wieder.
failure-unavailable-title = Gerade geht es nicht
failure-unavailable-words = Etwas, das diese Seite braucht, antwortet nicht. Versuchen Sie es in einer Minute wieder.
failure-bug-title = Etwas ist schiefgegangen
failure-bug-words = Das liegt an uns, nicht an Ihnen. Versuchen Sie es noch einmal; wenn es bleibt, sagen Sie es denen, die sich um { -fabric } kümmern.
failure-request-cross-site-title = Das kam von woanders
failure-request-cross-site-words = Die Seite einer anderen Website wollte in Ihrem Namen handeln; das haben wir verhindert. Wenn Sie es selbst waren: Öffnen Sie die Seite hier und versuchen Sie es noch einmal.
failure-signin-not-found-title = Diese Anmeldung ist vorbei
failure-signin-not-found-words = Sie war zu lange offen, ist schon abgeschlossen oder wurde in einem anderen Browser begonnen. Gehen Sie zur Anwendung zurück und beginnen Sie von vorn.
failure-signin-moved-title = Das ging woanders weiter
failure-signin-moved-words = Die Anmeldung ging in einem anderen Tab weiter. Laden Sie diese Seite noch einmal.
-fabric = diesen Dienst
