# الموافقة وتسجيل الخروج.

consent-title = هل تسمح لتطبيق { $application } باستخدام حسابك؟
consent-resource = الغرض هو { $resource }.
consent-gets = يحصل التطبيق على
consent-optional = فقط إذا أردت
consent-for = يجوز له استخدام ذلك لمدة { $span }، ثم عليه أن يسأل من جديد.
consent-until-withdrawn = يجوز له استخدام ذلك حتى تسحب موافقتك، وفي غيابك أيضًا.
consent-allow = أسمح
consent-deny = لا أسمح
consent-withdraw = يمكنك سحب ذلك في أي وقت من حسابك:
consent-withdraw-link = التطبيقات المتصلة
consent-refused-title = لا يُسمح لـ{ $application } باستخدام حسابك
consent-refused-words = قواعد هذا المكان لا تسمح بذلك: { $reason }.
consent-refused-back = العودة إلى { $application }

scope-openid = هويتك: اسم لا يخبره إلا بأنك الشخص نفسه
scope-profile = اسمك وما في ملفك الشخصي
scope-email = بريدك الإلكتروني
scope-phone = رقم هاتفك
scope-address = عنوانك البريدي
scope-groups = المجموعات التي تنتمي إليها
scope-offline-access = الوصول في غيابك
scope-svid = إثبات هويتك للخدمات من هذا الجهاز (SVID)

logout-title = هل تريد تسجيل الخروج؟
logout-asked = يسأل { $application } هل تريد تسجيل الخروج. ستُخبَر كل التطبيقات التي تستخدمها هنا.
logout-words = ستُخبَر كل التطبيقات التي تستخدمها هنا.
logout-yes = تسجيل الخروج
logout-no = ابق مسجّلًا

signedout-title = تم تسجيل خروجك
signedout-words = أُخبرت التطبيقات التي استخدمتها هنا. على جهاز مشترك أغلق المتصفح أيضًا.
signedout-again = سجّل الدخول مرة أخرى
