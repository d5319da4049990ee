"""The basics of Chinese: prices, cheaper, refusals, recipients, greetings; what is left is the query."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from agent.planner.acts import EVERYTHING
from agent.planner.amounts import EXPONENTS, decimal
from agent.planner.chinese_words import in_english, known_parts
from agent.planner.covers import with_covered
from agent.planner.lexicon import lexicon
from agent.planner.refer import asked_for
from agent.planner.topic import MOST_REFUSED, fresh, join
from agent.planner.vocabulary import Vocabulary
from agent.planner.wishes import limit
from agent.schema import OFFER, Act, Conversation, Plan
from retrieval.text import key, terms

_HAN = re.compile(r"[\u4e00-\u9fff]")
_DIGITS = {c: n for n, c in enumerate("零一二三四五六七八九")} | {"两": 2, "〇": 0}
_SUM = r"(?P<n>\d[\d.,]*|[零一二两三四五六七八九十百千万]+)"
_UNIT = r"(?P<u>元|块钱|块|人民币|美元|美金|欧元|欧|英镑|日元|港币|港元)"
_CURRENCY = {"元": "CNY", "块": "CNY", "块钱": "CNY", "人民币": "CNY", "美元": "USD", "美金": "USD"}
_CURRENCY |= {"欧元": "EUR", "欧": "EUR", "英镑": "GBP", "日元": "JPY", "港币": "HKD", "港元": "HKD"}
_MAX_EACH = (
    re.compile(rf"(?:不超过|不要超过|最多|低于|少于|预算(?:是|为|在)?|小于)\s*{_SUM}\s*{_UNIT}?(?:以内|以下|左右)?"),
    re.compile(rf"(?:大约|大概)?{_SUM}\s*{_UNIT}?\s*(?:以下|以内|之内|之下)"),
)
_MIN_EACH = (
    re.compile(rf"(?:至少|高于|(?<!不)超过|多于|不低于|最少|大于)\s*{_SUM}\s*{_UNIT}?(?:左右)?"),
    re.compile(rf"{_SUM}\s*{_UNIT}?\s*(?:以上|起|之上)"),
)
_ABOUT_EACH = (
    re.compile(rf"(?:大约|大概|差不多|(?<![节预])约)\s*{_SUM}\s*{_UNIT}(?:左右|上下)?"),
    re.compile(rf"{_SUM}\s*{_UNIT}\s*(?:左右|上下)"),
)
_CHEAPER = re.compile(r"(?:再)?(?:更)?便宜(?:一点儿?|一些|点儿?|些)?(?:的)?|太贵了?|有点贵")
_DEARER = re.compile(r"(?:更)?贵(?:一点|一些|点|些)的?|(?:更)?高档(?:一点|一些)?的?")
_LETTER = r"[^\s,，。.!！?？、;；的了和或]"
_NAMED = rf"{_LETTER}{{1,8}}"
_NOT = re.compile(
    r"(?:不要|别要|不想要|不喜欢|除了|讨厌|不含|不能吃|不吃|过敏原是|不是|(?<!有)没有)(?:有|含)?"
    rf"(?P<t>{_NAMED}(?:的?(?:和|或者?|、|以及)(?:不要)?{_NAMED})*)(?:的)?"
)
_LISTED = re.compile("的?(?:和|或者?|、|以及)(?:不要)?")
_EMPTY = re.compile(
    r"清空(?:我的|一下)?购物车|(?:把)?购物车(?:里的?)?(?:东西|商品)?(?:都|全部|全)?(?:清空|删掉|删除|拿掉)"
)
_DETAIL = re.compile("多少钱|什么价|价格|有货|现货|库存|品牌|牌子|平台|材质|尺寸|颜色")
_POINTED = re.compile(
    r"(?:我(?:要|想要|选|喜欢)|就(?:要|是)?|看看|看)?第[一二三四五六七八九\d](?:个|款|件|双)?的?(?:呢|吧|好了)?"
)
_FOR = re.compile(
    r"(?:是)?(?:送给|送|给|为)(?:我的?|他的?|她的?)?(?P<w>妹妹|姐姐|弟弟|哥哥|妈妈|爸爸|母亲|父亲|老婆|妻子|老公|丈夫|女朋友|男朋友|女友|男友|朋友|孩子|儿子|女儿|奶奶|爷爷|外婆|外公|同事|老师|老板|宝宝|侄子|侄女|叔叔|阿姨)(?:的)?(?:生日)?(?:礼物)?"
)
_MYSELF = re.compile(r"(?:给|为)?我自己(?:用|买)?的?")
_HELLO = re.compile(r"(?:你好|您好|谢谢你?|多谢|再见|拜拜|早上好|晚上好|嗨|好的|感谢)(?:啊|呀|了|您)?")
_MORE = re.compile(r"(?:还有|看看|来点|换)?(?:别的|其他的?|换一个|换一批|再推荐.{0,3}|更多)(?:吗)?")
_PADDING = re.compile(
    r"(?:请|麻烦)?(?:帮我|给我)?(?:推荐|介绍|找|看看|搜索?|买|选)(?:一下|一些|一个|一款|几款|几个|点|个|款|些)?|我(?:想要?|需要|要)(?:买|找|看)?(?:一个|一些|一双|一件|一款|一下|个|双|件|点|些)?|"
    r"我?想要?买?|有没有|有什么|有吗|可以吗|什么|一下|好吗|怎么样|吗|呢|吧|啊|呀|的话|请问|价格|预算|你们|谢谢|你好|您好|礼物|好东西|东西"
)
_CART = re.compile(r"加(?:入|到)?购物车|购物车|下单|买(?:这个|它|第.个)")
_PLACE = re.compile(r"第(?P<n>[一二三四五六七八九\d])(?:个|款|件|双)?")
_WHY = re.compile(r"为什么|为何|介绍一下(?:它|这个|第)|怎么样")
_STOCK = re.compile(r"(?:只要)?(?:有货|现货)的?")
_COMPARE = re.compile(r"比较|对比|比一比|哪(?:一)?[个款件](?:更|最|好)|最便宜|最贵|有什么(?:区别|不同)")
_OFFER = re.compile(r"(?:有|在)?(?:打折|优惠|促销|特价|折扣|降价)(?:的|吗)*")
_TALK = re.compile(  # of the shop and of the assistant itself, not of goods
    "退货|退款|退换|(?<!更)换货|(?:怎么|如何|可以)退(?=[吗呢？?。!！]|$)|发货|物流|快递|运费|配送|支付|付款|(?:我的)?订单|保修|客服|"
    "你(?:能|会|可以)(?:做|帮我做|干)?(?:什么|些什么|啥)(?=[？?。!！]|$)|你是谁|(?:怎么|如何)(?:使用|用)你|"
    "忘(?:记|掉)(?:关于)?我(?:吧|的(?:一切|所有|数据|记录|信息))?(?=[。!！?？]|$)|"
    "(?:删除|清除|删掉)(?:我的|所有)*(?:数据|历史|记录|购买记录|信息)"
)
_NOT_BRAND = re.compile(
    r"(?:不要|别要|不想要|不喜欢|换掉)第(?P<n>[一二三四五六七八九\d])(?:个|款|件|双)?的?(?:这个)?(?:牌子|品牌)的?"
)
_ALLERGIC = re.compile(rf"(?:我|他|她|孩子)?对(?P<t>{_LETTER}{{1,8}}?)过敏")
_FIRST = re.compile(r"前(?P<n>[两二三四2-4])(?:个|款|件|双)?")
_BRAND = re.compile(r"(?:换(?:一)?个|别的|其他的?|另一个|不同的?)(?:牌子|品牌)(?:的)?")
_AISLE = re.compile(r"(?:换(?:一)?个|别的|其他的?|另一个|不同的?)(?:品类|类别|种类|货架|区域)|惊喜|随便看看|有什么新的")
_NEXT = re.compile(r"我(?:接下来|下次|可能)+(?:还)?(?:需要|想要|会买)(?:些)?什么")
_MARKS = re.compile(r"[\s,，。.!！?？、;；:：()（）\"“”']+")


def has_chinese(message: str) -> bool:
    """Whether a message is written in Chinese characters, not in Japanese kana."""
    return bool(_HAN.search(message)) and not re.search(r"[\u3040-\u30ff]", message)


def unknown(query: str, count: Callable[[str], int]) -> bool:
    """Whether a query is in Chinese and no word of it, translated or not, stands in the catalogue."""
    return has_chinese(query) and not any(count(term) for term in terms(query))


def plan_chinese(message: str, base: Plan, conversation: Conversation, vocabulary: Vocabulary) -> Plan:
    """Read a Chinese message over the earlier plan `base`; what no rule understands is the query."""
    if _TALK.search(message) and not known_parts(_TALK.sub(" ", message), vocabulary.count):
        return base.model_copy(update={"act": Act.CHITCHAT})
    place = _NOT_BRAND.search(message)
    if place and not _targets(place, conversation):
        return base.model_copy(update={"act": Act.CLARIFY, "ask": "item"})
    plain = None if place else _without_search(message, base, conversation)
    return plain or _searching(message, base, conversation, vocabulary)


def _without_search(message: str, base: Plan, conversation: Conversation) -> Plan | None:
    """The plan of a message that says no words to search for: cart, questions, comparing, ideas; else None."""
    place = _PLACE.search(message)
    targets = _targets(place, conversation)
    if _CART.search(message) or _EMPTY.search(message):
        return base.model_copy(update={"act": Act.CART, **_cart(message, targets, placed=place is not None)})
    if _POINTED.fullmatch(_MARKS.sub("", message)) or (place and conversation.shown and _DETAIL.search(message)):
        about = {"act": Act.EXPLAIN, "targets": targets, "question": message}
        return base.model_copy(update=about if conversation.shown else {"act": Act.CLARIFY, "ask": "item"})
    if _WHY.search(message) and conversation.shown:
        return base.model_copy(update={"act": Act.EXPLAIN, "targets": targets, "question": message})
    if _COMPARE.search(message) and conversation.shown:
        return base.model_copy(update={"act": Act.COMPARE, "targets": _compared(message, conversation)})
    if _AISLE.search(message) or _NEXT.search(message):
        return _anew(base, conversation, mine=bool(_NEXT.search(message)))
    return None


def _searching(message: str, base: Plan, conversation: Conversation, vocabulary: Vocabulary) -> Plan:
    fields: dict[str, Any] = {"act": Act.RECOMMEND, "confidence": 0.7}
    if _BRAND.search(message):
        fields |= {"brands": (), "not_brands": _other_than(base, conversation, vocabulary)}
        message = _BRAND.sub(" ", message)
    if (place := _NOT_BRAND.search(message)) and (targets := _targets(place, conversation)):
        gone = [item.brand for item in conversation.shown if item.id in targets and item.brand]
        fields["not_brands"] = join(base.not_brands, gone)
        fields["brands"] = tuple(brand for brand in base.brands if brand not in gone)
        message = _NOT_BRAND.sub(" ", message)
    message = _ALLERGIC.sub(r"不要\g<t> ", message)
    if _OFFER.search(message):
        fields["include"] = join(base.include, [OFFER])
        message = _OFFER.sub(" ", message)
    rest, fields = _limits(message, fields, base, conversation, vocabulary)
    fields |= _refused(rest, base.model_copy(update=fields), vocabulary)
    rest = _NOT.sub(" ", rest)
    for expression, value in ((_MYSELF, None), (_FOR, "w")):
        match = expression.search(rest)
        if match:
            fields["recipient"] = match[value] if value else None
            rest = rest[: match.start()] + " " + rest[match.end() :]
    if _STOCK.search(rest):
        fields["in_stock"], rest = True, _STOCK.sub(" ", rest)
    if _MORE.search(rest):
        fields["not_items"] = tuple(dict.fromkeys([*base.not_items, *(item.id for item in conversation.shown)]))
        rest = _MORE.sub(" ", rest)
    asked = bool(re.search("推荐|建议|随便", rest))
    talk = bool(_HELLO.search(rest))
    rest = " ".join(_MARKS.sub(" ", _PADDING.sub(" ", _HELLO.sub(" ", rest))).replace("的 ", " ").split()).strip("的 ")
    rest = in_english(re.sub("^要", "", rest), vocabulary.count)
    if unknown(rest, vocabulary.count):
        rest = known_parts(rest, vocabulary.count) or rest
    if rest:
        fields |= _wished(rest, base.model_copy(update=fields))
    elif talk and len(fields) == 2 and not asked:
        return base.model_copy(update={"act": Act.CHITCHAT})
    elif len(fields) == 2 and not asked and not base.query:
        return base.model_copy(update={"act": Act.CLARIFY, "ask": "kind"})
    return base.model_copy(update=fields)


def _cart(message: str, targets: tuple[str, ...], *, placed: bool) -> dict[str, Any]:
    """What to do with the cart: empty it, put something in, or show it."""
    if _EMPTY.search(message) and not re.search("不要|别|怎么", message):
        return {"cart_op": "remove", "question": EVERYTHING}
    puts = placed or any(word in message for word in ("加", "买", "下单"))
    return {"cart_op": "add" if puts else "show", "targets": targets if puts else ()}


def _refused(message: str, base: Plan, vocabulary: Vocabulary) -> dict[str, Any]:
    """What isn't wanted, in the catalogue's words; it is searched for no longer."""
    named = [part for match in _NOT.finditer(message) for part in _LISTED.split(match["t"]) if part]
    refused = [in_english(part, vocabulary.count) for part in named]
    if not refused:
        return {}
    gone = {term for phrase in refused for term in terms(phrase)}
    kinds = with_covered(refused, {*terms(base.query)}, vocabulary.count)
    return {
        "query": " ".join(word for word in base.query.split() if not set(terms(word)) <= gone),
        "include": tuple(term for term in base.include if not set(terms(term)) & gone),
        "exclude": join(base.exclude, kinds, most=MOST_REFUSED),
    }


def _wished(rest: str, base: Plan) -> dict[str, Any]:
    """What is searched for: words that only describe join the query; what is wanted now is refused no longer."""
    wanted = {*terms(rest)}
    exclude = tuple(term for term in base.exclude if not set(terms(term)) <= wanted)
    if base.query and wanted <= lexicon().describing:
        return {"include": join(base.include, [rest]), "exclude": exclude}
    return {"query": rest[:200], "exclude": exclude}


def _targets(place: re.Match[str] | None, conversation: Conversation) -> tuple[str, ...]:
    number = 1 if place is None else int(place["n"]) if place["n"].isdigit() else _DIGITS[place["n"]]
    return tuple(item.id for item in conversation.shown[number - 1 : number]) if number else ()


def _compared(message: str, conversation: Conversation) -> tuple[str, ...]:
    """Which shown items to compare: those named by place, the first few, or the first four."""
    first = _FIRST.search(message)
    if first is None:
        named = [item for place in _PLACE.finditer(message) for item in _targets(place, conversation)]
        if named:
            return tuple(dict.fromkeys(named))
    count = 4 if first is None else int(first["n"]) if first["n"].isdigit() else _DIGITS[first["n"]]
    return tuple(item.id for item in conversation.shown[:count])


def _anew(base: Plan, conversation: Conversation, *, mine: bool) -> Plan:
    """Ideas instead of what was asked: nothing that was shown before, and for oneself where that is said."""
    shown = [item.id for message in conversation.messages for item in message.shown]
    fields: dict[str, Any] = {"act": Act.RECOMMEND, "confidence": 0.7}
    fields["not_items"] = tuple(dict.fromkeys([*base.not_items, *shown]))[-200:]
    return fresh(base).model_copy(update=fields | ({"recipient": None} if mine else {}))


def _other_than(base: Plan, conversation: Conversation, vocabulary: Vocabulary) -> tuple[str, ...]:
    """Brands refused by "another brand": those asked for or shown; of a shop with no others, the first one's alone."""
    seen = base.brands or tuple(dict.fromkeys(item.brand for item in asked_for(conversation.shown)[:5] if item.brand))
    rest = {key(name) for name in vocabulary.brands} - {key(name) for name in seen}
    return tuple(dict.fromkeys([*base.not_brands, *(seen if rest else seen[:1])]))


def _limits(
    message: str, fields: dict[str, Any], base: Plan, conversation: Conversation, vocabulary: Vocabulary
) -> tuple[str, dict[str, Any]]:
    """Price limits, and the message without them."""
    rest = message
    for match in re.finditer(r"(\d[\d.,]*)(?:元|块)?(?:到|至|-|~)(\d[\d.,]*)(元|块|美元|欧元)", message):
        currency = _CURRENCY[match[3]]
        fields |= {
            "price_min": _minor(match[1], currency),
            "price_max": _minor(match[2], currency),
            "currency": currency,
        }
        return rest.replace(match.group(), " "), fields
    for name, expression in (("price_max", _MAX_EACH), ("price_min", _MIN_EACH)):
        for pattern in expression:
            found = pattern.search(rest)
            if found:
                currency = _CURRENCY.get(found["u"] or "") or base.currency or vocabulary.currency or "CNY"
                fields |= {name: _minor(found["n"], currency), "currency": currency}
                rest = rest[: found.start()] + " " + rest[found.end() :]
    for pattern in _ABOUT_EACH:
        found = pattern.search(rest)
        if found and not {"price_min", "price_max"} & {*fields}:
            currency = _CURRENCY.get(found["u"] or "") or base.currency or vocabulary.currency or "CNY"
            about = _minor(found["n"], currency) or 0
            fields |= {"price_min": about * 4 // 5, "price_max": about * 6 // 5, "currency": currency}
            rest = rest[: found.start()] + " " + rest[found.end() :]
    for pattern, direction in ((_CHEAPER, -1), (_DEARER, 1)):
        if pattern.search(rest):
            rest = pattern.sub(" ", rest)
            bound = limit(direction, conversation.shown, (), far=False)
            if bound is not None:
                fields |= {"price_max" if direction < 0 else "price_min": bound[0], "currency": bound[1]}
            else:
                fields["include"] = (*base.include, "便宜") if direction < 0 else base.include
    return rest, fields


def _minor(digits: str, currency: str) -> int | None:
    value = decimal(digits) if digits[0].isdigit() else None
    number = value if value is not None else _number(digits)
    return min(int(number * 10 ** EXPONENTS.get(currency, 2)), 10**15)


def _number(text: str) -> int:
    total, digit = 0, 0
    for c in text:
        if c in _DIGITS:
            digit = _DIGITS[c]
        elif c in "十百千":
            total += max(digit, 1) * {"十": 10, "百": 100, "千": 1000}[c]
            digit = 0
        elif c == "万":
            total, digit = (total + digit) * 10_000, 0
    return total + digit
