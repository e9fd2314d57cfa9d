# What every page says.

shell-skip = Skip to the content
shell-language = Language of this page
shell-errors = { $n ->
    [one] Something needs your attention
   *[other] { $n } things need your attention
}
shell-cancel = Cancel
shell-continue = Continue

leave-title = Taking you to { $name }
leave-words = This takes a moment. If nothing happens, continue yourself.
leave-go = Continue

# Times. The server does not know where its reader is, so it says spans.
ago-now = just now
ago-minutes = { $n ->
    [one] { $n } minute ago
   *[other] { $n } minutes ago
}
ago-hours = { $n ->
    [one] { $n } hour ago
   *[other] { $n } hours ago
}
ago-days = { $n ->
    [one] { $n } day ago
   *[other] { $n } days ago
}
lasting-minutes = { $n ->
    [one] { $n } minute
   *[other] { $n } minutes
}
lasting-hours = { $n ->
    [one] { $n } hour
   *[other] { $n } hours
}
lasting-days = { $n ->
    [one] { $n } day
   *[other] { $n } days
}

# Failures.
failure-reference = For whoever helps you:
failure-invalid-title = That did not work
failure-invalid-words = This page was opened with something missing or out of place. Go back to where you came from and try again.
failure-unauthenticated-title = Please sign in
failure-unauthenticated-words = You are not signed in here, or you have been away for a while. Sign in and open the page again.
failure-denied-title = You cannot go here
failure-denied-words = You are not permitted to do this. If you think you should be, ask whoever looks after { -fabric }.
failure-not-found-title = There is nothing here
failure-not-found-words = The address may be mistyped, or what was here is gone.
failure-method-title = This page cannot do that
failure-method-words = Go back to where you came from and try again.
failure-conflict-title = Something changed meanwhile
failure-conflict-words = Go back, look at the page again, and repeat what you wanted to do.
failure-limited-title = One moment, please
failure-limited-words = There were too many tries in a short time. Wait a little and try again.
failure-unavailable-title = Not right now
failure-unavailable-words = Something this page needs does not answer. Try again in a minute.
failure-bug-title = Something went wrong
failure-bug-words = It is our fault, not yours. Try again; if it stays, tell whoever looks after { -fabric }.
failure-request-cross-site-title = That came from somewhere else
failure-request-cross-site-words = A page of another site tried to act in your name, and we stopped it. If it was you: open the page here and try again.
failure-signin-not-found-title = This sign-in is over
failure-signin-not-found-words = It was open for too long, it is finished already, or it was begun in another browser. Go back to the application and start again.
failure-signin-moved-title = This went on elsewhere
failure-signin-moved-words = The sign-in went on in another tab. Load this page again.
-fabric = this service
