"""The configuration: one set of rules, whether it comes from Python, from a file or from a command line."""
import dataclasses
import json
import math
import re
from dataclasses import asdict, fields, is_dataclass, replace
from functools import cache
from pathlib import Path
from typing import get_args

import pytest
import torch
import yaml
from hypothesis import HealthCheck, example, given, settings, strategies as st

import celestial_pgat
from celestial_pgat.data.cross_sections import DayBatch
from celestial_pgat.model.atft import ATFTGATFAN
from celestial_pgat.model.config import (KEYS, Config, FusionConfig, ModelConfig, Text, TrainConfig,
                                         load_config, preset, read_yaml)
from celestial_pgat.model.rank_config import RankDataConfig, RankLossConfig, RankModelConfig, RankTrainConfig

ODD = {"null": None, "inf": math.inf, "nan": math.nan, "minus one": -1, "text": "x", "list": [], "mapping": {}, "true": True,
       "half": 0.5, "number in quotes": "2", "huge": 10**400, "one": 1, "long": "x" * 5000, "long list": [10**15] * 70}       # both of more letters than a line of a refusal may have


def nest(key: str, value: object) -> dict:
    for part in reversed(key.split(".")):
        value = {part: value}
    return value


def in_yaml(value: object) -> str:
    """Write a value as a person would, on one line."""
    return json.dumps(value).replace("Infinity", ".inf").replace("NaN", ".nan")


def by_file(key: str, value: object, folder) -> Config:
    file = folder / "odd.yaml"
    file.write_text(in_yaml(nest(key, value)))
    return load_config("smoke", file)


def by_text(key: str, value: object) -> Config:
    return load_config("smoke", overrides=[f"{key}={in_yaml(value)}"])


def in_python(key: str, value: object, config: object = None) -> object:
    config = preset("smoke") if config is None else config
    first, _, rest = key.partition(".")
    return replace(config, **{first: in_python(rest, value, getattr(config, first)) if rest else value})


def outcome(make, *arguments) -> object:
    """Return what is made, or the words of the refusal."""
    try:
        return make(*arguments)
    except ValueError as error:
        assert all(len(line) <= 1000 for line in str(error).splitlines()) and len(str(error).splitlines()) <= 22
        return str(error)


def takes_text(key: str) -> bool:
    options = (KEYS[key], *get_args(KEYS[key]))
    return any(option is Text or isinstance(option, str) for option in options)


@pytest.mark.parametrize("key", KEYS)
def test_every_key_is_judged_alike_in_python_in_a_file_and_on_a_command_line(key, tmp_path):
    for name, value in ODD.items():
        made = [outcome(by_file, key, value, tmp_path), outcome(in_python, key, value)]
        if not takes_text(key) or isinstance(value, (str, type(None))):     # on a command line, 1 is a text where one is wanted
            made.append(outcome(by_text, key, value))
        accepted = [isinstance(config, Config) for config in made]
        assert all(accepted) or not any(accepted), f"{key}={name}: {made}"
        if accepted[0]:
            assert all(config == made[0] for config in made)
        else:
            assert all(key.split(".")[-1] in words for words in made), made


def test_the_odd_values_are_refused_and_admitted():
    """The test above would hold for rules that admit everything, or nothing."""
    refused = {"null": "seed", "inf": "train.clip", "nan": "train.weight_decay", "minus one": "data.hour", "text": "model.d", "list": "model",
               "mapping": "data", "true": "model.hops", "half": "train.epochs", "number in quotes": "seed", "huge": "seed",
               "one": "data.test", "long": "data.source", "long list": "model.heads"}
    for name, key in refused.items():
        assert isinstance(outcome(by_text, key, ODD[name]), str), (name, key)
    for name, key in {"null": "model.regimes", "text": "data.source", "true": "model.validate", "half": "train.clip", "one": "train.clip"}.items():
        assert isinstance(outcome(by_text, key, ODD[name]), Config), (name, key)


@pytest.mark.parametrize("make", [lambda: ModelConfig(dropout=1.0), lambda: TrainConfig(learning_rate=math.inf), lambda: Config(model=None),
                                  lambda: FusionConfig(norm="none"), lambda: Config(data={}), lambda: Config(seed=True)])
def test_python_obeys_the_rules(make):
    with pytest.raises(ValueError, match="is not allowed: use"):
        make()


# keys that do not touch each other, each with a value that is wrong by itself, and pairs that contradict each other
PLANTED = {"data.hour": 25, "data.exchange": "", "data.day_shift": 2, "data.repair": "maybe", "model.dropout": 1.0, "model.hops": 4, "model.combiner": "fat",
           "model.celestial_fusion.norm": "batch", "model.regimes": 1, "train.clip": -1, "train.precision": "half", "seed": -1, "modle.d": 3, "model.widht": 5,
           "train.epoch": 3, "sed": 1, "model.decoder_calendar_fusion": 5, "data": {}}
CONFLICTS = [{"data.validation": 0.5, "data.test": 0.4}, {"data.known": "load"}, {"model.d": 18, "model.heads": 4}, {"model.label": 90, "model.history": 80},
             {"train.epochs": 3, "train.warmup_epochs": 3}, {"train.learning_rate": 1e-3, "train.min_learning_rate": 1e-2}, {"model.body_heads": 5},
             {"model.encoder_calendar_fusion.strategy": "film", "model.encoder_calendar_fusion.init": "open"}]


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(sorted(PLANTED)), unique=True, max_size=10), st.lists(st.sampled_from(range(len(CONFLICTS))), unique=True), st.data())
def test_each_planted_fault_is_a_line_of_one_message(tmp_path, keys, pairs, draw):
    """Some stand in the file, some among the overrides."""
    planted = {key: PLANTED[key] for key in keys}
    planted |= {key: value for number in pairs for key, value in CONFLICTS[number].items()}
    if "data" in planted:                                  # an empty section, and keys of it, cannot stand in one file
        planted = {key: value for key, value in planted.items() if key == "data" or not key.startswith("data.")}
    expected = len([key for key in keys if key in planted]) + len([number for number in pairs if CONFLICTS[number].keys() <= planted.keys()])
    in_file, tree = [key for key in planted if draw.draw(st.booleans())], {}
    for key in in_file:
        *path, last = key.split(".")
        place = tree
        for part in path:
            place = place.setdefault(part, {})
        place[last] = planted[key]
    (tmp_path / "planted.yaml").write_text(in_yaml(tree))
    found = outcome(load_config, "smoke", tmp_path / "planted.yaml" if tree else None,
                    [f"{key}={in_yaml(value)}" for key, value in planted.items() if key not in in_file])
    lines = [] if isinstance(found, Config) else found.splitlines()
    assert len(lines) == expected + (expected > 1), found
    assert expected < 2 or lines[0] == f"the configuration has {expected} faults:"
    assert all(any(key in line for line in lines) for key in planted if key in PLANTED and key != "modle.d"), found


NAMES = st.one_of(st.sampled_from(["data", "model", "train", "seed", "d", "dropout", "epochs", "celestial_fusion", "norm", "hour", "clip"]),
                 st.text(st.characters(categories=["L", "N", "P", "S"]), max_size=20), st.integers(), st.none(), st.booleans())
VALUES = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=30), st.sampled_from([0, 2, 16, 0.5, "rms"]))
TREES = st.recursive(VALUES, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3)), max_leaves=8)


def leaves(tree: object, where: tuple = ()) -> list:
    if isinstance(tree, dict) and tree:
        return [leaf for key, value in tree.items() for leaf in leaves(value, (*where, key))]
    return [(where, tree)]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(NAMES, TREES, max_size=3))
@example({"model": {"d": 32}, "seed": 3})
@example({"0E0": None})
@example({"model": {"dropout": 0.5, "celestial_fusion": {"norm": "rms"}}, "train": {"epochs": 16}})
def test_a_file_gives_what_it_asks_for_or_is_refused_with_a_key(tmp_path, tree):
    file = tmp_path / "random.yaml"
    file.write_text(yaml.safe_dump(tree, allow_unicode=True), encoding="utf-8")
    try:
        config = asdict(load_config("smoke", file))
    except ValueError as error:
        words = str(error)
        assert all(len(line) <= 1000 for line in words.splitlines())
        read = {} if "YAML" in words else read_yaml(file.read_text(encoding="utf-8"), "it")     # 0E0 is a number in YAML 1.2
        keys = [key for given in (tree, read) for where, _ in leaves(given) for key in where]
        assert not tree or "YAML" in words or any(str(key)[:8].encode("unicode_escape").decode() in words or repr(key)[1:8] in words
                                                  for key in keys), words
        return
    for where, value in leaves(tree):
        found = config
        for key in where:
            found = found[key]
        assert found == value


def test_every_field_has_a_rule_of_the_module():
    """No field may have an annotation that `admit` would wave through."""
    def annotations(kind: type) -> list:
        return [found for item in fields(kind) for found in (annotations(item.type) if is_dataclass(item.type) else [item.type])]
    assert not [kind for kind in annotations(Config) if kind in (int, float, str, object)]


@pytest.mark.parametrize("name, content", [
    ("table.csv", b"Date,Open,High,Low,Close\n" + b"2018-12-31,1,1,1,1\n" * 50_000), ("line.json", b'{"model": "' + b"x" * 1_000_000 + b'"}'),
    ("few.csv", b"Date,Open\n2018-12-31,1\n"), ("binary.bin", bytes(range(256)) * 10), ("zeros.bin", bytes(1000)), ("utf16.yaml", "seed: 1".encode("utf-16")),
    ("empty.yaml", b""), ("comment.yaml", b"# nothing\n"), ("bomb.yaml", b"a: &a [x, x]\nb: &b [*a, *a]\nseed: *b\n"), ("date.yaml", b"seed: 2020-01-01\n")])
def test_a_file_that_is_no_configuration_fits_a_screen(name, content, tmp_path, call):
    (tmp_path / name).write_bytes(content)
    done = call("run", "--config", tmp_path / name, "--output", tmp_path / "runs")
    assert done.returncode == 2 and len(done.stderr) <= 1000 and "Traceback" not in done.stderr, done.stderr[:2000]
    assert name in done.stderr or "seed" in done.stderr


@pytest.mark.parametrize("arguments", [["--set", "model.d=" + "x" * 100_000], ["--set", "x" * 100_000], ["--set", "x" * 100_000 + "=1"],
                                       ["--set", "model.d=" + "9" * 100_000], ["--set", "data.source=" + "x" * 100_000],
                                       ["--set", "a" + ".a" * 50_000 + "=1"], ["--set", "data.source" + ".a" * 50_000 + "=1"],
                                       ["--set", "model.d=" + "[" * 100_000], ["--config", "x" * 100_000], ["--preset", "x" * 100_000],
                                       ["--data", "x" * 100_000]])
def test_a_long_argument_fits_a_screen(arguments, tmp_path, call):
    done = call("run", *arguments, "--output", tmp_path / "runs")
    assert done.returncode == 2 and len(done.stderr) <= 1000 and "Traceback" not in done.stderr, done.stderr[:2000]


def test_a_configuration_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        preset("smoke").seed = 3


RANK_MODEL = [item.name for item in fields(RankModelConfig)]
RANK_STATES = [{}, {"norm": "fan"}, {"norm": "revin"}, {"layers": 0}, {"selection": False}, {"correlation_edges": False},
               {"sector_edges": False}]


@cache
def ranked(cfg: RankModelConfig) -> tuple:
    """Return the sizes of the parameters, and what a network says of six days."""
    torch.manual_seed(0)
    model, stocks, draw = ATFTGATFAN(cfg, 4).train(), 14, torch.Generator().manual_seed(1)
    for part in model.parameters():
        torch.nn.init.normal_(part, std=0.3)
    past = torch.randn(stocks, 64, generator=draw)
    batch = DayBatch(torch.randn(stocks, cfg.history + 4, 4, generator=draw), past + 1.5 * past[torch.arange(stocks) % 3],
                     torch.ones(5, stocks, dtype=torch.bool), torch.zeros(5, stocks, 4), torch.arange(stocks) % 4 - 1, torch.arange(5))
    with torch.no_grad():
        return tuple(part.shape for part in model.parameters()), model(batch)


@pytest.mark.parametrize("key", RANK_MODEL)
def test_every_key_of_the_ranking_network_has_an_effect_or_is_refused(key):
    others = {"history": 12, "d": 16, "heads": 4, "layers": 2, "feature_width": 5, "dropout": 0.5, "norm": "revin", "frequencies": 2,
              "shrinkage": 0.6, "threshold": 0.3, "neighbours": 2, "fusion": FusionConfig(norm="rms")}
    seen = 0
    for state in RANK_STATES:
        base = RankModelConfig(**dict(history=8, d=8, heads=2, layers=1) | state)
        own = getattr(base, key)
        value = others.get(key, not own if isinstance(own, bool) else own)
        if value == own:
            continue
        try:
            changed = replace(base, **{key: value})
        except ValueError as error:
            assert key in str(error)
            continue
        seen += 1
        (sizes, said), (before, known) = ranked(changed), ranked(base)
        assert sizes != before or not torch.equal(said, known), (key, state)
    assert seen


def test_every_key_of_the_ranking_is_read_somewhere():
    """Beside the network: what nobody asks a configuration for has no effect, and is refused."""
    root = Path(celestial_pgat.__file__).parent
    text = "".join(file.read_text() for file in root.rglob("*.py") if "config" not in file.name)
    for part, refused in ((RankDataConfig, ()), (RankLossConfig, ()), (RankTrainConfig, ("edge_kl",))):
        for item in fields(part):
            if item.name in refused:
                with pytest.raises(ValueError, match=f"{item.name}=.* has no effect"):
                    part(**{item.name: 0.5})
            else:
                assert re.search(rf"\b(train|data|loss|d|cfg)\.{item.name}\b", text), item.name
