"""What the client sends and reads is what the API takes and answers."""

import types
from collections.abc import Mapping, Sequence
from typing import Any, get_type_hints

import msgspec
import pytest

from waypost.booking import issuing
from waypost.booking import orders as booking
from waypost.client import jobs, manifests, orders, parcels, problems, quotes, scans, webhooks
from waypost.track.reception import Receipt
from waypost.web.api import answers, webhook_answers
from waypost.web.problems import Problem as Document
from waypost.web.problems import Wrong

EXAMPLES: Mapping[type, msgspec.Struct] = {**answers.EXAMPLES, **webhook_answers.WEBHOOK_EXAMPLES}

READ: list[tuple[type[msgspec.Struct], type]] = [
    (orders.KeptOrder, answers.OrderView),
    (orders._Page, answers.OrderPage),
    (orders.Entered, answers.EnteredAnswer),
    (orders.EnteredSheet, answers.SheetAnswer),
    (jobs.Job, answers.JobAnswer),
    (manifests._Page, answers.ManifestPage),
    (manifests.ManifestWithParcels, answers.ManifestAnswer),
    (quotes.Quotes, answers.QuotesAnswer),
    (parcels._Found, answers.FoundAnswer),
    (parcels._Timelines, answers.TimelineAnswer),
    (scans._Receipt, Receipt),
    (webhooks.Webhook, webhook_answers.WebhookView),
    (webhooks.NewWebhook, webhook_answers.WebhookSecret),
    (webhooks._All, webhook_answers.WebhooksAnswer),
    (webhooks.Delivery, webhook_answers.DeliveryView),
    (webhooks._Page, webhook_answers.DeliveryPage),
    (webhooks.Pinged, webhook_answers.TestAnswer),
    (webhooks._Replayed, webhook_answers.ReplayAnswer),
]


def holds(found: Any, example: Any) -> None:
    """Every field that was read says what stands in the example."""
    if isinstance(found, Mapping) and isinstance(example, Mapping):
        for name, value in found.items():
            if name in example:
                holds(value, example[name])
            else:  # left out there, because it is what holds if nothing is said
                assert not value, name
    elif isinstance(found, Sequence) and not isinstance(found, str):
        assert len(found) == len(example)
        for each, other in zip(found, example, strict=True):
            holds(each, other)
    else:
        assert found == example


@pytest.mark.parametrize(("kind", "answered"), READ, ids=lambda kind: kind.__name__)
def test_an_answer_is_read(kind: type[msgspec.Struct], answered: type) -> None:
    sent = msgspec.json.encode(EXAMPLES[answered])
    found = msgspec.to_builtins(msgspec.json.decode(sent, type=kind))
    assert found
    holds(found, msgspec.json.decode(sent))
    fields = {each.name for each in msgspec.structs.fields(kind)}
    assert fields <= {each.name for each in msgspec.structs.fields(answered)}


def test_an_answer_of_a_newer_server_is_read_too() -> None:
    sent = msgspec.to_builtins(EXAMPLES[answers.JobAnswer]) | {"colour": "blue"}
    assert msgspec.convert(sent, jobs.Job).orders == sent["orders"]


@pytest.mark.parametrize(
    ("kind", "taken"),
    [
        (orders.Order, booking.Order),
        (orders.PlannedParcel, booking.PlannedParcel),
        (orders.Address, issuing.Address),
        (orders.Item, issuing.Item),
        (problems.Wrong, Wrong),
    ],
    ids=lambda kind: kind.__name__,
)
def test_what_is_sent_has_the_same_fields_and_defaults(kind: type[msgspec.Struct], taken: type[msgspec.Struct]) -> None:
    def told(each: type[msgspec.Struct]) -> dict[str, Any]:
        return {field.name: field.default for field in msgspec.structs.fields(each)}

    assert told(kind) == told(taken)


def test_a_problem_is_read_by_its_own_names() -> None:
    fields = {each.name for each in msgspec.structs.fields(problems._Document)}
    assert fields <= {each.name for each in msgspec.structs.fields(Document)}


def test_an_order_that_was_sent_is_the_one_that_is_taken() -> None:
    [example] = answers.ORDERS_SENT
    order = msgspec.convert(msgspec.to_builtins(example), orders.Order)
    assert msgspec.json.decode(msgspec.json.encode(order), type=booking.Order) == example
    assert example.consignee.name not in repr(order)
    assert example.consignee.street not in repr(order)


def test_formats_and_sizes_are_those_of_the_server() -> None:
    from waypost.booking.printing.layout import Size
    from waypost.booking.printing.printer import Format
    from waypost.booking.printing.slips import Paper
    from waypost.booking.rating.quotes import Prefer

    def words(kind: Any) -> set[str]:
        return set(kind.__args__)

    assert (words(orders.Format), words(orders.Size), words(orders.Paper)) == (
        words(Format),
        words(Size),
        words(Paper),
    )
    assert words(quotes.Prefer) == {each.value for each in Prefer}


def test_every_method_says_what_it_gives() -> None:
    for kind in (orders.Orders, jobs.Jobs, manifests.Manifests, parcels.Parcels, scans.Scans, webhooks.Webhooks):
        methods = [each for name, each in vars(kind).items() if isinstance(each, types.FunctionType) and name[0] != "_"]
        assert methods
        assert all(each.__doc__ and "return" in get_type_hints(each, localns=_names(kind)) for each in methods)


def _names(kind: type) -> dict[str, Any]:
    """`list` is a method of some, which their own annotations do not mean."""
    return {"list": list} | {}
