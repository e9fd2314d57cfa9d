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
fleet-empty-server = https://…

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
device-verbs = ما يمكنك فعله

credential-svid = شهادته
credential-next = شهادته التالية، لم تُستخدم بعد
credential-agent = الوكيل الذي يعمل عليه
credential-until = مدة { $span } بعد
credential-ended = انتهت { $when }

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
admin-done-locked = الجهاز مقفل.
admin-done-released = الجهاز مفتوح.
admin-done-retired = الجهاز خارج الخدمة.
