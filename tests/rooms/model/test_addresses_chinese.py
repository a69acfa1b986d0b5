"""Addresses as people in China write them. Names and numbers are imagined."""

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost.model.addresses.chinese import LONGEST, parse_chinese_address
from waypost.model.addresses.divisions import read_divisions


def where(text: str) -> tuple[str | None, ...]:
    found = parse_chinese_address(text)
    return found.province, found.city, found.county, found.street, found.detail


WEST_LAKE = ("浙江省", "杭州市", "西湖区")


@pytest.mark.parametrize(
    "text",
    [
        "浙江省杭州市西湖区文三路138号东方大厦7楼501室",
        "浙江杭州西湖区文三路138号东方大厦7楼501室",
        "杭州市西湖区文三路138号东方大厦7楼501室",
        "浙江省-杭州市-西湖区-文三路138号东方大厦7楼501室",
        "浙江省/杭州市/西湖区/文三路138号东方大厦7楼501室",
        "浙江省 杭州市 西湖区 文三路138号东方大厦7楼501室",
        "中国浙江省,杭州市,西湖区,文三路138号东方大厦7楼501室",
        "浙江省浙江省杭州市西湖区文三路138号东方大厦7楼501室",
        "文三路138号东方大厦7楼501室 西湖区 杭州市 浙江省",
        "西湖区文三路138号东方大厦7楼501室 杭州市",
        "收货地址:浙江省杭州市西湖区文三路138号东方大厦7楼501室",
        "所在地区:浙江省杭州市西湖区,详细地址:文三路138号东方大厦7楼501室",
        "浙江省杭州市西湖区\n文三路138号东方大厦7楼501室",
    ],
)
def test_one_place_written_in_many_ways(text: str) -> None:
    assert where(text) == (*WEST_LAKE, None, "文三路138号东方大厦7楼501室")
    assert parse_chinese_address(text).code == "330106"
    assert parse_chinese_address(text).doubt is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("北京朝阳区望京街道阜通东大街6号院", ("北京市", "北京市", "朝阳区", "望京街道", "阜通东大街6号院")),
        ("上海市上海市浦东新区祖冲之路1号", ("上海市", "上海市", "浦东新区", None, "祖冲之路1号")),
        ("重庆市忠县忠州街道1号", ("重庆市", "重庆市", "忠县", "忠州街道", "1号")),
        ("北京市市辖区东城区前门大街", ("北京市", "北京市", "东城区", None, "前门大街")),
        ("吉林省吉林市船营区解放中路", ("吉林省", "吉林市", "船营区", None, "解放中路")),
        ("吉林长春朝阳区红旗街", ("吉林省", "长春市", "朝阳区", None, "红旗街")),
        ("福州鼓楼区五四路111号", ("福建省", "福州市", "鼓楼区", None, "五四路111号")),
        ("内蒙锡林浩特市杭盖街道", ("内蒙古自治区", "锡林郭勒盟", "锡林浩特市", "杭盖街道", "")),
        ("恩施州恩施市舞阳坝街道", ("湖北省", "恩施土家族苗族自治州", "恩施市", "舞阳坝街道", "")),
        ("广东省东莞市长安镇振安东路1号", ("广东省", "东莞市", None, "长安镇", "振安东路1号")),
        ("湖北省仙桃市沙嘴街道钱沟路5号", ("湖北省", None, "仙桃市", "沙嘴街道", "钱沟路5号")),
        ("江苏省苏州市工业园区星湖街328号", ("江苏省", "苏州市", "苏州工业园区", None, "星湖街328号")),
        ("长沙市岳麓区桔子洲街道办事处1号", ("湖南省", "长沙市", "岳麓区", "桔子洲街道", "1号")),
        ("香港九龙城区弥敦道100号", ("香港特别行政区", "香港特别行政区", "九龙城区", None, "弥敦道100号")),
        ("东莞南城 1号", ("广东省", "东莞市", None, "南城街道", "1号")),
        ("中山市石岐区", ("广东省", "中山市", None, "石岐街道", "")),
        ("东莞长安路1号", ("广东省", "东莞市", None, None, "长安路1号")),
        ("河北省雄安新区容城县", ("河北省", "保定市", "容城县", None, "")),
        ("台州路桥区1号", ("浙江省", "台州市", "路桥区", None, "1号")),
        ("安徽黄山歙县1号", ("安徽省", "黄山市", "歙县", None, "1号")),
        ("阜阳市颍泉区北京路街道1号", ("安徽省", "阜阳市", "颍泉区", "北京路街道", "1号")),
        ("济南市历下区经十路 山东省体育中心", ("山东省", "济南市", "历下区", None, "经十路山东省体育中心")),
        ("文三路1号 临县 吕梁市", ("山西省", "吕梁市", "临县", None, "文三路1号")),
        ("文三路1号 宝山区 上海", ("上海市", "上海市", "宝山区", None, "文三路1号")),
        ("义乌 稠城街道 后宅街", ("浙江省", "金华市", "义乌市", "稠城街道", "后宅街")),
    ],
)
def test_levels(text: str, expected: tuple[str | None, ...]) -> None:
    assert where(text) == expected


def test_a_town_tells_the_county() -> None:
    assert where("红牌楼街道19号") == ("四川省", "成都市", "武侯区", "红牌楼街道", "19号")
    assert where("广州市 猎德街道 1号")[:4] == ("广东省", "广州市", "天河区", "猎德街道")


@pytest.mark.parametrize(
    ("text", "county", "code"),
    [
        ("杭州下城区延安路1号", "拱墅区", "330105"),
        ("北京市宣武区广安门外大街1号", "西城区", "110102"),
        ("福建省福州市长乐市航城街道", "长乐区", "350112"),
        ("南京市江宁县东山街道", "江宁区", "320115"),
    ],
)
def test_what_was_renamed_is_told_as_it_is_now(text: str, county: str, code: str) -> None:
    found = parse_chinese_address(text)
    assert (found.county, found.code) == (county, code)


@pytest.mark.parametrize(
    "text", ["南京路100号", "中山东路1号", "朝阳大街5号", "东方大厦", "", "???", "Baker Street 221b"]
)
def test_a_street_is_no_city(text: str) -> None:
    found = parse_chinese_address(text)
    assert (found.province, found.city, found.county, found.code) == (None, None, None, None)
    assert found.doubt == "no division of China was found"


def test_what_may_be_several_places_is_not_guessed() -> None:
    found = parse_chinese_address("鼓楼区中山路1号")
    assert (found.province, found.city, found.county, found.code) == (None, None, "鼓楼区", None)
    assert found.doubt is not None
    assert "4 divisions" in found.doubt
    assert "福建省福州市鼓楼区" in found.doubt


def test_a_contradiction_is_told_and_the_smaller_division_counts() -> None:
    found = parse_chinese_address("江苏省杭州市西湖区文三路1号")
    assert (found.province, found.city, found.county, found.detail) == (*WEST_LAKE, "文三路1号")
    assert found.doubt == "杭州市 is not in 江苏省"


@pytest.mark.parametrize(
    "text",
    [
        "张三 13800138000 浙江省杭州市西湖区文三路1号",
        "浙江省杭州市西湖区文三路1号 张三 13800138000",
        "浙江省杭州市西湖区文三路1号,13800138000,张三",
        "张三13800138000浙江省杭州市西湖区文三路1号",
        "13800138000张三浙江省杭州市西湖区文三路1号",
        "浙江省杭州市西湖区文三路1号张三13800138000",
        "浙江省杭州市西湖区文三路1号(张三收)+86 138-0013-8000",
        "收件人:张三 手机号码:138 0013 8000 地址:浙江省杭州市西湖区文三路1号",
        "地址:浙江省杭州市西湖区文三路1号;联系人:张三;电话:008613800138000",
        "姓名：张三\n电话：１３８００１３８０００\n所在地区：浙江省 杭州市 西湖区\n详细地址：文三路1号",
        "【张三】，138 0013 8000，浙江省杭州市西湖区文三路1号",
    ],
)
def test_name_and_mobile_stand_anywhere(text: str) -> None:
    found = parse_chinese_address(text)
    assert (found.name, found.mobile) == ("张三", "13800138000")
    assert where(text) == (*WEST_LAKE, None, "文三路1号")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("欧阳小雨", "欧阳小雨"),
        ("陈女士", "陈女士"),
        ("老王", "老王"),
        ("阿布都·热合曼", "阿布都·热合曼"),
        ("李雷 收", "李雷"),
        ("收件人 李 雷", "李雷"),
        ("李", "李"),
        ("李**", "李**"),
        ("柚子", "柚子"),
        ("Tom Lee", "Tom Lee"),
        ("广东", None),
        ("杭州月亮科技有限公司", None),
    ],
)
def test_names(name: str, expected: str | None) -> None:
    found = parse_chinese_address(f"浙江省杭州市西湖区文三路1号 {name} 13800138000")
    assert found.name == expected
    assert found.detail.startswith("文三路1号")


def test_a_person_called_like_a_county() -> None:
    found = parse_chinese_address("黄平 13800138000 辽宁盘锦盘山县文三路1号")
    assert (found.name, found.county, found.detail, found.doubt) == ("黄平", "盘山县", "文三路1号", None)


def test_brackets_of_the_detail_stay() -> None:
    found = parse_chinese_address("浙江省杭州市西湖区文三路1号(放门口) 13800138000 李雷")
    assert (found.name, found.detail) == ("李雷", "文三路1号(放门口)")


def test_numbers_of_other_kinds() -> None:
    lent = parse_chinese_address("张三 18912345678-1234 浙江省杭州市西湖区文三路1号 310000")
    assert (lent.mobile, lent.extension, lent.postcode) == ("18912345678", "1234", "310000")
    hidden = parse_chinese_address("张三 138****8000 浙江省杭州市西湖区文三路1号")
    assert (hidden.name, hidden.mobile) == ("张三", "138****8000")
    fixed = parse_chinese_address("西安市雁塔区高新四路13号 李雷 029-88888888")
    assert (fixed.name, fixed.mobile, fixed.phone) == ("李雷", None, "029-88888888")


def test_a_house_number_is_no_telephone_and_no_postcode() -> None:
    found = parse_chinese_address("浙江省杭州市西湖区文三路138001380001号6栋310000室")
    assert (found.mobile, found.postcode) == (None, None)
    assert found.detail == "文三路138001380001号6栋310000室"


def test_nothing_personal_is_printed() -> None:
    printed = repr(parse_chinese_address("浙江省杭州市西湖区文三路1号 张三 13800138000"))
    assert "330106" in printed
    assert not [secret for secret in ("张三", "13800138000", "文三路") if secret in printed]


@pytest.mark.parametrize("spoken", [False, True])
def test_every_county_is_found_by_its_names(spoken: bool) -> None:
    """By full names, and by what people say, `spoken`: without 省 and 市."""
    tables = read_divisions()
    wrong = []
    for code, division in tables.by_code.items():
        if division.level != 3:
            continue
        province, city, county = tables.list_levels(code)
        before = [name or "" for name in (province, city)]
        if spoken:
            before = [name.removesuffix("省").removesuffix("市") for name in before]
        found = parse_chinese_address(f"{''.join(before)}{county}文三路1号")
        if (found.province, found.city, found.county, found.code) != (province, city, county, code):
            wrong.append((before, county, found.code))
    assert not wrong


@given(st.text(max_size=60) | st.text("浙江省杭州市西湖区文三路1号张三 138001380-,:()收", max_size=60))
def test_any_text_is_answered(text: str) -> None:
    found = parse_chinese_address(text)
    assert found.mobile is None or len(found.mobile) == 11
    assert (found.code is None) == (not any((found.province, found.city)) and found.code is None)


def test_a_long_text_costs_no_more_than_a_short_one() -> None:
    begun = time.perf_counter()
    parse_chinese_address("浙江省杭州市西湖区" * 100_000)
    parse_chinese_address("吉林" * 100_000)
    parse_chinese_address("路1" * 100_000)
    parse_chinese_address("1" * 1_000_000)
    assert time.perf_counter() - begun < 2
    assert LONGEST == 500


def test_order_of_parts_does_not_matter() -> None:
    chance = random.Random(1)
    parts = ["浙江省杭州市西湖区文三路1号", "张三", "13800138000", "310000"]
    for _ in range(24):
        chance.shuffle(parts)
        found = parse_chinese_address(" ".join(parts))
        assert (found.name, found.mobile, found.postcode, found.detail) == (
            "张三",
            "13800138000",
            "310000",
            "文三路1号",
        )
