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
