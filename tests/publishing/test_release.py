"""A release: opened, put together, frozen, published."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from publishing.domain.release import (
    LINKAGES_AT_MOST,
    Add,
    Freeze,
    Open,
    PublishRelease,
    Release,
    ReleaseCommand,
    Remove,
    decide,
    evolve,
    manifest,
    missing,
)
from schemas.envelope import Refusal, canonical_hash
from schemas.publication import (
    ManifestLine,
    ReleaseEntryAdded,
    ReleaseEntryRefused,
    ReleaseEntryRemoved,
    ReleaseFrozen,
    ReleaseOpened,
    ReleasePublished,
)
from tests.publishing.given import AT, MONTH, manifest_line, release_after

BY: dict[str, Any] = {"stream": MONTH, "cause": "test", "actor": "user:test", "at": AT}
OPENED = ReleaseOpened(targets={"scene": 1, "product": 1})
SCENE, PRODUCT, LINKAGE = manifest_line("scene"), manifest_line("product"), manifest_line("linkage")
FULL = (OPENED, ReleaseEntryAdded(line=SCENE), ReleaseEntryAdded(line=PRODUCT))
FROZEN = ReleaseFrozen(manifest=manifest((SCENE, PRODUCT)))


def add(line: ManifestLine) -> Add:
    return Add(line=line, **BY)


def test_a_month_is_opened_once() -> None:
    assert decide(Release(), Open(targets=OPENED.targets, **BY)) == (OPENED,)
    assert decide(release_after(OPENED), Open(targets={"scene": 9}, **BY)) == ()
    for month in ("2026-13", "0000-01", "２０２６-12", "2026-12\n"):
        assert decide(Release(), Open(targets={}, **{**BY, "stream": month})) == Refusal("release.month")


def test_a_month_takes_its_targets_and_refuses_one_too_many_as_a_fact() -> None:
    other = manifest_line("scene", 1)
    assert decide(Release(), add(SCENE)) == Refusal("release.unknown")
    assert decide(release_after(OPENED), add(SCENE)) == (ReleaseEntryAdded(line=SCENE),)
    assert decide(release_after(*FULL), add(SCENE)) == ()
    assert decide(release_after(*FULL), add(other)) == (
        ReleaseEntryRefused(entry=other.entry, edition=1, rule="release.full"),
    )
    assert decide(release_after(*FULL), add(LINKAGE)) == (ReleaseEntryAdded(line=LINKAGE),)
    assert decide(release_after(*FULL, FROZEN), add(other)) == (
        ReleaseEntryRefused(entry=other.entry, edition=1, rule="release.frozen"),
    )


def test_linkages_have_no_target_but_a_bound() -> None:
    lines = [manifest_line("linkage", n) for n in range(LINKAGES_AT_MOST + 1)]
    state = release_after(OPENED, *(ReleaseEntryAdded(line=line) for line in lines[:-1]))
    assert decide(state, add(lines[-1])) == (
        ReleaseEntryRefused(entry=lines[-1].entry, edition=1, rule="release.full"),
    )


def test_an_entry_leaves_an_open_month_only() -> None:
    command = Remove(entry=SCENE.entry, **BY)
    assert decide(release_after(*FULL), command) == (ReleaseEntryRemoved(entry=SCENE.entry),)
    assert decide(release_after(OPENED), command) == Refusal("release.absent")
    assert decide(release_after(*FULL, FROZEN), command) == Refusal("release.frozen")
    assert decide(Release(), command) == Refusal("release.unknown")
    assert release_after(*FULL, ReleaseEntryRemoved(entry=SCENE.entry)).counts == {"product": 1}


def test_a_month_is_frozen_when_it_has_exactly_its_targets() -> None:
    command = Freeze(**BY)
    assert decide(Release(), command) == Refusal("release.unknown")
    assert decide(release_after(*FULL[:2]), command) == Refusal("release.incomplete", {"missing": {"product": 1}})
    assert decide(release_after(*FULL), command) == (FROZEN,)
    assert decide(release_after(*FULL, FROZEN), command) == ()


def test_only_a_frozen_month_is_published_once_with_all_its_lines_in_order() -> None:
    command = PublishRelease(**BY)
    lines = tuple(sorted((SCENE, PRODUCT), key=lambda line: line.entry))
    published = ReleasePublished(manifest=FROZEN.manifest, lines=lines, published_at=AT)
    assert decide(Release(), command) == Refusal("release.unknown")
    assert decide(release_after(*FULL), command) == Refusal("release.not-frozen")
    assert decide(release_after(*FULL, FROZEN), command) == (published,)
    assert decide(release_after(*FULL, FROZEN, published), command) == ()
    assert release_after(*FULL, FROZEN, published).published_at == AT


def test_state_loads_back_as_it_was_dumped() -> None:
    state = release_after(*FULL, FROZEN)
    assert Release.model_validate(state.model_dump(mode="json"), strict=False) == state


@given(st.permutations([manifest_line(kind, n) for kind in ("scene", "product", "linkage") for n in range(4)]))
def test_the_manifest_does_not_depend_on_the_order_of_adding(lines: list[ManifestLine]) -> None:
    in_order = sorted(lines, key=lambda line: line.entry)
    assert manifest(lines) == canonical_hash([line.model_dump(mode="json") for line in in_order])


@given(
    st.dictionaries(st.sampled_from(["scene", "product"]), st.integers(0, 4), min_size=2),
    st.lists(
        st.tuples(
            st.sampled_from(["add", "remove", "freeze", "publish"]),
            st.sampled_from(["scene", "product"]),
            st.integers(0, 6),
        )
    ),
)
def test_a_month_never_holds_more_than_its_targets(targets: dict[str, int], acts: list[tuple[str, str, int]]) -> None:
    state = release_after(ReleaseOpened(targets=targets))
    for what, kind, n in acts:
        line = manifest_line(kind, n)
        commands: dict[str, ReleaseCommand] = {
            "add": add(line),
            "remove": Remove(entry=line.entry, **BY),
            "freeze": Freeze(**BY),
            "publish": PublishRelease(**BY),
        }
        facts = decide(state, commands[what])
        for fact in facts if isinstance(facts, tuple) else ():
            state = evolve(state, fact)
        assert all(state.counts.get(kind, 0) <= target for kind, target in targets.items())
        assert sum(state.counts.values()) == len(state.lines) == len({line.entry for line in state.lines})
        if state.status != "open":
            assert not missing(state)
            assert state.manifest == manifest(state.lines)
