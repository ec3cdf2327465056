"""Every sentence that the engine, our own probers and the stages of sending write, as an English template beside its
Russian one; read by incidents/phrases.py. A test holds it against their source and against all scenarios.

`{name}` and its like are explained there. The first template that fits counts.
"""

from __future__ import annotations

WORDS: dict[str, dict[str, str]] = {
    "source": {
        "probe": "проба",
        "call": "звонок",
        "traffic": "трафик",
        "counter": "счётчик",
        "gap": "пропуск",
        "money": "деньги",
        "request": "обращение",
        "prober": "пробник",
        "segment": "сегмент",
        "person": "человек",
        "edge": "узел",
    },
    "whom": {
        "customer": "клиент",
        "edge": "узел",
        "origin": "источник",
        "control": "управление",
        "support_line": "линия поддержки",
    },
    "kind": {"technical": "техническое", "billing": "о счёте", "question": "вопрос"},
    "action": {
        "pause": "приостановлен",
        "decommission": "выведен из работы",
        "resume": "снова в работе",
        "add": "добавлен",
    },
    "state": {
        "received": "пришёл",
        "empty": "пришёл пустым",
        "damaged": "пришёл повреждённым",
        "quarantined": "отложен как повреждённый",
    },
    "audience": {"queue": "очередь задач", "on_call": "дежурный", "company": "все", "client": "клиент"},
    "loss": {
        "missing": "не пришло",
        "damaged": "повреждено",
        "sequence": "пропущены номера",
        "counter": "меньше, чем насчитал узел",
    },
    "phase": {
        "connect": "соединение",
        "name lookup": "поиск имени",
        "TLS handshake": "установка TLS",
        "answer": "ответ",
        "body": "тело ответа",
    },
}
"""Words that fill a hole of their own kind."""

_AROUND: tuple[tuple[str, str], ...] = (
    ("{said}; the next message is at {at}", "{said}; следующее сообщение — {at}"),
    (
        "to be told before he finds out himself: {said}",
        "сообщить клиенту прежде, чем он заметит сам: {said}",
    ),
    ("not acknowledged: {said}", "никто не принял: {said}"),
    ("still not acknowledged: {said}", "всё ещё никто не принял: {said}"),
    ("not resolved: {said}", "не решено: {said}"),
    ("notice {name} reached nobody: {said}", "уведомление {name} ни до кого не дошло: {said}"),
    (
        "not verified within {minutes}, so the worst is assumed: {said}",
        "не проверено за {minutes}, поэтому считаем худшее: {said}",
    ),
    ("muted, planned work ({text}): {said}", "без оповещений, плановые работы ({text}): {said}"),
    ("muted, planned work: {said}", "без оповещений, плановые работы: {said}"),
    ("muted, the edge's {action}: {said}", "без оповещений, узел {action}: {said}"),
    (
        "fine since {at} and closes at {at1} if it stays so: {said}",
        "всё в порядке с {at}, закроется в {at1}, если так и останется: {said}",
    ),
    (
        "fine since {at} and is lowered at {at1} if it stays so: {said}",
        "всё в порядке с {at}, срочность будет снижена в {at1}, если так и останется: {said}",
    ),
    ("fine since {at}: {said}", "всё в порядке с {at}: {said}"),
    ("it is back (flap {n}): {said}", "вернулось (повтор {n}): {said}"),
    ("it stands for itself again: {said}", "снова само по себе: {said}"),
    (
        "{name} resolved {name1}, which it hung below: {said}",
        "{name}: инцидент {name1}, в который это входило, закрыт: {said}",
    ),
    ("it resumes: {said}", "снова в работе: {said}"),
    ("it waits, clients first: {said}", "ждёт, сначала клиенты: {said}"),
    ("it goes beyond the plan, and all is fine so far", "вышло за рамки плана, пока всё в порядке"),
    ("it goes beyond the plan: {said}", "выходит за рамки плана: {said}"),
    (
        "the planned work is over, and all is fine so far",
        "плановые работы закончились, пока всё в порядке",
    ),
    ("the planned work is over: {said}", "плановые работы закончились: {said}"),
    ("nothing shows that it is fine", "ничто не показывает, что всё в порядке"),
    ("verified, the clients are served: {said}", "проверено, клиенты обслуживаются: {said}"),
    ("probes are fine", "пробы проходят"),
    ("note: {text}", "заметка: {text}"),
    (
        "{name} has it; reminders to {name} stop, nothing else does",
        "взял(а) {name}; напоминания для {name} прекращены, остальное идёт своим чередом",
    ),
    ("resolved by {name}", "закрыто, {name}"),
    ("request {name} is solved: {text}", "обращение {name} решено: {text}"),
    ("request {name} is solved", "обращение {name} решено"),
    ("lost for good: {text}", "потеряно навсегда: {text}"),
    (
        "all that was lost has come: the task closes by itself",
        "всё недостающее пришло: задача закрывается сама",
    ),
    (
        "{minutes} of fresh evidence that all is well, since {at}",
        "уже {minutes} свежие данные показывают, что всё в порядке, с {at}",
    ),
)

_CLIENTS: tuple[tuple[str, str], ...] = (
    ("probes of edge {name} fail", "пробы узла {name} не проходят"),
    ("a probe of edge {name} fails", "одна из проб узла {name} не проходит"),
    ("its traffic has fallen to zero", "его трафик упал до нуля"),
    ("a surge of errors at edge {name}", "всплеск ошибок на узле {name}"),
    (
        "errors at edge {name} burn {times} what the objective allows, over {n2} h",
        "ошибок на узле {name} в {times} больше, чем допускает цель, за {n2} ч",
    ),
    (
        "errors of {name} at every edge burn {times} what the objective allows, over {n2} h",
        "ошибок у клиента {name} на всех узлах в {times} больше, чем допускает цель, за {n2} ч",
    ),
    ("its neighbours carry the clients", "клиентов обслуживают соседние узлы"),
    ("its neighbours do not carry the clients", "соседние узлы клиентов не обслуживают"),
    (
        "nothing shows that its neighbours carry the clients: probe them at once",
        "ничто не показывает, что клиентов обслуживают соседние узлы: проверьте их немедленно",
    ),
    ("probes of {name} fail", "пробы клиента {name} не проходят"),
    ("a probe of {name} fails, most are fine", "одна из проб клиента {name} не проходит, большинство — да"),
    ("a probe of {name} fails", "одна из проб клиента {name} не проходит"),
    (
        "only the origin of {name} fails, our probe is fine: the client is warned first",
        "отказывает только источник клиента {name}, наша проба проходит: сначала предупреждаем клиента",
    ),
    (
        "{name} gets errors at every edge, and the cause is not shown to be his origin",
        "клиент {name} получает ошибки на всех узлах, и не видно, чтобы причиной был его источник",
    ),
    (
        "{name} gets errors at the one edge that serves him, others there do not",
        "клиент {name} получает ошибки на единственном узле, который его обслуживает, другие клиенты там — нет",
    ),
    (
        "the traffic of {name} has fallen, our probe is fine: the client is told, no loss",
        "трафик клиента {name} упал, наша проба проходит: сообщаем клиенту, потерь нет",
    ),
    (
        "the traffic of {name} has fallen and no probe tells why: probe {name} at once",
        "трафик клиента {name} упал, и ни одна проба не говорит почему: проверьте {name} немедленно",
    ),
    ("the traffic of {name} has fallen", "трафик клиента {name} упал"),
    ("the origin {name} fails, our probe is fine", "источник {name} отказывает, наша проба проходит"),
    ("the origin {name} fails", "источник {name} отказывает"),
    ("a {kind} request of {name}", "обращение клиента {name} ({kind})"),
    (
        "{name} reports a technical problem: probe {name} at once",
        "клиент {name} сообщает о неполадке: проверьте {name} немедленно",
    ),
    ("{name} reports a technical problem", "клиент {name} сообщает о неполадке"),
    ("it hangs below {name}, clients first", "входит в {name}, сначала клиенты"),
    ("it hangs below {name}", "входит в {name}"),
)

_OURS: tuple[tuple[str, str], ...] = (
    ("logs of edge {name} are lost", "журналы узла {name} теряются"),
    ("the clients are served", "клиенты обслуживаются"),
    (
        "the watch was away from {at} to {at1}: probe the clients at once, silence is raised at {at2}",
        "надзора не было с {at} до {at1}: проверьте клиентов немедленно, молчание станет тревогой в {at2}",
    ),
    (
        "the watch was away from {at}: probe the clients at once",
        "надзора не было с {at}: проверьте клиентов немедленно",
    ),
    (
        "logs of edge {name} are lost, nothing fresh shows that the clients are served: probe them at once",
        "журналы узла {name} теряются, ничто свежее не показывает, что клиенты обслуживаются: проверьте немедленно",
    ),
    (
        "nothing fresh shows that the clients of edge {name} are served",
        "ничто свежее не показывает, что клиенты узла {name} обслуживаются",
    ),
    ("nothing fresh shows that {name} is served", "ничто свежее не показывает, что {name} обслуживается"),
    (
        "logs of edge {name} are lost and its counter stands still, though probes are fine",
        "журналы узла {name} теряются, и его счётчик стоит, хотя пробы проходят",
    ),
    (
        "prober {name} fails for all of its targets while another sees them healthy: it is the suspect",
        "у пробника {name} не проходит ничего, а другой видит то же исправным: под подозрением он сам",
    ),
    (
        "prober {name} is silent: what it watched is unknown",
        "пробник {name} молчит: о том, за чем он следил, ничего не известно",
    ),
    (
        "a test call to the support line fails: clients cannot reach us",
        "проверочный звонок на линию поддержки не прошёл: клиенты не могут нам дозвониться",
    ),
    (
        "the clock of edge {name} is wrong: lines are counted in their segment's minute",
        "часы узла {name} неверны: строки считаются в минуту своего сегмента",
    ),
    ("{name} is silent: states are unknown", "молчит {name}: что происходит, неизвестно"),
    ("{name} fails: states are unknown", "не работает {name}: что происходит, неизвестно"),
)

_EVIDENCE: tuple[tuple[str, str], ...] = (
    ("{name}: {whom} is fine", "{name}: {whom}, всё в порядке"),
    ("{name}: {whom} fails {said}", "{name}: {whom}, не проходит: {said}"),
    ("{name}: {whom} fails", "{name}: {whom}, не проходит"),
    ("{whom} fine from {name}: {said}", "{whom}, всё в порядке, смотрит {name}: {said}"),
    ("{whom} fine from {name}", "{whom}, всё в порядке, смотрит {name}"),
    ("{whom} failing from {name}: {said}", "{whom}, не проходит, смотрит {name}: {said}"),
    ("{whom} failing from {name}", "{whom}, не проходит, смотрит {name}"),
    ("{name}: last heard of", "{name}: последнее, что от него пришло"),
    (
        "{n} of {n1} requests fail ({n2} %), {n3} at the origin",
        "{n} из {n1} запросов с ошибкой ({n2} %), из них у источника {n3}",
    ),
    ("{n} of {n1} requests fail ({n2} %)", "{n} из {n1} запросов с ошибкой ({n2} %)"),
    ("{requests} a minute, {n1} are usual", "{requests} в минуту, обычно {n1}"),
    (
        "edge {name}: {requests} of {name1}, {n} failed, {n1} at the origin",
        "узел {name}: {requests} клиента {name1}, с ошибкой {n}, из них у источника {n1}",
    ),
    (
        "edge {name}: {requests}, {n} failed, {n1} at the origin",
        "узел {name}: {requests}, с ошибкой {n}, из них у источника {n1}",
    ),
    (
        "edge {name}: {requests} of {name1}, {n} failed",
        "узел {name}: {requests} клиента {name1}, с ошибкой {n}",
    ),
    ("edge {name}: {requests}, {n} failed", "узел {name}: {requests}, с ошибкой {n}"),
    ("edge {name}: {requests} counted since its start", "узел {name}: {requests} насчитано с его запуска"),
    ("edge {name}: {at} {state}", "узел {name}: сегмент {at} {state}"),
    ("edge {name}: {loss}, {at} to {at1}", "узел {name}: {loss}, с {at} до {at1}"),
    ("edge {name}: came, {at} to {at1}", "узел {name}: пришло, с {at} до {at1}"),
    ("edge {name}: {action}", "узел {name} {action}"),
    ("no requests since the reading before", "с прошлого показания ни одного запроса"),
    ("a minute that is right", "верная минута"),
    ("a minute {minutes} ahead of its arrival", "минута, которая на {minutes} впереди своего прихода"),
    ("{loss}: {at} to {at1}, stream {name}", "{loss}: с {at} до {at1}, поток {name}"),
    ("{loss}: {at} to {at1}", "{loss}: с {at} до {at1}"),
    ("and {spans} more", "и ещё {spans}"),
    ("and {n} more spans", "и ещё промежутков: {n}"),  # in logs of before
    ("still lost: {minutes} of {n}", "ещё не вернули {minutes} из {n}"),
    ("{minutes} are lost, {n} were before", "потеряли {minutes}, раньше было {n}"),  # in logs of before
    (
        "{n} a minute ({n1} to {n2}); {n3} for {minutes} ({n5} to {n6})",
        "{n} в минуту (от {n1} до {n2}); {n3} за {minutes} (от {n5} до {n6})",
    ),
    ("hits {name} and {n} more", "затрагивает {name} и ещё {n}"),
    ("hits {name}", "затрагивает {name}"),
    (
        "{name} (billing): heading for {n} {currency} this month, usually {n1}; under the best plan {n2}. Tell the "
        "client before he finds out himself: prebill spikes --letters",
        "{name} (о счёте): идёт к {n}\u00a0{currency} за этот месяц, обычно {n1}; по лучшему тарифу {n2}. Сообщите "
        "клиенту прежде, чем он заметит сам: prebill spikes --letters",
    ),
    ("{name} ({kind}): {text}", "{name} ({kind}): {text}"),
    ("{name} ({kind})", "{name} ({kind})"),
)

_PROBERS: tuple[tuple[str, str], ...] = (
    ("connection refused", "в соединении отказано"),
    ("connection reset", "соединение сброшено"),
    ("connection closed before the answer's end", "соединение закрыто до конца ответа"),
    ("connection closed without {name}", "соединение закрыто, нет {name}"),
    ("connection closed", "соединение закрыто"),
    ("host unreachable", "адрес недоступен"),
    ("network unreachable", "сеть недоступна"),
    ("no answer in {n} s", "нет ответа за {n} с"),
    ("{phase} timeout", "{phase}: время вышло"),
    ("waiting for {name} timeout", "не дождались {name}"),
    ("timeout", "время вышло"),
    ("not permitted on this machine", "на этой машине не разрешено"),
    ("too many open files on this machine", "на этой машине открыто слишком много файлов"),
    ("name not found", "имя не найдено"),
    ("no name", "нет имени"),
    ("name servers do not answer", "серверы имён не отвечают"),
    ("name servers fail", "серверы имён отказывают"),
    ("certificate not valid yet", "сертификат ещё не действует"),
    ("certificate expired", "сертификат истёк"),
    ("certificate expires in less than a day", "сертификат истекает меньше чем через день"),
    ("certificate expires in {days}", "сертификат истекает через {days}"),
    ("certificate is self-signed", "сертификат подписан сам собой"),
    (
        "certificate is signed by an unknown authority",
        "сертификат подписан неизвестным удостоверяющим центром",
    ),
    ("certificate is for another host", "сертификат для другого имени"),
    ("certificate is for another address", "сертификат для другого адреса"),
    ("certificate: {text}", "сертификат: {text}"),
    ("no TLS is spoken there", "там не говорят по TLS"),
    ("what was answered is not HTTP", "ответ — не HTTP"),
    ("more than {n} redirects", "перенаправлений больше {n}"),
    ("body without {name}", "в ответе нет {name}"),
    ("status {n}, expected {name}", "код {n}, ожидался {name}"),
    ("status {n}", "код {n}"),
    ("took {n} ms, at most {n1} expected", "заняло {n} мс, ожидалось не больше {n1}"),
    ("answered {name} for {name1}", "ответ {name} на {name1}"),
    ("answered {name}, expected {name1}", "ответ {name}, ожидалось {name1}"),
    ("no {name} record for {name1}", "нет записи {name} для {name1}"),
    ("{name} is not in the first {n} KiB", "{name} нет в первых {n} КиБ"),
    ("leads to {name}, which probes do not touch", "ведёт на {name}, куда пробы не ходят"),
    ("failed by module {name}, status {n}", "не пройдено по модулю {name}, код {n}"),
    ("failed by module {name}", "не пройдено по модулю {name}"),
    ("the thread of {name} ended", "поток {name} закончился"),
    ("stuck for {n} s", "стоит уже {n} с"),
    ("it works again", "снова работает"),
    ("{name}: {known}", "{name}: {known}"),
)

_SENDING: tuple[tuple[str, str], ...] = (
    ("nobody to tell: {audience}, level {n}", "сообщить некому: {audience}, уровень {n}"),
    ("nobody to tell: {audience}", "сообщить некому: {audience}"),
    ("it was over before it could be told", "закончилось прежде, чем удалось сообщить"),
    ("a newer one says how it stands", "как обстоят дела, говорит более новое"),
    ("the letter about {name} says it", "об этом говорит письмо про {name}"),
    ("{name} never heard of the beginning", "{name} не знает и о начале"),
    ("acknowledged by {name}", "{name} уже принял(а)"),
    ("planned work: {text}", "плановые работы: {text}"),
    ("planned work", "плановые работы"),
    ("reached by {name}", "уже дошло через {name}"),
    ("there is no channel {name}", "нет канала {name}"),
    ("the environment variable {name} is not set", "переменная окружения {name} не задана"),
    ("the address cannot be used: {text}", "адрес не годится: {text}"),
    ("no answer in time", "нет ответа вовремя"),
    ("its certificate is not trusted: {text}", "сертификату нет доверия: {text}"),
    ("no proper answer: {text}", "ответ не по форме: {text}"),
    ("status {n}: {text}", "код {n}: {text}"),
    ("the channel broke: {text}", "канал сломался: {text}"),
    ("apprise refused it: {text}", "apprise не берётся: {text}"),
    ("not accepted", "не принято"),
    ("cannot be written: {text}", "не записать: {text}"),
    ("only a part could be written", "удалось записать только часть"),
)
"""Why a delivery came to what it came to."""

PHRASES: tuple[tuple[str, str], ...] = (
    *_AROUND,
    *_CLIENTS,
    *_OURS,
    *_EVIDENCE,
    *_SENDING,
    *_PROBERS,
    ("{known} at {at}", "{known} в {at}"),
)
"""English and Russian, in the order in which they are tried."""
