# لوحة الإدارة.

admin-title = لوحة الإدارة
admin-nav = أقسام لوحة الإدارة
admin-tab-fleet = الأجهزة
admin-also = الشيء نفسه للبرامج:
admin-first = الصفحة الأولى
admin-next = الصفحة التالية

admin-refused-title = لا يُسمح لك بهذا
admin-refused-none = سجّلت الدخول وليس لك أي دور هنا.
admin-refused-roles = لديك: { $roles }. وهذا لا يكفي لهذا.
admin-refused-how = من له الدور admin يمكنه أن يعطيك دورًا. على جهاز الخادم أو عبر واجهة الإدارة:
admin-refused-account = حسابك

fleet-lead = الأشد إلحاحًا يأتي أولًا.
fleet-counts = كم جهازًا في كل مستوى
fleet-search = الاسم أو المالك أو المنصة أو المعرّف
fleet-order = الترتيب
fleet-order-worst = الأشد إلحاحًا
fleet-order-name = الاسم
fleet-order-silent = الأطول صمتًا
fleet-find = بحث
fleet-found = { $n ->
    [0] لا أجهزة
    [one] جهاز واحد
    [two] جهازان
    [few] { $n } أجهزة
   *[other] { $n } جهازًا
}
fleet-none = لا جهاز كهذا.
fleet-hurts = { $signal }: { $why }
fleet-empty-title = لم يُسجَّل أي جهاز بعد
fleet-empty-words = يدخل الجهاز برمز، ويبلّغ عن حالته، ويحصل على درجة تتبعها اعتماداته.
fleet-empty-here = أنشئ رمزًا على جهاز الخادم أو عبر واجهة الإدارة:
fleet-empty-there = ثم على الجهاز:

machine-laptop = حاسوب محمول
machine-desktop = حاسوب مكتبي
machine-server = خادم
machine-other = جهاز آخر

device-score-of = { $score } من 100 نقطة
device-reported = أبلغ { $when }
device-never = لم يبلّغ قط
device-put-out = السبب المذكور: { $reason }
device-put-out-silent = لم يُذكر سبب.
device-fixes = ما ينبغي إصلاحه
device-gain = + { $gain } نقطة، ثم { $score }
device-held = تبقى الدرجة منخفضة ما دام هذا قائمًا: { $gates }.
device-chart = الدرجة مع الزمن
device-chart-now = الآن { $score } نقطة، المستوى { $level }.
device-chart-range = أدنى درجة هنا { $lowest }، وأعلاها { $highest }.
device-steps = متى تغيّر المستوى
device-why = لماذا هذه الدرجة
device-gate = { $points } نقطة على الأكثر: { $why }.
device-gate-unknown = { $gate } لا يُعرف عنه شيء، فيُحسب كأنه كذلك.
device-seen = شوهد:
device-source-none = لا أحد يقول عنه شيئًا
device-loss = − { $points } نقطة
device-loss-none = لا يأخذ شيئًا
device-silent-title = هذا الجهاز لم يبلّغ قط
device-silent-words = مستواه غير معروف، وتعيش اعتماداته بقدر ما تعطيه السياسة للأجهزة التي لا يُعرف عنها شيء. على الجهاز، يبلّغ هذا ويستمر في الإبلاغ:
device-credentials = ما يعتمد عليه
device-facts = ما يُعرف عنه
device-events = ما حدث أخيرًا
device-events-none = لا شيء مسجّل.

credential-svid = شهادته
credential-next = شهادته التالية، لم تُستخدم بعد
credential-agent = الوكيل الذي يعمل عليه
credential-until = مدة { $span } بعد
credential-ended = انتهت { $when }

credential-sign-in = تسجيل دخول { $person }، { $client }

source-title = من يبلّغ عنه
source-signals = { $n ->
    [one] إشارة واحدة
    [two] إشارتان
    [few] { $n } إشارات
   *[other] { $n } إشارة
}
source-collector = جامعه
source-osquery = osquery عليه
source-service = الخدمة { $name }
anew-title = ما أُعيد تقريره بسببه
anew-none = لا شيء في اليوم الأخير.

about-owner = المالك
about-nobody = لا أحد
about-kind = الجهاز
about-report = آخر إبلاغ
about-enrolled = سُجّل
about-confidence = الثقة
about-rising = في طريقه إلى
about-life = يعيش الاعتماد
about-model = النموذج
about-id = المعرّف
about-spiffe = معرّف SPIFFE

admin-contain = احتواؤه
admin-contain-title = هل تحتوي { $name }؟
admin-contain-words = لا يحصل على شيء لمدة، عند أي باب، وينتهي كل ما مُنح عليه. ويحتفظ بتسجيله وشهادته: فلا شيء يُعدّ من جديد بعد ذلك.
admin-end-containment = إنهاء احتوائه
admin-end-containment-title = هل يحصل { $name } على ما يطلب من جديد؟
admin-end-containment-words = له من جديد المستوى الذي تعطيه إبلاغاته. ويسجّل الناس الدخول عليه من جديد.
admin-span = المدة
admin-span-hour = ساعة
admin-span-hours = أربع ساعات
admin-span-day = يوم
admin-span-week = أسبوع
admin-done-contained = الجهاز محتوى.
admin-done-containment-ended = لم يعد الجهاز محتوى.
admin-approve = وافق عليه
admin-approve-title = الموافقة على { $name }؟
admin-approve-words = سجّل صاحبه الدخول وطلبه. متى ووفق عليه أتى لاعتماداته بنفسه؛ ومن لا ينبغي له ذلك يُرفض بـ«إخراجه من الخدمة».
admin-lock = قفله
admin-lock-title = هل تقفل { $name }؟
admin-lock-words = يُرفض من الآن عند كل باب، وعلى الاتصالات المفتوحة أيضًا، ولا يجدّد شيئًا حتى يفتحه أحد.
admin-release = فتحه
admin-release-title = هل تفتح { $name }؟
admin-release-words = يمكنه أن يتصل من جديد، وله المستوى الذي تعطيه إبلاغاته.
admin-retire = إخراجه من الخدمة
admin-retire-title = هل تُخرج { $name } من الخدمة؟
admin-retire-words = لا يعود أبدًا بهذا المعرّف. ويمكن للجهاز أن يُسجَّل من جديد.
admin-reason = السبب
admin-reason-hint = يراه المديرون الآخرون ومن يستخدم الجهاز.
admin-reason-missing = اذكر السبب: من ينظر في هذا لاحقًا يريد أن يعرف.
admin-reason-long = اجعله أقصر، في سطر واحد.
admin-changed = غيّر أحدهم هذا الجهاز في هذه الأثناء. انظر إليه من جديد قبل أن تتابع.
admin-done-approved = ووفق على الجهاز.
admin-done-locked = الجهاز مقفل.
admin-done-released = الجهاز مفتوح.
admin-done-retired = الجهاز خارج الخدمة.

admin-tab-contained = المحتوون
contained-lead = من لا يحصل على شيء لمدة، لأن أحدًا قال ذلك.
contained-new = احتواء أحد
contained-nobody = لا أحد محتوى.
contained-release = تحرير
contained-by = { $by }، { $when }
contained-by-unknown = أحدهم، { $when }
contained-until = مدة { $span } بعد
contained-device = جهاز
contained-person = شخص
contained-named = خدمة أو تطبيق
contain-words = لا يحصل المحتوى على شيء لمدة، عند أي باب، وينتهي ما لديه. ولا شيء يُعدّ من جديد بعد ذلك.
contain-subject = من
contain-subject-hint = اسم شخص أو عنوانه، أو معرّف جهاز، أو معرّف SPIFFE أو مسار لخدمة أو تطبيق.
contain-subject-missing = لا أحد ولا شيء هنا بهذا الاسم، أو لا يُسمح لك بالنظر إليه.
contain-reason-hint = يراه المديرون الآخرون ومن يُرفض.
contain-do = احتواء
contain-oneself = لا أحد يحتوي نفسه ولا الجهاز الذي هو عليه. اطلب ذلك من مدير آخر.
contain-cannot = لا يمكن احتواء هذا: { $why }
release-title = هل تحرّر { $name }؟
release-words = يحصل من جديد على ما تعطيه السياسة. ويسجّل الناس الدخول من جديد.
release-reason-hint = يُسجّل بجانب التحرير.
release-gone = لم يعد هذا محتوى.
admin-done-subject-contained = تم الاحتواء: لا شيء حتى ذلك الحين.
admin-done-subject-released = تم التحرير.

admin-tab-decisions = القرارات
admin-tab-policies = السياسات
admin-tab-what-if = ماذا لو؟

decisions-lead = لماذا سُمح بهذا أو رُفض؟ الأحدث أولًا.
decisions-about = شخص أو جهاز أو معرّف SPIFFE أو رقم
decisions-of = بشأن
decisions-effect = النتيجة
decisions-since = متى
decisions-all = كل شيء
decisions-any = كلاهما
decisions-ever = في أي وقت
decisions-hour = الساعة الأخيرة
decisions-day = اليوم الأخير
decisions-week = الأسبوع الأخير
decisions-issued = الشهادات والرموز
decisions-unknown = لا أحد ولا شيء هنا بهذا الاسم، أو لا يُسمح لك بالنظر إليه.
decisions-none = لا شيء كهذا مسجّل.
decisions-none-yet = لا شيء كهذا بين الأحدث. انظر أبعد.
decisions-newest = الأحدث
decisions-older = الأقدم
decision-allowed = سُمح
decision-refused = رُفض
decision-sign-in = تسجيل دخول
decision-x509 = شهادة
decision-jwt = JWT-SVID
decision-tokens = رموز
decision-consent = وصول تطبيق
decision-enrolment = تسجيل جهاز
decision-attestation = توثيق وكيل
decision-again = قرار من جديد
decision-report = إبلاغ جهاز
decision-door = جهاز عند باب
decision-more = { $n ->
    [one] رُفض الشيء نفسه مرة أخرى قبل ذلك.
    [two] رُفض الشيء نفسه مرتين أخريين قبل ذلك.
    [few] رُفض الشيء نفسه { $n } مرات أخرى قبل ذلك.
   *[other] رُفض الشيء نفسه { $n } مرة أخرى قبل ذلك.
}
decision-why = لماذا
decision-rule = القاعدة التي تقول ذلك كما هي الآن، في السياسة
decision-who = لمن
decision-policy = السياسات
decision-policy-now = هذه هي السارية
decision-policy-then = غيرها يسري الآن
decision-device = على الجهاز
decision-record = ما هو مسجّل
decision-event = الحدث
decision-when = متى
decision-subject = من
decision-actor = بواسطة

policies-lead = ما يسري، بالاسم. سياسة النطاق نفسه تحل محل المرفقة بهذا الاسم.
policies-lines = { $n ->
    [one] سطر واحد
    [two] سطران
    [few] { $n } أسطر
   *[other] { $n } سطرًا
}
policy-own = خاصة بالنطاق
policy-shipped = كما أُرفقت
policy-in-force = السارية
policy-check = جرّب نصًا معدّلًا
policy-check-words = يُقرأ ويُقارن بالمخطط، ويُتأكد أنه لا يمنع المديرين كلهم. ولا يُحفظ شيء.
policy-text = النص
policy-check-do = تحقق
policy-good = يمكن حفظ هذا النص كما هو.
policy-replay-do = اسأل القرارات المسجّلة
policy-replay-title = ما كان سيفعله بالقرارات المسجّلة
policy-replay-asked = { $n ->
    [0] لا قرارات مسجّلة.
    [one] سُئل قرار مسجّل واحد من جديد.
    [two] سُئل آخر قرارين مسجّلين من جديد.
    [few] سُئلت آخر { $n } قرارات مسجّلة من جديد.
   *[other] سُئل آخر { $n } قرارًا مسجّلًا من جديد.
}
policy-replay-others = كان هذا النص سيرفض { $refused } مما سُمح به، ويسمح بـ { $allowed } مما رُفض. ولا يُحفظ شيء.
policy-replay-refused = سُمح به وكان سيُرفض
policy-replay-allowed = رُفض وكان سيُسمح به
policy-flaws = { $n ->
    [one] في هذا النص خطأ واحد
    [two] في هذا النص خطآن
    [few] في هذا النص { $n } أخطاء
   *[other] في هذا النص { $n } خطأً
}
policy-at = السطر { $line }، العمود { $column }:
policy-past = كيف كانت
policy-past-none = لم تتغير قط، بحسب ما حُفظ من أحداث.
policy-past-text = النص
policy-set = وُضعت
policy-deleted = حُذفت
policy-save = لحفظ نص معدّل:

what-if-lead = اسأل السياسات السارية ماذا كانت ستقول. لا يحدث شيء.
what-if-answer = تقول
what-if-lives = يعيش ما يُصدر { $span } على الأكثر.
what-if-step-up = يلزم شيء أقوى
what-if-holds = لدى من يسأل:
what-if-by = قرّرته
what-if-by-none = لا قاعدة تسمح به.
what-if-considered = { $n ->
    [one] نُظر في قاعدة واحدة
    [two] نُظر في قاعدتين
    [few] نُظر في { $n } قواعد
   *[other] نُظر في { $n } قاعدة
}
what-if-action = الفعل
what-if-principal = من يسأل
what-if-resource = على ماذا
what-if-context = الوقائع
what-if-context-hint = بصيغة JSON. ما لا يُقال فارغ أو صفر أو لا.
what-if-level = مستوى الجهاز
what-if-no-device = لا جهاز
what-if-score = درجة الجهاز
what-if-ask = اسأل

admin-tab-upstreams = مزوّدو الهوية
admin-tab-undelivered = لم يُسلَّم
admin-done-upstream-made = أُعِدّ المزوّد. جرّبه قبل أن يأتي الناس عبره.
admin-done-upstream-changed = غُيّر المزوّد.
admin-done-tried-again = تُعاد المحاولة الآن.

undelivered-lead = رسائل وإشعارات خروج وما شابهها لم تصل بعد. تُعاد المحاولة أربعة أيام، وما تُرك منها يُحفظ ثلاثين يومًا.
undelivered-none = سُلّم كل شيء.
undelivered-mail = رسالة
undelivered-logout = إشعار خروج
undelivered-revocation = رموز يجب إبطالها
undelivered-waiting = ينتظر
undelivered-failing = يتعثّر
undelivered-given-up = تُرك
undelivered-tries = أُرسل { $since }. المحاولات: { $n }.
undelivered-next = المحاولة التالية بعد { $span }.
undelivered-again = أعد المحاولة

upstreams-lead = مزوّدو هوية لدى الناس أصلًا، يأتون عبرهم إلى هنا.
upstreams-none = لا يوجد أي مزوّد. يسجّل الناس الدخول بما لديهم هنا.
upstream-new = مزوّد جديد
upstream-change = تغيير
upstream-change-title = تغيير { $name }
upstream-test = جرّبه
upstream-facts = هنا
upstream-settings = الإعدادات
upstream-callback = العنوان الذي يُسجَّل عند المزوّد
upstream-has-secret = سرّ العميل محفوظ
upstream-updated = آخر تغيير
upstream-yes = نعم
upstream-no = لا
upstream-on = مفعّل
upstream-off = معطّل
upstream-form-words = ما إن يُفعَّل حتى يأتي الناس عبره. ولا يُعتدّ بما يقوله عنهم إلا بقدر ما تحدّده هنا.
upstream-keep = حفظ
upstream-cannot = لا يمكن هذا: { $why }
upstream-unread = تتعذّر قراءة «{ $field }».
upstream-exists = يوجد مزوّد بهذا الاسم.
upstream-outdated = غيّر أحدهم هذا المزوّد في هذه الأثناء. انظر إليه مجددًا قبل أن تتابع.
upstream-each-line = كل واحد في سطر.
upstream-empty-all = كل واحد في سطر؛ وإن كان فارغًا فلا حدّ.
upstream-id = الاسم القصير
upstream-id-hint = جزء من العنوان الذي يُسجَّل عند المزوّد، ولا يتغيّر أبدًا.
upstream-display-name = الاسم على الزر
upstream-issuer = المُصدِر
upstream-issuer-hint = حرفًا بحرف كما في بيانات المزوّد: https://idp.example.com
upstream-client-id = معرّف العميل
upstream-client-authentication = كيف يُعرض السرّ
upstream-secret-basic = في الترويسة (client_secret_basic)
upstream-secret-post = في المتن (client_secret_post)
upstream-secret-none = لا سرّ هناك
upstream-client-secret = سرّ العميل
upstream-client-secret-hint = ما أعطاه المزوّد. يُختم ولا يُعرض بعدها أبدًا.
upstream-client-secret-kept = إن كان فارغًا بقي المحفوظ. ولا يُعرض أبدًا.
upstream-enabled = مفعّل: يمكن للناس أن يأتوا عبره
upstream-usage = الغرض منه
upstream-usage-login = تسجيل الدخول والربط
upstream-usage-link = الربط وحده
upstream-scopes = النطاقات المطلوبة
upstream-algorithms = خوارزميات رموز الهوية
upstream-algorithms-hint = كل واحدة في سطر: RS256 وES256 وما شابههما.
upstream-domains = نطاقات البريد التي موطنها هناك
upstream-domains-hint = من يكتب عنوانًا كهذا يُرسل إلى هناك. كل نطاق في سطر.
upstream-email-trust = هل يُعتدّ بقوله إن العنوان مؤكَّد
upstream-email-never = أبدًا
upstream-email-if-true = حيث يقول ذلك
upstream-email-domains-only = حيث يقول ذلك، للنطاقات أدناه
upstream-email-domains = النطاقات التي يُعتدّ فيها بقوله
upstream-link-verified-email = الربط بالحساب ذي العنوان نفسه إن أكّده الطرفان
upstream-create-accounts = إنشاء حساب لمن لا حساب له
upstream-create-domains = للعناوين المؤكَّدة في هذه النطاقات فقط
upstream-create-groups = لأعضاء هذه المجموعات لدى المزوّد فقط
upstream-attributes = السمات
upstream-attributes-hint = كل واحدة في سطر: سمة = تعبير. إن كان فارغًا فكما يقول المزوّد.
upstream-groups = مجموعات المزوّد
upstream-groups-hint = تعبير: claims.groups
upstream-group-map = أي مجموعاته تقابل أي مجموعاتنا
upstream-group-map-hint = كل واحدة في سطر: مجموعتهم = مجموعتنا.
upstream-two-factors = عُرض هناك عاملان
upstream-two-factors-hint = تعبير: "mfa" in claims.amr
upstream-userinfo = سؤال userinfo لديه أيضًا
upstream-keep-tokens = الاحتفاظ برموزه مختومة
upstream-skew = الثواني التي قد تنحرف بها ساعته
upstream-private-authority = في شبكة خاصة: المضيف والمنفذ
upstream-private-hint = فقط حيث تسمح إعدادات الخادم بالشيء نفسه: idp.corp.example:443
upstream-private-network = في شبكة خاصة: الشبكة
upstream-private-certificates = في شبكة خاصة: من يضمنه (PEM)

upstream-test-title = تجربة { $name }
upstream-test-words = لا يسجّل هذا دخول أحد ولا يغيّر شيئًا.
upstream-test-provider = اسأل المزوّد
upstream-test-provider-words = هل يجيب، وماذا يقول عمّن يسجّل الدخول هناك.
upstream-test-provider-do = اسأل
upstream-test-answers = المزوّد يجيب
upstream-test-keys = مفاتيحه:
upstream-test-there = سجّل الدخول هناك في لسان آخر، ثم انظر هنا ماذا عاد. يُحفظ عشر دقائق.
upstream-test-go = تسجيل الدخول هناك
upstream-test-look = ماذا عاد؟
upstream-test-waits = لم يعد أحد بعد. أعد تحميل هذه الصفحة بعد أن تسجّل الدخول هناك.
upstream-test-over = انتهت هذه التجربة. اسأل المزوّد من جديد.
upstream-test-away = لا يمكن سؤال المزوّد: { $why }
upstream-test-made = ما يُستخلص منه
upstream-test-received = السمات الواردة
upstream-test-verified = يُعدّ العنوان مؤكَّدًا
upstream-test-two-factors = يُعدّ العاملان معروضين
upstream-test-their-groups = مجموعات المزوّد
upstream-test-groups = المجموعات هنا
upstream-test-claims-title = أو اكتب السمات
upstream-test-claims = السمات بصيغة JSON
upstream-test-claims-do = ماذا يُستخلص منها؟
upstream-test-claims-bad = هذه ليست سمات: { $why }
