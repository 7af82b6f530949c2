"""Answers as text, byte for byte; pure."""

import csv
import io
import json

import pytest
from defusedxml.ElementTree import fromstring
from hypothesis import given
from hypothesis import strategies as st

from gateway.api.company_usage.negotiation import Format, Manner
from gateway.api.company_usage.usage import MOST_SHOWN, usage_members
from gateway.api.company_usage.writing import write
from gateway.model import UNLIMITED, Budget, Company, Enforcement, Level, Rolling, RollingBudget, Scope, Unit

GUID = "6c8c9d2e-1111-4222-8333-444455556666"
DTO = "{http://schemas.datacontract.org/2004/07/BokaMera.API.ServiceModel.Dtos}"
TYPES = "{http://schemas.servicestack.net/types}"
USAGE = {
    "CompanyId": GUID,
    "TokensUsed": 123,
    "TokenLimit": 1000,
    "TokensRemaining": 877,
    "IsWithinBudget": True,
    "WindowDays": 30,
}
ERROR = {
    "ResponseStatus": {
        "ErrorCode": "NotNull",
        "Message": 'a <"b">, c',
        "Errors": [{"ErrorCode": "NotNull", "FieldName": "TokensUsed", "Message": "m"}],
    }
}


def level(used: int, limit: int) -> tuple[Company, Level]:
    company = Company(GUID, "acme", RollingBudget(limit, 30), "UTC")
    budget = Budget("company@30d", "company", Scope.COMPANY, "c", Unit.TOKENS, Rolling(30), limit, Enforcement.HARD)
    return company, Level(budget, limit, used, 0, None)


@pytest.mark.parametrize(
    ("used", "limit", "shown", "remaining", "is_within"),
    [
        (123, 1000, 1000, 877, True),
        (999, 1000, 1000, 1, True),
        (1000, 1000, 1000, 0, False),
        (1001, 1000, 1000, 0, False),
        (0, 0, 0, 0, False),
        (0, UNLIMITED, MOST_SHOWN, MOST_SHOWN, True),
        (MOST_SHOWN + 5, UNLIMITED, MOST_SHOWN, 0, True),
        (5, MOST_SHOWN, MOST_SHOWN, MOST_SHOWN - 5, True),
        (5, MOST_SHOWN + 1, MOST_SHOWN, MOST_SHOWN - 5, True),
        (MOST_SHOWN + 5, MOST_SHOWN + 9, MOST_SHOWN, 0, True),
        (MOST_SHOWN + 9, MOST_SHOWN + 9, MOST_SHOWN, 0, False),
    ],
)
def test_a_level_as_members(used: int, limit: int, shown: int, remaining: int, is_within: bool) -> None:
    """A limit never leaves 32 bits, what remains is never negative, and only the true limit decides what is within."""
    assert usage_members(*level(used, limit)) == {
        "CompanyId": GUID,
        "TokensUsed": used,
        "TokenLimit": shown,
        "TokensRemaining": remaining,
        "IsWithinBudget": is_within,
        "WindowDays": 30,
    }


JSON_TEXT = (
    f'{{"CompanyId":"{GUID}","TokensUsed":123,"TokenLimit":1000,'
    '"TokensRemaining":877,"IsWithinBudget":true,"WindowDays":30}'
)
XML_TEXT = (
    '<?xml version="1.0" encoding="utf-8"?>'
    '<AiChatUsageResponse xmlns:i="http://www.w3.org/2001/XMLSchema-instance"'
    ' xmlns="http://schemas.datacontract.org/2004/07/BokaMera.API.ServiceModel.Dtos">'
    f"<CompanyId>{GUID}</CompanyId><IsWithinBudget>true</IsWithinBudget><TokenLimit>1000</TokenLimit>"
    "<TokensRemaining>877</TokensRemaining><TokensUsed>123</TokensUsed><WindowDays>30</WindowDays>"
    "</AiChatUsageResponse>"
)
COLUMNS = "CompanyId,TokensUsed,TokenLimit,TokensRemaining,IsWithinBudget,WindowDays,ResponseStatus\r\n"
JSV_TEXT = f"{{CompanyId:{GUID},TokensUsed:123,TokenLimit:1000,TokensRemaining:877,IsWithinBudget:True,WindowDays:30}}"


@pytest.mark.parametrize(
    ("form", "text"),
    [
        (Format.JSON, JSON_TEXT),
        (Format.XML, XML_TEXT),
        (Format.CSV, f"{COLUMNS}{GUID},123,1000,877,True,30,\r\n"),
        (Format.JSV, JSV_TEXT),
    ],
)
def test_usage_in_each_format(form: Format, text: str) -> None:
    """Members in declared order, in XML in alphabetical order; .NET's booleans in CSV and JSV."""
    assert write(USAGE, Manner(form)).decode() == text


def test_camel_case_is_for_json_and_jsv() -> None:
    """`companyId`, `responseStatus.errors[0].fieldName`; XML and CSV have one case only."""
    assert json.loads(write(USAGE, Manner(Format.JSON, is_camel=True))) == {
        name[0].lower() + name[1:]: value for name, value in USAGE.items()
    }
    (error,) = json.loads(write(ERROR, Manner(Format.JSON, is_camel=True)))["responseStatus"]["errors"]
    assert error == {"errorCode": "NotNull", "fieldName": "TokensUsed", "message": "m"}
    assert write(USAGE, Manner(Format.JSV, is_camel=True)).startswith(b"{companyId:")
    for form in (Format.XML, Format.CSV):
        assert write(USAGE, Manner(form, is_camel=True)) == write(USAGE, Manner(form))


def test_an_error_in_json() -> None:
    """An error is its `ResponseStatus` and nothing else."""
    assert json.loads(write(ERROR, Manner(Format.JSON))) == ERROR


def test_an_error_in_xml() -> None:
    """The status stands in ServiceStack's own namespace, its text escaped."""
    status = fromstring(write(ERROR, Manner(Format.XML))).find(f"{DTO}ResponseStatus")
    assert [member.tag for member in status] == [f"{TYPES}ErrorCode", f"{TYPES}Message", f"{TYPES}Errors"]
    assert status.findtext(f"{TYPES}Message") == 'a <"b">, c'
    (error,) = status.find(f"{TYPES}Errors")
    assert error.tag == f"{TYPES}ResponseError"
    assert [(member.tag, member.text) for member in error] == [
        (f"{TYPES}ErrorCode", "NotNull"),
        (f"{TYPES}FieldName", "TokensUsed"),
        (f"{TYPES}Message", "m"),
    ]


def test_an_error_in_csv_has_the_same_columns() -> None:
    """Nothing but zeros, and the status as JSV in its column."""
    header, row = csv.reader(io.StringIO(write(ERROR, Manner(Format.CSV)).decode(), newline=""), strict=True)
    assert header == COLUMNS.strip().split(",")
    assert row[:-1] == ["00000000-0000-0000-0000-000000000000", "0", "0", "0", "False", "0"]
    assert row[-1] == write(ERROR, Manner(Format.JSV)).decode().removeprefix("{ResponseStatus:")[:-1]
    assert row[-1].startswith('{ErrorCode:NotNull,Message:"a <""b"">, c",Errors:[{ErrorCode:NotNull,')


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_a_cell_is_no_formula(start: str) -> None:
    """Text that a spreadsheet would run has a quote before it."""
    members = {**USAGE, "CompanyId": f"{start}cmd|' /C calc'!A0"}
    _, row = csv.reader(io.StringIO(write(members, Manner(Format.CSV)).decode(), newline=""), strict=True)
    assert row[0].startswith(f"'{start}")


@given(st.text(alphabet=st.characters(codec="utf-8")), st.sampled_from(Format))
def test_any_message_can_be_written(message: str, form: Format) -> None:
    """Whatever a message holds, the answer can be read by a parser of its format."""
    written = write({"ResponseStatus": {"ErrorCode": "x", "Message": message}}, Manner(form))
    if form is Format.XML:
        status = fromstring(written).find(f"{DTO}ResponseStatus")
        printable = "".join(char for char in message if char.isprintable())
        assert (status.findtext(f"{TYPES}Message") or "") == printable
    elif form is Format.JSON:
        assert json.loads(written)["ResponseStatus"]["Message"] == message
    elif form is Format.CSV:
        assert len(list(csv.reader(io.StringIO(written.decode(), newline=""), strict=True))) == 2
