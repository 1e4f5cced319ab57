"""The fair test as a person uses it: tables of their own, a stop in the middle, and a cluster.

Every market is mirrored: its directions were drawn by lot, so that nothing is true of it but what is planted.
"""
import json
import os
import re
import signal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

ROOT, ROWS = Path(__file__).parents[1], 1500

@pytest.fixture(scope="module")
def tables(tmp_path_factory) -> Path:
    """A folder with a mirrored market of six years, into which `load` is planted with R2 2 %, and with `load` and noise as covariates."""
    from celestial_pgat.data.prices import load_ohlc
    from celestial_pgat.data.worlds import draw_signs, mirrored
    from celestial_pgat.evaluate.planted import plant
    folder, rng = tmp_path_factory.mktemp("fair"), np.random.default_rng(15)
    prices = load_ohlc("sp500").iloc[-ROWS:]
    market = mirrored(prices, draw_signs(ROWS - 1, rng)[:, 0], ROWS // 2)
    columns = pd.DataFrame(rng.standard_normal((ROWS, 4)), market.index, ["load", "one", "two", "three"])
    plant(market, columns["load"].to_numpy(), 0.02).to_csv(folder / "market.csv")
    columns[["load"]].to_csv(folder / "load.csv")
    columns[["one", "two", "three"]].to_csv(folder / "noise.csv")
    return folder


def command(tables: Path, columns: str, output: Path, *more: object) -> list[str]:
    """Return the arguments of a fair test of one of the tables."""
    return ["fair-test", "--data", str(tables / "market.csv"), "--covariates", str(tables / f"{columns}.csv"), "--known", "all",
            "--horizon", "1", *([] if "--backend" in more else ["--jobs", "1"]), "--output", str(output), *map(str, more)]


def answers(folder: Path) -> list[dict]:
    """Return the stored answers in the order of their jobs."""
    rows = [json.loads(line) for line in (folder / "rows.jsonl").read_text().splitlines()]
    return sorted(rows, key=lambda row: (row["kind"], row["index"]))


@pytest.fixture(scope="module")
def undisturbed(tables, call):
    """The test of the noise, run once without a stop: its folder and what was printed."""
    folder = tables / "undisturbed"
    return folder, call(*command(tables, "noise", folder))


def test_a_planted_covariate_is_found(tables, call, tmp_path):
    done = call(*command(tables, "load", tmp_path / "test"))
    assert done.returncode == 0 and "\nThe table foretells this series." in done.stdout, done.stderr
    assert f"report: {tmp_path / 'test' / 'report.html'}" in done.stdout
    assert "The table foretells this series</h1>" in (tmp_path / "test" / "report.html").read_text()


def test_noise_is_not_found(undisturbed):
    _, done = undisturbed
    assert done.returncode == 0 and "It was not shown that the table foretells this series." in done.stdout.replace("\n", " ")
    assert "would be found in 80 of 100 mirrored markets" in done.stdout.replace("\n", " ")
    assert max(map(len, done.stdout.split("\n\n", 1)[1].split("report:")[0].splitlines())) <= 80


def killed_after_three_answers(call, given: list[str]) -> None:
    """Run a fair test in this process, which is killed, as by kill -9, when it has stored three answers."""
    try:
        from celestial_pgat.app import fair_jobs as fair
        keep, kept = fair._keep, []

        def keep_some(folder, row):
            keep(folder, row)
            kept.append(row)
            if len(kept) == 3:
                os.kill(os.getpid(), signal.SIGKILL)

        fair._keep = keep_some
        call(*given)
    finally:
        os._exit(1)                                     # it was to be killed before it comes here


def test_a_killed_test_goes_on(tables, call, undisturbed, tmp_path):
    given = command(tables, "noise", tmp_path / "test")
    if (number := os.fork()) == 0:
        killed_after_three_answers(call, given)
    _, status = os.waitpid(number, 0)
    assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL and len(answers(tmp_path / "test")) == 3
    kept = answers(tmp_path / "test")
    done = call(*given)
    assert done.returncode == 0 and all(row in answers(tmp_path / "test") for row in kept)
    assert answers(tmp_path / "test") == answers(undisturbed[0]), "as if nothing had happened"


def test_ctrl_c_says_how_to_go_on(tables, call, undisturbed, tmp_path, monkeypatch):
    from celestial_pgat.app import fair_jobs as fair
    given, keep, kept = command(tables, "noise", tmp_path / "a folder"), fair._keep, []

    def stop(folder, row):
        keep(folder, row)
        kept.append(row)
        if len(kept) == 2:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(fair, "_keep", stop)
    done = call(*given)
    assert done.returncode == 130 and f"what is done is stored in {tmp_path / 'a folder'}; go on with: celestial-pgat fair-test" in done.stderr
    assert f"--output '{tmp_path / 'a folder'}'" in done.stderr, "as it is typed"
    monkeypatch.undo()
    assert call(*given).returncode == 0 and answers(tmp_path / "a folder") == answers(undisturbed[0])


def test_what_is_complete_is_not_done_again(tables, call, undisturbed, monkeypatch):
    from celestial_pgat.app import fair_jobs as fair
    folder, first = undisturbed
    page = (folder / "report.html").read_text()
    (folder / "report.html").unlink()
    monkeypatch.setattr(fair, "answer", None)           # nobody may ask for one
    done = call(*command(tables, "noise", folder))
    assert done.returncode == 0 and done.stdout == first.stdout
    stored = (folder / "report.html").read_text()
    assert len(stored) == len(page) and stored.count("data:image/png") == page.count("data:image/png") == 3


def test_another_question_is_refused_in_a_folder(tables, call, undisturbed):
    before = (undisturbed[0] / "rows.jsonl").read_bytes()
    for other in (command(tables, "load", undisturbed[0]), command(tables, "noise", undisturbed[0], "--seed", 5)):
        done = call(*other)
        assert done.returncode == 2 and "holds the answers to another question" in done.stderr and "name another folder with --output" in done.stderr
    assert (undisturbed[0] / "rows.jsonl").read_bytes() == before


def test_a_cluster_gives_equal_answers(tables, call, undisturbed, tmp_path):
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(n_workers=1, threads_per_worker=2, dashboard_address=None, processes=True) as cluster:
        done = call(*command(tables, "noise", tmp_path / "test", "--backend", "dask", "--scheduler", cluster.scheduler_address))
        worked = cluster.scheduler.transition_counter       # changes of state of all tasks it was given
    assert done.returncode == 0 and worked > 0, done.stderr
    assert answers(tmp_path / "test") == answers(undisturbed[0])


def test_a_backend_that_returns_lists_gives_equal_answers(tables, undisturbed, tmp_path):
    import joblib
    from celestial_pgat.app import fair_jobs
    asked = fair_jobs.ask(pd.read_csv(tables / "market.csv", index_col=0, parse_dates=True), pd.read_csv(tables / "noise.csv", index_col=0, parse_dates=True),
                          fair_jobs.FairSettings(horizon=1), known="all")
    with joblib.parallel_config("multiprocessing"):
        assert not joblib.parallel.get_active_backend()[0].supports_return_generator
        fair_jobs.do_jobs(asked, fair_jobs.fair_jobs(asked), tmp_path / "test", 2, progress=False)
    assert answers(tmp_path / "test") == answers(undisturbed[0])


@pytest.mark.parametrize("more, words", [
    (["--sky"], "--sky and --covariates are two questions"), (["--horizon", 0], "horizon=0 is too small"),
    (["--jobs", 0], "jobs=0 is too small"), (["--seed", -1], "seed=-1 is too small"), (["--known", "lode"], "lode"),
    (["--exchange", "XLON"], "no sessions of XLON"), (["--exchange", "MOON"], "unknown exchange 'MOON'"),
    (["--set", "model.d=3"], "is not about how tables are read"), (["--set", "data.sky=table"], "is not about how tables are read"),
    (["--data", "absent.csv"], "absent.csv"), (["--covariates", "absent.csv"], "absent.csv"),
    (["--backend", "threads"], "there is no backend 'threads'"), (["--backend", "dask"], "needs the address of its scheduler"),
    (["--scheduler", "tcp://a:1"], "is that of a cluster"), (["--backend", "dask", "--scheduler", "tcp://a:1", "--jobs", 2], "all workers of the scheduler are used"), (["--starts", "soon"], "is no date"), (["--horison", 5], "did you mean --horizon?"), (["--jobs", "all"], "invalid int value")])
def test_bad_arguments_are_refused_before_any_work(tables, call, tmp_path, more, words):
    done = call(*command(tables, "noise", tmp_path / "test", *more))
    assert done.returncode == 2 and words in done.stderr.replace("\n", " "), done.stderr
    assert not (tmp_path / "test").exists(), "nothing was begun"


@pytest.mark.parametrize("backend, remedy", [("dask", "pip install 'celestial-pgat[cluster]'"), ("ray", "pip install ray")])
def test_a_backend_without_its_package_says_what_to_install(tables, call, tmp_path, monkeypatch, backend, remedy):
    from celestial_pgat.app import fair_command
    monkeypatch.setattr(fair_command, "find_spec", lambda name: None)
    done = call(*command(tables, "noise", tmp_path / "test", "--backend", backend, "--scheduler", "tcp://a:1"))
    assert done.returncode == 2 and remedy in done.stderr and not (tmp_path / "test").exists()


def test_a_scheduler_that_does_not_answer_is_named(tables, call, tmp_path, monkeypatch):
    pytest.importorskip("distributed")
    from celestial_pgat.app import fair_command
    monkeypatch.setattr(fair_command, "WAIT", 0.5)
    for address in ("tcp://127.0.0.1:9", "nonsense://x"):
        done = call(*command(tables, "noise", tmp_path / "test", "--backend", "dask", "--scheduler", address))
        assert done.returncode == 2 and f"the dask scheduler at {address} does not answer" in done.stderr
        assert not (tmp_path / "test").exists()


def test_pages_link_to_the_site():
    """The page of a fair test and the report of a run name pages of this site, by the notebooks they are made of."""
    from celestial_pgat.app.fair_page import LIMITS, SITE
    from celestial_pgat.app.report import TEMPLATE
    settings = dict(re.findall(r"^(\w+) = (.*)$", (ROOT / "settings.ini").read_text(), re.M))
    assert SITE == settings["doc_host"] + settings["doc_baseurl"]
    assert f"{SITE}/lab.fair_test.html" in LIMITS and f"{SITE}/lab.fair_test.html" in TEMPLATE.read_text(encoding="utf-8")
    assert (ROOT / "nbs" / "72_evaluate.significance.ipynb").is_file(), "the page evaluate.significance.html"
