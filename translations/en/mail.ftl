# Letters. Plain text: what is filled in stands without marks around it.

mail-hello = Hello,
mail-once = If it was you, open this page and press the button. It works once, within { $span }:
mail-verify-subject = Confirm your e-mail address
mail-verify-words = somebody, probably you, wants to use this address with an account at { $issuer }.
mail-verify-else = If it was not you, do nothing: without the link the address is not used.
mail-recover-subject = Get back into your account
mail-recover-words = somebody, probably you, wants to get back into your account at { $issuer }.
mail-recover-else = If it was not you, do nothing: without the link nothing changes.
mail-linked-subject = An account was connected
mail-linked-words = { $provider } was connected to your account at { $issuer }: whoever signs in there as shown below now gets into it.
mail-linked-undo = If it was not you, open this page within { $span } and press the button. It disconnects { $provider } and signs you out everywhere:
mail-unlinked-subject = An account was disconnected
mail-unlinked-words = { $provider } was disconnected from your account at { $issuer }: nobody gets into it by signing in there any more.
mail-unlinked-else = If it was not you, change how you sign in:
mail-was-you = If it was you, there is nothing to do.
mail-account = Account: { $account }
mail-there = At { $provider }: { $display }
mail-when = When: { $when }
mail-where = Where: { $where }
