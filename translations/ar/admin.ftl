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
