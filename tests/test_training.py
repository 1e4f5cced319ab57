"""One training as a person leaves it alone: begun, stopped, gone on with, judged, looked into. One short training is shared by all tests."""
import contextlib
import json
import os
import re
import shutil
import signal
import sys
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
from matplotlib.figure import Figure

from test_leaving import last_sentence, parts

SMALL = ("--preset", "smoke", "--set", "train.diagnose_every=9")


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def sentence(done) -> str:
    """Return what a refused command has said, having seen that it was refused in words."""
    assert done.returncode == 2 and "Traceback" not in done.stderr, done
    return " ".join(done.stderr.split())


@pytest.fixture(scope="module")
def alone(few_tables):
    """Reports are not executed, which has tests of its own; gives what would execute them."""
    from celestial_pgat.app import report
    execute = report.execute
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(report, "execute", lambda notebook, folder: notebook)
        yield execute


@pytest.fixture(scope="module")
def trained(table, tmp_path_factory, call, alone) -> tuple[Path, str]:
    """One training that has ended; its folder and what it printed."""
    output = tmp_path_factory.mktemp("trainings")
    shutil.copy(table, output / "mine.csv")
    with contextlib.chdir(output):
        done = call("train", *SMALL, "--data", "mine.csv", "--output", output, "--name", "night")
    assert done.returncode == 0, done.stderr
    return output / "night", done.stdout


@pytest.fixture
def night(trained, tmp_path) -> Path:
    """A copy of the training, which reads the data of the original."""
    return shutil.copytree(trained[0], tmp_path / "night")


@pytest.fixture(scope="module")
def stopped(trained, tmp_path_factory, call) -> tuple[Path, SimpleNamespace]:
    """The same training, with Ctrl-C in its second epoch; its folder, and what came of the command."""
    from celestial_pgat.train.progress import _Progress
    output, show = tmp_path_factory.mktemp("stopped"), _Progress.on_train_batch_end

    def press(self, trainer, *rest):
        if trainer.current_epoch == 1:
            os.kill(os.getpid(), signal.SIGINT)
        show(self, trainer, *rest)

    with pytest.MonkeyPatch.context() as patch, contextlib.chdir(trained[0].parent):
        patch.setattr(_Progress, "on_train_batch_end", press)
        done = call("train", *SMALL, "--data", "mine.csv", "--output", output, "--name", "night")
    return output / "night", done


def test_a_training_ends_with_its_test_metrics_and_leaves_them(trained):
    folder, printed = trained
    order = ["training in", "2 epochs in", "test windows", "random walk", "with sky", "the next sessions", "Not shown to help", f"report: {folder}"]
    assert [printed.index(words) for words in order] == sorted(printed.index(words) for words in order), printed
    assert "MSE" not in printed[:printed.index("2 epochs in")]
    assert {"training.json", "last.ckpt", "best.ckpt", "model.safetensors", "metrics.json", "run.json", "report.html", "fusion.csv"} <= files(folder).keys()
    began = json.loads((folder / "training.json").read_text())
    assert began["ended"] and began["command"].startswith("celestial-pgat train --preset smoke") and began["data"]["prices"]["rows"] == 240
    assert not parts(folder)


def test_ctrl_c_names_the_state_and_the_command_that_goes_on(stopped, call):
    folder, done = stopped
    assert done.returncode == 130 and f"go on with: celestial-pgat resume {folder};" in last_sentence(done.stderr)
    assert "MSE" not in done.stdout and "metrics.json" not in files(folder)
    ahead = call("forecast", "--model", folder)
    assert ahead.returncode == 0 and "2019-01-04" in ahead.stdout, "the best model so far can be used"


def test_a_training_that_was_stopped_ends_as_one_that_was_not(trained, stopped, tmp_path, call):
    """In its own folder, and in a new one, to the last byte of weights and metrics; the fusion log comes along."""
    copy = shutil.copytree(stopped[0], tmp_path / "copy")
    again, moved = call("resume", copy), call("resume", stopped[0], "--output", tmp_path, "--name", "moved")
    assert again.returncode == moved.returncode == 0, again.stderr + moved.stderr
    for folder in (copy, tmp_path / "moved"):
        for name in ("model.safetensors", "metrics.json", "learning.csv", "fusion.csv", "forecasts.npz"):
            assert (folder / name).read_bytes() == (trained[0] / name).read_bytes(), name
    assert json.loads((tmp_path / "moved" / "training.json").read_text())["ended"]
    assert "metrics.json" not in files(stopped[0]), "the old folder stays as it is"


def test_going_on_with_what_has_ended_changes_nothing(night, call):
    before = files(night)
    done = call("resume", night)
    assert done.returncode == 0 and "has ended" in done.stdout and "nothing to do" in done.stdout, done.stderr
    assert "random walk" in done.stdout and f"report: {night / 'report.html'}" in done.stdout and files(night) == before


def test_an_old_state_does_not_hide_the_best_model(night, stopped, call):
    """As a full disk leaves a training that has ended: its forecast and its metrics are those of its model."""
    ahead, before = call("forecast", "--model", night).stdout, (night / "metrics.json").read_bytes()
    for path in night.glob("*.ckpt"):
        path.unlink()
    shutil.copy(stopped[0] / "last.ckpt", night)
    assert call("forecast", "--model", night).stdout == ahead
    done = call("evaluate", night)
    assert "is older than the metrics" in done.stdout and (night / "metrics.json").read_bytes() == before, done.stderr
    (night / "last.ckpt").write_bytes(b"damaged")
    assert call("forecast", "--model", night).stdout == ahead


def test_a_second_command_in_a_folder_is_refused_and_changes_nothing(stopped, tmp_path, call):
    from celestial_pgat.train.lock import sole_run
    copy = shutil.copytree(stopped[0], tmp_path / "night")
    with sole_run(copy, "command.lock"):
        before = files(copy)
        for command in ("resume", "evaluate", "stress"):
            done = call(command, copy)
            assert "is in use by" in sentence(done) and "training in" not in done.stdout and files(copy) == before


def test_a_training_of_which_nothing_is_saved_begins_again_and_says_so(stopped, tmp_path, call, monkeypatch):
    (tmp_path / "bare").mkdir()
    shutil.copy(stopped[0] / "training.json", tmp_path / "bare")
    assert "no state of a training yet" in sentence(call("evaluate", tmp_path / "bare"))
    assert "no state is saved yet" in call("inspect", tmp_path / "bare").stdout
    monkeypatch.setattr("celestial_pgat.app.worker.fit", lambda *_, **options: (_ for _ in ()).throw(FloatingPointError(str(options.get("resume")))))
    done = call("resume", tmp_path / "bare")
    assert "the training begins again" in done.stdout and "celestial-pgat: None; nothing was saved" in done.stderr
    assert files(tmp_path / "bare").keys() == {"training.json"}, "a folder that was there before stays"


@pytest.mark.parametrize("rows, words", [(slice(-241, None), "it is another table"), (slice(-240, -1), "it is another table"),
                                         ("corrected", "values of the same days are others"), ("more", "1 row came after, to 2018-12-31"), (None, "no file")])
def test_other_data_are_named_with_their_cause(rows, words, stopped, tmp_path, call):
    """Refused by resume, a note of evaluate, a sentence of inspect."""
    from celestial_pgat.data.fingerprint import fingerprint
    from celestial_pgat.data.prices import load_ohlc
    night = shutil.copytree(stopped[0], tmp_path / "night")
    path, began = tmp_path / "mine.csv", json.loads((night / "training.json").read_text())
    prices = load_ohlc("sp500").iloc[rows if isinstance(rows, slice) else slice(-240, None)]
    if rows == "more":
        began["data"]["prices"] = fingerprint(prices.iloc[:-1])
    if rows == "corrected":
        prices = prices.copy()
        prices.iloc[100, 3] -= 0.01
    if rows is not None:
        prices.to_csv(path)
    (night / "training.json").write_text(json.dumps(began | {"place": str(tmp_path)}))
    before, said = files(night), sentence(call("resume", night))
    assert words in said and files(night) == before and (rows is None or "put the old" in said)
    assert words in " ".join(call("inspect", night).stdout.split())
    if rows == "corrected":
        assert "note: the data are not those of the training" in call("evaluate", night, "--unfinished").stdout


def test_evaluate_is_the_same_each_time(night, stopped, tmp_path, call):
    """The stored judgement of the inputs stays; test windows of a training that has not ended are looked at on request, which is said for ever."""
    before = files(night)
    done = call("evaluate", night)
    assert done.returncode == 0 and "test windows" in done.stdout and files(night) == before, done.stderr
    copy, found = shutil.copytree(stopped[0], tmp_path / "stopped"), []
    before = files(copy)
    for command in ("evaluate", "stress"):
        done = call(command, copy)
        assert done.returncode == 0 and "its validation loss is" in done.stdout and "MSE" not in done.stdout and files(copy) == before, done
    assert "has not ended" in sentence(call("report", copy))
    for _ in range(2):
        done = call("evaluate", copy, "--unfinished")
        found.append((done.stdout, files(copy)))
    assert done.returncode == 0 and found[0] == found[1] and "metrics.json" in found[0][1]
    assert "note: the training has not ended: 1 of 2 epochs are done" in done.stdout
    (look,) = json.loads((copy / "training.json").read_text())["looked"]
    assert look["what"] == "evaluate" and look["step"] == 9
    told = call("inspect", copy).stdout
    assert "not ended: 1 of 2 epochs" in told and "looked at before the training had ended" in told
    stored = json.loads((copy / "metrics.json").read_text())
    assert "with sky" in stored["price"] and "random walk" in stored["price"] and stored["verdict"]


def test_inspect_tells_how_far_a_training_came(trained, stopped, tmp_path, call):
    told = [call("inspect", folder) for folder in (trained[0], stopped[0])]
    assert all(done.returncode == 0 and not done.stderr for done in told), told
    for words in ("2 of 2 epochs are done, ended", "diagnose_every: 9   # smoke: null", "the model: 23,554 parameters", "FusionGate of market and sky",
                  "prices: 240 rows, 2018-01-18 to 2018-12-31, SHA-256", "what is on disk now is the same", "the best epoch is 2",
                  "the metrics of 18 test windows", "begun", "with: celestial-pgat train"):
        assert words in told[0].stdout, words
    assert "1 of 2 epochs are done, not ended" in told[1].stdout and f"computed by: celestial-pgat evaluate {stopped[0]}" in told[1].stdout
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "notes.txt").write_text("mine")
    assert "the folder of no training, run or model: it holds notes.txt" in sentence(call("inspect", tmp_path / "foreign"))
    for command in ("resume", "evaluate", "stress"):
        assert "it has no training.json" in sentence(call(command, tmp_path / "foreign"))


def test_a_damaged_folder_is_refused_in_words(night, stopped, tmp_path, call):
    copy = shutil.copytree(stopped[0], tmp_path / "stopped")
    (copy / "last.ckpt").write_bytes(b"damaged")
    assert "last.ckpt" in sentence(call("resume", copy))
    for name, commands in {"last.ckpt": ("evaluate", "inspect"), "training.json": ("resume", "evaluate", "inspect"),
                           "forecasts.npz": ("inspect", "report")}.items():
        whole = (night / name).read_bytes()
        (night / name).write_bytes(whole[:len(whole) // 2])
        for command in commands:
            assert name in sentence(call(command, night)) or "damaged" in sentence(call(command, night))
        (night / name).write_bytes(whole)


def test_a_report_is_made_again(night, tmp_path, call):
    (night / "report.html").unlink()
    done = call("report", night)
    assert done.returncode == 0 and done.stdout == f"report: {night / 'report.html'}\n" and (night / "report.html").is_file()


def test_a_model_of_prices_alone_is_trained_and_its_report_has_no_cell_that_fails(table, tmp_path, call, alone, monkeypatch):
    done = call("train", "--preset", "smoke", "--data", table, "--output", tmp_path, "--name", "blind", "--no-sky", "--set", "train.epochs=1",
                "--set", "train.warmup_epochs=0")
    assert done.returncode == 0 and "with prices alone" in done.stdout and "not judged" not in done.stdout, done.stderr
    monkeypatch.chdir(tmp_path / "blind")
    notebook, names = nbformat.read("report.ipynb", as_version=4), {}
    for cell in notebook.cells:
        if cell.cell_type == "code":
            exec(cell.source, names)
    assert "What the graph did" not in str(notebook) and "plot_learning" in str(notebook)
    assert "celestial attention" not in call("inspect", tmp_path / "blind").stdout


def test_stress_is_printed_and_stored(night, call, monkeypatch):
    rows = [{"scenario": "noise", "change": 0.25}, {"scenario": "zeros", "change": None}]
    asked = []
    fake = SimpleNamespace(plot_stress=lambda report: Figure(), stress_test=lambda model, data, seed, name, unit: asked.append(
        (seed, len(data.test), model.training, name, unit)) or SimpleNamespace(to_rows=lambda: rows))
    monkeypatch.setitem(sys.modules, "celestial_pgat.evaluate.stress", fake)
    for arguments, seed in (([], 2024), (["--seed", 3], 3)):
        done = call("stress", night, *arguments)
        assert done.returncode == 0 and asked[-1] == (seed, 18, False, "with sky", "price"), done.stderr
    stored = json.loads((night / "stress.json").read_text())
    assert (stored["seed"], stored["rows"]) == (3, rows)
    assert (night / "stress.png").read_bytes().startswith(b"\x89PNG") and "seed=-1" in sentence(call("stress", night, "--seed", -1))


@pytest.mark.parametrize("command", ["train", "run"])
def test_a_dry_run_tells_everything_and_makes_nothing(command, table, tmp_path, call, monkeypatch):
    from celestial_pgat.model.config import load_config
    monkeypatch.setattr("celestial_pgat.app.worker.fit", None)
    done = call(command, *SMALL, "--data", table, "--output", tmp_path / "runs", "--dry-run", "--set", "model.d=24")
    assert done.returncode == 0 and list(tmp_path.iterdir()) == [], done.stderr
    for words in ("d: 24   # smoke: 16", "AdjacencyAwareGraphAttention", "kept for backward, one batch", "state of the optimiser",
                  "9 batches and 9 optimiser steps in an epoch; 18 steps in 2 epochs", "nothing was trained"):
        assert words in done.stdout, words
    assert ("2 trainings like this one to compare" in done.stdout) == (command == "run")
    (tmp_path / "again.yaml").write_text(re.search(r"\ndata:.*?\nseed: \d+", done.stdout, re.DOTALL)[0])
    again = load_config("demo", tmp_path / "again.yaml")
    assert (again.model.d, again.train.diagnose_every, again.data.source) == (24, 9, str(table))


@pytest.mark.parametrize("command", ["train", "run"])
def test_all_faults_of_a_configuration_come_before_data_are_read(command, tmp_path, call):
    (tmp_path / "mine.yaml").write_text("model: {widht: 3, dropout: 2}\ntrain: {epochs: 2, warmup_epochs: 2}\n")
    done = call(command, "--preset", "smoke", "--data", "absent.csv", "--config", tmp_path / "mine.yaml", "--set", "sed=1", "--output", tmp_path / "runs")
    assert done.returncode == 2 and done.stderr.count("\n- ") == 4 and "absent.csv" not in done.stderr, done.stderr
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("key, words", [("horizon", "model.horizon=20 with history=16"), ("history", "model.history=33 with horizon=3")])
def test_windows_longer_than_the_data_are_refused_before_any_work(key, words, table, tmp_path, call, monkeypatch):
    monkeypatch.setattr("celestial_pgat.data.windows.sky_of", None)           # nothing of the sky is computed
    said = sentence(call("train", "--preset", "smoke", "--data", table, "--set", f"model.{key}=500", "--output", tmp_path / "runs"))
    assert "240 rows are too few" in said and words in said and re.search(r"\d+ are needed", said) and not (tmp_path / "runs").exists(), said


def test_a_name_that_is_taken_or_is_none_is_refused(trained, call):
    output = trained[0].parent
    for name, words in {"night": f"go on with what is in it: celestial-pgat resume {trained[0]}", "a/b": "is no name of a folder"}.items():
        assert words in sentence(call("train", *SMALL, "--data", output / "mine.csv", "--output", output, "--name", name))
    assert "devices=0 is too small" in sentence(call("train", *SMALL, "--devices", 0))
    for options, words in {("--strategy", "dpp"): "did you mean ddp?", ("--devices", 2, "--set", "train.on_bad_batch=skip"): "is for one process"}.items():
        assert words in sentence(call("train", *SMALL, "--data", output / "mine.csv", *options, "--dry-run"))


def test_of_several_processes_the_first_one_writes_and_speaks(trained, tmp_path, call, monkeypatch):
    """As torchrun starts them, and as the trainer starts its own; what is asked of `fit` is what was given."""
    asked, arguments = [], ["train", *SMALL, "--data", trained[0].parent / "mine.csv", "--output", tmp_path / "runs", "--devices", 2, "--strategy", "ddp"]

    def fit(cfg, data, folder, **options):
        asked.append((Path(folder), {name: options[name] for name in ("devices", "strategy", "progress")}))
        return SimpleNamespace(model=None)

    monkeypatch.setattr("celestial_pgat.app.worker.fit", fit)
    for name, number in {"RANK": "1", "LOCAL_RANK": "1"}.items():
        monkeypatch.setenv(name, number)
    assert "name it with --name, the same for all" in sentence(call(*arguments))
    done = call(*arguments, "--name", "both")
    assert done.returncode == 0 and done.stdout == "" and not (tmp_path / "runs").exists(), done
    assert asked.pop() == (tmp_path / "runs" / "both", {"devices": 2, "strategy": "ddp", "progress": False})
    monkeypatch.delenv("RANK")
    monkeypatch.setenv("CELESTIAL_FOLDER", str(tmp_path / "by_the_first"))
    done = call(*arguments)
    assert done.returncode == 0 and done.stdout == "" and asked.pop()[0] == tmp_path / "by_the_first" and not list(tmp_path.iterdir())


IN_KERNEL = """
import sys, types
for name in ("lightning", "lightning.pytorch", "celestial_pgat.train.states"):      # they take long to load
    sys.modules[name] = types.ModuleType(name)
sys.modules["lightning.pytorch"].__dict__.update(Callback=object, LightningModule=object, Trainer=object)
sys.modules["celestial_pgat.train.states"].RunHistory = object
from celestial_pgat.train.progress import _writer
writer = _writer()
writer.show(1, 3, "epoch 1/3", False)
writer.show(3, 3, "epoch 3/3 in 00:01", True) if ends else writer.show(2, 3, "epoch 2/3", False)
writer.close()
"""


def test_a_cell_of_a_notebook_keeps_one_clean_line(alone, tmp_path):
    """In a real kernel: the line of the end, or the last one before a stop."""
    cells = [nbformat.v4.new_code_cell(f"ends = {ends}\n{IN_KERNEL}") for ends in (True, False)]
    done = alone(nbformat.v4.new_notebook(cells=cells), tmp_path)
    for cell, words in zip(done.cells, ("epoch 3/3 in 00:01", "epoch 2/3")):
        assert [(output.output_type, dict(output.data)) for output in cell.outputs] == [("display_data", {"text/plain": words})]


def test_slips_get_the_nearest_word(call):
    for arguments, words in {("evalute", "x"): "did you mean evaluate?", ("train", "--presett", "smoke"): "did you mean --preset?",
                             ("inspect", "--modle", "x"): "see: celestial-pgat inspect --help"}.items():
        assert words in sentence(call(*arguments))
    assert "to train and judge:" in call().stderr and call().returncode == 2
