import json

import pytest

from waypost.model.addresses.checks import CHECKS
from waypost.model.checks import run_lines


def ask(kind: str, told: object) -> dict[str, object]:
    line = json.dumps({"id": 1, "kind": kind, "input": told})
    (answer,) = run_lines([line], CHECKS)
    found: dict[str, object] = json.loads(answer)
    return found


def verdict(kind: str, told: object) -> dict[str, object]:
    found = ask(kind, told)["verdict"]
    assert isinstance(found, dict)
    return found


def test_postcodes() -> None:
    assert verdict("postcode.validate", {"country": "CN", "postcode": "310012"}) == {"valid": True}
    wrong = verdict("postcode.validate", {"country": "CN", "postcode": "31001"})
    assert wrong["valid"] is False
    assert "no postcode of CN" in str(wrong["reason"])
    assert verdict("address.postcode_required", {"country": "CN"}) == {"required": True}
    assert verdict("address.postcode_required", "CN") == {"required": True}
    assert verdict("address.postcode_required", {"country": "HK"}) == {"required": False}
    assert verdict("address.postcode_required", {"country": "QQ"})["required"] is None


def test_phones() -> None:
    told = verdict("phone.validate", {"country": "CN", "phone": "138-0013-8000"})
    assert told == {"valid": True, "e164": "+8613800138000"}
    assert "error" in ask("phone.validate", "13800138000")
    assert verdict("phone.validate", {"country": "CN", "phone": "1"})["valid"] is False


def test_a_chinese_address() -> None:
    assert verdict("cn_address.parse", "张三 13800138000 浙江杭州西湖区文三路1号") == {
        "province": "浙江省",
        "city": "杭州市",
        "county": "西湖区",
        "street": None,
        "detail": "文三路1号",
        "name": "张三",
        "mobile": "13800138000",
        "phone": None,
        "postcode": None,
        "code": "330106",
        "reason": None,
    }
    assert verdict("cn_address.parse", {"text": "杭州市"})["city"] == "杭州市"
    assert "error" in ask("cn_address.parse", {"address": "杭州市"})
    assert verdict("cn_address.parse", "")["reason"] == "no division of China was found"


@pytest.mark.parametrize("kind", sorted(set(CHECKS) - {"cn_address.parse"}))
@pytest.mark.parametrize("told", [{}, {"country": 1}, {"country": "CN", "postcode": [], "phone": []}])
def test_input_that_is_no_question_has_a_reason(kind: str, told: object) -> None:
    answer = ask(kind, told)
    assert "verdict" in answer
    assert verdict(kind, told).get("reason") or kind == "address.postcode_required"
