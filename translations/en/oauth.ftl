# Consent and sign-out.

consent-title = Allow { $application } to use your account?
consent-resource = It is for { $resource }.
consent-gets = It gets
consent-optional = Only if you want
consent-for = It may use this for { $span }, then it has to ask again.
consent-until-withdrawn = It may use this until you take it back, also while you are away.
consent-allow = Allow
consent-deny = Do not allow
consent-withdraw = You can take this back at any time in your account:
consent-withdraw-link = Connected applications
consent-refused-title = { $application } may not use your account
consent-refused-words = The rules of this place do not permit it: { $reason }.
consent-refused-back = Back to { $application }

scope-openid = who you are: a name for you that only tells it that you are the same person
scope-profile = your name and what your profile says
scope-email = your e-mail address
scope-phone = your phone number
scope-address = your postal address
scope-groups = the groups you belong to
scope-offline-access = access while you are away
scope-svid = prove to services, from this machine, that it is you (SVIDs)

logout-title = Sign out?
logout-asked = { $application } asks whether you want to sign out. All applications that you use here are told.
logout-words = All applications that you use here are told.
logout-yes = Sign out
logout-no = Stay signed in

signedout-title = You are signed out
signedout-words = The applications that you used here have been told. On a shared computer, close the browser too.
signedout-again = Sign in again
