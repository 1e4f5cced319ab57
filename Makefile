# make run    install, then train with and without the sky on the S&P 500 and write the report
# make test   install, then run every notebook and every test; one of them: .venv/bin/python tests/run_all.py 62
# make lab    JupyterLab on the tour: notebooks trusted and saved clean (.jupyter), one thread for each unless OMP_NUM_THREADS
#             says otherwise
# make hooks  let git merge notebooks cell by cell; make test and make lab have done it
# make docs   the site in _docs; Quarto is fetched into .venv unless it is installed
# make readme write what is made of the notebooks: README.md, the sidebar, the list of names, the icon
# make clean  remove everything that can be made again

PYTHON ?= python3
BIN := .venv/bin
# How git merges a notebook: nbdev's way, and where .venv is gone, git's own
MERGE := if [ -x $(BIN)/nbdev_merge ]; then $(BIN)/nbdev_merge %O %A %B %P; else git merge-file %A %O %B; fi

.PHONY: run test lab hooks docs readme clean

run: .venv/run.stamp
	$(BIN)/celestial-pgat run

test: .venv/dev.stamp
	$(BIN)/python tests/run_all.py

lab: export OMP_NUM_THREADS ?= 1
lab: export JUPYTER_CONFIG_PATH := $(CURDIR)/.jupyter$(addprefix :,$(JUPYTER_CONFIG_PATH))
lab: .venv/dev.stamp
	$(BIN)/jupyter lab

# of the quarto that pip installs, the one in .venv/bin ends with 0 whatever happens; this is where the real one is
docs: WITH_QUARTO = PATH="$$(echo $(CURDIR)/.venv/lib/python3.*/site-packages/quarto_cli/bin):$$PATH"
docs: .venv/dev.stamp
	@$(WITH_QUARTO) command -v quarto >/dev/null || $(BIN)/pip install -q -c constraints.txt -e '.[docs]' >.venv/docs.log 2>&1 \
	|| { echo "Quarto could not be fetched (why: .venv/docs.log); install Quarto 1.7 from https://quarto.org and say make docs again, or read the notebooks with make lab"; exit 1; }
	$(BIN)/python tests/project.py
	$(WITH_QUARTO) $(BIN)/nbdev_docs

readme: .venv/dev.stamp
	$(BIN)/python tests/project.py

clean:
	rm -rf .venv _docs _proc .pytest_cache .hypothesis *.egg-info nbs/.last_checked nbs/nbdev.yml data/cache

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "celestial_pgat needs Python 3.11 or newer; name it with: make PYTHON=python3.12 ..."; exit 1; }
	$(PYTHON) -m venv .venv

.venv/run.stamp: settings.ini setup.py constraints.txt | .venv/bin/python
	$(BIN)/pip install -q -c constraints.txt -e .
	@touch $@

.venv/dev.stamp: settings.ini setup.py constraints.txt | .venv/bin/python
	$(BIN)/pip install -q -c constraints.txt -e '.[lab,dev]'
	@! git rev-parse -q --git-dir >/dev/null 2>&1 || $(MAKE) -s hooks
	@touch $@ .venv/run.stamp

hooks:
	git config merge.nbdev-merge.name 'merge notebooks cell by cell'
	git config merge.nbdev-merge.driver '$(MERGE)'
