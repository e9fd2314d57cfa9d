# الرسائل: نص عادي، وما يُدرج فيه يأتي بلا علامات حوله.

mail-hello = مرحبًا،
mail-once = إن كنت أنت فافتح هذه الصفحة واضغط الزر. يعمل الرابط مرة واحدة ولمدة { $span }:
mail-verify-subject = أكّد عنوان بريدك
mail-verify-words = يريد شخص ما، لعله أنت، استخدام هذا العنوان مع حساب في { $issuer }.
mail-verify-else = إن لم تكن أنت فلا تفعل شيئًا: لا يُستخدم العنوان من دون الرابط.
mail-recover-subject = استعادة الدخول إلى حسابك
mail-recover-words = يريد شخص ما، لعله أنت، استعادة الدخول إلى حسابك في { $issuer }.
mail-recover-else = إن لم تكن أنت فلا تفعل شيئًا: لا يتغير شيء من دون الرابط.
mail-linked-subject = رُبط حساب بحسابك
mail-linked-words = رُبط { $provider } بحسابك في { $issuer }: من يسجّل الدخول هناك كما هو مبيّن أدناه يدخل إليه الآن.
mail-linked-undo = إن لم تكن أنت فافتح هذه الصفحة خلال { $span } واضغط الزر. يفصل ذلك { $provider } ويسجّل خروجك من كل مكان:
mail-unlinked-subject = فُصل حساب عن حسابك
mail-unlinked-words = فُصل { $provider } عن حسابك في { $issuer }: لم يعد أحد يدخل إليه بتسجيل الدخول هناك.
mail-unlinked-else = إن لم تكن أنت فغيّر طريقة تسجيل دخولك:
mail-was-you = إن كنت أنت فلا حاجة إلى فعل شيء.
mail-account = الحساب: { $account }
mail-there = لدى { $provider }: { $display }
mail-when = متى: { $when }
mail-where = أين: { $where }
