"""What taking lines in would answer: the same rules and the same decisions, and nothing written."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from runtime.streams import Outcome
from schemas.envelope import Event, Refusal
from submissions.intake import Intake, Receipt, receipt
from submissions.ndjson import Line


@dataclass(frozen=True)
class DryIntake:
    """An intake that decides and does not write."""

    intake: Intake

    async def take(self, lines: Sequence[Line]) -> list[tuple[Receipt, bool]]:
        """For each line the receipt it would get, with neither event nor time."""
        streams, commands = self.intake.submissions, self.intake.commands(lines)
        states = await asyncio.gather(*(streams.get(command.stream) for command in commands))
        answers = []
        for command, held in zip(commands, states, strict=True):
            decided = streams.decider.decide(held.state, command)
            refusal = decided if isinstance(decided, Refusal) else None
            facts = () if isinstance(decided, Refusal) else decided
            events = tuple(
                Event("", "", command.stream, command.at, 0, command.cause, "", command.actor, fact) for fact in facts
            )
            outcome = Outcome(command.stream, held.version, held.state, events, refusal)
            told = receipt(outcome, command, self.intake.language)
            answers.append((told.model_copy(update={"event": None, "time": None}), bool(events)))
        return answers
