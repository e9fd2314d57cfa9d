# Briefe. Reiner Text: was eingesetzt wird, steht ohne Zeichen darum.

mail-hello = Guten Tag,
mail-once = Wenn Sie das waren, öffnen Sie diese Seite und drücken Sie auf den Knopf. Der Link gilt einmal, { $span } lang:
mail-verify-subject = Bestätigen Sie Ihre E-Mail-Adresse
mail-verify-words = jemand, vermutlich Sie, möchte diese Adresse für ein Konto bei { $issuer } verwenden.
mail-verify-else = Wenn Sie das nicht waren, tun Sie nichts: ohne den Link wird die Adresse nicht verwendet.
mail-recover-subject = Zurück in Ihr Konto
mail-recover-words = jemand, vermutlich Sie, möchte zurück in Ihr Konto bei { $issuer }.
mail-recover-else = Wenn Sie das nicht waren, tun Sie nichts: ohne den Link ändert sich nichts.
mail-linked-subject = Ein Konto wurde verbunden
mail-linked-words = { $provider } wurde mit Ihrem Konto bei { $issuer } verbunden: wer sich dort wie unten gezeigt anmeldet, kommt nun hinein.
mail-linked-undo = Wenn Sie das nicht waren, öffnen Sie binnen { $span } diese Seite und drücken Sie auf den Knopf. Das trennt { $provider } und meldet Sie überall ab:
mail-unlinked-subject = Ein Konto wurde getrennt
mail-unlinked-words = { $provider } wurde von Ihrem Konto bei { $issuer } getrennt: niemand kommt mehr hinein, indem er sich dort anmeldet.
mail-unlinked-else = Wenn Sie das nicht waren, ändern Sie, wie Sie sich anmelden:
mail-was-you = Wenn Sie das waren, ist nichts zu tun.
mail-account = Konto: { $account }
mail-there = Bei { $provider }: { $display }
mail-when = Wann: { $when }
mail-where = Wo: { $where }
