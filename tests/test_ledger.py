"""The ledger of claims against the history of the project: what was fixed first, what was run then."""

import json
import subprocess

import pytest

from celestial_pgat.app.claims import CONDITIONS, rule_hash
from celestial_pgat.app.ledger import ledger_path, read_claims

ROOT = ledger_path().parents[2]
LEDGER = read_claims()


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
    first, then = entry.provenance["conditions"], entry.provenance["revision"]
    git("merge-base", "--is-ancestor", first, then)     # raises if it is not
    git("merge-base", "--is-ancestor", then, "HEAD")
    assert git("log", "-1", "--format=%H", then, "--", "celestial_pgat/app/conditions.json"
               ).startswith(first), "the conditions that the run saw are those of the named commit"
    rules = json.loads(git("show", f"{first}:celestial_pgat/app/conditions.json"))
    assert rules[entry.id] == CONDITIONS[entry.id], "they are still the same"


@pytest.mark.parametrize("entry", LEDGER, ids=lambda entry: entry.id)
def test_a_verdict_has_its_picture_and_its_words(entry):
    assert len(entry.short.split()) <= 12, "the home page has room for twelve words"
    assert entry.picture and (ROOT / "nbs" / entry.picture).stat().st_size < 30_000
