# ما يُعرف عن الأجهزة.

level-unknown = غير معروف
level-quarantine = حجر
level-restricted = مقيّد
level-standard = اعتيادي
level-trusted = موثوق
place-waiting = بانتظار الموافقة
device-waits = سجّل صاحبه الدخول وطلبه. لا يحصل على شيء حتى يوافق عليه أحدهم.
place-contained = محتوى
place-locked = مقفل
place-retired = خارج الخدمة

why-good = كما ينبغي
why-failing = ليس كما ينبغي
why-weak = سليم بحسب قول الجهاز نفسه
why-stale = لم يُؤكَّد منذ مدة
why-unknown = لا يُعرف شيء

class-self-reported = بقول من يستخدمه
class-bearer-agent = بقول وكيله
class-service = بقول خدمة
class-signed-agent = بقول وكيله موقّعًا في العتاد
class-platform-attested = بشهادة صانعه
class-hardware-attested = بشهادة عتاده نفسه

signal-secure-boot = الإقلاع الآمن
signal-disk-encryption = تشفير القرص
signal-security-updates = تحديثات الأمان
signal-reboot-pending = إعادة التشغيل بعد التحديث
signal-kernel-age = عمر النواة
signal-os-supported = نظام مدعوم
signal-endpoint-protection = حماية الجهاز
signal-firewall = الجدار الناري
signal-mandatory-access = AppArmor أو SELinux
signal-kernel-lockdown = إغلاق النواة
signal-screen-lock = قفل الشاشة
signal-vulnerable-software = برامج فيها ثغرات
signal-ssh = الوصول عن بعد عبر SSH
signal-kernel-settings = إعدادات النواة
signal-listening-services = خدمات تنصت
signal-agent-integrity = الوكيل نفسه

fix-secure-boot = شغّل الإقلاع الآمن في إعدادات البرنامج الثابت للجهاز.
fix-disk-encryption = شفّر القرص الذي عليه النظام. في معظم التوزيعات يعني ذلك تثبيته من جديد مع اختيار التشفير: احفظ بياناتك أولًا.
fix-security-updates = ثبّت التحديثات المنتظرة.
fix-reboot-pending = أعد التشغيل: تحديثات مثبّتة تنتظر ذلك.
fix-kernel-age = ثبّت أحدث نواة في توزيعتك ثم أعد التشغيل.
fix-os-supported = انتقل إلى إصدار ما زال يحصل على تحديثات الأمان.
fix-endpoint-protection = ثبّت حماية الأجهزة الخاصة بمؤسستك وشغّلها.
fix-firewall = شغّل جدارًا ناريًا.
fix-mandatory-access = شغّل AppArmor أو SELinux واجعله مُلزمًا.
fix-kernel-lockdown = شغّل النواة في وضع الإغلاق. مع الإقلاع الآمن تفعل معظم التوزيعات ذلك من نفسها.
fix-screen-lock = اجعل الشاشة تُقفل بعد بضع دقائق.
fix-ssh = لا تسمح لأحد بالدخول عبر SSH بحساب root أو بكلمة مرور.
fix-kernel-settings = اضبط ما هو مذكور هنا كما يريده النموذج.
fix-listening-services = أوقف الخدمات التي لا يستخدمها أحد، أو اجعلها تنصت على هذا الجهاز وحده.

gate-disk-not-encrypted = القرص غير مشفّر
gate-os-unsupported = النظام لم يعد يحصل على تحديثات الأمان
gate-secure-boot-off = الإقلاع الآمن متوقف
gate-no-endpoint-protection = لا توجد حماية للجهاز
gate-known-exploited = برامج عليه تتعرض للهجوم في أماكن أخرى
