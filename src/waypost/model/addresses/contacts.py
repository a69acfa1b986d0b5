"""Who a Chinese address is for: name, telephone and postcode, picked out wherever they stand."""

import re
import unicodedata

from waypost.model.addresses.divisions import read_divisions
from waypost.model.guarded import Guarded
from waypost.model.texts import CONTROL

#: Between the parts of a text. Blanks and marks become it.
GAP = " "

_MARK_NAME, _MARK_PHONE, _NO_GAP = "\x01", "\x02", "\x03"
_CONTROL = re.compile(f"{CONTROL}+")
_NAMES = re.compile(
    r"(?:收货人|收件人|收货方|收件方|联系人|客户|姓名|名字|收方)(?:姓名|名字|名称|信息)?\s*[:=]\s*"
    r"|(?:收货人|收件人|联系人|姓名)(?:姓名)?\s+"
)
_PHONES = re.compile(
    r"(?:收货人|收件人|联系人|联系|移动|固定)?"
    r"(?:手机号码|手机号|手机|电话号码|电话|联系方式|座机|联系号码)\s*[:=]?\s*"
    r"|(?i:\b(?:tel|phone|mobile|mob)\b)\s*[:.=]?\s*"
)
_PLACES = re.compile(
    r"(?:收货|收件|详细|所在|联系|家庭|公司|邮寄|快递|配送)?"
    r"(?:地址|地区|区域|省市区|街道地址|位置)(?:信息)?\s*[:=]\s*"
    r"|(?:收货|收件|详细|所在|家庭|邮寄)(?:地址|地区)\s*|(?:省份|城市|区县|街道|省|市|区|详细)\s*[:=]\s*"
    r"|(?i:\baddr(?:ess)?\b)\s*[:=]?\s*"
)
_POSTCODES = re.compile(r"(?:邮编|邮政编码|邮码)\s*[:=]?\s*(\d{6})(?!\d)")
_BARE_POSTCODE = re.compile(r"(?:(?<=\s)|^)(\d{6})(?=\s|$)", re.ASCII)
_MOBILE = re.compile(
    r"(?<![\d*])(?:\(?(?:\+|00)?86\)?[\s-]*)?(1[3-9]\d)[\s-]?([\d*]{4})[\s-]?(\d{4})(?![\d*])"
    r"(?:\s*(?:转|ext\.?|-)\s*(\d{3,6})(?!\d)|\s*\[(\d{3,6})\])?",
    re.ASCII | re.IGNORECASE,
)
_LANDLINE = re.compile(
    r"(?<!\d)(?:\(?(?:\+|00)?86\)?[\s-]*)?\(?(0\d{2,3})\)?[\s-]?(\d{7,8})(?!\d)(?:\s*(?:转|-)\s*(\d{1,6}))?", re.ASCII
)
_HAN = "\u3400-\u9fff"
_LOOSE = re.compile(r"[\s,;。、|\"'“”‘’<>《》{}]+|(?<=[" + _HAN + r"])[/—–_-]+(?=[" + _HAN + r"])")
#: Parts of one name: single letters that people set apart, and words of Latin names.
_SPLIT_NAME = re.compile(
    f"(?<![^ \x01])([{_HAN}]) ([{_HAN}])(?![^ ])|(?<![^ \x01])([A-Za-z][a-z'.-]*) (?=[A-Z][a-z'.-]+(?![^ ]))"
)
_TITLES = ("先生", "女士", "小姐", "老师", "师傅", "经理", "太太", "同学", "阿姨", "医生", "老板", "总")
_RECEIVES = re.compile(r"\s*\(?(?:亲?[收启]|收件|转交)\)?$")
_OF_PLACES = re.compile(
    "[省市县区镇乡村路街号栋室楼层园城厦院校店巷弄里队组桥湾座幢苑庭府邨墅广场单元门岛港站厂司部馆所心局社]$"
)
_BEFORE_A_NAME = "号室楼栋座层幢元户铺房院厦园区村组店口旁苑门部司)"
_SURNAMES = frozenset(
    "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜戚谢邹喻柏水窦章云苏潘葛奚范彭郎鲁韦昌马苗凤花方俞任袁柳酆鲍史唐费廉"
    "岑薛雷贺倪汤滕殷罗毕郝邬安常乐于时傅皮卞齐康伍余元卜顾孟平黄和穆萧肖尹姚邵湛汪祁毛禹狄米贝明臧计伏成戴谈宋茅庞熊纪舒屈项祝董梁杜阮"
    "蓝闵席季麻强贾路娄危江童颜郭梅盛林刁钟徐邱骆高夏蔡田樊胡凌霍虞万支柯管卢莫经房裘缪干解应宗丁宣邓郁单杭洪包诸左石崔吉钮龚程嵇邢裴"
    "陆荣翁荀羊甄曲家封储靳汲邴糜松井段富巫乌焦巴弓牧隗山谷车侯宓蓬全郗班仰秋仲伊宫宁仇栾暴甘厉戎祖武符刘景詹束龙叶幸司韶郜黎蓟薄印宿白"
    "怀蒲邰从鄂索咸籍赖卓蔺屠蒙池乔阴胥能苍双闻莘党翟谭贡劳逄姬申扶堵冉宰郦雍璩桑桂濮牛寿通边扈燕冀郏浦尚农温别庄晏柴瞿阎充慕连茹习宦"
    "艾鱼容向古易慎戈廖庾终暨居衡步都耿满弘匡国文寇广禄阙东欧殳沃利蔚越夔隆师巩厍聂晁勾敖融冷訾辛阚那简饶空曾毋沙乜养鞠须丰巢关蒯相查后"
    "荆红游竺权逯盖益桓公仝覃代佟岳帅苟阳佘苑付区付涂闫商牟佴伯赏墨哈谯笪年爱信"
)
_SURNAMES_OF_TWO = (
    *("欧阳", "司马", "上官", "诸葛", "东方", "皇甫", "尉迟", "公孙"),
    *("慕容", "令狐", "司徒", "夏侯", "端木", "南宫", "长孙", "宇文"),
)


class Contacts(Guarded, frozen=True, kw_only=True):
    """What was found beside the place.

    Attributes:
        mobile: eleven digits; the four in the middle may be stars.
        extension: of a number that a platform lends, to be dialled after it.
        phone: a fixed line, with dashes.
        rest: the text without them, parts divided by `GAP`.
    """

    SHOWN = ()

    name: str | None
    mobile: str | None
    extension: str | None
    phone: str | None
    postcode: str | None
    rest: str


def find_contacts(text: str) -> Contacts:
    """Pick them out of a text whose parts come in any order, with labels or without."""
    text = _CONTROL.sub(GAP, unicodedata.normalize("NFKC", text).replace("【", "[").replace("】", "]"))
    text = _NAMES.sub(GAP + _MARK_NAME, text)
    text = _PLACES.sub(GAP, _PHONES.sub(GAP, text))
    postcode = None
    if found := _POSTCODES.search(text):
        postcode, text = found[1], _cut(text, found, GAP)
    mobile = extension = phone = None
    if found := _MOBILE.search(text):
        mobile, extension = found[1] + found[2] + found[3], found[4] or found[5]
        text = _cut(text, found, GAP + _MARK_PHONE + GAP)
    if found := _LANDLINE.search(text):
        phone = "-".join(part for part in found.groups() if part)
        text = _cut(text, found, GAP + _MARK_PHONE + GAP)
    text = _LOOSE.sub(GAP, text).strip()
    if postcode is None and (found := _BARE_POSTCODE.search(text)):
        postcode, text = found[1], _cut(text, found, GAP)
    text = _SPLIT_NAME.sub(lambda found: found[1] + found[2] if found[1] else found[3] + _NO_GAP, text)
    name, parts = _take_name(text.split(GAP))
    if name:
        name = name.replace(_NO_GAP, " ")
    return Contacts(
        name=name,
        mobile=mobile,
        extension=extension,
        phone=phone,
        postcode=postcode,
        rest=GAP.join(parts).replace(_NO_GAP, " "),
    )


def is_name(text: str) -> bool:
    """Whether a person may be called so."""
    return _weigh(text, is_beside=False) >= 3


def _cut(text: str, found: re.Match[str], instead: str) -> str:
    return text[: found.start()] + instead + text[found.end() :]


def _take_name(parts: list[str]) -> tuple[str | None, list[str]]:
    """The name, and the other parts."""
    for place, part in enumerate(parts):
        if part.startswith(_MARK_NAME) and (labelled := _strip(part.lstrip(_MARK_NAME))):
            others = [other.lstrip(_MARK_NAME) for other in parts[:place] + parts[place + 1 :]]
            return labelled, [other for other in others if other.strip(_MARK_PHONE)]
    parts = [part for part in (part.lstrip(_MARK_NAME) for part in parts) if part]
    divisions = read_divisions().names
    best, chosen = 2, None
    for place, part in enumerate(parts):
        is_beside = _MARK_PHONE in parts[max(place - 1, 0) : place + 2]
        weight = 0 if part in divisions else _weigh(_strip(part), is_beside)
        if weight > best or (weight == best and chosen is not None):  # people write themselves last
            best, chosen = weight, place
    name: str | None = None
    if chosen is not None:
        name = _strip(parts.pop(chosen))
    elif _MARK_PHONE in parts:
        name, parts = _take_near(parts)
    return name, [part for part in parts if part != _MARK_PHONE]


def _take_near(parts: list[str]) -> tuple[str | None, list[str]]:
    """The name behind a house beside the telephone, or else whatever short word stands there."""
    phone = parts.index(_MARK_PHONE)
    if phone:
        name, before = _split_end(_RECEIVES.sub("", parts[phone - 1]))
        if name:
            return name, [*parts[: phone - 1], before, *parts[phone:]]
    for place in (phone - 1, phone + 1):
        if not 0 <= place < len(parts) or parts[place] in read_divisions().names:
            continue
        if _weigh(_strip(parts[place]), is_beside=True) >= 2:
            return _strip(parts[place]), parts[:place] + parts[place + 1 :]
    return None, parts


def _split_end(part: str) -> tuple[str | None, str]:
    """A name that stands behind a house without a gap, and what is before it."""
    for length in (3, 2, 4):
        before, name = part[:-length], part[-length:]
        if before and (before[-1] in _BEFORE_A_NAME or before[-1].isascii()) and _weigh(name, is_beside=True) >= 4:
            return name, before
    return None, part


def _strip(part: str) -> str:
    """Without what says that this one receives, and without brackets."""
    return _RECEIVES.sub("", part).strip("()[]:-. ")


def _weigh(text: str, is_beside: bool) -> int:
    """How much speaks for a name."""
    if re.fullmatch(f"[{_HAN}]{{1,8}}[·•.][{_HAN}]{{1,10}}", text):
        return 5
    if re.fullmatch(f"[{_HAN}][*某]{{1,2}}", text):
        return 4
    if re.fullmatch(f"[A-Za-z][A-Za-z{_NO_GAP}.'-]{{1,30}}", text):
        return 3 if is_beside and len(text) > 2 else 0
    if text in _SURNAMES and is_beside:
        return 3
    if not re.fullmatch(f"[{_HAN}]{{2,6}}", text):
        return 0
    if (text.endswith(_TITLES) and len(text) <= 5) or (len(text) == 2 and text[0] in "老小阿" and text[1] in _SURNAMES):
        return 5
    two = text[:2] in _SURNAMES_OF_TWO
    if len(text) > 4 or (len(text) == 4 and not two and not is_beside):
        return 0
    weight = is_beside + (len(text) <= 3 or two)
    weight += 2 if two or text[0] in _SURNAMES else 0 if is_beside else -1
    return weight - 2 if _OF_PLACES.search(text) else weight
