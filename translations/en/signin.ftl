# The pages of a sign-in. None says whether an account exists.

signin-title = Sign in
signin-to = to continue to { $application }
signin-identifier = User name or e-mail address
signin-use-passkey = Use a passkey
signin-with = Continue with { $provider }
signin-last-used = Last used
signin-or = or
signin-submit = Sign in
signin-not-you = Not you?
signin-other-ways = Other ways to sign in
signin-passkey-gave-up = That did not work. Try again, or choose another way.

way-password = Use your password
way-passkey = Use a passkey
way-totp = Use your authenticator app
way-recovery-code = Use a recovery code
way-mail = I cannot sign in

select-title = Choose an account
select-other = Use another account

password-title = Enter your password
password-label = Password

passkey-title = Use your passkey
passkey-words = Your device asks for your fingerprint, your face or your PIN. None of these leaves it.
passkey-needs-script = Passkeys need JavaScript, and it is switched off in this browser.

totp-title = Enter the code
totp-words = Open your authenticator app and type the six digits it shows.
totp-label = Code

code-title = Use a recovery code
code-words = Type one of the codes you kept for a day like this. Each works once.
code-label = Recovery code

recover-title = Get back in
recover-words = We send a link to the e-mail address of your account. With it you can choose a new password.
recover-send = Send the link

sent-title = Look into your mail
sent-words = If there is an account with a confirmed address, a link is on its way. Open it in this browser.
sent-lasting = It works once, for { $span }. Nothing there? Look among unwanted mail.
sent-again = Start again

newpass-title = Choose a new password
newpass-words = A few unrelated words are easier to remember than a short riddle, and harder to guess.
newpass-label = New password
newpass-repeat = New password again
newpass-hint = { $n ->
    [one] At least { $n } character. Every character counts, also spaces.
   *[other] At least { $n } characters. Every character counts, also spaces.
}
newpass-save = Save the password

enrol-title = Create your passkey
enrol-words = With a passkey you sign in with your fingerprint, your face or the PIN of your device. There is no password to remember or to lose.
offer-title = Sign in faster next time?
offer-words = Add a passkey, and next time your fingerprint, your face or the PIN of your device is enough. It is safer than a password.
offer-add = Add a passkey
offer-later = Not now
offer-never = Do not ask again
offer-gave-up = No passkey was added. Try again, or leave it for now.

device-title = Are you on one of your devices?
device-words = Show which one: what you may use can depend on it.
device-show = Show this device
device-absent = If your browser then cannot connect, Weft is not running on this device. Come back here and go on without.
device-again = Load this page again
device-without = Go on without

link-title = Link these accounts?
link-words = Afterwards you can sign in here with { $provider } too.
link-there = There
link-here = Here
link-yes = Link them
link-no = Do not link
link-prove = There is an account with this address here. Show that it is yours, and { $provider } can be linked to it.

noway-title = Something stronger is needed
noway-words = To go on, you need a passkey or an authenticator app, and your account has none yet. Add one and come back.
noway-account = Go to my account

refused-title = You cannot sign in here
refused-application = Your account is not permitted to use { $application }.
refused-words = Your account is not permitted to go on.

wrong-nothing = Fill this in.
wrong-password = The name and the password do not belong together.
wrong-code = This code is not right, or not any more.
wrong-passkey = The passkey was not accepted. Try again, or choose another way.
wrong-limited = There were too many tries. Try again in { $span }.
wrong-busy = There is too much to do right now. Try again in a moment.
wrong-new-password = Choose a longer password, or one that is not known to others.
wrong-repeated = The two passwords differ.
upstream-again = That took too long, or was done already. Please try again.
upstream-ended = The other provider did not let you in, or you turned back there.
upstream-untrusted = The answer of the other provider was not accepted.
upstream-away = The other provider cannot be reached just now. Try again later, or choose another way.
upstream-not-allowed = This is not possible with that provider, or not for your account there.
upstream-unknown = Nobody here is linked to your account there. Sign in another way, then link it under your account.
wrong-link = This account there belongs to somebody else here.
wrong-other = Please sign in with the account that was asked for.
wrong-device = This device could not be recognised. Try again, or go on without.

proof-title = Go on
proof-recover = You can now choose a new password.
proof-enrol = You can now add your first passkey.
proof-address = This confirms that the e-mail address is yours.
proof-unlink = This disconnects the other account, and signs you out everywhere.
proof-spent-title = This link does not work any more
proof-spent-words = It was used already, or it is too old. Ask for a new one.
proof-verified-title = Thank you
proof-verified-words = Your e-mail address is confirmed.
proof-unlinked-title = It is disconnected
proof-unlinked-words = Nobody gets into your account that way any more, and every browser is signed out. Sign in and look whether anything else was changed.
proof-change-address = This address takes the place of the one your account has now.
proof-sign-in-title = Sign in first
proof-sign-in-words = Sign in to your account in this browser, then open the link from the letter again. Nothing was changed.
