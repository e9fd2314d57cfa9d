# حساب المرء نفسه.

account-title = حسابك
account-hello = مرحبًا، { $name }
account-lead = كيف تسجّل الدخول، وأين سجّلته، ومن يحصل على ماذا.
account-nav = صفحات حسابك
account-sign-out = تسجيل الخروج

tab-overview = نظرة عامة
tab-sessions = الجلسات
tab-devices = الأجهزة
tab-passkeys = مفاتيح المرور
tab-password = كلمة المرور
tab-authenticator = تطبيق المصادقة
tab-recovery-codes = رموز الاسترداد
tab-providers = الحسابات المرتبطة
tab-applications = التطبيقات
tab-history = السجل
tab-data = اللغة والبيانات

card-passkeys = { $n ->
    [0] ليس لديك أي مفتاح بعد. به تسجّل الدخول ببصمتك أو وجهك أو رقمك السري.
    [one] لديك مفتاح مرور واحد.
    [two] لديك مفتاحا مرور.
    [few] لديك { $n } مفاتيح مرور.
   *[other] لديك { $n } مفتاح مرور.
}
card-password = اختر كلمة جديدة متى شئت.
card-authenticator = رموز من تطبيق على هاتفك، خطوةً ثانية بعد كلمة المرور.
card-recovery-codes = { $n ->
    [0] ليس لديك أي رمز. بها تدخل عندما يضيع كل شيء آخر.
    [one] بقي رمز واحد.
    [two] بقي رمزان.
    [few] بقيت { $n } رموز.
   *[other] بقي { $n } رمزًا.
}
card-sessions = { $n ->
    [one] سجّلت الدخول على جهاز واحد.
    [two] سجّلت الدخول على جهازين.
    [few] سجّلت الدخول على { $n } أجهزة.
   *[other] سجّلت الدخول على { $n } جهازًا.
}
card-devices = { $n ->
    [0] لا جهاز لك هنا.
    [one] لك جهاز واحد: حالته وما ينبغي إصلاحه.
    [two] لك جهازان: حالتهما وما ينبغي إصلاحه.
    [few] لك { $n } أجهزة: حالتها وما ينبغي إصلاحه.
   *[other] لك { $n } جهازًا: حالتها وما ينبغي إصلاحه.
}
card-providers = { $n ->
    [0] لا حساب مرتبطًا في مكان آخر.
    [one] هناك حساب واحد مرتبط في مكان آخر.
    [two] هناك حسابان مرتبطان في مكان آخر.
    [few] هناك { $n } حسابات مرتبطة في أماكن أخرى.
   *[other] هناك { $n } حسابًا مرتبطًا في أماكن أخرى.
}
card-applications = { $n ->
    [0] لا يصل أي تطبيق إلى حسابك.
    [one] يصل تطبيق واحد إلى حسابك.
    [two] يصل تطبيقان إلى حسابك.
    [few] تصل { $n } تطبيقات إلى حسابك.
   *[other] يصل { $n } تطبيقًا إلى حسابك.
}
card-history = ما حدث لحسابك ومتى حدث.
card-console-title = لوحة الإدارة
card-console = أدوارك هنا: { $roles }.
card-look = عرض
card-change = تغيير
card-good = مُعدّ
card-missing = غير مُعدّ

unproven-title = عنوان بريدك
unproven-badge = غير مؤكد
unproven-words = لم يؤكَّد { $address } بعد. نرسل إليك رسالة فيها رابط؛ افتحه واضغط الزر. وحتى ذلك الحين لا يمكنك تسجيل الدخول بهذا العنوان ولا استعادة حسابك بالبريد.
unproven-send = أرسل الرسالة مرة أخرى

sessions-title = أين سجّلت الدخول
sessions-lead = إذا لم تعرف إحداها فأنهها وغيّر طريقة تسجيل دخولك.
sessions-here = هذا المتصفح
sessions-since = تسجيل الدخول { $when }
sessions-used = آخر استخدام { $when }
sessions-end = تسجيل الخروج
sessions-end-this = تسجيل الخروج من { $device }
sessions-all-title = الخروج من كل مكان
sessions-all-words = ينهي كل الجلسات، وهذه أيضًا، ويخبر كل التطبيقات.
sessions-all = الخروج من كل مكان
device-unknown = جهاز غير معروف

how-password = كلمة المرور
how-totp = تطبيق المصادقة
how-passkey = مفتاح مرور
how-hardware-passkey = مفتاح أمان
how-recovery-code = رمز استرداد
how-mail = رابط بالبريد
how-upstream = مزوّد آخر

passkeys-title = مفاتيح المرور
passkeys-lead = أكثر طرق الدخول أمانًا وأسرعها. احتفظ باثنين كي لا يمنعك جهاز ضائع من الدخول.
passkeys-none = ليس لديك مفتاح مرور بعد.
passkeys-since = أُضيف { $when }
passkeys-used = آخر استخدام { $when }
passkeys-never = لم يُستخدم قط
passkeys-name = الاسم
passkeys-rename = إعادة تسمية
passkeys-remove = إزالة
passkeys-remove-this = إزالة مفتاح المرور { $name }
passkeys-add-title = أضف مفتاح مرور
passkeys-add-words = يطلب جهازك بصمتك أو وجهك أو رقمك السري. ويمكنك أيضًا استخدام هاتف أو مفتاح أمان.
passkeys-new-name = مفتاحي
passkeys-declined-title = لا عرض عند الدخول
passkeys-declined-words = عندما تدخل بكلمة المرور لا يُعرض عليك مفتاح مرور، فقد أوقفت ذلك { $when }. ويمكنك أن تضيف واحدًا أعلاه متى شئت.
passkeys-offer-again = اعرضه مرة أخرى

pw-title = كلمة المرور
pw-present = لديك كلمة مرور. عند اختيار كلمة جديدة تتوقف القديمة عن العمل.
pw-none = ليست لديك كلمة مرور، ولا تحتاج إليها مع مفتاح مرور.
pw-elsewhere = سجّل خروجي من كل مكان آخر: المتصفحات الأخرى وجميع التطبيقات

otp-title = تطبيق المصادقة
otp-lead = يعرض تطبيق على هاتفك رمزًا جديدًا كل نصف دقيقة، وتكتبه بعد كلمة المرور.
otp-none = لم يُعدّ بعد.
otp-start = إعداد
otp-scan = امسح هذا بتطبيقك
otp-picture = رمز استجابة سريعة يقرؤه تطبيق المصادقة
otp-type = أو اكتب هذا في التطبيق:
otp-code = الرمز الذي يعرضه التطبيق الآن
otp-confirm = تأكيد
otp-on = مُعدّ
otp-remove = إزالة

codes-title = رموز الاسترداد
codes-lead = اطبعها أو اكتبها. يُدخلك كل منها مرة واحدة مع كلمة مرورك عندما تضيع أجهزتك.
codes-left = { $n ->
    [0] ليس لديك أي رمز.
    [one] بقي رمز واحد.
    [two] بقي رمزان.
    [few] بقيت { $n } رموز.
   *[other] بقي { $n } رمزًا.
}
codes-make = أنشئ رموزًا جديدة
codes-old = تتوقف الرموز التي لديك عن العمل عند إنشاء رموز جديدة.
codes-new = رموزك الجديدة
codes-keep = تُعرض هذه المرة فقط. احفظها حيث لا ينظر أحد غيرك.
codes-kept = لقد حفظتها

providers-title = الحسابات المرتبطة
providers-lead = بهذه أيضًا يمكنك تسجيل الدخول هنا.
providers-none = لا شيء مرتبط.
providers-since = رُبط { $when }
providers-unlink = فك الربط
providers-unlink-this = فك الربط مع { $provider }
providers-add = اربط حسابًا آخر

apps-title = التطبيقات المتصلة
apps-lead = ما سمحت به. اسحبه متى شئت، ويُقطع التطبيق في الحال.
apps-none = لا يصل أي تطبيق إلى حسابك.
apps-since = سُمح به { $when }
apps-used = آخر استخدام { $when }
apps-withdraw = سحب
apps-withdraw-this = سحب ما يحصل عليه { $application }

history-title = السجل
history-lead = ما حدث لحسابك. إذا كان هناك ما لم تفعله فاخرج من كل مكان وغيّر طريقة تسجيل دخولك.
history-none = لا شيء بعد.
fact-signed-in = تسجيل دخول
fact-refused = رُفض تسجيل دخول
fact-signed-out = تسجيل خروج
fact-passkey = تغيّر مفتاح مرور
fact-device = أُضيف جهاز
fact-passkey-declined = أُوقف عرض مفتاح المرور
fact-passkey-offered-again = أُعيد عرض مفتاح المرور
fact-password = تغيّرت كلمة المرور
fact-authenticator = تغيّر تطبيق المصادقة
fact-recovery-codes = تغيّرت رموز الاسترداد
fact-link = تغيّر حساب مرتبط
fact-application = مُنح تطبيق حق الوصول أو حُرم منه
fact-account = تغيّر الحساب
fact-other = شيء آخر: { $kind }

data-title = اللغة والبيانات
data-lead = لغة الرسائل والصفحات، ونسخة مما يُحفظ عنك، وطريق الخروج.
data-language-title = اللغة
data-language-words = للرسائل، وللصفحات التي لم تختر لها لغة أخرى.
data-language-label = اللغة المفضلة
data-language-save = حفظ
data-export-title = نسخة من بياناتك
data-export-words = كل ما يُحفظ عنك في ملف واحد تقرؤه البرامج.
data-export = تنزيل
data-delete-title = حذف الحساب
data-delete-words = يُمحى اسمك وعناوينك وكل ما تسجّل به الدخول إلى الأبد. لا يستطيع أحد إعادتها.
data-delete-open = احذف حسابي
delete-title = هل تريد حذف حسابك؟
delete-sure = أعلم أنه لا يمكن التراجع عن ذلك
delete-do = احذف حسابي نهائيًا
delete-keep = أبقه

done-saved = تم الحفظ.
done-retired = الجهاز خارج الخدمة.
done-session = انتهت تلك الجلسة.
done-passkey-added = أُضيف مفتاح المرور.
done-removed = تمت الإزالة.
done-withdrawn = سُحب الإذن وقُطع التطبيق.
done-confirmed = أُعدّ تطبيق المصادقة.
done-linked = تم الربط. يمكنك الآن تسجيل الدخول به.
done-letter-sent = الرسالة في طريقها إليك، ورابطها صالح ليوم واحد. لم تجدها؟ انظر في البريد غير المرغوب فيه.
account-wrong-last = هذه طريقتك الوحيدة لتسجيل الدخول. أضف طريقة أخرى أولًا.
account-wrong-code = هذا الرمز غير صحيح. انتظر الرمز التالي وحاول مرة أخرى.
account-wrong-passkey = تعذّرت إضافة مفتاح المرور. حاول مرة أخرى.
account-wrong-repeated = الكلمتان غير متطابقتين.
account-wrong-password = كلمة المرور هذه لا تفي بالقواعد: قصيرة جدًا، أو في قائمة كلمات مسروقة.
account-wrong-sure = ضع علامة في المربع إذا كنت متأكدًا.
account-wrong-limited = كانت المحاولات كثيرة. انتظر قليلًا.

devices-title = أجهزتك
devices-lead = حالة كل جهاز، ولماذا، وما ينبغي فعله.
devices-empty-title = لا جهاز لك بعد
devices-empty-words = الجهاز الذي هو لك يقول هنا كيف حاله، وما تحصل عليه منه يتبع ذلك. قل هذا على الجهاز وسجّل الدخول:
devices-put-out = قفله أحدهم: لا يحصل على شيء حتى يفتحه مدير.
devices-silent = لم يقل قط كيف حاله. على الجهاز، هذا يقوله ويستمر في قوله:
devices-fine = ليس هناك ما عليك إصلاحه.
devices-gain = + { $points } نقطة
devices-why = ما ليس كما ينبغي
devices-waits = ينتظر الموافقة: يُدخله مدير أو لا يُدخله.
devices-comes = أُدخل ولم يأت لاعتماداته بعد. قل على الجهاز:
devices-retire-title = ضاع أو بيع أو تلف؟
devices-retire-words = لا يحصل على شيء بعد ذلك، ولا يعود بهذا الاسم. لما ضاع أو بيع أو تلف.
devices-retire = أخرجه من الخدمة
devices-retire-this = أخرج هذا الجهاز من الخدمة: { $name }
data-email-title = عنوان البريد
data-email-now = هو { $address }.
data-email-none = ليس لديك عنوان.
data-email-words = نرسل رسالة إلى العنوان الجديد. يسري بعد أن تفتح رابطها في هذا المتصفح، وحتى ذلك الحين لا يتغيّر شيء.
data-email-label = العنوان الجديد
data-email-change = أرسل الرسالة
account-wrong-address = ليس هذا عنوان بريد.
