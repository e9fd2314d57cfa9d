# The console.

admin-title = Console
admin-nav = Parts of the console
admin-tab-fleet = Devices
admin-also = The same for programs:
admin-first = First page
admin-next = Next page

admin-refused-title = You may not do this
admin-refused-none = You are signed in, and hold no role here.
admin-refused-roles = You hold: { $roles }. That does not do for this.
admin-refused-how = Somebody with the role admin can give you one. On the server's machine, or over the admin API:
admin-refused-account = Your account

fleet-lead = What hurts most comes first.
fleet-counts = How many stand where
fleet-search = Name, owner, platform or id
fleet-order = Order
fleet-order-worst = What hurts most
fleet-order-name = Name
fleet-order-silent = Silent for longest
fleet-find = Find
fleet-found = { $n ->
    [one] { $n } device
   *[other] { $n } devices
}
fleet-none = No device is like that.
fleet-hurts = { $signal }: { $why }
fleet-empty-title = No device has enrolled yet
fleet-empty-words = A device enrols with a token, reports what state it is in, and gets a score that its credentials follow.
fleet-empty-here = Make a token, on the server's machine or over the admin API:
fleet-empty-there = Then, on the device:

machine-laptop = Laptop
machine-desktop = Desktop
machine-server = Server
machine-other = Other machine

device-score-of = { $score } of 100 points
device-reported = Reported { $when }
device-never = Never reported
device-put-out = Reason given: { $reason }
device-put-out-silent = No reason was given.
device-fixes = What to fix
device-gain = + { $gain } points, then { $score }
device-held = It stays down as long as this is so: { $gates }.
device-chart = Score over time
device-chart-now = { $score } points now, level { $level }.
device-chart-range = The lowest here is { $lowest }, the highest { $highest }.
device-steps = When the level changed
device-why = Why this score
device-gate = At most { $points } points: { $why }.
device-gate-unknown = { $gate } Nothing is known of it, so it counts as if it were so.
device-seen = Seen:
device-source-none = Nobody says anything about it
device-loss = − { $points } points
device-loss-none = takes nothing
device-silent-title = This device has never reported
device-silent-words = Its level is unknown, and its credentials live as long as the policy gives to devices that nothing is known of. On the device, this reports and goes on reporting:
device-credentials = What hangs off it
device-facts = What is known
device-events = What happened lately
device-events-none = Nothing is on record.

credential-svid = Its own certificate
credential-next = Its next certificate, not used yet
credential-agent = The agent that runs on it
credential-until = for another { $span }
credential-ended = ended { $when }

credential-sign-in = Sign-in of { $person }, { $client }

source-title = Who reports on it
source-signals = { $n ->
    [one] { $n } signal
   *[other] { $n } signals
}
source-collector = Its collector
source-osquery = osquery on it
source-service = The service { $name }
anew-title = What was decided anew because of it
anew-none = Nothing in the last day.

about-owner = Owner
about-nobody = Nobody
about-kind = Machine
about-report = Last report
about-enrolled = Enrolled
about-confidence = Confidence
about-rising = On its way to
about-life = A credential lives
about-model = Model
about-id = Id
about-spiffe = SPIFFE ID

admin-contain = Contain it
admin-contain-title = Contain { $name }?
admin-contain-words = For a while it gets nothing, at no door, and what was given on it ends. It keeps its enrolment and its own certificate: nothing has to be set up anew afterwards.
admin-end-containment = End its containment
admin-end-containment-title = Give to { $name } again?
admin-end-containment-words = It has the level again that its reports give it. People sign in on it anew.
admin-span = For how long
admin-span-hour = An hour
admin-span-hours = Four hours
admin-span-day = A day
admin-span-week = A week
admin-done-contained = The device is contained.
admin-done-containment-ended = The device is contained no longer.
admin-approve = Approve it
admin-approve-title = Approve { $name }?
admin-approve-words = Its owner signed in and asked for it. Once it is approved it comes for its credentials by itself; whoever should not have it is refused with “Retire”.
admin-lock = Lock it
admin-lock-title = Lock { $name }?
admin-lock-words = It is refused at every door from now on, on open connections too, and renews nothing until somebody releases it.
admin-release = Release it
admin-release-title = Release { $name }?
admin-release-words = It may call again, and has the level that its reports give it.
admin-retire = Retire it
admin-retire-title = Retire { $name }?
admin-retire-words = It never comes back under this id. The machine can enrol anew.
admin-reason = Reason
admin-reason-hint = Other administrators see it, and so does whoever uses the device.
admin-reason-missing = Say why: whoever looks at this later wants to know.
admin-reason-long = Make it shorter, on one line.
admin-changed = Somebody changed this device meanwhile. Look at it again before you go on.
admin-done-approved = The device is approved.
admin-done-locked = The device is locked.
admin-done-released = The device is released.
admin-done-retired = The device is retired.

admin-tab-contained = Contained
contained-lead = Who gets nothing for a while, because somebody said so.
contained-new = Contain somebody
contained-nobody = Nobody is contained.
contained-release = Release
contained-by = { $by }, { $when }
contained-by-unknown = Somebody, { $when }
contained-until = for another { $span }
contained-device = Device
contained-person = Person
contained-named = Workload or application
contain-words = For a while they get nothing, at no door, and what they have ends. Nothing has to be set up anew afterwards.
contain-subject = Whom
contain-subject-hint = A person’s name or address, a device’s id, or the SPIFFE ID or path of a workload or application.
contain-subject-missing = Nobody and nothing here is called that, or you may not look at it.
contain-reason-hint = Other administrators see it, and so does whoever is refused.
contain-do = Contain
contain-oneself = Nobody contains themselves, nor the device they are on. Ask another administrator.
contain-cannot = This cannot be contained: { $why }
release-title = Release { $name }?
release-words = They get again what policy gives them. People sign in anew.
release-reason-hint = It stands in the log beside the release.
release-gone = This is contained no longer.
admin-done-subject-contained = Contained: it gets nothing until then.
admin-done-subject-released = Released.

admin-tab-decisions = Decisions
admin-tab-policies = Policies
admin-tab-what-if = What if?

decisions-lead = Why was this allowed, or refused? The newest first.
decisions-about = Person, device, SPIFFE ID or number
decisions-of = About
decisions-effect = Outcome
decisions-since = When
decisions-all = Everything
decisions-any = Either
decisions-ever = Ever
decisions-hour = The last hour
decisions-day = The last day
decisions-week = The last week
decisions-issued = Certificates and tokens
decisions-unknown = Nobody and nothing here is called that, or you may not look at it.
decisions-none = Nothing like that is on record.
decisions-none-yet = Nothing like that is among the newest. Look further back.
decisions-newest = The newest
decisions-older = Older
decision-allowed = Allowed
decision-refused = Refused
decision-sign-in = Sign-in
decision-x509 = Certificate
decision-jwt = JWT-SVID
decision-tokens = Tokens
decision-consent = Access of an application
decision-enrolment = Enrolment of a device
decision-attestation = Attestation of an agent
decision-again = Decided anew
decision-report = Report of a device
decision-door = A device at a door
decision-more = { $n ->
    [one] The same was refused once more in the ten minutes before that.
   *[other] The same was refused { $n } times more in the ten minutes before that.
}
decision-why = Why
decision-rule = The rule that says so, as it is now, in the policy
decision-who = For whom
decision-policy = Policies
decision-policy-now = these are in force
decision-policy-then = others are in force now
decision-device = On the device
decision-record = What is on record
decision-event = Event
decision-when = When
decision-subject = Subject
decision-actor = Actor

policies-lead = What is in force, by name. One of the realm's own takes the place of a shipped one of that name.
policies-lines = { $n ->
    [one] { $n } line
   *[other] { $n } lines
}
policy-own = The realm's own
policy-shipped = As shipped
policy-in-force = In force
policy-check = Try a changed text
policy-check-words = It is read and compared with the schema, and nobody is locked out by it. Nothing is kept.
policy-text = Text
policy-check-do = Check
policy-good = This text could be kept as it is.
policy-replay-do = Ask the decisions on record
policy-replay-title = What it would have made of the decisions on record
policy-replay-asked = { $n ->
    [one] One decision on record was asked again.
   *[other] The last { $n } decisions on record were asked again.
}
policy-replay-others = This text would have refused { $refused } that were allowed, and allowed { $allowed } that were refused. Nothing is kept.
policy-replay-refused = Allowed, and would have been refused
policy-replay-allowed = Refused, and would have been allowed
policy-flaws = { $n ->
    [one] One thing is wrong with this text
   *[other] { $n } things are wrong with this text
}
policy-at = Line { $line }, column { $column }:
policy-past = What it was
policy-past-none = It was never changed, as far as events are kept.
policy-past-text = Text
policy-set = Set
policy-deleted = Deleted
policy-save = To keep a changed text:

what-if-lead = Ask the policies in force what they would say. Nothing happens.
what-if-answer = They say
what-if-lives = What is issued lives { $span } at most.
what-if-step-up = Something stronger is needed
what-if-holds = Whoever asks holds:
what-if-by = Decided by
what-if-by-none = No rule permits it.
what-if-considered = { $n ->
    [one] { $n } rule was looked at
   *[other] { $n } rules were looked at
}
what-if-action = Action
what-if-principal = Who asks
what-if-resource = On what
what-if-context = Facts
what-if-context-hint = As JSON. What is not said is empty, zero or no.
what-if-level = Level of the device
what-if-no-device = No device
what-if-score = Score of the device
what-if-ask = Ask

admin-tab-upstreams = Providers
admin-tab-undelivered = Undelivered
admin-done-upstream-made = The provider is set up. Try it before people come through it.
admin-done-upstream-changed = The provider is changed.
admin-done-tried-again = It is being tried again.

undelivered-lead = Letters, sign-out notices and the like that did not arrive yet. They are tried again for four days; what was given up is kept for thirty.
undelivered-none = Everything was delivered.
undelivered-mail = Letter
undelivered-logout = Sign-out notice
undelivered-revocation = Tokens to be revoked
undelivered-waiting = waiting
undelivered-failing = failing
undelivered-given-up = given up
undelivered-tries = Posted { $since }. Tries: { $n }.
undelivered-next = Next try in { $span }.
undelivered-again = Try again

upstreams-lead = Identity providers that people have already, and come through to here.
upstreams-none = There is none. People sign in with what they have here.
upstream-new = New provider
upstream-change = Change
upstream-change-title = Change { $name }
upstream-test = Try it
upstream-facts = Here
upstream-settings = Settings
upstream-callback = Address to register at the provider
upstream-has-secret = Client secret is kept
upstream-updated = Last changed
upstream-yes = yes
upstream-no = no
upstream-on = on
upstream-off = off
upstream-form-words = People come through it as soon as it is on. What the provider says of them counts only as far as you say here.
upstream-keep = Save
upstream-cannot = This cannot be: { $why }
upstream-unread = “{ $field }” cannot be read.
upstream-exists = There is a provider of this name already.
upstream-outdated = Somebody changed this provider meanwhile. Look at it again before you go on.
upstream-each-line = Each on its line.
upstream-empty-all = Each on its line; empty: no limit.
upstream-id = Short name
upstream-id-hint = Part of the address to register at the provider; it never changes.
upstream-display-name = Name on the button
upstream-issuer = Issuer
upstream-issuer-hint = Letter by letter as the provider's own metadata says it: https://idp.example.com
upstream-client-id = Client id
upstream-client-authentication = How the secret is shown
upstream-secret-basic = In the header (client_secret_basic)
upstream-secret-post = In the body (client_secret_post)
upstream-secret-none = There is no secret
upstream-client-secret = Client secret
upstream-client-secret-hint = What the provider gave. It is sealed, and never shown again.
upstream-client-secret-kept = Empty: the one that is kept stays. It is never shown.
upstream-enabled = On: people may come through it
upstream-usage = What it is for
upstream-usage-login = Signing in, and linking
upstream-usage-link = Linking alone
upstream-scopes = Scopes to ask for
upstream-algorithms = Algorithms of ID tokens
upstream-algorithms-hint = Each on its line: RS256, ES256 and their kin.
upstream-domains = E-mail domains that are at home there
upstream-domains-hint = Whoever types such an address is sent there. Each on its line.
upstream-email-trust = Whether its word that an address is verified counts
upstream-email-never = Never
upstream-email-if-true = Where it says so
upstream-email-domains-only = Where it says so, for the domains below
upstream-email-domains = Domains for which it counts
upstream-link-verified-email = Link to the account with the same address, where both sides verified it
upstream-create-accounts = Make an account for whoever has none
upstream-create-domains = Only for verified addresses of these domains
upstream-create-groups = Only for members of these groups of the provider
upstream-attributes = Attributes
upstream-attributes-hint = Each on its line: claim = expression. Empty: each as the provider says it.
upstream-groups = The provider's groups
upstream-groups-hint = An expression: claims.groups
upstream-group-map = Which of its groups are which of ours
upstream-group-map-hint = Each on its line: theirs = ours.
upstream-two-factors = Two factors were seen there
upstream-two-factors-hint = An expression: "mfa" in claims.amr
upstream-userinfo = Ask its userinfo, too
upstream-keep-tokens = Keep its tokens, sealed
upstream-skew = Seconds that its clock may be off
upstream-private-authority = In a private network: host and port
upstream-private-hint = Only where the server's settings allow the same: idp.corp.example:443
upstream-private-network = In a private network: the network
upstream-private-certificates = In a private network: who vouches for it (PEM)

upstream-test-title = Try { $name }
upstream-test-words = Nobody is signed in by this, and nothing is changed.
upstream-test-provider = Ask the provider
upstream-test-provider-words = Whether it answers, and what it says of whoever signs in there.
upstream-test-provider-do = Ask
upstream-test-answers = The provider answers
upstream-test-keys = Its keys:
upstream-test-there = Sign in there in another tab, then look here what came back. It is kept for ten minutes.
upstream-test-go = Sign in there
upstream-test-look = What came back?
upstream-test-waits = Nobody came back yet. Load this page again when you have signed in there.
upstream-test-over = This test is over. Ask the provider again.
upstream-test-away = The provider cannot be asked: { $why }
upstream-test-made = What is made of it
upstream-test-received = Claims received
upstream-test-verified = The address counts as verified
upstream-test-two-factors = Two factors count as shown
upstream-test-their-groups = The provider's groups
upstream-test-groups = Groups here
upstream-test-claims-title = Or type claims
upstream-test-claims = Claims, as JSON
upstream-test-claims-do = What is made of them?
upstream-test-claims-bad = These are no claims: { $why }
