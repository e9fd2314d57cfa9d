# One's own account.

account-title = Your account
account-hello = Hello, { $name }
account-lead = How you sign in, where you are signed in, and who gets what.
account-nav = Pages of your account
account-sign-out = Sign out

tab-overview = Overview
tab-sessions = Sessions
tab-devices = Devices
tab-passkeys = Passkeys
tab-password = Password
tab-authenticator = Authenticator
tab-recovery-codes = Recovery codes
tab-providers = Linked accounts
tab-applications = Applications
tab-history = History
tab-data = Language and data

card-passkeys = { $n ->
    [0] You have none yet. With one you sign in with your fingerprint, your face or your PIN.
    [one] You have { $n } passkey.
   *[other] You have { $n } passkeys.
}
card-password = Choose a new one whenever you want.
card-authenticator = Codes from an app on your phone, as a second step after your password.
card-recovery-codes = { $n ->
    [0] You have none. They let you in when everything else is lost.
    [one] { $n } code is left.
   *[other] { $n } codes are left.
}
card-sessions = { $n ->
    [one] You are signed in on { $n } device.
   *[other] You are signed in on { $n } devices.
}
card-devices = { $n ->
    [0] No device is yours here.
    [one] { $n } device is yours: how it stands, and what to fix.
   *[other] { $n } devices are yours: how they stand, and what to fix.
}
card-providers = { $n ->
    [0] No account elsewhere is linked.
    [one] { $n } account elsewhere is linked.
   *[other] { $n } accounts elsewhere are linked.
}
card-applications = { $n ->
    [0] No application has access to your account.
    [one] { $n } application has access to your account.
   *[other] { $n } applications have access to your account.
}
card-history = What happened to your account, and when.
card-console-title = Console
card-console = What you hold here: { $roles }.
card-look = Look
card-change = Change
card-good = Set up
card-missing = Not set up

unproven-title = Your e-mail address
unproven-badge = Not confirmed
unproven-words = Nobody has confirmed { $address } yet. We send you a letter with a link; open it and press the button. Until then the address gets you in nowhere, and you cannot get back into your account by mail.
unproven-send = Send the letter again

sessions-title = Where you are signed in
sessions-lead = If you do not know one of these, end it and change how you sign in.
sessions-here = This browser
sessions-since = Signed in { $when }
sessions-used = last used { $when }
sessions-end = Sign out
sessions-end-this = Sign out { $device }
sessions-all-title = Sign out everywhere
sessions-all-words = Ends every session, this one too, and tells all applications.
sessions-all = Sign out everywhere
device-unknown = Unknown device

how-password = password
how-totp = authenticator app
how-passkey = passkey
how-hardware-passkey = security key
how-recovery-code = recovery code
how-mail = link by mail
how-upstream = another provider

passkeys-title = Passkeys
passkeys-lead = The safest way to sign in, and the quickest. Have two, so that a lost device does not lock you out.
passkeys-none = You have no passkey yet.
passkeys-since = Added { $when }
passkeys-used = last used { $when }
passkeys-never = never used
passkeys-name = Name
passkeys-rename = Rename
passkeys-remove = Remove
passkeys-remove-this = Remove the passkey { $name }
passkeys-add-title = Add a passkey
passkeys-add-words = Your device asks for your fingerprint, your face or your PIN. You can also use a phone or a security key.
passkeys-new-name = My passkey
passkeys-declined-title = No offer when you sign in
passkeys-declined-words = When you sign in with your password, you are not offered a passkey: you turned that off { $when }. You can add one above at any time.
passkeys-offer-again = Offer it again

pw-title = Password
pw-present = You have a password. With a new one, the old one stops working.
pw-none = You have no password. With a passkey you need none.
pw-elsewhere = Sign out everywhere else: other browsers, and all applications

otp-title = Authenticator app
otp-lead = An app on your phone shows a new code every half minute. You type it after your password.
otp-none = It is not set up.
otp-start = Set it up
otp-scan = Scan this with your app
otp-picture = A QR code that your authenticator app reads
otp-type = Or type this into the app:
otp-code = The code that the app shows now
otp-confirm = Confirm
otp-on = Set up
otp-remove = Remove

codes-title = Recovery codes
codes-lead = Print them or write them down. Each lets you in once, together with your password, when your devices are gone.
codes-left = { $n ->
    [0] You have none.
    [one] { $n } code is left.
   *[other] { $n } codes are left.
}
codes-make = Make new codes
codes-old = Those you have stop working when you make new ones.
codes-new = Your new codes
codes-keep = They are shown this once only. Keep them where nobody else looks.
codes-kept = I have kept them

providers-title = Linked accounts
providers-lead = With these you can sign in here too.
providers-none = Nothing is linked.
providers-since = Linked { $when }
providers-unlink = Unlink
providers-unlink-this = Unlink { $provider }
providers-add = Link another

apps-title = Connected applications
apps-lead = What you have allowed. Take it back whenever you want; the application is cut off at once.
apps-none = No application has access to your account.
apps-since = Allowed { $when }
apps-used = last used { $when }
apps-withdraw = Take back
apps-withdraw-this = Take back what { $application } gets

history-title = History
history-lead = What happened to your account. If something was not you, sign out everywhere and change how you sign in.
history-none = Nothing yet.
fact-signed-in = Signed in
fact-refused = A sign-in was refused
fact-signed-out = Signed out
fact-passkey = A passkey was changed
fact-device = A device was added
fact-passkey-declined = The offer of a passkey was turned off
fact-passkey-offered-again = The offer of a passkey was turned on
fact-password = The password was changed
fact-authenticator = The authenticator app was changed
fact-recovery-codes = The recovery codes were changed
fact-link = A linked account was changed
fact-application = An application was given or denied access
fact-account = The account was changed
fact-other = Something else: { $kind }

data-title = Language and data
data-lead = The language of mails and pages, a copy of what is kept about you, and the way out.
data-language-title = Language
data-language-words = For mails, and for pages where you have not chosen another.
data-language-label = Preferred language
data-language-save = Save
data-export-title = A copy of your data
data-export-words = Everything that is kept about you, in one file that programs can read.
data-export = Download
data-delete-title = Delete the account
data-delete-words = Your name, your addresses and everything you sign in with are erased for good. Nobody can bring them back.
data-delete-open = Delete my account
delete-title = Delete your account?
delete-sure = I know that this cannot be undone
delete-do = Delete my account for good
delete-keep = Keep it

done-saved = Saved.
done-retired = The device is retired.
done-session = That session has ended.
done-passkey-added = The passkey was added.
done-removed = Removed.
done-withdrawn = Taken back. The application is cut off.
done-confirmed = The authenticator app is set up.
done-linked = Linked. You can sign in with it now.
done-letter-sent = The letter is on its way. Its link works for a day. Nothing there? Look among unwanted mail.
account-wrong-last = This is your only way to sign in. Add another one first.
account-wrong-code = That code is not right. Wait for the next one and try again.
account-wrong-passkey = The passkey could not be added. Try again.
account-wrong-repeated = The two are not the same.
account-wrong-password = This password does not keep the rules: it is too short, or on a list of stolen ones.
account-wrong-sure = Tick the box if you are sure.
account-wrong-limited = There were too many tries. Wait a little.

devices-title = Your devices
devices-lead = How each stands, why, and what to do about it.
devices-empty-title = No device is yours yet
devices-empty-words = A device that is yours tells here how it is, and what you are given on it follows that. On the device, say this and sign in:
devices-put-out = Somebody locked it: it gets nothing until an administrator releases it.
devices-silent = It has never said how it is. On the device, this says it and goes on saying it:
devices-fine = There is nothing for you to fix.
devices-gain = + { $points } points
devices-why = What is not as it should be
devices-waits = It waits for approval: an administrator lets it in, or does not.
devices-comes = It is let in and has not come for its credentials yet. On the device, say:
devices-retire-title = Lost, sold or broken?
devices-retire-words = It gets nothing any more, and does not come back under this name. Use this for one that is lost, sold or broken.
devices-retire = Retire it
devices-retire-this = Retire this device: { $name }
data-email-title = E-mail address
data-email-now = It is { $address }.
data-email-none = You have none.
data-email-words = We send a letter to the new one. It takes effect once you have opened its link in this browser; until then nothing changes.
data-email-label = New address
data-email-change = Send the letter
account-wrong-address = This is no e-mail address.
