"""Somebody signs in as the wrong person, is told what is missing and what to do, does it, and signs out."""

import re

from playwright.sync_api import expect

from deploy.local.table import Stack
from tests.journeys.conftest import Visit
from tests.journeys.look import look


def test_a_missing_role_is_explained_and_signing_out_ends_the_session(stack: Stack, visit: Visit) -> None:
    page = visit()
    page.get_by_role("link", name="Submit an entry").click()
    with page.expect_response(f"{stack.url('submissions')}/submissions") as answer:
        page.locator("button[value='reviewer-li']").click()
    assert answer.value.status == 403
    expect(page.get_by_text("Needed role: Partner")).to_be_visible()
    assert look(page, "forbidden-en") == []
    page.get_by_role("button", name="Sign in as somebody else").click()
    page.locator("button[value='partner-zhou']").click()
    expect(page).to_have_url(f"{stack.url('submissions')}/submissions")
    expect(page.get_by_role("heading", level=1)).to_have_text("My submissions")

    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("You are signed out")
    expect(page.get_by_role("link", name="Sign in")).to_be_visible()
    assert look(page, "signed-out-en") == []
    page.go_back()
    page.reload()
    expect(page).to_have_url(re.compile("^" + re.escape(stack.settings.oidc_issuer)))
