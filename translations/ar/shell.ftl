# ما تقوله كل صفحة.

shell-skip = انتقل إلى المحتوى
shell-language = لغة هذه الصفحة
shell-errors = { $n ->
    [one] هناك أمر يحتاج إلى انتباهك
    [two] هناك أمران يحتاجان إلى انتباهك
    [few] هناك { $n } أمور تحتاج إلى انتباهك
   *[other] هناك { $n } أمرًا يحتاج إلى انتباهك
}
shell-cancel = إلغاء
shell-continue = متابعة

leave-title = ننقلك إلى { $name }
leave-words = لحظة واحدة. إذا لم يحدث شيء فتابع بنفسك.
leave-go = متابعة

ago-now = الآن
ago-minutes = { $n ->
    [one] قبل دقيقة
    [two] قبل دقيقتين
    [few] قبل { $n } دقائق
   *[other] قبل { $n } دقيقة
}
ago-hours = { $n ->
    [one] قبل ساعة
    [two] قبل ساعتين
    [few] قبل { $n } ساعات
   *[other] قبل { $n } ساعة
}
ago-days = { $n ->
    [one] قبل يوم
    [two] قبل يومين
    [few] قبل { $n } أيام
   *[other] قبل { $n } يومًا
}
lasting-minutes = { $n ->
    [one] دقيقة واحدة
    [two] دقيقتان
    [few] { $n } دقائق
   *[other] { $n } دقيقة
}
lasting-hours = { $n ->
    [one] ساعة واحدة
    [two] ساعتان
    [few] { $n } ساعات
   *[other] { $n } ساعة
}
lasting-days = { $n ->
    [one] يوم واحد
    [two] يومان
    [few] { $n } أيام
   *[other] { $n } يومًا
}

failure-reference = لمن يساعدك:
failure-invalid-title = لم ينجح ذلك
failure-invalid-words = فُتحت هذه الصفحة وفيها شيء ناقص أو في غير مكانه. ارجع إلى حيث أتيت وحاول مرة أخرى.
failure-unauthenticated-title = سجّل الدخول من فضلك
failure-unauthenticated-words = لم تسجّل الدخول هنا، أو غبت لبعض الوقت. سجّل الدخول وافتح الصفحة من جديد.
failure-denied-title = لا يمكنك الدخول إلى هنا
failure-denied-words = ليس لديك إذن بذلك. إذا كنت ترى أنه ينبغي أن يكون لك، فاسأل المسؤول عن { -fabric }.
failure-not-found-title = لا شيء هنا
failure-not-found-words = ربما كُتب العنوان خطأً، أو لم يعد ما كان هنا موجودًا.
failure-method-title = هذه الصفحة لا تفعل ذلك
failure-method-words = ارجع إلى حيث أتيت وحاول مرة أخرى.
failure-conflict-title = تغيّر شيء في هذه الأثناء
failure-conflict-words = ارجع وانظر إلى الصفحة مرة أخرى، ثم أعد ما كنت تريد فعله.
failure-limited-title = لحظة من فضلك
failure-limited-words = كانت المحاولات كثيرة في وقت قصير. انتظر قليلًا ثم حاول مرة أخرى.
failure-unavailable-title = ليس الآن
failure-unavailable-words = شيء تحتاج إليه هذه الصفحة لا يجيب. حاول بعد دقيقة.
failure-bug-title = حدث خطأ
failure-bug-words = الخطأ منا وليس منك. حاول مرة أخرى، وإذا استمر فأخبر المسؤول عن { -fabric }.
failure-request-cross-site-title = جاء هذا من مكان آخر
failure-request-cross-site-words = حاولت صفحة من موقع آخر أن تتصرف باسمك فمنعناها. إذا كنت أنت من فعل ذلك فافتح الصفحة هنا وحاول مرة أخرى.
failure-signin-not-found-title = انتهى تسجيل الدخول هذا
failure-signin-not-found-words = ظل مفتوحًا مدة طويلة، أو اكتمل من قبل، أو بدأ في متصفح آخر. ارجع إلى التطبيق وابدأ من جديد.
failure-signin-moved-title = تابعت في مكان آخر
failure-signin-moved-words = تواصل تسجيل الدخول في علامة تبويب أخرى. أعد تحميل هذه الصفحة.
-fabric = هذه الخدمة
