"""The ledger of claims against the history of the project: what was fixed first, what was run then."""

import json
import subprocess

import pytest

from celestial_pgat.app.claims import CONDITIONS, rule_hash
from celestial_pgat.app.ledger import ledger_path, read_claims

ROOT = ledger_path().parents[2]
LEDGER = read_claims()
README = (ROOT / "README.md").read_text(encoding="utf-8")


def git(*words: str) -> str:
    return subprocess.run(["git", "-C", str(ROOT), *words], check=True, capture_output=True,
                          text=True).stdout.strip()


def has_history() -> bool:
    try:
        return git("rev-parse", "--is-shallow-repository") == "false"
    except (OSError, subprocess.CalledProcessError):
        return False


@pytest.mark.parametrize("entry", LEDGER, ids=lambda entry: entry.id)
def test_no_verdict_is_stale(entry):
    assert not entry.stale, f"{entry.id}: {entry.stale}; measure it anew from a clean revision"
    assert entry.provenance.get("condition") == rule_hash(entry.id)


@pytest.mark.skipif(not has_history(), reason="the history of the project is not at hand")
@pytest.mark.parametrize("entry", LEDGER, ids=lambda entry: entry.id)
def test_conditions_were_committed_before_the_run(entry):
    made = entry.provenance
    git("merge-base", "--is-ancestor", made["conditions"], made["revision"])    # raises if it is not
    for revision in (made["revision"], *made.get("others", {}).values()):
        git("merge-base", "--is-ancestor", revision, "HEAD")
        rules = json.loads(git("show", f"{revision}:celestial_pgat/app/conditions.json"))
        assert rules[entry.id] == CONDITIONS[entry.id], "the run saw the conditions of today"
    seen = git("log", "-1", "--format=%H", made["revision"], "--", "celestial_pgat/app/conditions.json")
    assert seen.startswith(made["conditions"]), "they are those of the commit that is named"


def test_all_that_has_conditions_has_a_verdict():
    assert CONDITIONS.keys() == LEDGER.entries.keys()


@pytest.mark.parametrize("entry", LEDGER, ids=lambda entry: entry.id)
def test_the_home_page_says_the_same(entry):
    assert f"| [{entry.short}](nbs/{entry.link}) |" in README, "execute index, then run make readme"


@pytest.mark.parametrize("entry", LEDGER, ids=lambda entry: entry.id)
def test_a_verdict_has_its_picture_and_its_words(entry):
    assert len(entry.short.split()) <= 12, "the home page has room for twelve words"
    assert entry.picture and (ROOT / "nbs" / entry.picture).stat().st_size < 30_000
