"""An operator asks how many reviewers a goal takes, by keyboard, in either language, and keeps the plan."""

from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from deploy.local.table import Stack
from tests.journeys.conftest import Visit, go
from tests.journeys.look import look

WORDS = {
    "en": {"operations": "Operations", "answer": "To decide 200 by", "wrong": "Give a whole number", "kept": "Plan"},
    "zh": {"operations": "运维", "answer": "200", "wrong": "请填写", "kept": "方案"},
}
#: What a simulation may take on a machine that does much else.
SIMULATED_MS = 120_000
UNTIL = (datetime.now(UTC) + timedelta(days=20)).date().isoformat()


@pytest.mark.timeout(360)
@pytest.mark.parametrize("language", ["zh", "en"])
def test_an_operator_plans_for_a_goal_and_keeps_the_plan(stack: Stack, visit: Visit, language: str) -> None:
    operator, words = visit("operator-zheng", language=language), WORDS[language]
    go(operator, words["operations"])
    operator.locator("main a[href$='/planner']").press("Enter")
    for name, value in (("goal", "many"), ("reviewers", "4"), ("minutes_a_day", "60"), ("waiting", "300")):
        operator.locator(f"#{name}").fill(value)
    operator.locator("#until").fill(UNTIL)
    operator.locator("#goal").press("Enter")
    expect(operator.get_by_role("alert").get_by_role("link")).to_have_count(1)
    expect(operator.locator("#goal-error")).to_contain_text(words["wrong"])
    assert look(operator, f"planner-with-error-{language}") == []
    operator.locator("#goal").fill("200")
    operator.keyboard.press("Enter")
    answer = operator.locator("#answer")
    expect(answer).to_contain_text(words["answer"], timeout=SIMULATED_MS)
    assert look(operator, f"planner-answer-{language}") == []
    answer.get_by_role("button").focus()
    operator.keyboard.press("Enter")
    expect(operator.locator(".sq-heading__caption")).to_have_text(words["kept"], timeout=SIMULATED_MS)
    assert look(operator, f"planner-plan-{language}") == []
    operator.locator(".govuk-back-link").press("Enter")
    expect(operator.locator("table").last.locator("tbody tr").first).to_contain_text("200")
