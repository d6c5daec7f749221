"""A partner's people let their system in over Kafka: an account, its password seen once, taken back again."""

import re

from confluent_kafka import KafkaError
from playwright.sync_api import expect

from deploy.local.table import Stack
from submissions.kafka_accounts import Access
from tests.faults.fleet import key_for
from tests.journeys.conftest import Visit, aside, go
from tests.journeys.given import partner_of
from tests.journeys.look import look
from tests.submissions.kafka import Record, System

PARTNER = "partner-zhou"


def test_an_account_is_granted_used_and_revoked(stack: Stack, visit: Visit) -> None:
    mine = partner_of(stack, PARTNER)
    aside(key_for(stack.settings, mine))
    page, wrong = visit(PARTNER), list[str]()
    go(page, "Submit")
    go(page, "Kafka")
    page.get_by_label("Which system will use it").fill("ERP, a journey")
    page.get_by_role("button", name="Grant the account").click()
    expect(page.get_by_role("heading", name="Your new account")).to_be_visible()
    wrong += look(page, "kafka-granted")
    told = dict(re.findall(r"^([a-z.]+)=(.*)$", page.locator(".sq-key pre").inner_text(), re.MULTILINE))
    system = System(
        Access(
            account=told["sasl.username"],
            username=told["sasl.username"],
            password=told["sasl.password"],
            bootstrap_servers=told["bootstrap.servers"],
            security_protocol=told["security.protocol"],
            mechanism=told["sasl.mechanism"],
            intake_topic=f"intake.{mine['uscc']}",
            receipts_topic=f"receipts.{mine['uscc']}",
            group_prefix=f"{mine['uscc']}.",
        )
    )
    assert system.send(Record(b"{}")) == [None]

    go(page, "Kafka")
    assert told["sasl.password"] not in page.content()
    row = page.get_by_role("row").filter(has_text="ERP, a journey")
    expect(row).to_contain_text("Active")
    page.set_viewport_size({"width": 390, "height": 900})
    for seen in (row.get_by_text("Active"), row.get_by_role("link", name="Revoke")):
        assert (box := seen.bounding_box()) and box["x"] + box["width"] <= 390, "out of a phone's sight"
    page.set_viewport_size({"width": 1280, "height": 900})
    row.get_by_role("link", name="Revoke").click()
    wrong += look(page, "kafka-revoke")
    page.get_by_role("button", name="Revoke the account").click()
    expect(page.get_by_text("The account is revoked: Kafka lets it in no more.")).to_be_visible()
    expect(page.get_by_role("row").filter(has_text="ERP, a journey")).to_contain_text("Revoked")
    (error,) = system.send(Record(b"{}"))
    assert error is not None and error.code() == KafkaError._AUTHENTICATION

    go(page, "API keys")
    wrong += look(page, "keys-on-a-phone")
    page.set_viewport_size({"width": 390, "height": 900})
    key = page.get_by_role("row").filter(has_text="sq_live_").first
    for seen in (key.get_by_text("Active"), key.get_by_text("Never")):
        assert (box := seen.bounding_box()) and box["x"] + box["width"] <= 390, "out of a phone's sight"
    assert not wrong, "\n".join(wrong)
