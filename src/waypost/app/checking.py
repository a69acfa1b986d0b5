"""`waypost check`: what a number is."""

import sys

from rich.console import Console

from waypost.app.console import line, out, results
from waypost.carriers.signatures import CHECKS as SIGNATURES
from waypost.model.addresses.checks import CHECKS as ADDRESSES
from waypost.model.checks import CHECKS, merge_checks, read_lines, run_lines
from waypost.model.errors import BadInput
from waypost.model.identifiers import Finding, identify
from waypost.model.standard_webhooks import CHECKS as WEBHOOKS

#: Every kind of check of every room.
REGISTRY = merge_checks(CHECKS, ADDRESSES, SIGNATURES, WEBHOOKS)


def list_kinds() -> None:
    """Print the kinds that `--jsonl` knows."""
    for kind in sorted(REGISTRY):
        print(kind)


def answer_lines() -> None:
    """Answer lines of JSON from stdin, each as it comes."""
    for answer in run_lines(read_lines(sys.stdin.buffer), REGISTRY):
        sys.stdout.buffer.write(answer.encode() + b"\n")
        sys.stdout.buffer.flush()


def check_numbers(numbers: list[str], *, as_json: bool) -> int:
    """Say what each number is; 0 if each is something valid, else 1."""
    found = {number: _identify(number) for number in numbers}
    if as_json:
        out([{"number": number, "findings": findings} for number, findings in found.items()])
    else:
        console = results()
        for number, findings in found.items():
            _print(console, number, findings)
    return 0 if all(any(finding.valid for finding in findings) for findings in found.values()) else 1


def _identify(number: str) -> list[Finding]:
    try:
        return identify(number)
    except BadInput as error:  # it can be no number at all; the others are still answered
        return [Finding(kind="number", name="number", number=number[:80], valid=False, reason=error.message)]


def _print(console: Console, number: str, findings: list[Finding]) -> None:
    console.print(line((number[:80], "bold")))
    if not findings:
        console.print("  no kind of number that Waypost knows")
    for finding in sorted(findings, key=lambda finding: not finding.valid):
        if finding.valid:
            details = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in finding.details.items())
            console.print(line("  ", ("valid", "green"), f"    {finding.name}  ", (details, "dim")))
        else:
            console.print(line("  ", ("invalid", "red"), f"  {finding.name}: {finding.reason or ''}"))
